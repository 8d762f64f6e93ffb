//! The smallest request body that asks a question. Everything else a body can say is the
//! caller's own JSON.

use bytes::Bytes;
use protocol::{Profile, TokenLimit, Wire};
use serde_json::{Value, json};
use std::fmt;

/// A question, written out for whichever wire the endpoint speaks.
///
/// ```
/// use client::{Profile, Prompt};
///
/// let body = Prompt::new("m", "Hello").system("Be brief").body(&Profile::OPENAI);
/// assert!(body.windows(8).any(|window| window == b"Be brief"));
/// ```
#[derive(Clone)]
pub struct Prompt {
    model: String,
    text: String,
    system: Option<String>,
    max_tokens: Option<u32>,
}

impl Prompt {
    /// Asks `model` to answer `text`.
    #[must_use]
    pub fn new(model: impl Into<String>, text: impl Into<String>) -> Self {
        Self { model: model.into(), text: text.into(), system: None, max_tokens: None }
    }

    /// The system text.
    #[must_use]
    pub fn system(mut self, text: impl Into<String>) -> Self {
        self.system = Some(text.into());
        self
    }

    /// The most tokens that the answer may have.
    ///
    /// Without it the wire's own default holds; Anthropic's has none and gets
    /// [`PROMPT_TOKENS_MAX`].
    #[must_use]
    pub const fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = Some(tokens);
        self
    }

    /// The request body for this provider.
    #[must_use]
    pub fn body(&self, profile: &Profile) -> Bytes {
        let body = match profile.wire {
            Wire::AnthropicMessages => self.anthropic(),
            Wire::OpenAiChat => self.openai_chat(profile),
            Wire::OpenAiResponses => self.openai_responses(),
            Wire::Gemini => self.gemini(),
        };
        Bytes::from(body.to_string())
    }

    fn anthropic(&self) -> Value {
        let mut body = json!({
            "model": self.model,
            "max_tokens": self.max_tokens.unwrap_or(PROMPT_TOKENS_MAX),
            "messages": [{ "role": "user", "content": self.text }],
            "stream": true,
        });
        if let Some(system) = &self.system {
            body["system"] = json!(system);
        }
        body
    }

    fn openai_chat(&self, profile: &Profile) -> Value {
        let system = self.system.iter().map(|text| json!({ "role": "system", "content": text }));
        let user = std::iter::once(json!({ "role": "user", "content": self.text }));
        let messages: Vec<Value> = system.chain(user).collect();
        let mut body = json!({ "model": self.model, "messages": messages, "stream": true });
        if let Some(tokens) = self.max_tokens {
            let field = match profile.token_limit {
                TokenLimit::MaxCompletionTokens => "max_completion_tokens",
                TokenLimit::MaxTokens => "max_tokens",
            };
            body[field] = json!(tokens);
        }
        body
    }

    fn openai_responses(&self) -> Value {
        let mut body = json!({ "model": self.model, "input": self.text, "stream": true });
        if let Some(system) = &self.system {
            body["instructions"] = json!(system);
        }
        if let Some(tokens) = self.max_tokens {
            body["max_output_tokens"] = json!(tokens);
        }
        body
    }

    /// The model is the path's in the end; the body names it until then.
    fn gemini(&self) -> Value {
        let text = |text: &str| json!([{ "text": text }]);
        let said = json!([{ "role": "user", "parts": text(&self.text) }]);
        let mut body = json!({ "model": self.model, "contents": said });
        if let Some(system) = &self.system {
            body["systemInstruction"] = json!({ "parts": text(system) });
        }
        if let Some(tokens) = self.max_tokens {
            body["generationConfig"] = json!({ "maxOutputTokens": tokens });
        }
        body
    }
}

/// Without the texts: prompts do not belong in logs.
impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt")
            .field("model", &self.model)
            .field("max_tokens", &self.max_tokens)
            .finish_non_exhaustive()
    }
}

/// `max_tokens` of an Anthropic request when the caller gives none: what every model takes.
pub const PROMPT_TOKENS_MAX: u32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn body(prompt: &Prompt, profile: &Profile) -> Value {
        serde_json::from_slice(&prompt.body(profile)).unwrap()
    }

    #[test]
    fn anthropic_always_has_max_tokens_and_its_own_system_field() {
        let prompt = Prompt::new("m", "hi \"there\"");
        let value = body(&prompt, &Profile::ANTHROPIC);
        assert_eq!(value["max_tokens"], 4096);
        assert_eq!(value["messages"][0]["content"], "hi \"there\"");
        assert!(value.get("system").is_none());
        let value = body(&prompt.system("s").max_tokens(7), &Profile::ANTHROPIC);
        assert_eq!((&value["system"], &value["max_tokens"]), (&json!("s"), &json!(7)));
    }

    #[test]
    fn openai_has_a_system_message_and_the_servers_own_limit_field() {
        let prompt = Prompt::new("m", "hi").system("s").max_tokens(7);
        let value = body(&prompt, &Profile::OPENAI);
        assert_eq!(value["messages"][0]["role"], "system");
        assert_eq!(value["max_completion_tokens"], 7);
        let value = body(&prompt, &Profile::VLLM);
        assert_eq!(value["max_tokens"], 7);
        let value = body(&Prompt::new("m", "hi"), &Profile::OPENAI);
        assert!(value.get("max_tokens").is_none() && value.get("max_completion_tokens").is_none());
    }

    #[test]
    fn gemini_has_contents_and_a_configuration() {
        let prompt = Prompt::new("m", "hi").system("s").max_tokens(70);
        let expected = json!({
            "model": "m", "contents": [{ "role": "user", "parts": [{ "text": "hi" }] }],
            "systemInstruction": { "parts": [{ "text": "s" }] },
            "generationConfig": { "maxOutputTokens": 70 },
        });
        assert_eq!(body(&prompt, &Profile::GEMINI), expected);
        let body = Prompt::new("m", "hi").body(&Profile::GEMINI);
        let request = protocol::RequestBody::parse(Wire::Gemini, body).unwrap();
        let sent = r#"{"contents":[{"parts":[{"text":"hi"}],"role":"user"}]}"#;
        assert_eq!(request.initial(&Profile::GEMINI), sent);
    }

    #[test]
    fn responses_have_input_and_instructions() {
        let prompt = Prompt::new("m", "hi").system("s").max_tokens(70);
        let value = body(&prompt, &Profile::OPENAI_RESPONSES);
        let expected = json!({
            "model": "m", "input": "hi", "instructions": "s", "max_output_tokens": 70, "stream": true,
        });
        assert_eq!(value, expected);
        let request = protocol::RequestBody::parse(
            Wire::OpenAiResponses,
            Prompt::new("m", "hi").body(&Profile::OPENAI_RESPONSES),
        );
        assert!(request.is_ok());
    }
}
