//! The caller's request: bodies with fields that nobody here knows, and the rule that a
//! continuation keeps every one of them.

use protocol::Wire;
use serde_json::Value;

use crate::dice::Dice;

/// Members that a continuation may add, change or leave out.
const OURS: [&str; 8] = [
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "stream",
    "stream_options",
    "add_generation_prompt",
    "continue_final_message",
    "chat_template_kwargs",
];

/// The request as the caller wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) body: String,
    value: Value,
    /// What the caller's own last message begins the answer with.
    begun: String,
    continuable: bool,
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// The caller's own messages.
    Afresh,
    /// To continue this partial answer.
    Prefill(String),
    /// The partial answer, and the user's message after it.
    Instruct(String, String),
}

impl Caller {
    pub(crate) fn draw(wire: Wire, model: &str, takes_prefill: bool, dice: &mut Dice) -> Self {
        let mut members = vec![format!(r#""model":"{model}""#)];
        let begun = if takes_prefill && dice.percent(8) { "Once upon a" } else { "" };
        members.push(format!(r#""messages":{}"#, messages(begun, dice)));
        if wire == Wire::AnthropicMessages || dice.percent(40) {
            let name = if wire == Wire::OpenAiChat && dice.percent(50) {
                "max_completion_tokens"
            } else {
                "max_tokens"
            };
            members.push(format!(r#""{name}": {}"#, 4096));
        }
        let optional = [
            r#""temperature":0.70"#,
            r#""metadata" : {"user_id":"u-1","n":1.0e0}"#,
            r#""x_unknown":[1,{"a":null},"\u00e9\/"]"#,
            r#""tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}]"#,
            r#""tool_choice":{"type":"auto"}"#,
            r#""stream":true"#,
            r#""stream":false"#,
        ];
        for (at, member) in optional.iter().enumerate() {
            let twice = at == 6 && members.iter().any(|have| have.starts_with(r#""stream""#));
            if dice.percent(30) && !twice {
                members.push((*member).to_owned());
            }
        }
        if wire == Wire::AnthropicMessages && dice.percent(50) {
            members.push(r#""system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}]"#.to_owned());
        }
        if wire == Wire::OpenAiChat && dice.percent(30) {
            members.push(r#""stream_options":{"include_usage":true}"#.to_owned());
        }
        let continuable = !dice.percent(3);
        if !continuable {
            let name = if wire == Wire::OpenAiChat { "response_format" } else { "output_format" };
            members.push(format!(r#""{name}":{{"type":"json_schema","schema":{{}}}}"#));
        }
        let gap = dice.pick(&[",", ", ", ",\n  "]);
        let body = format!("{{{}}}", members.join(gap));
        let value = serde_json::from_str(&body).expect("the caller writes JSON");
        Self { body, value, begun: begun.to_owned(), continuable }
    }

    pub(crate) const fn is_continuable(&self) -> bool {
        self.continuable
    }

    pub(crate) fn wants_usage(&self) -> bool {
        self.value["stream_options"]["include_usage"] == Value::Bool(true)
    }

    /// Whether an answer continues a message that the caller began.
    pub(crate) fn has_begun(&self) -> bool {
        !self.begun.is_empty()
    }

    /// Reads a request, and checks that it is the caller's but for what a rung may change.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Asks, String> {
        let sent: Value =
            serde_json::from_slice(body).map_err(|error| format!("body is no JSON: {error}"))?;
        let (ours, theirs) = (members(&self.value)?, members(&sent)?);
        for (name, value) in ours {
            if !OURS.contains(&name.as_str()) && theirs.get(name) != Some(value) {
                return Err(format!("the caller's {name} was changed"));
            }
        }
        if let Some(name) =
            theirs.keys().find(|name| !OURS.contains(&name.as_str()) && !ours.contains_key(*name))
        {
            return Err(format!("{name} was added"));
        }
        if sent["stream"] != Value::Bool(true) {
            return Err("no stream was asked for".to_owned());
        }
        self.check_limits(&sent)?;
        self.read_messages(&sent)
    }

    fn check_limits(&self, sent: &Value) -> Result<(), String> {
        for name in ["max_tokens", "max_completion_tokens"] {
            let (ours, theirs) = (&self.value[name], &sent[name]);
            if ours.is_null() != theirs.is_null() {
                return Err(format!("{name} came or went"));
            }
            if let (Some(ours), Some(theirs)) = (ours.as_u64(), theirs.as_u64())
                && !(1..=ours).contains(&theirs)
            {
                return Err(format!("{name} became {theirs}"));
            }
        }
        Ok(())
    }

    fn read_messages(&self, sent: &Value) -> Result<Asks, String> {
        let (ours, theirs) = (list(&self.value["messages"])?, list(&sent["messages"])?);
        if ours == theirs {
            return Ok(Asks::Afresh);
        }
        let kept = ours.len() - usize::from(self.has_begun());
        if theirs.get(..kept) != Some(&ours[..kept]) {
            return Err("the caller's messages were changed".to_owned());
        }
        let added = &theirs[kept..];
        let text = |at: usize, role: &str| match added.get(at) {
            Some(message) if message["role"] == role => text_of(&message["content"]),
            _ => Err(format!("message {at} after the caller's is not the {role}'s")),
        };
        let whole = text(0, "assistant")?;
        let partial = whole
            .strip_prefix(self.begun.as_str())
            .ok_or_else(|| "what the caller began is gone".to_owned())?
            .to_owned();
        match added.len() {
            1 => Ok(Asks::Prefill(partial)),
            2 => Ok(Asks::Instruct(partial, text(1, "user")?)),
            many => Err(format!("{many} messages after the caller's")),
        }
    }
}

fn messages(begun: &str, dice: &mut Dice) -> String {
    let mut messages = Vec::new();
    if dice.percent(20) {
        messages.push(
            r#"{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello «you»"}"#
                .to_owned(),
        );
    }
    messages.push(if dice.percent(50) {
        r#"{"role":"user","content":"Write, please."}"#.to_owned()
    } else {
        r#"{"content":[{"type":"text","text":"Write, \u0070lease.","cache_control":{"type":"ephemeral"}}],"role":"user"}"#.to_owned()
    });
    if !begun.is_empty() {
        messages.push(format!(r#"{{"role":"assistant","content":"{begun}"}}"#));
    }
    format!("[{}]", messages.join(","))
}

fn members(value: &Value) -> Result<&serde_json::Map<String, Value>, String> {
    value.as_object().ok_or_else(|| "body is no object".to_owned())
}

fn list(value: &Value) -> Result<&[Value], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| "messages are no list".to_owned())
}

fn text_of(content: &Value) -> Result<String, String> {
    let text = match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            blocks.iter().map(|block| block["text"].as_str().unwrap_or_default()).collect()
        }
        _ => String::new(),
    };
    if text.is_empty() { Err("a message without text".to_owned()) } else { Ok(text) }
}
