//! The two wires, and what both need to write an answer.
//! Each wire's literal bytes are in its own file.

mod answer;
mod anthropic;
mod chat;

pub(crate) use answer::{AnswerWriter, Stop, Usage, json_text};

/// The protocol of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// `POST …/messages`
    AnthropicMessages,
    /// `POST …/chat/completions`
    OpenAiChat,
}

impl Wire {
    /// The wire that a path speaks, whatever comes before it.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        if path.ends_with("/chat/completions") {
            Some(Self::OpenAiChat)
        } else if path.ends_with("/messages") {
            Some(Self::AnthropicMessages)
        } else {
            None
        }
    }

    /// The name of the header that carries the id of a request.
    pub(crate) fn request_id_header(self) -> &'static str {
        match self {
            Self::AnthropicMessages => "request-id",
            Self::OpenAiChat => "x-request-id",
        }
    }

    /// A short name for listings.
    pub fn name(self) -> &'static str {
        match self {
            Self::AnthropicMessages => "anthropic-messages",
            Self::OpenAiChat => "openai-chat",
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
        assert_eq!(Wire::of_path("/v1/responses"), None);
    }
}
