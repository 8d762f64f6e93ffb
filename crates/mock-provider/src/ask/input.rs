//! The body of `POST …/responses`, read as strictly as the wire reads it.
//! Errors name the parameter and have the wire's codes; tools and stored conversations are not served.

use crate::ask::{Ask, Create, Extras, Role, Turn};
use crate::json::Value;
use crate::refusal::Refusal;
use crate::wire::{Frames, Wire};

/// The least bound that the wire takes; below it is 400 `integer_below_min_value`.
const OUTPUT_TOKENS_MIN: u64 = 16;

/// Parameters of the Chat wire, and where they are on this one.
const MOVED: [(&str, &str); 5] = [
    ("messages", "input"),
    ("max_tokens", "max_output_tokens"),
    ("max_completion_tokens", "max_output_tokens"),
    ("response_format", "text.format"),
    ("reasoning_effort", "reasoning.effort"),
];

/// What refers to something that this server does not hold.
const NOT_SERVED: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// Item types beside messages; their content is no text of the conversation.
const OTHER_ITEMS: [&str; 6] = [
    "reasoning",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "item_reference",
];

/// Reads the body of a request that creates a response.
pub(super) fn read_body(body: &Value, members: &[(String, Value)]) -> Result<Ask, Refusal> {
    refuse_strangers(body)?;
    let streams = flag(body, "stream")?.unwrap_or(false);
    let option = |name| body.member("stream_options").and_then(|options| options.member(name));
    let obfuscation = option("include_obfuscation").and_then(Value::as_bool).unwrap_or(true);
    let turns = read_input(body)?;
    let own = |name: &str| {
        !matches!(
            name,
            "input" | "max_output_tokens" | "stream" | "stream_options" | "background" | "store"
        ) && name != "tool_choice"
    };
    Ok(Ask {
        wire: Wire::OpenAiResponses,
        model: text(body, "model")?.ok_or_else(|| missing("model"))?,
        max_tokens: read_bound(body)?,
        extras: Extras { usage: true, obfuscation, ..Extras::default() },
        // An input that ends with the assistant's text gets a new answer.
        prefill: None,
        fields: members.iter().filter(|(name, _)| own(name)).cloned().collect(),
        turns,
        create: Create {
            streams,
            background: flag(body, "background")?.unwrap_or(false),
            store: flag(body, "store")?.unwrap_or(true),
            instructions: text(body, "instructions")?,
        },
        frames: Frames::default(),
    })
}

fn refuse_strangers(body: &Value) -> Result<(), Refusal> {
    for (name, place) in MOVED {
        if body.member(name).is_some() {
            let message = format!(
                "Unsupported parameter: '{name}'. In the Responses API, this parameter has moved to '{place}'."
            );
            return Err(Refusal::invalid_parameter(name, "unsupported_parameter", message));
        }
    }
    for name in NOT_SERVED {
        if body.member(name).is_some_and(|value| *value != Value::Null) {
            let message =
                format!("Unsupported parameter: '{name}'. This server holds no such thing.");
            return Err(Refusal::invalid_parameter(name, "unsupported_parameter", message));
        }
    }
    Ok(())
}

fn read_bound(body: &Value) -> Result<Option<u64>, Refusal> {
    let name = "max_output_tokens";
    match body.member(name) {
        None | Some(Value::Null) => Ok(None),
        Some(given) => match given.as_u64() {
            Some(bound) if bound >= OUTPUT_TOKENS_MIN => Ok(Some(bound)),
            Some(bound) => {
                let message = format!(
                    "Invalid '{name}': integer below minimum value. Expected a value >= {OUTPUT_TOKENS_MIN}, but got {bound} instead."
                );
                Err(Refusal::invalid_parameter(name, "integer_below_min_value", message))
            }
            None => Err(wrong_type(name, "an integer")),
        },
    }
}

fn read_input(body: &Value) -> Result<Vec<Turn>, Refusal> {
    match body.member("input") {
        None | Some(Value::Null) => Err(missing("input")),
        // A string is one user message.
        Some(Value::String(text)) => Ok(vec![message(Role::User, vec![part(text)])]),
        Some(Value::Array(items)) if items.is_empty() => {
            let message = "Invalid 'input': at least one item is required.";
            Err(Refusal::invalid_parameter("input", "empty_array", message))
        }
        Some(Value::Array(items)) => {
            items.iter().enumerate().map(|(index, item)| read_item(index, item)).collect()
        }
        Some(_) => Err(wrong_type("input", "a string or an array of items")),
    }
}

fn read_item(index: usize, item: &Value) -> Result<Turn, Refusal> {
    let kind = item.member("type").map(|kind| kind.as_str().unwrap_or(""));
    match kind {
        None | Some("message") => read_message(index, item),
        Some(kind) if OTHER_ITEMS.contains(&kind) => {
            Ok(Turn { role: Role::Other, text: String::new(), raw: item.clone() })
        }
        Some(kind) => Err(bad_value(format!("input[{index}].type"), kind)),
    }
}

fn read_message(index: usize, item: &Value) -> Result<Turn, Refusal> {
    let role = match item.member("role").and_then(Value::as_str) {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system" | "developer") => Role::Other,
        other => return Err(bad_value(format!("input[{index}].role"), other.unwrap_or(""))),
    };
    let parts = match item.member("content") {
        Some(Value::String(text)) => vec![part(text)],
        Some(Value::Array(parts)) => {
            let place = |at: usize| format!("input[{index}].content[{at}]");
            let read = |(at, part)| read_part(role, &place(at), part);
            parts.iter().enumerate().map(read).collect::<Result<_, _>>()?
        }
        _ => return Err(wrong_type(format!("input[{index}].content"), "a string or an array")),
    };
    Ok(message(role, parts))
}

/// Text becomes a bare string, so that both ways to write a message are the same message.
fn read_part(role: Role, place: &str, given: &Value) -> Result<Value, Refusal> {
    let kind = given.member("type").and_then(Value::as_str).unwrap_or("");
    match (role, kind) {
        (Role::Assistant, "output_text") | (Role::User | Role::Other, "input_text") => {
            let text = given.member("text").and_then(Value::as_str);
            text.map(part).ok_or_else(|| wrong_type(format!("{place}.text"), "a string"))
        }
        (Role::Assistant, "refusal") => Ok(given.clone()),
        (Role::User | Role::Other, "input_image" | "input_file") => Ok(given.clone()),
        _ => Err(bad_value(format!("{place}.type"), kind)),
    }
}

fn part(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn message(role: Role, parts: Vec<Value>) -> Turn {
    let text = parts.iter().filter_map(Value::as_str).collect();
    Turn { role, text, raw: Value::Array(parts) }
}

fn flag(body: &Value, name: &'static str) -> Result<Option<bool>, Refusal> {
    match body.member(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(truth)) => Ok(Some(*truth)),
        Some(_) => Err(wrong_type(name, "a boolean")),
    }
}

fn text(body: &Value, name: &'static str) -> Result<Option<String>, Refusal> {
    match body.member(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong_type(name, "a string")),
    }
}

fn missing(name: &'static str) -> Refusal {
    let message = format!("Missing required parameter: '{name}'.");
    Refusal::invalid_parameter(name, "missing_required_parameter", message)
}

fn wrong_type(parameter: impl Into<String>, expected: &str) -> Refusal {
    let parameter = parameter.into();
    let message = format!("Invalid type for '{parameter}': expected {expected}.");
    Refusal::invalid_parameter(parameter, "invalid_type", message)
}

fn bad_value(parameter: String, value: &str) -> Refusal {
    let message = format!("Invalid value: '{value}'. It is not supported for '{parameter}'.");
    Refusal::invalid_parameter(parameter, "invalid_value", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read;

    fn ask(body: &str) -> Result<Ask, Refusal> {
        let value = read(body.as_bytes()).unwrap();
        let Value::Object(members) = &value else { panic!("an object") };
        read_body(&value, members)
    }

    #[track_caller]
    fn refuses(rest: &str, param: &str, code: &str) {
        let refusal = ask(&format!(r#"{{"model":"m",{rest}}}"#)).expect_err("the body is invalid");
        assert_eq!(refusal.status(), 400);
        let body = read(&refusal.body(Wire::OpenAiResponses, "r")).unwrap();
        let error = body.member("error").unwrap();
        assert_eq!(error.member("type").and_then(Value::as_str), Some("invalid_request_error"));
        assert_eq!(error.member("param").and_then(Value::as_str), Some(param), "{rest}");
        assert_eq!(error.member("code").and_then(Value::as_str), Some(code), "{rest}");
    }

    #[test]
    fn invalid_bodies_name_the_parameter() {
        refuses(r#""stream":true"#, "input", "missing_required_parameter");
        refuses(r#""input":[]"#, "input", "empty_array");
        refuses(r#""input":7"#, "input", "invalid_type");
        refuses(r#""input":"q","messages":[]"#, "messages", "unsupported_parameter");
        refuses(r#""input":"q","max_tokens":99"#, "max_tokens", "unsupported_parameter");
        let below = "integer_below_min_value";
        refuses(r#""input":"q","max_output_tokens":15"#, "max_output_tokens", below);
        refuses(r#""input":"q","max_output_tokens":-1"#, "max_output_tokens", "invalid_type");
        refuses(r#""input":"q","stream":"yes""#, "stream", "invalid_type");
        refuses(r#""input":"q","background":1"#, "background", "invalid_type");
        refuses(r#""input":"q","instructions":[]"#, "instructions", "invalid_type");
        let unsupported = "unsupported_parameter";
        refuses(r#""input":"q","previous_response_id":"r""#, "previous_response_id", unsupported);
    }

    #[test]
    fn invalid_items_name_their_place() {
        let item = |item: &str| format!(r#""input":[{item}]"#);
        refuses(&item(r#"{"role":"tool","content":"x"}"#), "input[0].role", "invalid_value");
        refuses(&item(r#"{"type":"odd"}"#), "input[0].type", "invalid_value");
        refuses(&item(r#"{"role":"user"}"#), "input[0].content", "invalid_type");
        let part = |role: &str, kind: &str| {
            item(&format!(r#"{{"role":"{role}","content":[{{"type":"{kind}","text":"x"}}]}}"#))
        };
        let place = "input[0].content[0].type";
        refuses(&part("assistant", "input_text"), place, "invalid_value");
        refuses(&part("user", "output_text"), place, "invalid_value");
        refuses(&part("user", "text"), place, "invalid_value");
        let textless = item(r#"{"role":"user","content":[{"type":"input_text"}]}"#);
        refuses(&textless, "input[0].content[0].text", "invalid_type");
        let unnamed = ask(r#"{"input":"q"}"#).unwrap_err();
        assert_eq!(unnamed.message(), "Missing required parameter: 'model'.");
    }

    #[test]
    fn all_ways_to_write_a_message_are_the_same() {
        let turns = |input: &str| {
            ask(&format!(r#"{{"model":"m","input":{input},"max_output_tokens":16}}"#))
                .unwrap()
                .turns
        };
        let string = turns(r#""q""#);
        assert_eq!(string[0].text, "q");
        assert_eq!(string, turns(r#"[{"role":"user","content":"q"}]"#));
        let item =
            r#"[{"type":"message","role":"user","content":[{"type":"input_text","text":"q"}]}]"#;
        assert_eq!(string, turns(item));
        let other = turns(r#"[{"type":"function_call_output","output":"x"}]"#);
        assert_eq!((other[0].role, other[0].text.as_str()), (Role::Other, ""));
    }

    #[test]
    fn options_have_the_defaults_of_the_wire() {
        let plain = ask(r#"{"model":"m","input":"q"}"#).unwrap();
        let expected =
            Create { streams: false, background: false, store: true, instructions: None };
        assert_eq!(plain.create, expected);
        assert!(plain.extras.obfuscation && plain.prefill.is_none());
        let body = r#"{"model":"m","input":"q","stream":true,"background":true,"store":false,
            "instructions":"s","stream_options":{"include_obfuscation":false},"top_p":1}"#;
        let asked = ask(body).unwrap();
        let instructions = Some("s".to_owned());
        let expected = Create { streams: true, background: true, store: false, instructions };
        assert_eq!(asked.create, expected);
        assert!(!asked.extras.obfuscation);
        let names: Vec<_> = asked.fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["model", "instructions", "top_p"]);
    }
}
