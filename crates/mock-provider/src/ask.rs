//! What a request asks for, read as strictly as a provider reads it.
//! Knows the wires' bodies; it does not know what was asked before.

mod contents;
mod input;
mod prefill;

use crate::config::ApiKey;
use crate::control::percent_decode;
use crate::http::Request;
use crate::json::{Value, read};
use crate::refusal::Refusal;
use crate::wire::{Frames, Parts, Wire, bedrock_model};

pub(crate) use prefill::PrefillForm;

/// A request that is valid on its wire.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) wire: Wire,
    pub(crate) model: String,
    pub(crate) turns: Vec<Turn>,
    /// The caller's own fields: those that a continuation must carry unchanged.
    pub(crate) fields: Vec<(String, Value)>,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) extras: Extras,
    /// How a final assistant message is marked as the beginning of the answer, where it is.
    pub(crate) prefill: Option<PrefillForm>,
    pub(crate) create: Create,
    /// How the events of the answer are to lie in its body.
    pub(crate) frames: Frames,
}

/// How a response is to be made, on the Responses wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Create {
    pub(crate) streams: bool,
    pub(crate) background: bool,
    pub(crate) store: bool,
    pub(crate) instructions: Option<String>,
}

impl Default for Create {
    /// What the other wires have: a stream, of which nothing is kept.
    fn default() -> Self {
        Self { streams: true, background: false, store: false, instructions: None }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    pub(crate) role: Role,
    /// Its text blocks, joined.
    pub(crate) text: String,
    /// The message as it was sent.
    pub(crate) raw: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    User,
    Assistant,
    /// System, developer and tool messages.
    Other,
}

/// What a stream carries beside the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extras {
    pub(crate) usage: bool,
    pub(crate) obfuscation: bool,
    pub(crate) parts: Parts,
}

impl Ask {
    /// Reads a request of the wire.
    pub(crate) fn read(wire: Wire, request: &Request) -> Result<Self, Refusal> {
        let bedrock = bedrock_model(request.path());
        let needs_version = wire == Wire::AnthropicMessages && bedrock.is_none();
        if needs_version && request.header("anthropic-version").is_none() {
            return Err(Refusal::invalid("anthropic-version: header is required"));
        }
        let body = read(&request.body).map_err(|error| {
            Refusal::invalid(format!("The request body is not valid JSON: {error}"))
        })?;
        let Value::Object(members) = &body else {
            return Err(Refusal::invalid("The request body is not a JSON object"));
        };
        if wire == Wire::Gemini {
            return contents::read_body(request, members);
        }
        if wire == Wire::OpenAiResponses {
            let frames = Frames::of(request);
            return input::read_body(&body, members).map(|ask| Self { frames, ..ask });
        }
        let turns = read_turns(wire, &body)?;
        Ok(Self {
            wire,
            model: match bedrock {
                Some(model) => percent_decode(model),
                None => required_text(&body, "model")?,
            },
            max_tokens: read_max_tokens(wire, &body)?,
            extras: match bedrock {
                Some(_) => read_bedrock(&body)?,
                None => read_extras(&body)?,
            },
            prefill: prefill::form(wire, &body, turns.last()),
            fields: members.iter().filter(|(name, _)| is_callers_own(name)).cloned().collect(),
            turns,
            create: Create::default(),
            frames: Frames::of(request),
        })
    }

    /// The text of the first user message: it decides the answer.
    pub(crate) fn prompt(&self) -> &str {
        let user = self.turns.iter().find(|turn| turn.role == Role::User);
        user.or(self.turns.first()).map_or("", |turn| turn.text.as_str())
    }
}

/// The key that a request carries: in one of three headers, or on the Gemini wire in its query.
pub(crate) fn given_key(request: &Request) -> Option<&str> {
    let bearer = request.header("authorization");
    let bearer = bearer.map(|value| value.strip_prefix("Bearer ").unwrap_or(value));
    let query = || contents::parameter(&request.target, "key");
    let named = request.header("x-api-key").or(bearer).or(request.header("x-goog-api-key"));
    named.or_else(|| {
        Wire::of_path(request.path()).filter(|wire| *wire == Wire::Gemini).and_then(|_| query())
    })
}

/// Whether the request carries this key.
pub(crate) fn carries_key(request: &Request, key: &ApiKey) -> bool {
    given_key(request).is_some_and(|given| key.is(given))
}

/// Fields that a continuation may change or leave out are not the caller's own.
fn is_callers_own(name: &str) -> bool {
    !matches!(
        name,
        "messages"
            | "max_tokens"
            | "max_completion_tokens"
            | "stream"
            | "stream_options"
            | "stop"
            | "stop_sequences"
            | "tool_choice"
            | "add_generation_prompt"
            | "continue_final_message"
            | "chat_template_kwargs"
    )
}

fn required_text(body: &Value, name: &'static str) -> Result<String, Refusal> {
    let text = body.member(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| Refusal::invalid(format!("{name}: Field required")))
}

fn read_max_tokens(wire: Wire, body: &Value) -> Result<Option<u64>, Refusal> {
    let newer = body.member("max_completion_tokens");
    let given = newer.or_else(|| body.member("max_tokens")).filter(|given| **given != Value::Null);
    match (wire, given) {
        (Wire::AnthropicMessages, None) => Err(Refusal::invalid("max_tokens: Field required")),
        (_, None) => Ok(None),
        (_, Some(given)) => match given.as_u64() {
            Some(count) if count >= 1 => Ok(Some(count)),
            _ => Err(Refusal::invalid("max_tokens: must be an integer of at least 1")),
        },
    }
}

fn read_extras(body: &Value) -> Result<Extras, Refusal> {
    if body.member("stream").and_then(Value::as_bool) != Some(true) {
        return Err(Refusal::invalid("stream: must be true, this server only streams"));
    }
    let option = |name| body.member("stream_options").and_then(|options| options.member(name));
    Ok(Extras {
        usage: option("include_usage").and_then(Value::as_bool).unwrap_or(false),
        obfuscation: option("include_obfuscation").and_then(Value::as_bool).unwrap_or(true),
        ..Extras::default()
    })
}

/// What a body in Bedrock's form says, and what it must not say because the path does.
fn read_bedrock(body: &Value) -> Result<Extras, Refusal> {
    for name in ["model", "stream"] {
        if body.member(name).is_some() {
            return Err(Refusal::invalid(format!("{name}: Extra inputs are not permitted")));
        }
    }
    match body.member("anthropic_version").and_then(Value::as_str) {
        Some("bedrock-2023-05-31") => Ok(Extras::default()),
        _ => Err(Refusal::invalid("anthropic_version: must be bedrock-2023-05-31")),
    }
}

fn read_turns(wire: Wire, body: &Value) -> Result<Vec<Turn>, Refusal> {
    let messages = body.member("messages").and_then(Value::as_array);
    let messages = messages.ok_or_else(|| Refusal::invalid("messages: Field required"))?;
    if messages.is_empty() {
        return Err(Refusal::invalid("messages: at least one message is required"));
    }
    messages.iter().enumerate().map(|(index, message)| read_turn(wire, index, message)).collect()
}

fn read_turn(wire: Wire, index: usize, message: &Value) -> Result<Turn, Refusal> {
    let role = match message.member("role").and_then(Value::as_str) {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system" | "developer" | "tool") if wire == Wire::OpenAiChat => Role::Other,
        _ => return Err(Refusal::invalid(format!("messages.{index}.role: unexpected role"))),
    };
    let text = match message.member("content") {
        Some(Value::String(text)) if text.is_empty() && wire == Wire::AnthropicMessages => {
            return Err(Refusal::invalid(format!("messages.{index}: content must be non-empty")));
        }
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(blocks)) => join_blocks(index, blocks)?,
        None | Some(Value::Null) if wire == Wire::OpenAiChat => String::new(),
        _ => return Err(Refusal::invalid(format!("messages.{index}.content: Field required"))),
    };
    Ok(Turn { role, text, raw: message.clone() })
}

fn join_blocks(index: usize, blocks: &[Value]) -> Result<String, Refusal> {
    let mut joined = String::new();
    for block in blocks {
        let kind = block.member("type").and_then(Value::as_str);
        let kind = kind.ok_or_else(|| {
            Refusal::invalid(format!("messages.{index}.content: a block needs a type"))
        })?;
        if kind != "text" {
            continue;
        }
        match block.member("text").and_then(Value::as_str) {
            None | Some("") => {
                return Err(Refusal::invalid("messages: text content blocks must be non-empty"));
            }
            Some(text) => joined.push_str(text),
        }
    }
    Ok(joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::http::RequestParser;

    fn request(headers: &str, body: &str) -> Request {
        let mut parser = RequestParser::new(&Limits::default());
        let bytes =
            format!("POST / HTTP/1.1\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        parser.buffer().extend_from_slice(bytes.as_bytes());
        parser.next().unwrap().unwrap()
    }

    fn ask(wire: Wire, body: &str) -> Result<Ask, Refusal> {
        Ask::read(wire, &request("anthropic-version: 2023-06-01\r\n", body))
    }

    #[track_caller]
    fn refuses(wire: Wire, body: &str, message: &str) {
        let refusal = ask(wire, body).expect_err("the body is not valid");
        assert_eq!((refusal.status(), refusal.message()), (400, message));
    }

    #[test]
    fn messages_bodies_are_read_strictly() {
        let wire = Wire::AnthropicMessages;
        let user = r#"{"role":"user","content":"hi"}"#;
        refuses(wire, "[]", "The request body is not a JSON object");
        refuses(wire, "{", "The request body is not valid JSON: expected a string at byte 1");
        refuses(wire, r#"{"model":"m"}"#, "messages: Field required");
        refuses(wire, r#"{"messages":[]}"#, "messages: at least one message is required");
        let body = |rest: &str| format!(r#"{{"messages":[{user}]{rest}}}"#);
        refuses(wire, &body(""), "model: Field required");
        refuses(wire, &body(r#","model":"m""#), "max_tokens: Field required");
        let zero = r#","model":"m","max_tokens":0"#;
        refuses(wire, &body(zero), "max_tokens: must be an integer of at least 1");
        let quiet = r#","model":"m","max_tokens":9"#;
        refuses(wire, &body(quiet), "stream: must be true, this server only streams");
        let missing = Ask::read(wire, &request("", "{}")).unwrap_err();
        assert_eq!(missing.message(), "anthropic-version: header is required");
    }

    #[test]
    fn empty_texts_are_refused() {
        let wire = Wire::AnthropicMessages;
        let body =
            |content: &str| format!(r#"{{"messages":[{{"role":"user","content":{content}}}]}}"#);
        let empty_block = body(r#"[{"type":"text","text":""}]"#);
        refuses(wire, &empty_block, "messages: text content blocks must be non-empty");
        refuses(Wire::OpenAiChat, &empty_block, "messages: text content blocks must be non-empty");
        refuses(wire, &body(r#""""#), "messages.0: content must be non-empty");
        refuses(wire, &body("null"), "messages.0.content: Field required");
        refuses(wire, &body("[{}]"), "messages.0.content: a block needs a type");
        let system = r#"{"messages":[{"role":"system","content":"s"}]}"#;
        refuses(wire, system, "messages.0.role: unexpected role");
    }

    #[test]
    fn text_blocks_are_joined_and_other_blocks_are_passed_over() {
        let body = r#"{"model":"m","max_tokens":9,"stream":true,"system":"s","temperature":0.5,
            "messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image"},
            {"type":"text","text":"b"}]}]}"#;
        let ask = ask(Wire::AnthropicMessages, body).unwrap();
        assert_eq!(ask.prompt(), "ab");
        assert_eq!((ask.model.as_str(), ask.max_tokens), ("m", Some(9)));
        let names: Vec<_> = ask.fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["model", "system", "temperature"]);
    }

    #[track_caller]
    fn check_form(rest: &str, mark: &str, expected: Option<PrefillForm>) {
        let body = format!(
            r#"{{"model":"m","stream":true{rest},"messages":[{{"role":"user","content":"q"}},
            {{"role":"assistant","content":"p"{mark}}}]}}"#
        );
        assert_eq!(ask(Wire::OpenAiChat, &body).unwrap().prefill, expected);
    }

    #[test]
    fn a_final_assistant_message_of_a_chat_is_a_prefill_only_when_marked() {
        check_form("", "", None);
        check_form("", r#","prefix":true"#, Some(PrefillForm::Prefix));
        check_form("", r#","prefix":false"#, None);
        check_form("", r#","partial":true"#, Some(PrefillForm::Partial));
        check_form(r#","continue_final_message":true"#, "", None);
        let both = r#","continue_final_message":true,"add_generation_prompt":false"#;
        check_form(both, "", Some(PrefillForm::Template));
        let template = r#","chat_template_kwargs":{"enable_thinking":false}"#;
        check_form(template, "", Some(PrefillForm::Template));
    }

    #[test]
    fn extras_of_a_chat_are_read() {
        let body = |options: &str| {
            format!(
                r#"{{"model":"m","stream":true{options},"messages":[{{"role":"user","content":"q"}}]}}"#
            )
        };
        let plain = ask(Wire::OpenAiChat, &body("")).unwrap();
        assert_eq!(plain.extras, Extras { obfuscation: true, ..Extras::default() });
        let options = r#","stream_options":{"include_usage":true,"include_obfuscation":false}"#;
        let asked = ask(Wire::OpenAiChat, &body(options)).unwrap();
        assert_eq!(asked.extras, Extras { usage: true, ..Extras::default() });
    }

    #[test]
    fn a_key_is_found_in_each_header_and_in_a_query_of_the_gemini_wire() {
        let key = ApiKey::from("k");
        assert!(carries_key(&request("x-api-key: k\r\n", ""), &key));
        assert!(carries_key(&request("authorization: Bearer k\r\n", ""), &key));
        assert!(!carries_key(&request("x-api-key: other\r\n", ""), &key));
        assert!(carries_key(&request("x-goog-api-key: k\r\n", ""), &key));
        assert!(!carries_key(&request("authorization: Basic k\r\n", ""), &key));
        assert!(!carries_key(&request("", ""), &key));
        let mut asked = request("", "");
        asked.target = "/models/m:generateContent?alt=sse&key=k".to_owned();
        assert!(carries_key(&asked, &key));
        asked.target = "/v1/messages?key=k".to_owned();
        assert!(!carries_key(&asked, &key));
    }
}
