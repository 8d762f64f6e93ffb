//! Writes a JSON document as the server-sent event that its wire would have sent.

use crate::Wire;
use crate::json::Scanner;
use crate::splice::json_string;

/// Bytes of the longest name that an event is given.
const NAME_BYTES_MAX: usize = 255;

/// Writes the events of one wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    /// Whether events have names, which are the `type` of their document.
    is_named: bool,
}

impl Writer {
    pub(super) const fn new(wire: Wire) -> Self {
        Self { is_named: matches!(wire, Wire::AnthropicMessages | Wire::OpenAiResponses) }
    }

    /// Appends one event. What is not JSON is written all the same, for the decoder to refuse.
    pub(super) fn write(self, json: &[u8], events: &mut Vec<u8>) {
        if let Some(name) = self.is_named.then(|| kind(json)).flatten() {
            line(b"event: ", name, events);
        }
        // A line end inside the document is white space, and no event can hold a CR.
        for part in json.split(|byte| matches!(byte, b'\n' | b'\r')) {
            line(b"data: ", part, events);
        }
        events.push(b'\n');
    }

    /// Appends an error, in the form that every wire's decoder takes for one.
    pub(super) fn write_error(self, kind: &str, message: &str, events: &mut Vec<u8>) {
        let (kind, message) = (json_string(kind), json_string(message));
        let error = format!(r#"{{"type":"error","error":{{"type":{kind},"message":{message}}}}}"#);
        line(b"event: ", b"error", events);
        line(b"data: ", error.as_bytes(), events);
        events.push(b'\n');
    }
}

fn line(field: &[u8], value: &[u8], events: &mut Vec<u8>) {
    events.extend_from_slice(field);
    events.extend_from_slice(value);
    events.push(b'\n');
}

/// The `type` of a document, where it can be the name of an event.
fn kind(json: &[u8]) -> Option<&[u8]> {
    let mut kind = None;
    let walked = Scanner::new(json).ok()?.members(|scan, name| {
        let value = scan.value()?;
        if name == b"type" {
            kind = value.plain_text(json);
        }
        Ok(())
    });
    let is_name = |kind: &&[u8]| {
        (1..=NAME_BYTES_MAX).contains(&kind.len()) && !kind.iter().any(u8::is_ascii_control)
    };
    walked.ok().and(kind).filter(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wire: Wire, json: &str, expected: &str) {
        let mut events = Vec::new();
        Writer::new(wire).write(json.as_bytes(), &mut events);
        assert_eq!(String::from_utf8(events).unwrap(), expected);
    }

    #[test]
    fn events_have_names_where_the_wire_names_them() {
        let json = r#"{"index":0,"type":"content_block_stop"}"#;
        let named = format!("event: content_block_stop\ndata: {json}\n\n");
        check(Wire::AnthropicMessages, json, &named);
        check(Wire::OpenAiResponses, json, &named);
        check(Wire::OpenAiChat, json, &format!("data: {json}\n\n"));
        check(Wire::Gemini, json, &format!("data: {json}\n\n"));
    }

    #[test]
    fn a_type_that_is_no_name_gives_none() {
        let long = format!(r#"{{"type":"{}"}}"#, "x".repeat(NAME_BYTES_MAX + 1));
        for json in [r#"{"type":"a\nb"}"#, r#"{"type":""}"#, r#"{"type":7}"#, "{\"type\":", &long] {
            check(Wire::AnthropicMessages, json, &format!("data: {json}\n\n"));
        }
    }

    #[test]
    fn a_document_over_several_lines_stays_one_event() {
        check(Wire::OpenAiChat, "{\n \"a\":\r\n1}", "data: {\ndata:  \"a\":\ndata: \ndata: 1}\n\n");
    }
}
