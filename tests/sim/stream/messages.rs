//! The bytes of the Messages wire.

use super::{Event, PLACE, Piece, Script, TOOL_PIECES, fill};

impl Script {
    pub(super) fn messages(&self, pieces: &[Piece]) -> Vec<Event> {
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
}
