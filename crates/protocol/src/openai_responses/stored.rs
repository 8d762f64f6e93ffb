//! Responses that their provider keeps: where they are read again, and the events of a whole one.
//!
//! Sources: <https://platform.openai.com/docs/guides/background> and the API reference of
//! `GET /responses/{id}` and `POST /responses/{id}/cancel`.

use super::item::whole;
use crate::classify::classify_in_band;
use crate::json::{Kind, Value};
use crate::splice::Splice;
use crate::{Failure, FailureKind, Malformed};
use sse_codec::{Encoder, Frame};

/// Bytes of the longest id of a response that is asked for again.
pub const RESPONSE_ID_BYTES_MAX: usize = 256;

/// The path of a response that the provider keeps, below a base URL.
///
/// `None` for an id that is not made of letters, digits, `-`, `_`, `.` and `:`, or is longer than
/// [`RESPONSE_ID_BYTES_MAX`], or begins with a dot: it is a peer's word and becomes part of a URL.
///
/// ```
/// assert_eq!(protocol::stored_path("resp_7f"), Some("/responses/resp_7f".to_owned()));
/// assert_eq!(protocol::stored_path("../files"), None);
/// ```
#[must_use]
pub fn stored_path(id: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let is_id = !id.is_empty() && id.len() <= RESPONSE_ID_BYTES_MAX && id.bytes().all(is_plain);
    let is_name = !id.starts_with('.') && !id.contains("..");
    (is_id && is_name).then(|| format!("/responses/{id}"))
}

/// What a provider says of a response that it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is finished. Its events, as a stream that begins with the first would have them; a
    /// part's text comes in one piece.
    Finished(Vec<u8>),
    /// It is not finished yet.
    Underway,
    /// It failed or was cancelled.
    Failed(Failure),
}

/// Reads the object of a response that the provider keeps.
///
/// # Errors
///
/// [`Malformed`] when it is no JSON object with a status that is known.
///
/// ```
/// use protocol::{Stored, read_stored};
///
/// assert_eq!(read_stored(br#"{"id":"resp_1","status":"queued"}"#)?, Stored::Underway);
/// # Ok::<(), protocol::Malformed>(())
/// ```
pub fn read_stored(object: &[u8]) -> Result<Stored, Malformed> {
    let response = whole(object).filter(Value::is_object).ok_or(Malformed { offset: 0 })?;
    let status = response.member(object, "status").ok_or(Malformed { offset: 0 })?;
    let events = |last| Replay::new(object, response).run(last);
    Ok(match status.text(object).as_deref() {
        Some(b"completed") => Stored::Finished(events("response.completed")),
        Some(b"incomplete") => Stored::Finished(events("response.incomplete")),
        Some(b"queued" | b"in_progress") => Stored::Underway,
        Some(b"failed") => Stored::Failed(classify_in_band(object)),
        Some(b"cancelled") => Stored::Failed(Failure::new(FailureKind::Other)),
        _ => return Err(Malformed { offset: status.start as usize }),
    })
}

/// The events of a response, written one after the other.
struct Replay<'a> {
    object: &'a [u8],
    response: Value,
    number: u64,
    wire: Encoder<Vec<u8>>,
}

impl<'a> Replay<'a> {
    fn new(object: &'a [u8], response: Value) -> Self {
        Self { object, response, number: 0, wire: Encoder::new(Vec::new()) }
    }

    fn run(mut self, last: &str) -> Vec<u8> {
        let begun = self.with(self.response, &[("output", "[]"), ("status", r#""in_progress""#)]);
        self.say("response.created", &format!(r#""response":{begun}"#));
        let mut items = Vec::new();
        if let Some(output) = self.response.member(self.object, "output") {
            output.each_item(self.object, |item| items.push(item));
        }
        for (index, item) in items.into_iter().enumerate() {
            self.item(index, item);
        }
        let ended = format!(r#""response":{}"#, self.raw(self.response));
        self.say(last, &ended);
        self.wire.into_inner()
    }

    fn item(&mut self, index: usize, item: Value) {
        let id = self.member(item, "id").map_or(r#""""#.to_owned(), |id| self.raw(id));
        let place = format!(r#""item_id":{id},"output_index":{index}"#);
        let bare =
            [("content", "[]"), ("summary", "[]"), ("arguments", r#""""#), ("input", r#""""#)];
        let opened = self.with(item, &bare);
        self.say(
            "response.output_item.added",
            &format!(r#""output_index":{index},"item":{opened}"#),
        );
        self.parts(item, "summary", &place);
        self.parts(item, "content", &place);
        self.whole_member(item, "arguments", "response.function_call_arguments", &place);
        self.whole_member(item, "input", "response.custom_tool_call_input", &place);
        let ended = format!(r#""output_index":{index},"item":{}"#, self.raw(item));
        self.say("response.output_item.done", &ended);
    }

    /// What a call is given, in one piece.
    fn whole_member(&mut self, item: Value, name: &str, event: &str, place: &str) {
        let Some(value) = self.member(item, name).filter(Value::is_text) else { return };
        let value = self.raw(value);
        self.say(&format!("{event}.delta"), &format!(r#"{place},"delta":{value}"#));
        self.say(&format!("{event}.done"), &format!(r#"{place},"{name}":{value}"#));
    }

    fn parts(&mut self, item: Value, list: &str, place: &str) {
        let mut parts = Vec::new();
        if let Some(list) = self.member(item, list).filter(|list| list.kind == Kind::Array) {
            list.each_item(self.object, |part| parts.push(part));
        }
        for (index, part) in parts.into_iter().enumerate() {
            let place = format!(r#"{place},"{list}_index":{index}"#);
            self.part(part, list == "summary", &place);
        }
    }

    fn part(&mut self, part: Value, is_summary: bool, place: &str) {
        let kind = self.member(part, "type").and_then(|kind| kind.str(self.object));
        let (subject, says) = match kind.as_deref() {
            _ if is_summary => ("reasoning_summary_part", "reasoning_summary_text"),
            Some("reasoning_text") => ("content_part", "reasoning_text"),
            Some("refusal") => ("content_part", "refusal"),
            _ => ("content_part", "output_text"),
        };
        let name = if says == "refusal" { "refusal" } else { "text" };
        let bare = self.with(part, &[(name, r#""""#)]);
        self.say(&format!("response.{subject}.added"), &format!(r#"{place},"part":{bare}"#));
        if let Some(text) = self.member(part, name).filter(Value::is_text) {
            let text = self.raw(text);
            self.say(&format!("response.{says}.delta"), &format!(r#"{place},"delta":{text}"#));
            self.say(&format!("response.{says}.done"), &format!(r#"{place},"{name}":{text}"#));
        }
        let ended = format!(r#"{place},"part":{}"#, self.raw(part));
        self.say(&format!("response.{subject}.done"), &ended);
    }

    fn say(&mut self, name: &str, members: &str) {
        let number = self.number;
        self.number += 1;
        // White space of JSON that would end a line of the stream.
        let members = members.replace('\r', " ");
        let data = format!(r#"{{"type":"{name}","sequence_number":{number},{members}}}"#);
        let frame = Frame { event: name.as_bytes(), data: data.as_bytes(), ..Frame::default() };
        self.wire.event(&frame).expect("neither name nor data hold a carriage return");
    }

    fn member(&self, of: Value, name: &str) -> Option<Value> {
        of.member(self.object, name)
    }

    fn raw(&self, value: Value) -> String {
        String::from_utf8_lossy(value.raw(self.object)).into_owned()
    }

    /// An object with other values for members that it has.
    fn with(&self, object: Value, values: &[(&str, &str)]) -> String {
        let mut splice = Splice::default();
        for (name, value) in values {
            if let Some(old) = self.member(object, name).filter(|old| !old.is_null()) {
                let from = old.start - object.start;
                splice.replace(from..old.end - object.start, (*value).to_owned());
            }
        }
        String::from_utf8_lossy(&splice.apply(object.raw(self.object))).into_owned()
    }
}
