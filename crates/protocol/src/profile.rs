//! What differs between servers that speak one wire, as plain data.
//!
//! No code of this crate asks for a server by name; it asks for a property of its profile.

use crate::{Wire, claude_takes_prefill};

/// How a server of some wire behaves.
///
/// ```
/// use protocol::{Profile, Wire};
///
/// assert!(Profile::ANTHROPIC.takes_prefill(Some("claude-haiku-4-5")));
/// assert!(!Profile::ANTHROPIC.takes_prefill(Some("claude-opus-4-6")));
/// let vllm = Profile { name: "my-server", ..Profile::VLLM };
/// assert_eq!(vllm.wire, Wire::OpenAiChat);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name that [`Profile::named`] finds it by.
    pub name: &'static str,
    /// The wire that the server speaks.
    pub wire: Wire,
    /// How the server is asked to continue an assistant message that was begun.
    pub prefill: Prefill,
    /// Whether an answer to a prefill begins with the prefill itself.
    pub echoes_prefill: bool,
    /// Whether the same request gives the same answer.
    pub deterministic: bool,
    /// How the server is asked for token counts.
    pub usage: UsageRequest,
    /// How the rest of an answer is asked for that the server keeps.
    pub cursor: Cursor,
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
    /// Anthropic's own API.
    pub const ANTHROPIC: Self = Self {
        name: "anthropic",
        wire: Wire::AnthropicMessages,
        prefill: Prefill::ByModel,
        echoes_prefill: false,
        deterministic: false,
        usage: UsageRequest::Unasked,
        cursor: Cursor::None,
    };
    /// OpenAI's own API: no prefill.
    pub const OPENAI: Self = Self {
        name: "openai",
        wire: Wire::OpenAiChat,
        prefill: Prefill::Never,
        echoes_prefill: false,
        deterministic: false,
        usage: UsageRequest::StreamOptions,
        cursor: Cursor::None,
    };
    /// OpenAI's own Responses API: no prefill, token counts unasked.
    pub const OPENAI_RESPONSES: Self = Self {
        name: "openai-responses",
        wire: Wire::OpenAiResponses,
        usage: UsageRequest::Unasked,
        cursor: Cursor::Sequence,
        ..Self::OPENAI
    };
    /// Mistral: a prefix message, repeated at the head of the answer.
    pub const MISTRAL: Self = Self {
        name: "mistral",
        prefill: Prefill::Prefix,
        echoes_prefill: true,
        usage: UsageRequest::Unasked,
        ..Self::OPENAI
    };
    /// DeepSeek under its `/beta` base URL, which takes a prefix message.
    pub const DEEPSEEK_BETA: Self =
        Self { name: "deepseek-beta", prefill: Prefill::Prefix, ..Self::OPENAI };
    /// Moonshot (Kimi), partial mode.
    pub const MOONSHOT: Self = Self { name: "moonshot", prefill: Prefill::Partial, ..Self::OPENAI };
    /// vLLM; SGLang takes the same form.
    pub const VLLM: Self = Self { name: "vllm", prefill: Prefill::ContinueFinal, ..Self::OPENAI };
    /// The server of llama.cpp.
    pub const LLAMA_CPP: Self = Self {
        name: "llama-cpp",
        prefill: Prefill::TrailingNoThinking,
        cursor: Cursor::Offset,
        ..Self::OPENAI
    };
    /// OpenRouter: whether a prefill works depends on the model behind it, so none is sent.
    pub const OPENROUTER: Self = Self { name: "openrouter", ..Self::OPENAI };

    /// Every profile that comes with the crate.
    #[must_use]
    pub const fn all() -> &'static [Self] {
        &[
            Self::ANTHROPIC,
            Self::OPENAI,
            Self::OPENAI_RESPONSES,
            Self::MISTRAL,
            Self::DEEPSEEK_BETA,
            Self::MOONSHOT,
            Self::VLLM,
            Self::LLAMA_CPP,
            Self::OPENROUTER,
        ]
    }

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
            assert_eq!(Profile::named(profile.name), Some(*profile));
        }
        assert_eq!(Profile::named("nobody"), None);
    }

    #[test]
    fn prefill_is_used_only_where_it_is_known_to_work() {
        let takes = |profile: Profile| profile.takes_prefill(Some("some-model"));
        let known: Vec<_> =
            Profile::all().iter().copied().filter(|p| takes(*p)).map(|p| p.name).collect();
        assert_eq!(known, ["mistral", "deepseek-beta", "moonshot", "vllm", "llama-cpp"]);
        assert!(!Profile::ANTHROPIC.takes_prefill(None));
        assert!(!Profile::OPENAI.takes_prefill(Some("claude-haiku-4-5")));
    }
}
