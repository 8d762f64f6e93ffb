//! The body of `POST …/models/{model}:streamGenerateContent`, read as strictly as the wire reads it.
//! The model and whether to stream stand in the path; tools are declared and hardly ever called.

use crate::ask::{Ask, Create, Extras, Role, Turn};
use crate::control::percent_decode;
use crate::http::Request;
use crate::json::Value;
use crate::refusal::Refusal;
use crate::text::Wish;
use crate::wire::{Frames, Parts, Wire, gemini_call};

/// The members of a body in the reference; each is taken in two spellings. The model is the path's.
const KNOWN: [&str; 10] = [
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "cachedContent",
    "labels",
    "serviceTier",
    "store",
];

/// What a part can hold.
const PART: [&str; 9] = [
    "text",
    "inlineData",
    "inline_data",
    "fileData",
    "file_data",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
];

/// Reads the body of a request that asks for an answer.
pub(super) fn read_body(request: &Request, members: &[(String, Value)]) -> Result<Ask, Refusal> {
    let (model, streams) = gemini_call(request.path()).ok_or_else(|| Refusal::of_status(404))?;
    if streams && parameter(&request.target, "alt") != Some("sse") {
        return Err(Refusal::invalid("alt: must be sse, this server streams nothing else"));
    }
    if let Some((name, _)) = members.iter().find(|(name, _)| !KNOWN.contains(&camel(name).as_str()))
    {
        let message =
            format!(r#"Invalid JSON payload received. Unknown name "{name}": Cannot find field."#);
        return Err(Refusal::invalid(message));
    }
    let member = |wanted| members.iter().find(|(name, _)| camel(name) == wanted).map(|(_, v)| v);
    let turns = read_contents(member("contents"))?;
    let config = member("generationConfig");
    let prompt = turns.iter().find(|turn| turn.role == Role::User).map_or("", |turn| &turn.text);
    let parts = Parts {
        thoughts: asks_for_thoughts(config),
        call: member("tools").is_some()
            && prompt.split_whitespace().any(|word| word == "mock:call"),
        blocked: Wish::read(prompt).blocked,
    };
    Ok(Ask {
        wire: Wire::Gemini,
        model: percent_decode(model),
        max_tokens: read_bound(config)?,
        extras: Extras { usage: true, parts, ..Extras::default() },
        // A turn of the model at the end gets a new answer.
        prefill: None,
        fields: callers_own(members),
        turns,
        create: Create { streams, ..Create::default() },
        frames: Frames::of(request),
    })
}

/// The value of a parameter, as it stands in the query.
pub(super) fn parameter<'t>(target: &'t str, name: &str) -> Option<&'t str> {
    let (_, query) = target.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// A name in the spelling of the documentation.
fn camel(name: &str) -> String {
    let mut pieces = name.split('_');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |name, piece| {
        let (head, tail) = piece.split_at(piece.chars().next().map_or(0, char::len_utf8));
        name + &head.to_ascii_uppercase() + tail
    })
}

fn setting<'v>(config: Option<&'v Value>, name: &str) -> Option<&'v Value> {
    let Value::Object(members) = config? else { return None };
    let found = members.iter().find(|(given, _)| camel(given) == name).map(|(_, value)| value);
    found.filter(|value| **value != Value::Null)
}

fn asks_for_thoughts(config: Option<&Value>) -> bool {
    let thinking = setting(config, "thinkingConfig");
    setting(thinking, "includeThoughts").and_then(Value::as_bool) == Some(true)
}

fn read_bound(config: Option<&Value>) -> Result<Option<u64>, Refusal> {
    let Some(given) = setting(config, "maxOutputTokens") else { return Ok(None) };
    match given.as_u64() {
        Some(bound) if bound >= 1 => Ok(Some(bound)),
        _ => Err(Refusal::invalid(
            "* GenerateContentRequest.generation_config.max_output_tokens: max_output_tokens must be positive.",
        )),
    }
}

/// The caller's own fields, those of the configuration one by one.
fn callers_own(members: &[(String, Value)]) -> Vec<(String, Value)> {
    let mut own = Vec::new();
    for (name, value) in members {
        match (camel(name).as_str(), value) {
            ("contents" | "toolConfig", _) => {}
            ("generationConfig", Value::Object(settings)) => {
                let settings = settings.iter().filter(|(name, _)| {
                    !matches!(camel(name).as_str(), "maxOutputTokens" | "stopSequences")
                });
                own.extend(settings.cloned());
            }
            (name, value) => own.push((name.to_owned(), value.clone())),
        }
    }
    own
}

fn read_contents(contents: Option<&Value>) -> Result<Vec<Turn>, Refusal> {
    match contents.and_then(Value::as_array) {
        None | Some([]) => {
            Err(Refusal::invalid("* GenerateContentRequest.contents: contents is not specified"))
        }
        Some(contents) => {
            contents.iter().enumerate().map(|(at, content)| read_turn(at, content)).collect()
        }
    }
}

fn read_turn(at: usize, content: &Value) -> Result<Turn, Refusal> {
    let role = match content.member("role").map(|role| role.as_str().unwrap_or("")) {
        None | Some("user") => Role::User,
        Some("model") => Role::Assistant,
        Some("function") => Role::Other,
        Some(_) => return Err(Refusal::invalid("Please use a valid role: user, model.")),
    };
    let parts = content.member("parts").and_then(Value::as_array).unwrap_or_default();
    if parts.is_empty() {
        return Err(Refusal::invalid(format!(
            "* GenerateContentRequest.contents[{at}].parts: contents.parts must not be empty."
        )));
    }
    let mut text = String::new();
    for part in parts {
        if !PART.iter().any(|name| part.member(name).is_some()) {
            let place = format!("contents[{at}].parts");
            return Err(Refusal::invalid(format!(
                "* GenerateContentRequest.{place}: required oneof field 'data' must have one initialized field"
            )));
        }
        let is_thought = part.member("thought").and_then(Value::as_bool) == Some(true);
        if !is_thought {
            text += part.member("text").and_then(Value::as_str).unwrap_or_default();
        }
    }
    Ok(Turn { role, text, raw: content.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::http::RequestParser;

    const PATH: &str = "/v1beta/models/m:streamGenerateContent?alt=sse";

    fn ask(target: &str, body: &str) -> Result<Ask, Refusal> {
        let mut parser = RequestParser::new(&Limits::default());
        let bytes =
            format!("POST {target} HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        parser.buffer().extend_from_slice(bytes.as_bytes());
        Ask::read(Wire::Gemini, &parser.next().unwrap().unwrap())
    }

    #[track_caller]
    fn refuses(body: &str, message: &str) {
        let refusal = ask(PATH, body).expect_err("the body is invalid");
        assert_eq!(refusal.status(), 400);
        assert!(refusal.message().contains(message), "{}", refusal.message());
    }

    #[test]
    fn bodies_are_read_strictly() {
        refuses("{}", "contents is not specified");
        refuses(r#"{"contents":[]}"#, "contents is not specified");
        refuses(r#"{"contents":[{"parts":[]}]}"#, "contents[0].parts");
        refuses(r#"{"contents":[{"parts":[{}]}]}"#, "'data'");
        refuses(r#"{"contents":[{"role":"assistant","parts":[{"text":"q"}]}]}"#, "a valid role");
        let said = r#""contents":[{"parts":[{"text":"q"}]}]"#;
        refuses(&format!(r#"{{{said},"stream":true}}"#), r#"Unknown name "stream""#);
        refuses(&format!(r#"{{{said},"model":"m"}}"#), r#"Unknown name "model""#);
        let bound = r#""generationConfig":{"maxOutputTokens":0}"#;
        refuses(&format!("{{{said},{bound}}}"), "must be positive");
        let plain = ask("/models/m:streamGenerateContent", &format!("{{{said}}}"));
        assert!(plain.unwrap_err().message().starts_with("alt:"));
    }

    #[test]
    fn both_spellings_say_the_same() {
        let asks = [
            r#"{"contents":[{"parts":[{"text":"a"},{"text":"t","thought":true},{"text":"b"}]}],"generationConfig":{"maxOutputTokens":7,"thinkingConfig":{"includeThoughts":true}}}"#,
            r#"{"contents":[{"parts":[{"text":"ab"}]}],"generation_config":{"max_output_tokens":7,"thinking_config":{"include_thoughts":true}}}"#,
        ];
        for body in asks {
            let ask = ask(PATH, body).unwrap();
            assert_eq!((ask.prompt(), ask.model.as_str(), ask.max_tokens), ("ab", "m", Some(7)));
            assert!(ask.extras.parts.thoughts && ask.create.streams);
        }
    }

    #[test]
    fn settings_are_the_callers_own_one_by_one() {
        let body = r#"{"contents":[{"parts":[{"text":"mock:call"}]}],"tools":[],"toolConfig":{},
            "generationConfig":{"temperature":0.5,"maxOutputTokens":9}}"#;
        let ask = ask("/models/m:generateContent", body).unwrap();
        let names: Vec<_> = ask.fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["tools", "temperature"]);
        assert!(ask.extras.parts.call && !ask.create.streams);
    }
}
