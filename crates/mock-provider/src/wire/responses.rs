//! The literal events of the Responses wire: named and numbered, one message with one text part.
//! Every function returns whole events, without those that the reader has already.
//!
//! Names and members are those of the API reference, "Responses, Streaming events", and of the SDK types
//! that are generated from it. `keepalive` is in neither; servers send it (openai-node issue 1964), and
//! it has a number of its own.

use crate::fault::InBandError;
use crate::random::{Random, hash};
use crate::reply::Reply;
use crate::wire::{AnswerWriter, Status, Stop, json_text, object};

/// The numbers of the events of one response, as one reader gets them.
///
/// Everything that is left to chance in an event depends on its number and the response's seed alone, so
/// that every reader gets the same bytes.
#[derive(Clone, Debug)]
pub(crate) struct Numbering {
    seed: u64,
    /// The number of the next event.
    pub(crate) next: u64,
    /// The reader has everything up to this number.
    pub(crate) after: Option<u64>,
}

impl Numbering {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, next: 0, after: None }
    }

    /// The source of chance for the events from the next number on.
    pub(crate) fn random(&self) -> Random {
        Random::new(hash(self.seed, &self.next.to_le_bytes()))
    }

    /// The numbers of the events that have been made for the reader, first and last.
    pub(crate) fn made(&self) -> Option<(u64, u64)> {
        let first = self.after.map_or(0, |after| after.saturating_add(1));
        (first < self.next).then(|| (first, self.next - 1))
    }
}

/// The events before the first token; the object says `queued` first where the response is background.
pub(crate) fn opening(writer: &mut AnswerWriter) -> Vec<u8> {
    let mut bytes = if writer.settings.background {
        let queued = format!(r#""response":{}"#, object(writer, Status::Queued, None));
        let mut bytes = event(writer, "response.created", &queued);
        bytes.extend(event(writer, "response.queued", &queued));
        bytes
    } else {
        let begun = format!(r#""response":{}"#, object(writer, Status::InProgress, None));
        event(writer, "response.created", &begun)
    };
    let begun = format!(r#""response":{}"#, object(writer, Status::InProgress, None));
    bytes.extend(event(writer, "response.in_progress", &begun));
    let item = item(writer, "in_progress", "");
    let added = format!(r#""output_index":0,"item":{item}"#);
    bytes.extend(event(writer, "response.output_item.added", &added));
    let added = format!(r#"{},"part":{}"#, place(writer), part(r#""""#));
    bytes.extend(event(writer, "response.content_part.added", &added));
    bytes
}

/// `text` is a JSON string.
pub(crate) fn token(writer: &mut AnswerWriter, text: &str) -> Vec<u8> {
    let obfuscation = obfuscation(writer);
    let delta = format!(r#"{},"delta":{text},"logprobs":[]{obfuscation}"#, place(writer));
    event(writer, "response.output_text.delta", &delta)
}

/// The events that repeat the whole text; there are none after a failure.
pub(crate) fn stop(writer: &mut AnswerWriter, reply: &Reply) -> Vec<u8> {
    let status = match reply.stop {
        Stop::End | Stop::Paused => "completed",
        Stop::Length => "incomplete",
        Stop::Failed(_) => return Vec::new(),
    };
    let text = json_text(&reply.text());
    let done = format!(r#"{},"text":{text},"logprobs":[]"#, place(writer));
    let mut bytes = event(writer, "response.output_text.done", &done);
    let part = part(&text);
    let done = format!(r#"{},"part":{part}"#, place(writer));
    bytes.extend(event(writer, "response.content_part.done", &done));
    let done = format!(r#""output_index":0,"item":{}"#, item(writer, status, &part));
    bytes.extend(event(writer, "response.output_item.done", &done));
    bytes
}

/// The terminal event.
pub(crate) fn sentinel(writer: &mut AnswerWriter, reply: &Reply) -> Vec<u8> {
    let (name, status) = match reply.stop {
        Stop::End | Stop::Paused => ("response.completed", Status::Completed),
        Stop::Length => ("response.incomplete", Status::Incomplete),
        Stop::Failed(error) => return self::error(writer, error),
    };
    let response = format!(r#""response":{}"#, object(writer, status, Some(reply)));
    event(writer, name, &response)
}

/// An event of the response that says nothing.
pub(crate) fn keepalive(writer: &mut AnswerWriter) -> Vec<u8> {
    event(writer, "keepalive", "")
}

/// A sign of life beside the events of the response: it repeats the number of the last one.
pub(crate) fn heartbeat(writer: &AnswerWriter) -> Vec<u8> {
    let number = writer.numbering.next.saturating_sub(1);
    writer
        .event(Some("keepalive"), &format!(r#"{{"type":"keepalive","sequence_number":{number}}}"#))
}

/// The terminal event of a generation that fails: `response.failed`, or `error` in its two forms.
pub(crate) fn error(writer: &mut AnswerWriter, error: InBandError) -> Vec<u8> {
    let (code, message) = cause(error);
    match error {
        InBandError::Timeout => {
            let members = format!(r#""code":"{code}","message":"{message}","param":null"#);
            event(writer, "error", &members)
        }
        // The form of the error frame on the WebSocket, which compatible servers send here too.
        InBandError::OpenRouter => {
            let members = format!(
                r#""error":{{"type":"server_error","code":"{code}","message":"{message}","param":null}}"#
            );
            event(writer, "error", &members)
        }
        _ => {
            let object = object(writer, Status::Failed(error), None);
            event(writer, "response.failed", &format!(r#""response":{object}"#))
        }
    }
}

/// An `error` event that ends one reader's stream and not the response: it repeats the last number.
pub(crate) fn reading_error(writer: &AnswerWriter, error: InBandError) -> Vec<u8> {
    let (code, message) = cause(error);
    let number = writer.numbering.next.saturating_sub(1);
    let data = format!(
        r#"{{"type":"error","sequence_number":{number},"code":"{code}","message":"{message}","param":null}}"#
    );
    writer.event(Some("error"), &data)
}

/// Code and message of an error. The enumeration of the reference has all codes but `server_is_overloaded`,
/// which servers send (Codex tells it apart).
pub(crate) fn cause(error: InBandError) -> (&'static str, &'static str) {
    match error {
        InBandError::Overloaded => (
            "server_is_overloaded",
            "Our servers are currently overloaded. Please try again later.",
        ),
        InBandError::Api => ("server_error", "The server had an error"),
        InBandError::RateLimit => ("rate_limit_exceeded", "Rate limit reached for requests"),
        InBandError::Timeout => ("server_error", "Request timed out"),
        InBandError::InvalidRequest => ("invalid_prompt", "Invalid prompt"),
        InBandError::OpenRouter => ("server_error", "Provider returned error"),
    }
}

/// The one message of a response; `part` is its text part, or empty.
pub(super) fn item(writer: &AnswerWriter, status: &str, part: &str) -> String {
    let id = item_id(writer);
    format!(
        r#"{{"id":"{id}","type":"message","status":"{status}","content":[{part}],"role":"assistant"}}"#
    )
}

/// The text part; `text` is a JSON string.
pub(super) fn part(text: &str) -> String {
    format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":{text}}}"#)
}

fn place(writer: &AnswerWriter) -> String {
    format!(r#""item_id":"{}","output_index":0,"content_index":0"#, item_id(writer))
}

fn item_id(writer: &AnswerWriter) -> String {
    writer.id.replacen("resp_", "msg_", 1)
}

/// A member that hides the length of a token, never part of the text.
fn obfuscation(writer: &mut AnswerWriter) -> String {
    if !writer.extras.obfuscation {
        return String::new();
    }
    let length = writer.random.between(0, 15);
    let letters: String =
        (0..length).map(|_| char::from(b'a' + writer.random.below(26) as u8)).collect();
    format!(r#","obfuscation":"{letters}""#)
}

/// The event with the next number; nothing when the reader has it.
fn event(writer: &mut AnswerWriter, name: &str, members: &str) -> Vec<u8> {
    let number = writer.numbering.next;
    writer.numbering.next += 1;
    if writer.numbering.after.is_some_and(|after| number <= after) {
        return Vec::new();
    }
    let comma = if members.is_empty() { "" } else { "," };
    let data = format!(r#"{{"type":"{name}","sequence_number":{number}{comma}{members}}}"#);
    writer.event(Some(name), &data)
}
