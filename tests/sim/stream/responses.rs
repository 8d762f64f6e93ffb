//! The bytes of the Responses wire: numbered events about a list of output items, after
//! <https://platform.openai.com/docs/api-reference/responses-streaming>.

use super::{Event, PLACE, Piece, Script, TOOL_PIECES, fill};

impl Script {
    pub(super) fn responses(&self, pieces: &[Piece]) -> Vec<Event> {
        let mut writer = Writer { script: self, events: Vec::new(), output: Vec::new() };
        writer.say("response.created", &writer.response("in_progress", "null"));
        if self.style.eager {
            writer.say("response.in_progress", &writer.response("in_progress", "null"));
        }
        if self.shape.thinks {
            writer.reasoning();
        }
        // An answer without text may have a message all the same.
        let mut middle = if self.shape.blocks { pieces.len() / 2 } else { 0 };
        middle += usize::from(pieces.get(middle).is_some_and(|piece| piece.goes_on));
        let (first, second) = pieces.split_at(middle);
        let parts: Vec<_> = [first, second].into_iter().filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            [] if self.style.eager => writer.message(&[&[]]),
            [one, other] if self.tokens.len().is_multiple_of(2) => {
                writer.message(&[one]);
                writer.message(&[other]);
            }
            [] => {}
            parts => writer.message(parts),
        }
        if self.shape.calls {
            writer.call();
        }
        writer.end();
        writer.events
    }

    /// An `error` event, or a response that failed.
    pub(super) fn responses_error(&self, fatal: bool, events: usize) -> Event {
        let code = if fatal { "invalid_prompt" } else { "server_error" };
        let number =
            if self.numbered { format!(r#""sequence_number":{events},"#) } else { String::new() };
        let message = r#""message":"Something went wrong""#;
        if self.style.eager && !self.is_kept {
            let data = format!(
                r#"{{"type":"response.failed",{number}"response":{{"id":"{}","object":"response","created_at":17,"status":"failed","error":{{"code":"{code}",{message}}},"model":"m","output":[],"usage":null}}}}"#,
                self.id
            );
            return self.event("response.failed", &data);
        }
        self.event(
            "error",
            &format!(r#"{{"type":"error",{number}"code":"{code}",{message},"param":null}}"#),
        )
    }
}

/// One response as it is written.
struct Writer<'s> {
    script: &'s Script,
    events: Vec<Event>,
    /// The items that are done.
    output: Vec<String>,
}

impl Writer<'_> {
    fn say(&mut self, name: &str, members: &str) {
        let at = self.events.len();
        let number = if self.script.numbered {
            format!(r#""sequence_number":{at},"#)
        } else {
            String::new()
        };
        let data = format!(r#"{{"type":"{name}",{number}{members}}}"#);
        self.events.push(Event { number: Some(at), ..self.script.event(name, &data) });
    }

    fn response(&self, status: &str, usage: &str) -> String {
        let Script { id, shape, .. } = self.script;
        let details = match status {
            "incomplete" => format!(r#"{{"reason":"{}"}}"#, shape.stop),
            _ => "null".to_owned(),
        };
        format!(
            r#""response":{{"id":"{id}","object":"response","created_at":17,"status":"{status}","error":null,"incomplete_details":{details},"model":"m","output":[{}],"usage":{usage}}}"#,
            self.output.join(",")
        )
    }

    /// An item from the event that adds it to the one that says that it is done.
    fn item(&mut self, added: &str, inside: impl FnOnce(&mut Self, usize) -> String) {
        let index = self.output.len();
        self.say(
            "response.output_item.added",
            &format!(r#""output_index":{index},"item":{added}"#),
        );
        let done = inside(self, index);
        self.say("response.output_item.done", &format!(r#""output_index":{index},"item":{done}"#));
        self.output.push(done);
    }

    fn item_id(&self, kind: &str) -> String {
        format!("{kind}_{}_{}", self.script.id, self.output.len())
    }

    fn reasoning(&mut self) {
        let id = self.item_id("rs");
        let item =
            |summary: &str| format!(r#"{{"id":"{id}","type":"reasoning","summary":[{summary}]}}"#);
        self.item(&item(""), |writer, index| {
            let place = format!(r#""item_id":"{id}","output_index":{index},"summary_index":0"#);
            let part = |text: &str| format!(r#"{{"type":"summary_text","text":"{text}"}}"#);
            let (part, text) = (part, "response.reasoning_summary_text");
            writer.say(
                "response.reasoning_summary_part.added",
                &format!(r#"{place},"part":{}"#, part("")),
            );
            for piece in ["Let me ", "think."] {
                writer.say(&format!("{text}.delta"), &format!(r#"{place},"delta":"{piece}""#));
            }
            writer.say(&format!("{text}.done"), &format!(r#"{place},"text":"Let me think.""#));
            let part = part("Let me think.");
            writer
                .say("response.reasoning_summary_part.done", &format!(r#"{place},"part":{part}"#));
            item(&part)
        });
    }

    fn message(&mut self, parts: &[&[Piece]]) {
        let id = self.item_id("msg");
        let item = |status: &str, content: &str| {
            format!(
                r#"{{"id":"{id}","type":"message","status":"{status}","content":[{content}],"role":"assistant"}}"#
            )
        };
        self.item(&item("in_progress", ""), |writer, index| {
            let places = (0..).map(|at| {
                format!(r#""item_id":"{id}","output_index":{index},"content_index":{at}"#)
            });
            let parts: Vec<_> = parts
                .iter()
                .zip(places)
                .map(|(pieces, place)| writer.part(pieces, &place))
                .collect();
            item("completed", &parts.join(","))
        });
    }

    fn part(&mut self, pieces: &[Piece], place: &str) -> String {
        let part =
            |text: &str| format!(r#"{{"type":"output_text","annotations":[],"text":{text}}}"#);
        self.say("response.content_part.added", &format!(r#"{place},"part":{}"#, part(r#""""#)));
        for piece in pieces {
            let members = format!(r#"{place},"delta":{PLACE},"logprobs":[]"#);
            self.say("response.output_text.delta", &members);
            let event = self.events.pop().expect("it was just said");
            self.events.push(fill(event, piece));
        }
        let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        let text = self.script.json(&text);
        self.say("response.output_text.done", &format!(r#"{place},"text":{text},"logprobs":[]"#));
        let part = part(&text);
        self.say("response.content_part.done", &format!(r#"{place},"part":{part}"#));
        part
    }

    fn call(&mut self) {
        let id = self.item_id("fc");
        let item = |status: &str, arguments: &str| {
            format!(
                r#"{{"id":"{id}","type":"function_call","status":"{status}","call_id":"call_1","name":"f","arguments":{arguments}}}"#
            )
        };
        self.item(&item("in_progress", r#""""#), |writer, index| {
            let place = format!(r#""item_id":"{id}","output_index":{index}"#);
            let name = "response.function_call_arguments";
            for piece in TOOL_PIECES {
                let piece = writer.script.json(piece);
                writer.say(&format!("{name}.delta"), &format!(r#"{place},"delta":{piece}"#));
            }
            let whole = writer.script.json(&TOOL_PIECES.concat());
            writer.say(&format!("{name}.done"), &format!(r#"{place},"arguments":{whole}"#));
            item("completed", &whole)
        });
    }

    fn end(&mut self) {
        let tokens = self.script.tokens.len();
        let usage = format!(
            r#"{{"input_tokens":9,"output_tokens":{tokens},"total_tokens":{}}}"#,
            tokens + 9
        );
        let status = if self.script.shape.stop == "completed" { "completed" } else { "incomplete" };
        self.say(&format!("response.{status}"), &self.response(status, &usage));
        let last = self.events.last_mut().expect("it was just said");
        last.stops = true;
    }
}
