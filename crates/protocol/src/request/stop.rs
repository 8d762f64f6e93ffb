//! The stop sequences that a request asks for.

use super::RequestBody;
use crate::Wire;
use crate::json::{Kind, Value};

impl RequestBody {
    /// The sequences of characters at which the answer is to end, as the wire spells them; empty
    /// where there are none. The Responses wire has no such member.
    ///
    /// ```
    /// use protocol::{RequestBody, Wire};
    ///
    /// let text = r#"{"messages":[{"role":"user","content":"Hi"}],"stop":["END","\n\n"]}"#;
    /// let body = RequestBody::parse(Wire::OpenAiChat, text.into())?;
    /// assert_eq!(body.stop_sequences(), ["END", "\n\n"]);
    /// # Ok::<(), protocol::BodyError>(())
    /// ```
    #[must_use]
    pub fn stop_sequences(&self) -> Vec<String> {
        let asked = match self.wire {
            Wire::AnthropicMessages => self.member("stop_sequences"),
            Wire::OpenAiChat => self.member("stop"),
            Wire::OpenAiResponses => None,
            Wire::Gemini => self.generation("stopSequences", "stop_sequences"),
        };
        let mut sequences = Vec::new();
        let mut add = |value: Value| sequences.extend(value.str(&self.body).map(String::from));
        match asked {
            Some(list) if list.kind == Kind::Array => list.each_item(&self.body, add),
            Some(one) => add(one),
            None => {}
        }
        sequences.retain(|sequence| !sequence.is_empty());
        sequences
    }
}
