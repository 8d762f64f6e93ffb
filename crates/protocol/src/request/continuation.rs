//! Bodies of continuation requests.
//!
//! The partial answer goes into a trailing assistant message, followed for an instructed
//! continuation by a user message. Where the caller's own messages end with an assistant
//! message, the partial continues that one: two in a row are an error at some servers. Not on the
//! Responses wire, where messages are items of a list and an answer may have several.

use super::{RequestBody, Said};
use crate::json::{Kind, Value};
use crate::splice::{Splice, json_string, json_string_inside};
use crate::{Prefill, Profile, Wire};
use bytes::Bytes;

impl RequestBody {
    /// The body that has the server continue the partial answer where it stops.
    ///
    /// The limits of output tokens are reduced by `spent` tokens, to no less than
    /// [`MAX_TOKENS_FLOOR`](crate::MAX_TOKENS_FLOOR), or 16 on the Responses wire, and where the body asks for thinking to no
    /// less than its thinking budget and 1024 tokens more. An empty partial adds no message.
    /// White space at the end of the partial is the caller's to take off first.
    #[must_use]
    pub fn prefill(&self, profile: &Profile, partial: &str, spent: u64) -> Bytes {
        let mut splice = self.streaming(profile);
        self.reduce_limits(&mut splice, partial, spent);
        let flag = match profile.prefill {
            Prefill::Prefix => Some("prefix"),
            Prefill::Partial => Some("partial"),
            _ => None,
        };
        let continues = self.ends_with_assistant();
        if continues {
            self.extend_last_message(&mut splice, partial);
            if let (Some(flag), Said::List { last, .. }) = (flag, self.said) {
                self.set(&mut splice, last, flag, "true");
            }
        } else if !partial.is_empty() {
            let flag = flag.map_or(String::new(), |flag| format!(r#","{flag}":true"#));
            let message = self.message("assistant", partial, &flag);
            self.say(&mut splice, &message);
        }
        if continues || !partial.is_empty() {
            self.set_prefill_parameters(&mut splice, profile);
        }
        self.finish(splice)
    }

    /// The body that shows the model its partial answer and then the instruction to go on.
    ///
    /// Limits as for [`RequestBody::prefill`]. The instruction is a user message.
    #[must_use]
    pub fn instruct(
        &self,
        profile: &Profile,
        partial: &str,
        instruction: &str,
        spent: u64,
    ) -> Bytes {
        let mut splice = self.streaming(profile);
        self.reduce_limits(&mut splice, partial, spent);
        let mut messages = self.message("user", instruction, "");
        if self.ends_with_assistant() {
            self.extend_last_message(&mut splice, partial);
            self.close_last_message(&mut splice);
        } else if !partial.is_empty() {
            messages = format!("{},{messages}", self.message("assistant", partial, ""));
        }
        self.say(&mut splice, &messages);
        self.finish(splice)
    }

    /// The body that sends a paused turn back, so that the model goes on with it: an assistant message
    /// of these content blocks, in JSON with commas between them, and the id of the container that its
    /// tools ran in, if there was one ([`container_of`](crate::container_of)). Messages wire only.
    #[must_use]
    pub fn send_back(&self, profile: &Profile, blocks: &str, container: Option<&str>) -> Bytes {
        let mut splice = self.streaming(profile);
        if let Some(id) = container.map(json_string) {
            match self.member("container").filter(Value::is_object) {
                Some(container) => self.set(&mut splice, container, "id", &id),
                None => self.set(&mut splice, self.whole, "container", &id),
            }
        }
        self.say(&mut splice, &format!(r#"{{"role":"assistant","content":[{blocks}]}}"#));
        self.finish(splice)
    }

    fn ends_with_assistant(&self) -> bool {
        let Said::List { last, .. } = self.said else { return false };
        let role = last.member(&self.body, "role");
        self.wire != Wire::OpenAiResponses
            && role.is_some_and(|role| role.says(&self.body, self.role("assistant")))
    }

    /// Adds messages behind those of the caller, whose text stays as it is.
    fn say(&self, splice: &mut Splice, messages: &str) {
        match self.said {
            Said::List { list, .. } => splice.insert(list.inner_end(), format!(",{messages}")),
            Said::Text(text) => {
                let head = r#"[{"type":"message","role":"user","content":"#;
                splice.insert(text.start, head.to_owned());
                // Its last quote is replaced: what is inserted behind it may be a member of the body.
                splice.replace(text.end - 1..text.end, format!("\"}},{messages}]"));
            }
            Said::Elsewhere(Some(nothing)) => {
                splice.replace(nothing.range(), format!("[{messages}]"));
            }
            Said::Elsewhere(None) => self.add_member(splice, &format!(r#""input":[{messages}]"#)),
        }
    }

    /// The wire's word for a role.
    fn role<'r>(&self, role: &'r str) -> &'r str {
        if self.wire == Wire::Gemini && role == "assistant" { "model" } else { role }
    }

    /// The member of a message that holds what it says.
    const fn content_name(&self) -> &'static str {
        if matches!(self.wire, Wire::Gemini) { "parts" } else { "content" }
    }

    /// A message in the wire's form; `flag` are further members of it.
    fn message(&self, role: &str, text: &str, flag: &str) -> String {
        let kind = match (self.wire, role) {
            (Wire::OpenAiResponses, "assistant") => "output_text",
            (Wire::OpenAiResponses, _) => "input_text",
            _ => {
                let (role, name) = (self.role(role), self.content_name());
                return format!(r#"{{"role":"{role}","{name}":{}{flag}}}"#, self.content(text));
            }
        };
        let text = json_string(text);
        let content = format!(r#"[{{"type":"{kind}","text":{text}}}]"#);
        format!(r#"{{"type":"message","role":"{role}","content":{content}{flag}}}"#)
    }

    /// The text as the content of a message that the caller began, in the wire's form.
    fn content(&self, text: &str) -> String {
        match self.wire {
            Wire::AnthropicMessages | Wire::Gemini => format!("[{}]", self.text_block(text)),
            Wire::OpenAiChat | Wire::OpenAiResponses => json_string(text),
        }
    }

    /// Appends to the text of the caller's own trailing assistant message.
    fn extend_last_message(&self, splice: &mut Splice, partial: &str) {
        if partial.is_empty() {
            return;
        }
        let Said::List { last: message, .. } = self.said else { return };
        let name = self.content_name();
        match message.member(&self.body, name) {
            Some(content) if content.is_text() => {
                splice.insert(content.inner_end(), json_string_inside(partial));
            }
            Some(content) if content.kind == Kind::Array => {
                self.extend_blocks(splice, content, partial);
            }
            Some(content) => splice.replace(content.range(), self.content(partial)),
            None => {
                let member = format!(r#""{name}":{}"#, self.content(partial));
                self.add_to_object(splice, message, name, &member);
            }
        }
    }

    fn extend_blocks(&self, splice: &mut Splice, blocks: Value, partial: &str) {
        let last = blocks.last_item(&self.body);
        let member = |block: &Value, name| block.member(&self.body, name);
        let text = last
            .filter(|block| match self.wire {
                Wire::Gemini => !member(block, "thought").is_some_and(|thought| thought.is_true()),
                _ => member(block, "type").is_some_and(|kind| kind.says(&self.body, "text")),
            })
            .and_then(|block| block.member(&self.body, "text"))
            .filter(Value::is_text);
        match (text, last) {
            (Some(text), _) => splice.insert(text.inner_end(), json_string_inside(partial)),
            (None, Some(_)) => {
                splice.insert(blocks.inner_end(), format!(",{}", self.text_block(partial)));
            }
            (None, None) => splice.insert(blocks.inner_end(), self.text_block(partial)),
        }
    }

    fn text_block(&self, text: &str) -> String {
        let kind = if self.wire == Wire::Gemini { "" } else { r#""type":"text","# };
        format!(r#"{{{kind}"text":{}}}"#, json_string(text))
    }

    /// Takes back the caller's own request to continue its last message, which is no longer last.
    fn close_last_message(&self, splice: &mut Splice) {
        let Said::List { last, .. } = self.said else { return };
        let last = |name| last.member(&self.body, name);
        let opening = [last("prefix"), last("partial"), self.member("continue_final_message")];
        for flag in opening.into_iter().flatten().filter(Value::is_true) {
            splice.replace(flag.range(), "false".to_owned());
        }
        if let Some(flag) = self.member("add_generation_prompt").filter(Value::is_false) {
            splice.replace(flag.range(), "true".to_owned());
        }
    }

    fn set_prefill_parameters(&self, splice: &mut Splice, profile: &Profile) {
        match profile.prefill {
            Prefill::ContinueFinal => {
                self.set(splice, self.whole, "add_generation_prompt", "false");
                self.set(splice, self.whole, "continue_final_message", "true");
            }
            Prefill::TrailingNoThinking => match self.member("chat_template_kwargs") {
                Some(template) if template.is_object() => {
                    self.set(splice, template, "enable_thinking", "false");
                }
                _ => {
                    let off = r#"{"enable_thinking":false}"#;
                    self.set(splice, self.whole, "chat_template_kwargs", off);
                }
            },
            _ => {}
        }
    }

    /// Sets a member of an object to a value, in place where the object has it.
    pub(super) fn set(&self, splice: &mut Splice, object: Value, name: &str, value: &str) {
        match object.member(&self.body, name) {
            Some(old) if old.raw(&self.body) == value.as_bytes() => {}
            Some(old) => splice.replace(old.range(), value.to_owned()),
            None => self.add_to_object(splice, object, name, &format!(r#""{name}":{value}"#)),
        }
    }
}
