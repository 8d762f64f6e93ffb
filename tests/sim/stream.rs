//! The literal bytes of a response on both wires, event by event, and what each event says.
//! Written by hand from the wires' documentation; nothing of the code under test is used.

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
    /// The role comes with the first token (chat).
    eager: bool,
}

impl Style {
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
pub(crate) struct Script<'a> {
    pub(crate) wire: Wire,
    pub(crate) id: String,
    pub(crate) tokens: Vec<&'a str>,
    pub(crate) shape: Shape,
    /// The chat wire's extra chunk with token counts.
    pub(crate) usage: bool,
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

impl Script<'_> {
    pub(crate) fn write(&self, dice: &mut Dice) -> Vec<Event> {
        let pieces = self.pieces(dice);
        let mut events = match self.wire {
            Wire::AnthropicMessages => self.messages(&pieces),
            _ => self.chat(&pieces),
        };
        if self.style.noise > 0 {
            let quiet = std::mem::take(&mut events);
            for (at, event) in quiet.into_iter().enumerate() {
                if at > 0 && dice.percent(self.style.noise) {
                    events.push(self.heartbeat());
                }
                events.push(event);
            }
        }
        if let (true, Some(first)) = (self.style.bom, events.first_mut()) {
            first.bytes.splice(0..0, *b"\xEF\xBB\xBF");
        }
        events
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

    pub(crate) fn malformed(&self) -> Event {
        match self.wire {
            Wire::AnthropicMessages => {
                self.event("content_block_delta", r#"{"type":"content_block_delta","index":0,"#)
            }
            _ => self.event("", r#"{"id":"x","choices":[{"index":0,"delta":{"content":"a"#),
        }
    }

    pub(crate) fn error(&self, fatal: bool) -> Event {
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
            _ => self.event("", &format!("{{{error}}}")),
        }
    }

    fn messages(&self, pieces: &[Piece]) -> Vec<Event> {
        let mut events = vec![self.event(
            "message_start",
            &format!(
                r#"{{"type":"message_start","message":{{"id":"{}","type":"message","role":"assistant","content":[],"model":"m","stop_reason":null,"usage":{{"input_tokens":9,"output_tokens":1}}}}}}"#,
                self.id
            ),
        )];
        let mut index = 0;
        if self.shape.thinks {
            events.push(self.open(index, r#"{"type":"thinking","thinking":"","signature":""}"#));
            for part in [
                r#"{"type":"thinking_delta","thinking":"Let me think. "}"#,
                r#"{"type":"signature_delta","signature":"c2ln"}"#,
            ] {
                events.push(self.delta(index, part));
            }
            events.push(self.close(index));
            index += 1;
        }
        // An answer without text has no text block.
        let mut middle = if self.shape.blocks { pieces.len() / 2 } else { 0 };
        middle += usize::from(pieces.get(middle).is_some_and(|piece| piece.goes_on));
        let (first, second) = pieces.split_at(middle);
        for pieces in [first, second] {
            if pieces.is_empty() {
                continue;
            }
            events.push(self.open(index, r#"{"type":"text","text":""}"#));
            for piece in pieces {
                let part = format!(r#"{{"type":"text_delta","text":{PLACE}}}"#);
                events.push(fill(self.delta(index, &part), piece));
            }
            events.push(self.close(index));
            index += 1;
        }
        if self.shape.calls {
            events.push(
                self.open(index, r#"{"type":"tool_use","id":"toolu_1","name":"f","input":{}}"#),
            );
            for piece in TOOL_PIECES {
                let part =
                    format!(r#"{{"type":"input_json_delta","partial_json":{}}}"#, self.json(piece));
                events.push(self.delta(index, &part));
            }
            events.push(self.close(index));
        }
        let stop = format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"{}","stop_sequence":null}},"usage":{{"output_tokens":{}}}}}"#,
            self.shape.stop,
            self.tokens.len()
        );
        events.push(Event { stops: true, ..self.event("message_delta", &stop) });
        events.push(self.event("message_stop", r#"{"type":"message_stop"}"#));
        events
    }

    fn chat(&self, pieces: &[Piece]) -> Vec<Event> {
        let mut events = Vec::new();
        let mut role = r#""role":"assistant","#;
        if !self.style.eager || self.tokens.is_empty() {
            events.push(self.chunk(&format!(r#"{{{role}"content":""}}"#), "null"));
            role = "";
        }
        if self.shape.thinks {
            events.push(
                self.chunk(&format!(r#"{{{role}"reasoning_content":"Hm, let me see."}}"#), "null"),
            );
            role = "";
        }
        for piece in pieces {
            let delta = format!(r#"{{{role}"content":{PLACE}}}"#);
            role = "";
            events.push(fill(self.chunk(&delta, "null"), piece));
        }
        if self.shape.calls {
            for (at, piece) in TOOL_PIECES.iter().enumerate() {
                let head = if at == 0 { r#""id":"call_1","type":"function","# } else { "" };
                let name = if at == 0 { r#""name":"f","# } else { "" };
                let delta = format!(
                    r#"{{"tool_calls":[{{"index":0,{head}"function":{{{name}"arguments":{}}}}}]}}"#,
                    self.json(piece)
                );
                events.push(self.chunk(&delta, "null"));
            }
        }
        let reason = format!("\"{}\"", self.shape.stop);
        events.push(Event { stops: true, ..self.chunk("{}", &reason) });
        if self.usage {
            let tokens = self.tokens.len();
            events.push(self.event("", &format!(
                r#"{{"id":"{}","object":"chat.completion.chunk","created":17,"model":"m","choices":[],"usage":{{"prompt_tokens":9,"completion_tokens":{tokens},"total_tokens":{}}}}}"#,
                self.id, tokens + 9
            )));
        }
        events.push(self.event("", "[DONE]"));
        events
    }

    fn open(&self, index: usize, block: &str) -> Event {
        let data =
            format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#);
        self.event("content_block_start", &data)
    }

    fn delta(&self, index: usize, delta: &str) -> Event {
        let data = format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#);
        self.event("content_block_delta", &data)
    }

    fn close(&self, index: usize) -> Event {
        let data = format!(r#"{{"type":"content_block_stop","index":{index}}}"#);
        self.event("content_block_stop", &data)
    }

    fn chunk(&self, delta: &str, reason: &str) -> Event {
        let data = format!(
            r#"{{"id":"{}","object":"chat.completion.chunk","created":17,"model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":{reason}}}]}}"#,
            self.id
        );
        self.event("", &data)
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
