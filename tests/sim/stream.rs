//! The literal bytes of a response, event by event, and what each event says. One file for a
//! wire, written by hand from its documentation; nothing of the code under test is used.

mod chat;
mod gemini;
mod messages;
mod responses;

use protocol::Wire;

use crate::dice::Dice;
use crate::scenario::{Halves, Shape};

/// One event of a response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Event {
    pub(crate) bytes: Vec<u8>,
    /// The text that it adds.
    pub(crate) text: String,
    /// It is a token of the answer.
    pub(crate) token: bool,
    /// It says why the model stopped.
    pub(crate) stops: bool,
    /// It is only a sign of life.
    pub(crate) beats: bool,
    /// Its number in a response that the provider keeps.
    pub(crate) number: Option<usize>,
}

/// How a server writes what the wire leaves open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    newline: &'static str,
    bom: bool,
    /// A space after the colon.
    space: &'static str,
    /// Non-ASCII characters as escapes.
    ascii: bool,
    /// Without event names, as some proxies do it.
    unnamed: bool,
    /// Comments and pings between the events, in percent.
    noise: usize,
    /// It says in one event what others say in two: the role with the first token (chat), the
    /// reason of the stop with the last (Gemini). Or it says what others leave out (Responses).
    eager: bool,
}

impl Style {
    /// Puts signs of life between events, and a mark before the first.
    pub(crate) fn dress(self, quiet: Vec<Event>, beat: &Event, dice: &mut Dice) -> Vec<Event> {
        let mut events = Vec::with_capacity(quiet.len());
        for (at, event) in quiet.into_iter().enumerate() {
            if self.noise > 0 && at > 0 && dice.percent(self.noise) {
                events.push(beat.clone());
            }
            events.push(event);
        }
        if let (true, Some(first)) = (self.bom, events.first_mut()) {
            first.bytes.splice(0..0, *b"\xEF\xBB\xBF");
        }
        events
    }

    pub(crate) fn draw(dice: &mut Dice) -> Self {
        Self {
            newline: dice.weigh(&[(6, "\n"), (2, "\r\n"), (1, "\r")]),
            bom: dice.percent(5),
            space: dice.weigh(&[(6, " "), (1, "")]),
            ascii: dice.percent(20),
            unnamed: dice.percent(10),
            noise: dice.weigh(&[(3, 0), (1, 12)]),
            eager: dice.percent(30),
        }
    }

    /// The same in the middle of a body.
    pub(crate) const fn going_on(self) -> Self {
        Self { bom: false, ..self }
    }
}

/// What a response says, before it is written.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) wire: Wire,
    pub(crate) id: String,
    pub(crate) tokens: Vec<String>,
    pub(crate) shape: Shape,
    /// The chat wire's extra chunk with token counts.
    pub(crate) usage: bool,
    /// The events have numbers (Responses).
    pub(crate) numbered: bool,
    /// The provider keeps the response (Responses).
    pub(crate) is_kept: bool,
    pub(crate) style: Style,
}

/// The text of one delta, and what of a character that is cut in two stands around it.
#[derive(Clone, Debug, Default)]
struct Piece {
    /// The text that is whole with this delta.
    text: String,
    /// The bytes of its JSON string.
    json: Vec<u8>,
    /// It begins with the second half of a character.
    goes_on: bool,
}

/// Stands in an event where the JSON string of a piece belongs.
const PLACE: &str = "\"@piece@\"";

/// The arguments of the tool call, in the pieces in which they come.
pub(crate) const TOOL_PIECES: [&str; 3] = ["{\"city\":", " \"Se\u{f3}ul\",", "\"n\": 1}"];

impl Script {
    pub(crate) fn write(&self, dice: &mut Dice) -> Vec<Event> {
        let quiet = self.compose(dice);
        self.dress(quiet, dice)
    }

    /// What is said, without signs of life.
    pub(crate) fn compose(&self, dice: &mut Dice) -> Vec<Event> {
        let pieces = self.pieces(dice);
        match self.wire {
            Wire::AnthropicMessages => self.messages(&pieces),
            Wire::OpenAiChat => self.chat(&pieces),
            Wire::OpenAiResponses => self.responses(&pieces),
            Wire::Gemini => self.gemini(&pieces),
        }
    }

    /// The events as the body of one response.
    pub(crate) fn dress(&self, quiet: Vec<Event>, dice: &mut Dice) -> Vec<Event> {
        self.style.dress(quiet, &self.heartbeat(), dice)
    }

    pub(crate) fn heartbeat(&self) -> Event {
        let newline = self.style.newline;
        match self.wire {
            Wire::AnthropicMessages => {
                Event { beats: true, ..self.event("ping", r#"{"type": "ping"}"#) }
            }
            _ => Event {
                beats: true,
                bytes: format!(": OPENROUTER PROCESSING{newline}{newline}").into_bytes(),
                ..Event::default()
            },
        }
    }

    /// An event that is no JSON.
    pub(crate) fn malformed(&self) -> Event {
        match self.wire {
            Wire::AnthropicMessages => {
                self.event("content_block_delta", r#"{"type":"content_block_delta","index":0,"#)
            }
            Wire::OpenAiChat => {
                self.event("", r#"{"id":"x","choices":[{"index":0,"delta":{"content":"a"#)
            }
            Wire::OpenAiResponses => self.event(
                "response.output_text.delta",
                r#"{"type":"response.output_text.delta","item_id":"x","output_index":0,"delta":"#,
            ),
            Wire::Gemini => self.event("", r#"{"candidates": [{"content": {"parts": [{"text": "a"#),
        }
    }

    /// An error behind so many events.
    pub(crate) fn error(&self, fatal: bool, events: usize) -> Event {
        let kind = match (self.wire, fatal) {
            (_, true) => "invalid_request_error",
            (Wire::AnthropicMessages, false) => "overloaded_error",
            (_, false) => "server_error",
        };
        let error = format!(r#""error":{{"type":"{kind}","message":"Something went wrong"}}"#);
        match self.wire {
            Wire::AnthropicMessages => {
                self.event("error", &format!(r#"{{"type":"error",{error}}}"#))
            }
            Wire::OpenAiChat => self.event("", &format!("{{{error}}}")),
            Wire::OpenAiResponses => self.responses_error(fatal, events),
            Wire::Gemini => self.gemini_error(fatal),
        }
    }

    fn event(&self, name: &str, data: &str) -> Event {
        let Style { newline, space, unnamed, .. } = self.style;
        let mut text = String::with_capacity(name.len() + data.len() + 24);
        if !name.is_empty() && !unnamed {
            text.push_str(&format!("event:{space}{name}{newline}"));
        }
        text.push_str(&format!("data:{space}{data}{newline}{newline}"));
        Event { bytes: text.into_bytes(), ..Event::default() }
    }

    fn pieces(&self, dice: &mut Dice) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            let bytes_min = match self.shape.halves {
                Halves::Never => usize::MAX,
                Halves::Surrogates => 4,
                Halves::Bytes => 2,
            };
            let cut = token.char_indices().find(|(_, c)| c.len_utf8() >= bytes_min);
            match cut.filter(|_| dice.percent(60)) {
                Some((at, c)) => pieces.extend(self.halve(token, at, c, dice)),
                None => pieces.push(self.piece(token, [&[], &[]], token)),
            }
        }
        pieces
    }

    /// Two pieces of a token, cut inside its character at this byte.
    fn halve(&self, token: &str, at: usize, c: char, dice: &mut Dice) -> [Piece; 2] {
        let (before, after) = (&token[..at], &token[at + c.len_utf8()..]);
        let (head, tail) = if self.shape.halves == Halves::Surrogates {
            let mut units = [0; 2];
            c.encode_utf16(&mut units);
            let [high, low] = units.map(|unit| format!("\\u{unit:04x}").into_bytes());
            (high, low)
        } else {
            let bytes = c.to_string().into_bytes();
            let (head, tail) = bytes.split_at(dice.between(1, bytes.len() - 1));
            (head.to_vec(), tail.to_vec())
        };
        let first = self.piece(before, [&[], &head], before);
        let second = self.piece(after, [&tail, &[]], &token[at..]);
        [first, Piece { goes_on: true, ..second }]
    }

    fn piece(&self, plain: &str, [before, after]: [&[u8]; 2], text: &str) -> Piece {
        let quoted = self.json(plain);
        let inner = &quoted.as_bytes()[1..quoted.len() - 1];
        let json = [b"\"", before, inner, after, b"\""].concat();
        Piece { text: text.to_owned(), json, goes_on: false }
    }

    fn json(&self, text: &str) -> String {
        let plain = serde_json::to_string(text).expect("a text is JSON");
        if !self.style.ascii {
            return plain;
        }
        let mut out = String::new();
        for c in plain.chars() {
            if c.is_ascii() {
                out.push(c);
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        out
    }
}

/// Puts the piece where its event has a place for it.
fn fill(event: Event, piece: &Piece) -> Event {
    let place = event.bytes.windows(PLACE.len()).position(|window| window == PLACE.as_bytes());
    let at = place.expect("the event has a place for a piece");
    let mut bytes = event.bytes;
    bytes.splice(at..at + PLACE.len(), piece.json.iter().copied());
    Event { bytes, text: piece.text.clone(), token: true, ..event }
}
