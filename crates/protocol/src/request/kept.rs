//! What a provider keeps for one account, and a body only names: nobody else can answer it.
//!
//! Names are looked for where a wire has them. What is the application's own, such as the arguments of
//! a call or the schema of a tool, may use the same names and says nothing.

use super::RequestBody;
use crate::json::{Scanner, Value};
use crate::{Malformed, Wire};

/// Members of the body itself.
const MEMBERS: &[&str] =
    &["previous_response_id", "conversation", "prompt", "cachedContent", "cached_content"];

/// Members that hold what is the application's own.
const FREE: &[&str] = &[
    "parameters",
    "parametersJsonSchema",
    "input_schema",
    "schema",
    "json_schema",
    "responseSchema",
    "args",
    "arguments",
    "functionResponse",
    "function_response",
    "metadata",
];

impl RequestBody {
    /// Whether the body names something that one provider keeps: an earlier response or an item of
    /// it, a conversation, a prompt, a cache, a file, a store, a container. Nobody else can answer it.
    #[must_use]
    pub fn needs_its_provider(&self) -> bool {
        *self.needs_its_provider.get_or_init(|| {
            let has_members = matches!(self.wire, Wire::OpenAiResponses | Wire::Gemini);
            let is_kept = |name: &&str| has_members && self.present(name).is_some();
            MEMBERS.iter().any(is_kept) || self.names_kept()
        })
    }

    fn names_kept(&self) -> bool {
        let mut search = Search { wire: self.wire, body: &self.body, has_found: false };
        let Ok(mut scan) = Scanner::new(&self.body) else { return false };
        // The body was read before, so it is well-formed.
        search.visit(&mut scan, b"", b"").is_ok_and(|()| search.has_found)
    }
}

/// A walk through a body, front to back.
struct Search<'a> {
    wire: Wire,
    body: &'a [u8],
    has_found: bool,
}

impl Search<'_> {
    /// Takes the next value, which has this name in an object of that name; an item has the names of
    /// its list.
    fn visit(&mut self, scan: &mut Scanner<'_>, of: &[u8], name: &[u8]) -> Result<(), Malformed> {
        if self.has_found || self.is_free(name) {
            return scan.value().map(drop);
        }
        match self.body.get(scan.next_start() as usize) {
            Some(b'{') => {
                scan.members(|scan, member| self.visit(scan, name, member))?;
            }
            Some(b'[') => {
                scan.array()?;
                while scan.item()? {
                    self.visit(scan, of, name)?;
                }
            }
            _ => {
                let value = scan.value()?;
                self.has_found |= self.is_kept(of, name, value);
            }
        }
        Ok(())
    }

    /// Whether what is below it is the application's own.
    fn is_free(&self, name: &[u8]) -> bool {
        let is_call = self.wire == Wire::AnthropicMessages && name == b"input";
        is_call || FREE.iter().any(|free| free.as_bytes() == name)
    }

    /// Whether a value names what a provider keeps.
    fn is_kept(&self, of: &[u8], name: &[u8], value: Value) -> bool {
        let Some(text) = value.text(self.body).filter(|text| !text.is_empty()) else {
            return false;
        };
        match (self.wire, of, name) {
            (Wire::Gemini, _, b"fileUri" | b"file_uri") => !is_public(&text),
            (Wire::Gemini, ..) => false,
            (Wire::OpenAiResponses, _, b"type") => *text == *b"item_reference",
            (Wire::OpenAiResponses, _, b"vector_store_ids" | b"container") => true,
            (Wire::AnthropicMessages, _, b"container") => true,
            (Wire::AnthropicMessages, b"container", b"id") => true,
            (Wire::OpenAiChat, b"audio", b"id") => true,
            (_, _, b"file_id" | b"file_ids") => true,
            _ => false,
        }
    }
}

/// Whether everybody can fetch it: neither uploaded to Google nor in a store of its own.
fn is_public(uri: &[u8]) -> bool {
    let Ok(uri) = std::str::from_utf8(uri) else { return false };
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#', ':']).next());
    host.is_some_and(|host| !host.is_empty() && !host.ends_with("googleapis.com"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = r#""messages":[{"role":"user","content":"x"}]"#;
    const INPUT: &str = r#""input":[{"role":"user","content":"x"}]"#;
    const CONTENTS: &str = r#""model":"m","contents":[{"parts":[{"text":"x"}]}]"#;

    #[track_caller]
    fn check(wire: Wire, body: &str, needs: bool) {
        let parsed = RequestBody::parse(wire, format!("{{{body}}}").into()).expect("a valid body");
        assert_eq!(parsed.needs_its_provider(), needs, "{body}");
    }

    #[test]
    fn members_of_the_body_name_what_is_kept() {
        let wire = Wire::OpenAiResponses;
        for (members, needs) in [
            ("", false),
            (r#","conversation":null"#, false),
            (r#","previous_response_id":"resp_1""#, true),
            (r#","conversation":"c""#, true),
            (r#","tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]"#, true),
            (r#","tools":[{"type":"file_search","vector_store_ids":[]}]"#, false),
            (r#","tools":[{"type":"code_interpreter","container":"cntr_1"}]"#, true),
            (r#","tools":[{"type":"code_interpreter","container":{"type":"auto"}}]"#, false),
            (r#","tools":[{"type":"code_interpreter","container":{"file_ids":["f"]}}]"#, true),
        ] {
            check(wire, &format!("{INPUT}{members}"), needs);
        }
        check(Wire::Gemini, &format!(r#"{CONTENTS},"cachedContent":"c/1""#), true);
        check(Wire::OpenAiChat, &format!(r#"{MESSAGE},"prompt":"p""#), false);
        let messages = Wire::AnthropicMessages;
        check(messages, &format!(r#"{MESSAGE},"container":"container_1""#), true);
        check(messages, &format!(r#"{MESSAGE},"container":{{"id":"container_1"}}"#), true);
        check(messages, &format!(r#"{MESSAGE},"container":{{"skills":[]}}"#), false);
    }

    #[test]
    fn what_was_said_names_what_is_kept() {
        let content = |wire: Wire, part: &str| match wire {
            Wire::OpenAiResponses => {
                format!(r#""input":[{{"role":"user","content":[{part}]}}]"#)
            }
            Wire::Gemini => format!(r#""model":"m","contents":[{{"parts":[{part}]}}]"#),
            _ => format!(r#""messages":[{{"role":"user","content":[{part}]}}]"#),
        };
        for (wire, part) in [
            (
                Wire::AnthropicMessages,
                r#"{"type":"document","source":{"type":"file","file_id":"f"}}"#,
            ),
            (Wire::AnthropicMessages, r#"{"type":"container_upload","file_id":"f"}"#),
            (Wire::OpenAiChat, r#"{"type":"file","file":{"file_id":"f"}}"#),
            (Wire::OpenAiResponses, r#"{"type":"input_image","file_id":"f"}"#),
            (Wire::Gemini, r#"{"fileData":{"fileUri":"files/1"}}"#),
            (Wire::Gemini, r#"{"file_data":{"file_uri":"gs://store/1"}}"#),
            (
                Wire::Gemini,
                r#"{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/1"}}"#,
            ),
        ] {
            check(wire, &content(wire, part), true);
        }
        let video = r#"{"fileData":{"fileUri":"https://www.youtube.com/watch?v=1"}}"#;
        check(Wire::Gemini, &content(Wire::Gemini, video), false);
        let picture = r#"{"type":"image","source":{"type":"url","url":"https://a/file_id"}}"#;
        check(Wire::AnthropicMessages, &content(Wire::AnthropicMessages, picture), false);
        let reference = r#""input":[{"type":"item_reference","id":"msg_1"}]"#;
        check(Wire::OpenAiResponses, reference, true);
        let spoken = r#""messages":[{"role":"assistant","audio":{"id":"audio_1"}},{"role":"user","content":"x"}]"#;
        check(Wire::OpenAiChat, spoken, true);
        let speaks = format!(r#"{MESSAGE},"audio":{{"voice":"alloy","format":"wav"}}"#);
        check(Wire::OpenAiChat, &speaks, false);
    }

    #[test]
    fn names_of_the_application_say_nothing() {
        let schema = r#"{"properties":{"file_id":{"type":"string","default":"f"}}}"#;
        for (wire, body) in [
            (
                Wire::AnthropicMessages,
                r#""messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"file_id":"f","container":"c"}}]}]"#
                    .to_owned(),
            ),
            (
                Wire::AnthropicMessages,
                format!(r#"{MESSAGE},"tools":[{{"name":"f","input_schema":{schema}}}],"metadata":{{"file_id":"f"}}"#),
            ),
            (
                Wire::OpenAiResponses,
                format!(r#"{INPUT},"tools":[{{"type":"function","name":"f","parameters":{schema}}}]"#),
            ),
            (
                Wire::Gemini,
                r#""model":"m","contents":[{"parts":[{"functionCall":{"name":"f","args":{"fileUri":"files/1"}}}]}]"#
                    .to_owned(),
            ),
        ] {
            check(wire, &body, false);
        }
    }
}
