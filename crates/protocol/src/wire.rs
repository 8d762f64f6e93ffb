//! The wires: formats in which providers take requests and stream answers.
//!
//! What differs between servers of one wire is data in a [`Profile`](crate::Profile), not here.

use std::fmt;
use std::str::FromStr;

use crate::StopReason;

/// A format of requests and streamed answers.
///
/// ```
/// use protocol::Wire;
///
/// let wire: Wire = "anthropic".parse()?;
/// assert_eq!((wire, wire.name()), (Wire::AnthropicMessages, "anthropic-messages"));
/// # Ok::<(), protocol::UnknownWire>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// Anthropic Messages: named events, `message_start` to `message_stop`.
    AnthropicMessages,
    /// OpenAI Chat Completions: unnamed chunks, then `[DONE]`.
    OpenAiChat,
    /// OpenAI Responses: named events with numbers, `response.created` to `response.completed`.
    OpenAiResponses,
    /// Gemini's `streamGenerateContent?alt=sse`: unnamed chunks, and no last event.
    Gemini,
}

impl Wire {
    /// Every wire.
    #[must_use]
    pub const fn all() -> &'static [Self] {
        &[Self::AnthropicMessages, Self::OpenAiChat, Self::OpenAiResponses, Self::Gemini]
    }

    /// The name of the wire, as checkpoints and flags write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnthropicMessages => "anthropic-messages",
            Self::OpenAiChat => "openai-chat",
            Self::OpenAiResponses => "openai-responses",
            Self::Gemini => "gemini",
        }
    }

    /// How the wire says that an answer ended at a stop sequence: its word, and what that word
    /// decodes to. `None` where a request cannot ask for one.
    #[must_use]
    pub const fn stop_at_sequence(self) -> Option<(&'static str, StopReason)> {
        match self {
            Self::AnthropicMessages => Some(("stop_sequence", StopReason::StopSequence)),
            // The same word as at the end of all that the model had to say.
            Self::OpenAiChat => Some(("stop", StopReason::EndTurn)),
            Self::Gemini => Some(("STOP", StopReason::EndTurn)),
            Self::OpenAiResponses => None,
        }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Wire {
    type Err = UnknownWire;

    /// Reads a wire's name; `anthropic` and `openai` are short for the first two.
    fn from_str(name: &str) -> Result<Self, UnknownWire> {
        match name {
            "anthropic-messages" | "anthropic" => Ok(Self::AnthropicMessages),
            "openai-chat" | "openai" => Ok(Self::OpenAiChat),
            "openai-responses" => Ok(Self::OpenAiResponses),
            "gemini" => Ok(Self::Gemini),
            _ => Err(UnknownWire),
        }
    }
}

/// The text names no wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown protocol, expected anthropic-messages, openai-chat, openai-responses or gemini")]
pub struct UnknownWire;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for wire in Wire::all() {
            assert_eq!(wire.to_string().parse(), Ok(*wire));
        }
        assert_eq!("openai".parse(), Ok(Wire::OpenAiChat));
        assert_eq!("Anthropic".parse::<Wire>(), Err(UnknownWire));
    }
}
