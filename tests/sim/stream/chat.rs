//! The bytes of the Chat Completions wire.

use super::{Event, PLACE, Piece, Script, TOOL_PIECES, fill};

impl Script {
    pub(super) fn chat(&self, pieces: &[Piece]) -> Vec<Event> {
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

    fn chunk(&self, delta: &str, reason: &str) -> Event {
        let data = format!(
            r#"{{"id":"{}","object":"chat.completion.chunk","created":17,"model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":{reason}}}]}}"#,
            self.id
        );
        self.event("", &data)
    }
}
