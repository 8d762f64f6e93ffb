//! The caller's request: bodies with fields that nobody here knows, and the rule that a
//! continuation keeps every one of them.

mod body;

use protocol::Wire;
use serde_json::{Value, json};

use crate::dice::Dice;
use body::Draft;

/// Members that a continuation may add, change or leave out, on any wire.
const OURS: [&str; 11] = [
    "messages",
    "input",
    "contents",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "stream",
    "stream_options",
    "add_generation_prompt",
    "continue_final_message",
    "chat_template_kwargs",
];

/// The request as the caller wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    wire: Wire,
    /// The provider is to keep the response, by the caller's wish or by ours.
    kept: bool,
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
        let draft = match wire {
            Wire::OpenAiResponses => Draft::responses(model, false, dice),
            Wire::Gemini => Draft::gemini(model, dice),
            _ => Draft::messages(wire, model, takes_prefill, dice),
        };
        Self::write(wire, draft, dice)
    }

    /// One whose response the provider is to keep; whether the caller says so itself.
    pub(crate) fn draw_kept(model: &str, dice: &mut Dice) -> (Self, bool) {
        let says = dice.percent(50);
        let draft = Draft::responses(model, says, dice);
        let caller = Self::write(Wire::OpenAiResponses, draft, dice);
        (Self { kept: true, ..caller }, says)
    }

    fn write(wire: Wire, draft: Draft, dice: &mut Dice) -> Self {
        let Draft { members, begun, continuable } = draft;
        let gap = dice.pick(&[",", ", ", ",\n  "]);
        let body = format!("{{{}}}", members.join(gap));
        let value = serde_json::from_str(&body).expect("the caller writes JSON");
        Self { wire, kept: false, body, value, begun: begun.to_owned(), continuable }
    }

    /// The path of every request that asks for an answer.
    pub(crate) fn path(&self) -> String {
        match self.wire {
            Wire::AnthropicMessages => "/messages".to_owned(),
            Wire::OpenAiChat => "/chat/completions".to_owned(),
            Wire::OpenAiResponses => "/responses".to_owned(),
            Wire::Gemini => {
                let model = self.value["model"].as_str().unwrap_or_default();
                format!("/models/{model}:streamGenerateContent?alt=sse")
            }
        }
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
        let (mut ours, theirs) = (members(&self.value)?.clone(), members(&sent)?);
        if self.wire == Wire::Gemini {
            // The path says it.
            ours.remove("model");
            cap(&mut ours, &sent)?;
        }
        if self.kept {
            ours.extend([
                ("background".to_owned(), true.into()),
                ("store".to_owned(), true.into()),
            ]);
        }
        for (name, value) in &ours {
            if !OURS.contains(&name.as_str()) && theirs.get(name) != Some(value) {
                return Err(format!("the caller's {name} was changed"));
            }
        }
        if let Some(name) =
            theirs.keys().find(|name| !OURS.contains(&name.as_str()) && !ours.contains_key(*name))
        {
            return Err(format!("{name} was added"));
        }
        if (sent["stream"] == true) == (self.wire == Wire::Gemini) {
            return Err("no stream was asked for".to_owned());
        }
        self.check_limits(&sent)?;
        self.read_messages(&sent)
    }

    fn check_limits(&self, sent: &Value) -> Result<(), String> {
        for name in ["max_tokens", "max_completion_tokens", "max_output_tokens"] {
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
        let name = match self.wire {
            Wire::OpenAiResponses => "input",
            Wire::Gemini => "contents",
            _ => "messages",
        };
        if self.value[name] == sent[name] {
            return Ok(Asks::Afresh);
        }
        let ours = match &self.value[name] {
            Value::String(text) => &[json!({"type": "message", "role": "user", "content": text})],
            value => list(value)?,
        };
        let theirs = list(&sent[name])?;
        let kept = ours.len() - usize::from(self.has_begun());
        if theirs.get(..kept) != Some(&ours[..kept]) {
            return Err("the caller's messages were changed".to_owned());
        }
        let added = &theirs[kept..];
        let text = |at: usize, role: &str| match added.get(at) {
            Some(message) if message["role"] == role => {
                text_of(message.get("content").unwrap_or(&message["parts"]))
            }
            _ => Err(format!("message {at} after the caller's is not the {role}'s")),
        };
        let whole = text(0, if self.wire == Wire::Gemini { "model" } else { "assistant" })?;
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

/// Takes over the limit of a request of Gemini's wire, which may be lower than the caller's.
fn cap(ours: &mut serde_json::Map<String, Value>, sent: &Value) -> Result<(), String> {
    const LIMIT: &str = "maxOutputTokens";
    let theirs = &sent["generationConfig"][LIMIT];
    let Some(limit) = ours.get_mut("generationConfig").and_then(|it| it.get_mut(LIMIT)) else {
        return Ok(());
    };
    match (limit.as_u64(), theirs.as_u64()) {
        (Some(most), Some(tokens)) if (1..=most).contains(&tokens) => *limit = theirs.clone(),
        _ => return Err(format!("{LIMIT} became {theirs}")),
    }
    Ok(())
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
