//! The formats in which providers say what a request used.

use crate::{Profile, Wire};
use std::fmt;
use std::str::FromStr;

/// A format of token counts.
///
/// Read from a name, it is the format that a provider of that name uses. More than the wires
/// whose streams this crate decodes, because a recorded payload can be read without.
///
/// ```
/// use protocol::UsageFormat;
///
/// assert_eq!("deepseek".parse(), Ok(UsageFormat::OpenAiChat));
/// assert_eq!(UsageFormat::Gemini.to_string(), "gemini");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UsageFormat {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI Chat Completions and the servers that imitate it.
    OpenAiChat,
    /// The OpenAI Responses API.
    OpenAiResponses,
    /// Gemini, on the Gemini API and on Vertex AI.
    Gemini,
}

impl UsageFormat {
    /// Every format.
    #[must_use]
    pub const fn all() -> &'static [Self] {
        &[Self::Anthropic, Self::OpenAiChat, Self::OpenAiResponses, Self::Gemini]
    }

    /// The name of the format; that of the wire where there is one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anthropic => Wire::AnthropicMessages.name(),
            Self::OpenAiChat => Wire::OpenAiChat.name(),
            Self::OpenAiResponses => Wire::OpenAiResponses.name(),
            Self::Gemini => "gemini",
        }
    }
}

impl fmt::Display for UsageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<Wire> for UsageFormat {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::AnthropicMessages => Self::Anthropic,
            Wire::OpenAiChat => Self::OpenAiChat,
            Wire::OpenAiResponses => Self::OpenAiResponses,
            Wire::Gemini => Self::Gemini,
        }
    }
}

impl FromStr for UsageFormat {
    type Err = UnknownUsageFormat;

    /// Reads the name of a format, of a wire, of a profile, or of a provider.
    fn from_str(name: &str) -> Result<Self, UnknownUsageFormat> {
        let named = || Self::all().iter().copied().find(|format| format.name() == name);
        let wire = || name.parse::<Wire>().ok().map(Self::from);
        let profile = || Profile::named(name).map(|profile| profile.wire.into());
        let provider = || match name {
            "responses" => Some(Self::OpenAiResponses),
            "google" | "vertex" => Some(Self::Gemini),
            "fireworks" | "together" | "xai" => Some(Self::OpenAiChat),
            _ => None,
        };
        named().or_else(wire).or_else(profile).or_else(provider).ok_or(UnknownUsageFormat)
    }
}

/// The text names no format of token counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown format of token counts, expected anthropic-messages, openai-chat, openai-responses, \
     gemini or the name of a provider"
)]
pub struct UnknownUsageFormat;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for format in UsageFormat::all() {
            assert_eq!(format.to_string().parse(), Ok(*format));
        }
        for profile in Profile::all() {
            assert_eq!(profile.name.as_str().parse(), Ok(UsageFormat::from(profile.wire)));
        }
        for (name, format) in [
            ("anthropic", UsageFormat::Anthropic),
            ("groq", UsageFormat::OpenAiChat),
            ("responses", UsageFormat::OpenAiResponses),
            ("google", UsageFormat::Gemini),
        ] {
            assert_eq!(name.parse(), Ok(format));
        }
        assert_eq!("nobody".parse::<UsageFormat>(), Err(UnknownUsageFormat));
    }
}
