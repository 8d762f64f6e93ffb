//! The four wires, and what they need to write an answer.
//! Each wire's literal bytes are in its own file.

mod answer;
mod anthropic;
mod chat;
mod frames;
mod gemini;
mod object;
mod responses;

pub(crate) use answer::{AnswerWriter, Stop, Usage, json_text};
pub(crate) use frames::{Frames, bedrock_model};
pub(crate) use gemini::{
    Parts, call as gemini_call, document as gemini_document, refusal as gemini_refusal,
};
pub(crate) use object::{Settings, Status, object};
pub(crate) use responses::{Numbering, reading_error};

/// The protocol of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// `POST …/messages`, and `POST …/model/{id}/invoke-with-response-stream` in Bedrock's form
    AnthropicMessages,
    /// `POST …/chat/completions`
    OpenAiChat,
    /// `POST …/responses`, and what belongs to `…/responses/{id}`
    OpenAiResponses,
    /// `POST …/models/{model}:streamGenerateContent?alt=sse`, and `…:generateContent`
    Gemini,
}

impl Wire {
    /// The wire that a path speaks, whatever comes before it.
    ///
    /// Paths below `/responses` are read by [`Call::of`](crate::call::Call::of).
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        if path.ends_with("/chat/completions") {
            Some(Self::OpenAiChat)
        } else if path.ends_with("/messages") || bedrock_model(path).is_some() {
            Some(Self::AnthropicMessages)
        } else if path.ends_with("/responses") {
            Some(Self::OpenAiResponses)
        } else if gemini_call(path).is_some() {
            Some(Self::Gemini)
        } else {
            None
        }
    }

    /// The name of the header that carries the id of a request, where the wire has one.
    pub(crate) fn request_id_header(self) -> Option<&'static str> {
        match self {
            Self::AnthropicMessages => Some("request-id"),
            Self::OpenAiChat | Self::OpenAiResponses => Some("x-request-id"),
            Self::Gemini => None,
        }
    }

    /// A short name for listings.
    pub fn name(self) -> &'static str {
        match self {
            Self::AnthropicMessages => "anthropic-messages",
            Self::OpenAiChat => "openai-chat",
            Self::OpenAiResponses => "openai-responses",
            Self::Gemini => "gemini",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_prefix_does_not_matter() {
        assert_eq!(Wire::of_path("/v1/messages"), Some(Wire::AnthropicMessages));
        assert_eq!(Wire::of_path("/beta/chat/completions"), Some(Wire::OpenAiChat));
        assert_eq!(Wire::of_path("/v1/responses"), Some(Wire::OpenAiResponses));
        assert_eq!(Wire::of_path("/v1/responses/resp_1"), None);
        assert_eq!(Wire::of_path("/v1beta/models/m:streamGenerateContent"), Some(Wire::Gemini));
    }
}
