//! What differs between servers that speak one wire, as plain data.
//!
//! No code of this crate asks for a server by name; it asks for a property of its profile.

#[cfg(feature = "profile-files")]
mod file;
mod known;
mod label;

#[cfg(feature = "profile-files")]
pub use file::{CustomProfile, PROFILE_FILE_BYTES_MAX, ProfileFileError};
pub use label::Label;

use crate::classify::classify_in_band;
use crate::event::Decoded;
use crate::framing::Framing;
use crate::{Malformed, Wire, claude_takes_prefill, decode};

/// How a server of some wire behaves.
///
/// ```
/// use protocol::{Label, Profile, Wire};
///
/// assert!(Profile::ANTHROPIC.takes_prefill(Some("claude-haiku-4-5")));
/// assert!(!Profile::ANTHROPIC.takes_prefill(Some("claude-opus-4-6")));
/// let vllm = Profile { name: Label::of("my-server"), ..Profile::VLLM };
/// assert_eq!(vllm.wire, Wire::OpenAiChat);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name that checkpoints have, and that [`Profile::named`] finds it by.
    pub name: Label,
    /// The wire that the server speaks.
    pub wire: Wire,
    /// How the events of an answer lie in its body.
    pub framing: Framing,
    /// Where a request goes, and what its body says that the wire's own does not.
    pub request: RequestForm,
    /// How an answer ends.
    pub terminal: Terminal,
    /// What the server sends only to show that it is alive.
    pub heartbeat: Heartbeat,
    /// The name of an event that reports an error, beside those that the wires know.
    pub error_event: Option<Label>,
    /// How the server is asked to continue an assistant message that was begun.
    pub prefill: Prefill,
    /// Whether an answer to a prefill begins with the prefill itself.
    pub echoes_prefill: bool,
    /// Whether the same request gives the same answer.
    pub deterministic: bool,
    /// How the server is asked for token counts.
    pub usage: UsageRequest,
    /// The name of the limit of output tokens, in a body that is written for the server.
    pub token_limit: TokenLimit,
    /// The header that carries the key.
    pub key_header: KeyHeader,
    /// How the rest of an answer is asked for that the server keeps; see [`Profile::usable_cursor`].
    pub cursor: Cursor,
}

/// Where a request goes, and what its body says that the wire's own does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestForm {
    /// All is as the wire says.
    OfWire,
    /// Bedrock's `InvokeModelWithResponseStream`, of the Anthropic Messages wire: the path says the
    /// model and that the answer is streamed, the body says `anthropic_version` instead.
    BedrockInvoke,
}

/// How an answer ends, and what is missing when it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// With a reason to stop and then the wire's last event. Without the event it is whole and
    /// flagged; without the reason it is truncated.
    LastEvent,
    /// With a reason to stop; no last event follows.
    StopReason,
    /// With the wire's last event alone: the server says no reason to stop, and the event counts as
    /// [`StopReason::EndTurn`](crate::StopReason::EndTurn).
    LastEventAlone,
}

/// What a server sends only to show that it is alive. Comments always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// The `ping` events of the wire.
    OfWire,
    /// Those, and every event of this name.
    Event(Label),
    /// Those, and every event with exactly these data.
    Data(Label),
}

/// The name of the limit of output tokens on the Chat Completions wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenLimit {
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`, which OpenAI's newer models ask for.
    MaxCompletionTokens,
}

/// The header that carries a server's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHeader {
    /// `Authorization: Bearer`.
    Bearer,
    /// The key alone, under this name.
    Named(Label),
}

/// How a server is asked to continue an assistant message that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefill {
    /// It is not: a trailing assistant message is a finished turn or an error.
    Never,
    /// A trailing assistant message, on the models that [`claude_takes_prefill`] names.
    ByModel,
    /// A trailing assistant message.
    Trailing,
    /// A trailing assistant message with `"prefix": true`.
    Prefix,
    /// A trailing assistant message with `"partial": true`.
    Partial,
    /// A trailing assistant message, `"add_generation_prompt": false` and
    /// `"continue_final_message": true`.
    ContinueFinal,
    /// A trailing assistant message, thinking turned off in `chat_template_kwargs`.
    TrailingNoThinking,
}

/// How the rest of an answer is asked for that a server keeps and goes on with while nobody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// It is not: an answer ends with its connection.
    None,
    /// An answer in the background is read again behind the number of an event, or fetched whole.
    Sequence,
    /// The same request with `Last-Event-ID` is answered with the events behind the one of that id
    /// and makes no second answer, as gateways do that keep streams.
    EventId,
    /// A request with `X-Conversation-Id` is kept under that id; `GET /stream/{id}?from=N` has its
    /// stream from byte N on (llama.cpp, pull request 23226).
    Offset,
}

/// How a server is asked for token counts in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageRequest {
    /// It reports them unasked, and may refuse fields that ask.
    Unasked,
    /// With `stream_options.include_usage`.
    StreamOptions,
}

impl Profile {
    /// The profile of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().iter().find(|profile| profile.name == name).copied()
    }

    /// The profile of the provider that the wire comes from.
    #[must_use]
    pub const fn for_wire(wire: Wire) -> Self {
        match wire {
            Wire::AnthropicMessages => Self::ANTHROPIC,
            Wire::OpenAiChat => Self::OPENAI,
            Wire::OpenAiResponses => Self::OPENAI_RESPONSES,
            Wire::Gemini => Self::GEMINI,
        }
    }

    /// Reads one server-sent event as [`decode`](crate::decode()) does, and the server's own
    /// heartbeats and errors beside.
    ///
    /// # Errors
    ///
    /// As [`decode`](crate::decode()).
    ///
    /// ```
    /// use protocol::{Heartbeat, Label, Profile};
    ///
    /// let heartbeat = Heartbeat::Data(Label::of("alive"));
    /// let profile = Profile { heartbeat, ..Profile::VLLM };
    /// assert!(profile.decode(b"", b"alive")?.ping);
    /// # Ok::<(), protocol::Malformed>(())
    /// ```
    pub fn decode<'a>(&self, name: &[u8], data: &'a [u8]) -> Result<Decoded<'a>, Malformed> {
        let beats = match &self.heartbeat {
            Heartbeat::OfWire => false,
            Heartbeat::Event(beat) => name == beat.as_bytes(),
            Heartbeat::Data(beat) => data == beat.as_bytes(),
        };
        if beats {
            return Ok(Decoded { ping: true, ..Decoded::default() });
        }
        if self.error_event.is_some_and(|event| name == event.as_bytes()) {
            return Ok(Decoded {
                error: Some(Box::new(classify_in_band(data))),
                ..Decoded::default()
            });
        }
        decode(self.wire, name, data)
    }

    /// The cursor, where the framing has what it counts by: ids of events and bytes of their stream
    /// are those of server-sent events.
    #[must_use]
    pub const fn usable_cursor(&self) -> Cursor {
        match (self.cursor, self.framing) {
            (Cursor::EventId | Cursor::Offset, Framing::NdJson | Framing::AwsEventStream) => {
                Cursor::None
            }
            (cursor, _) => cursor,
        }
    }

    /// Whether the server continues an assistant message of this model that was begun.
    ///
    /// Where it depends on the model, a model that is unknown or not named does not.
    #[must_use]
    pub fn takes_prefill(&self, model: Option<&str>) -> bool {
        match self.prefill {
            Prefill::Never => false,
            Prefill::ByModel => model.and_then(claude_takes_prefill).unwrap_or(false),
            Prefill::Trailing
            | Prefill::Prefix
            | Prefill::Partial
            | Prefill::ContinueFinal
            | Prefill::TrailingNoThinking => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_found_by_its_name() {
        for profile in Profile::all() {
            assert_eq!(Profile::named(profile.name.as_str()), Some(*profile));
        }
        assert_eq!(Profile::named("nobody"), None);
    }

    #[test]
    fn a_cursor_is_used_where_the_framing_has_what_it_counts_by() {
        for (cursor, framed) in [
            (Cursor::None, Cursor::None),
            (Cursor::Sequence, Cursor::Sequence),
            (Cursor::EventId, Cursor::None),
            (Cursor::Offset, Cursor::None),
        ] {
            let profile = Profile { cursor, ..Profile::OPENAI_RESPONSES };
            assert_eq!(profile.usable_cursor(), cursor);
            for framing in [Framing::NdJson, Framing::AwsEventStream] {
                assert_eq!(Profile { framing, ..profile }.usable_cursor(), framed);
            }
        }
    }

    #[test]
    fn prefill_is_used_only_where_it_is_known_to_work() {
        let takes = |profile: Profile| profile.takes_prefill(Some("some-model"));
        let known: Vec<_> =
            Profile::all().iter().copied().filter(|p| takes(*p)).map(|p| p.name).collect();
        let names = ["mistral", "deepseek-beta", "moonshot", "vllm", "sglang", "llama-cpp"];
        assert_eq!(known, names);
        assert!(!Profile::ANTHROPIC.takes_prefill(None));
        assert!(!Profile::OPENAI.takes_prefill(Some("claude-haiku-4-5")));
    }
}
