//! One broken stream, driven through the public engine: cut once, then gone on with.
//!
//! What the engine asks is read off its requests, what it shows off its outputs, as a provider
//! and a consumer would.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use protocol::{Profile, RequestBody, Wire};
use resume::{AttemptId, Break, Config, Input, Origin, Output, Rung, Seam, Session};
use retry_policy::{IdempotencyKey, Nanos};
use serde_json::{Value, json};

use crate::continuation::Before;
use crate::dice::Dice;
use crate::original::Original;

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Provider {
    pub(crate) profile: Profile,
    pub(crate) model: &'static str,
}

impl Provider {
    /// On every rung that gives a seam, on both wires.
    pub(crate) const ALL: [Self; 8] = [
        Self { profile: Profile::OPENAI, model: "gpt-5" },
        Self { profile: Profile::OPENAI, model: "gpt-5" },
        Self { profile: Profile::ANTHROPIC, model: "claude-opus-5" },
        Self { profile: Profile::ANTHROPIC, model: "claude-opus-5" },
        Self { profile: Profile::ANTHROPIC, model: "claude-haiku-4-5" },
        Self { profile: Profile::DEEPSEEK_BETA, model: "deepseek-chat" },
        Self { profile: Profile::MISTRAL, model: "mistral-large" },
        Self { profile: Profile { deterministic: true, ..Profile::OPENAI }, model: "greedy" },
    ];

    fn body(self) -> Bytes {
        let user = json!([{"role": "user", "content": "Tell me."}]);
        json!({"model": self.model, "max_tokens": 4096, "messages": user}).to_string().into()
    }
}

/// A stream that was cut.
pub(crate) struct Cut {
    session: Session,
    now: Nanos,
    wire: Wire,
    attempt: AttemptId,
    /// How the engine goes on.
    pub(crate) rung: Rung,
    /// The fragment that it asks to be repeated.
    pub(crate) fragment: Option<String>,
    /// Bytes of the shown text that its request has, where it has any.
    sent: Option<usize>,
    text: String,
    seam: Option<Seam>,
    said: usize,
    held: usize,
}

/// What a consumer has in the end.
pub(crate) struct Joined {
    pub(crate) text: String,
    /// `None` when nothing of the continuation was taken.
    pub(crate) seam: Option<Seam>,
    /// UTF-16 units of the continuation that had come when its seam was decided.
    pub(crate) held: usize,
}

impl Cut {
    /// Shows all of `shown` to the consumer, and then the connection breaks.
    pub(crate) fn after(provider: Provider, shown: &str, dice: &mut Dice) -> Self {
        let wire = provider.profile.wire;
        let request = RequestBody::parse(wire, provider.body()).expect("a valid body");
        let key = IdempotencyKey::from_bytes([7; 16]);
        let config = Config::new(provider.profile);
        let now = Nanos::ZERO;
        let session = Session::new(config, &Origin::default(), request, key, 1, now);
        let mut cut = Self {
            session,
            now,
            wire,
            attempt: AttemptId(0),
            rung: Rung::Retry,
            fragment: None,
            sent: None,
            text: String::new(),
            seam: None,
            said: 0,
            held: 0,
        };
        cut.connect();
        cut.send(opening(wire));
        for piece in pieces(shown, 400, dice) {
            cut.send(delta(wire, &piece, dice));
        }
        assert_eq!(cut.text, shown, "what is no continuation is shown as it is");
        let attempt = cut.attempt;
        cut.input(Input::Broke { attempt, cause: Break::Reset });
        cut.connect();
        cut
    }

    /// What the model has before it.
    pub(crate) fn before<'a>(&'a self, original: &'a Original) -> Before<'a> {
        Before {
            text: &original.text,
            sent: self.sent.unwrap_or(original.cut),
            fragment: self.fragment.as_deref(),
        }
    }

    /// Lets the model go on, a few characters at a time, and stop.
    pub(crate) fn go_on(mut self, text: &str, dice: &mut Dice) -> Joined {
        let wire = self.wire;
        self.send(opening(wire));
        for piece in pieces(text, dice.pick(&[3, 12, 60]), dice) {
            self.said += piece.len();
            self.send(delta(wire, &piece, dice));
        }
        self.send(closing(wire));
        Joined { text: self.text, seam: self.seam, held: self.held }
    }

    /// Waits for the next request and accepts it.
    fn connect(&mut self) {
        let (attempt, rung, body) = loop {
            match self.session.poll(self.now) {
                Output::Connect(request) => break (request.attempt, request.rung, request.body),
                Output::Wait(Some(at)) => {
                    self.now = at;
                    self.session.handle(Input::Tick, at);
                }
                Output::Wait(None) | Output::Done(_) => panic!("the engine asks again"),
                _ => {}
            }
        };
        self.attempt = attempt;
        self.rung = rung;
        self.fragment = quoted(&body);
        self.sent = partial(&body).map(|partial| partial.len());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        self.input(Input::Head { attempt, status: 200, headers });
    }

    fn send(&mut self, chunk: String) {
        let attempt = self.attempt;
        self.input(Input::Body { attempt, chunk: chunk.into() });
    }

    fn input(&mut self, input: Input) {
        self.session.handle(input, self.now);
        loop {
            match self.session.poll(self.now) {
                Output::Emit { frame, .. } => {
                    self.text.push_str(&self.session.text()[frame.text]);
                }
                Output::Seam(seam) => {
                    self.seam = Some(seam);
                    self.held = self.said;
                }
                Output::Wait(_) | Output::Done(_) => return,
                _ => {}
            }
        }
    }
}

/// The fragment that the last message of a request quotes.
fn quoted(body: &[u8]) -> Option<String> {
    let last = messages(body).pop()?;
    let (_, from) = last.words.split_once("reached me: «")?;
    let (fragment, _) = from.rsplit_once("» Please go on")?;
    Some(fragment.to_owned())
}

/// The part of the answer that a request shows to the model.
fn partial(body: &[u8]) -> Option<String> {
    messages(body).into_iter().rev().find(|message| message.is_answer).map(|message| message.words)
}

struct Message {
    is_answer: bool,
    words: String,
}

fn messages(body: &[u8]) -> Vec<Message> {
    let body: Value = serde_json::from_slice(body).expect("bodies are JSON");
    let messages = body["messages"].as_array().expect("there are messages");
    let words =
        |content: &Value| content.as_str().or(content[0]["text"].as_str()).map(str::to_owned);
    let read = messages.iter().map(|message| Message {
        is_answer: message["role"] == "assistant",
        words: words(&message["content"]).unwrap_or_default(),
    });
    read.collect()
}

/// Cuts a text into pieces of up to so many UTF-16 units, which may cut a character in two.
fn pieces(text: &str, units_max: usize, dice: &mut Dice) -> Vec<Vec<u16>> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut rest = units.as_slice();
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(dice.between(1, units_max).min(rest.len()));
        pieces.push(piece.to_vec());
        rest = after;
    }
    pieces
}

fn opening(wire: Wire) -> String {
    match wire {
        Wire::AnthropicMessages => concat!(
            "event: message_start\n",
            r#"data: {"type":"message_start","message":{"id":"m","model":"c","usage":{}}}"#,
            "\n\nevent: content_block_start\n",
            r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            "\n\n"
        )
        .to_owned(),
        _ => chunk(r#"{"role":"assistant","content":""}"#, "null"),
    }
}

fn delta(wire: Wire, piece: &[u16], dice: &mut Dice) -> String {
    let text = escape(piece, dice.percent(20));
    match wire {
        Wire::AnthropicMessages => format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
        ),
        _ => chunk(&format!(r#"{{"content":"{text}"}}"#), "null"),
    }
}

fn closing(wire: Wire) -> String {
    match wire {
        Wire::AnthropicMessages => concat!(
            "event: content_block_stop\n",
            r#"data: {"type":"content_block_stop","index":0}"#,
            "\n\nevent: message_delta\n",
            r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#,
            "\n\nevent: message_stop\n",
            r#"data: {"type":"message_stop"}"#,
            "\n\n"
        )
        .to_owned(),
        _ => chunk("{}", r#""stop""#) + "data: [DONE]\n\n",
    }
}

fn chunk(delta: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"c\",\"created\":1,\"model\":\"g\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    )
}

/// The inside of a JSON string; halves of a character can only be escapes.
fn escape(units: &[u16], all: bool) -> String {
    let mut out = String::new();
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(c @ ('"' | '\\')) => out.extend(['\\', c]),
            Ok(c) if c >= ' ' && (c.is_ascii() || !all) => out.push(c),
            Ok(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            Err(half) => out.push_str(&format!("\\u{:04x}", half.unpaired_surrogate())),
        }
    }
    out
}
