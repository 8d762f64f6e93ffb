//! The profiles that come with the crate, each fact with what it rests on.
//!
//! Where nothing is said a fact is documented by the vendor or read in the source of an SDK. "Not
//! verified" marks common knowledge that nobody checked; "assumed" marks the absence of a statement.

use super::{
    Cursor, Heartbeat, KeyHeader, Label, Prefill, Profile, RequestForm, Terminal, TokenLimit,
    UsageRequest,
};
use crate::{Framing, Wire};

impl Profile {
    /// Anthropic's own API.
    pub const ANTHROPIC: Self = Self {
        name: Label::of("anthropic"),
        wire: Wire::AnthropicMessages,
        framing: Framing::Sse,
        request: RequestForm::OfWire,
        terminal: Terminal::LastEvent,
        heartbeat: Heartbeat::OfWire,
        error_event: None,
        prefill: Prefill::ByModel,
        echoes_prefill: false,
        deterministic: false,
        usage: UsageRequest::Unasked,
        token_limit: TokenLimit::MaxTokens,
        key_header: KeyHeader::Named(Label::of("x-api-key")),
        cursor: Cursor::None,
    };
    /// Claude on Amazon Bedrock, by `InvokeModelWithResponseStream`. The key is an API key of Bedrock;
    /// requests are not signed (SigV4). Prefill as at Anthropic, by the model's name.
    pub const BEDROCK: Self = Self {
        name: Label::of("bedrock"),
        framing: Framing::AwsEventStream,
        request: RequestForm::BedrockInvoke,
        key_header: KeyHeader::Bearer,
        ..Self::ANTHROPIC
    };
    /// OpenAI's own API: no prefill.
    pub const OPENAI: Self = Self {
        name: Label::of("openai"),
        wire: Wire::OpenAiChat,
        prefill: Prefill::Never,
        usage: UsageRequest::StreamOptions,
        token_limit: TokenLimit::MaxCompletionTokens,
        key_header: KeyHeader::Bearer,
        ..Self::ANTHROPIC
    };
    /// OpenAI's own Responses API: no prefill, token counts unasked.
    pub const OPENAI_RESPONSES: Self = Self {
        name: Label::of("openai-responses"),
        wire: Wire::OpenAiResponses,
        usage: UsageRequest::Unasked,
        cursor: Cursor::Sequence,
        ..Self::OPENAI
    };
    /// Google's own Gemini API: no last event, no prefill (models that took one are gone), token
    /// counts unasked.
    pub const GEMINI: Self = Self {
        name: Label::of("gemini"),
        wire: Wire::Gemini,
        terminal: Terminal::StopReason,
        usage: UsageRequest::Unasked,
        key_header: KeyHeader::Named(Label::of("x-goog-api-key")),
        ..Self::OPENAI
    };
    /// A server that imitates Chat Completions and knows `max_tokens` alone.
    const COMPATIBLE: Self = Self { token_limit: TokenLimit::MaxTokens, ..Self::OPENAI };
    /// Mistral: a prefix message, repeated at the head of the answer.
    pub const MISTRAL: Self = Self {
        name: Label::of("mistral"),
        prefill: Prefill::Prefix,
        echoes_prefill: true,
        usage: UsageRequest::Unasked,
        ..Self::COMPATIBLE
    };
    /// DeepSeek: no prefill outside `/beta`; comments as heartbeats.
    pub const DEEPSEEK: Self = Self { name: Label::of("deepseek"), ..Self::COMPATIBLE };
    /// DeepSeek under its `/beta` base URL, which takes a prefix message.
    pub const DEEPSEEK_BETA: Self =
        Self { name: Label::of("deepseek-beta"), prefill: Prefill::Prefix, ..Self::COMPATIBLE };
    /// Moonshot (Kimi), partial mode.
    pub const MOONSHOT: Self =
        Self { name: Label::of("moonshot"), prefill: Prefill::Partial, ..Self::COMPATIBLE };
    /// vLLM.
    pub const VLLM: Self =
        Self { name: Label::of("vllm"), prefill: Prefill::ContinueFinal, ..Self::COMPATIBLE };
    /// SGLang. That it takes `continue_final_message` is not verified; one that answers 400 is
    /// asked in words from then on.
    pub const SGLANG: Self = Self { name: Label::of("sglang"), ..Self::VLLM };
    /// The server of llama.cpp.
    pub const LLAMA_CPP: Self = Self {
        name: Label::of("llama-cpp"),
        prefill: Prefill::TrailingNoThinking,
        cursor: Cursor::Offset,
        ..Self::COMPATIBLE
    };
    /// Ollama's OpenAI endpoint. Most of its templates leave a trailing assistant message open, which
    /// is not verified, so no prefill is sent.
    pub const OLLAMA: Self = Self { name: Label::of("ollama"), ..Self::COMPATIBLE };
    /// Groq: no prefill (assumed); errors at the top level, under `x_groq` or as `event: error`.
    pub const GROQ: Self = Self { name: Label::of("groq"), ..Self::COMPATIBLE };
    /// Azure OpenAI under a base URL that ends in `/openai/v1`. No prefill. The header of the key, the
    /// base URL and the name of the limit are not verified.
    pub const AZURE: Self = Self {
        name: Label::of("azure"),
        key_header: KeyHeader::Named(Label::of("api-key")),
        ..Self::OPENAI
    };
    /// OpenRouter: whether a prefill works depends on the model behind it, so none is sent.
    pub const OPENROUTER: Self = Self { name: Label::of("openrouter"), ..Self::COMPATIBLE };

    /// Every profile that comes with the crate.
    #[must_use]
    pub const fn all() -> &'static [Self] {
        &[
            Self::ANTHROPIC,
            Self::BEDROCK,
            Self::OPENAI,
            Self::OPENAI_RESPONSES,
            Self::GEMINI,
            Self::MISTRAL,
            Self::DEEPSEEK,
            Self::DEEPSEEK_BETA,
            Self::MOONSHOT,
            Self::VLLM,
            Self::SGLANG,
            Self::LLAMA_CPP,
            Self::OLLAMA,
            Self::GROQ,
            Self::AZURE,
            Self::OPENROUTER,
        ]
    }
}
