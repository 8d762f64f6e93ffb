//! The WebSocket mode of the Responses wire: how a request is said on a socket, and what a
//! message of the server is. The events in its messages are those of the stream.

use std::borrow::Cow;

use crate::json::{Scanner, Value};
use crate::splice::Splice;

/// A request as it is said on a socket: the body of the HTTP request, less what only HTTP has
/// (`stream`, `background`), as the event `response.create`. Every other byte is the caller's.
///
/// `None` for what is no JSON object.
///
/// ```
/// let said = protocol::socket_request(br#"{"model":"gpt-5","stream":true}"#).unwrap();
/// assert_eq!(said, br#"{"type":"response.create","model":"gpt-5"}"#);
/// ```
#[must_use]
pub fn socket_request(body: &[u8]) -> Option<Vec<u8>> {
    let mut splice = Splice::default();
    for range in whole(body)?.member_ranges(body, &["stream", "background"]) {
        splice.replace(range, String::new());
    }
    let said = splice.apply(body);
    let object = whole(&said)?;
    let comma = if object.is_empty(&said) { "" } else { "," };
    let mut splice = Splice::default();
    splice.insert(object.start + 1, format!(r#""type":"response.create"{comma}"#));
    Some(splice.apply(&said))
}

/// The response that a request goes on from, where it names one.
#[must_use]
pub fn previous_response(body: &[u8]) -> Option<String> {
    let id = whole(body)?.member(body, "previous_response_id")?;
    id.str(body).map(Cow::into_owned)
}

/// Whether a body asks for a response in the background, which no socket brings.
#[must_use]
pub fn asks_background(body: &[u8]) -> bool {
    let background = whole(body).and_then(|object| object.member(body, "background"));
    background.is_some_and(|background| background.is_true())
}

/// One message of a server on a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketMessage<'a> {
    /// The type of the event, which on a stream is its name.
    pub name: Cow<'a, str>,
    /// Whether it ends a response.
    pub ends: bool,
    /// The id of the response that it ends.
    pub ended: Option<Cow<'a, str>>,
    /// What a request is refused with, in place of a response.
    pub refusal: Option<SocketRefusal<'a>>,
}

/// A request that was refused on a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketRefusal<'a> {
    /// The HTTP status that it would have; `None` where the message names no status of an error, so
    /// that it is an event of a stream like any other.
    pub status: Option<u16>,
    /// The provider's word, which may be empty.
    pub code: Cow<'a, str>,
}

impl<'a> SocketMessage<'a> {
    /// Reads a message; `None` when it is no JSON object with a type.
    #[must_use]
    pub fn read(text: &'a [u8]) -> Option<Self> {
        let object = whole(text)?;
        let name = object.member(text, "type")?.str(text)?;
        let ends = matches!(
            &*name,
            "response.completed" | "response.incomplete" | "response.failed" | "error"
        );
        let refusal = (name == "error").then(|| refusal(object, text));
        let response = object.member(text, "response").filter(|_| ends);
        let ended = response.and_then(|response| response.member(text, "id")?.str(text));
        Some(Self { name, ends, ended, refusal })
    }
}

/// The refusal of an error, which is a member of the message or the message itself.
fn refusal(object: Value, text: &[u8]) -> SocketRefusal<'_> {
    let error = object.member(text, "error").unwrap_or(object);
    let code = error.member(text, "code").and_then(|code| code.str(text)).unwrap_or_default();
    let number = |name| object.member(text, name).and_then(|status| status.u64(text));
    let status = number("status").or_else(|| number("status_code"));
    let status = status.and_then(|status| u16::try_from(status).ok());
    SocketRefusal { status: status.filter(|status| (400..600).contains(status)), code }
}

fn whole(text: &[u8]) -> Option<Value> {
    let mut scanner = Scanner::new(text).ok()?;
    let object = scanner.value().ok()?;
    scanner.finish().ok()?;
    (text.get(object.start as usize) == Some(&b'{')).then_some(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: &str) {
        let said = socket_request(body.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(said).unwrap(), expected);
    }

    #[test]
    fn a_request_on_a_socket_is_the_body_less_what_only_http_has() {
        check("{}", r#"{"type":"response.create"}"#);
        check(r#"{"stream":true}"#, r#"{"type":"response.create"}"#);
        check(
            r#"{ "stream" : true , "background":true, "input" : "a\ud800 1.0" }"#,
            r#"{"type":"response.create", "input" : "a\ud800 1.0" }"#,
        );
        check(
            r#"{"model":"m","background":true,"n":1.50,"stream":false}"#,
            r#"{"type":"response.create","model":"m","n":1.50}"#,
        );
        check(
            r#"{"stream":1,"stream":true,"metadata":{"stream":"x"}}"#,
            r#"{"type":"response.create","metadata":{"stream":"x"}}"#,
        );
    }

    #[test]
    fn what_is_no_object_is_no_request() {
        for body in ["", "[]", "{", r#"{"a":1} x"#, "null"] {
            assert_eq!(socket_request(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn the_response_before_is_named() {
        let named = |body: &str| previous_response(body.as_bytes());
        assert_eq!(named(r#"{"previous_response_id":"resp_1"}"#).as_deref(), Some("resp_1"));
        assert_eq!(named(r#"{"previous_response_id":null}"#), None);
        assert_eq!(named(r#"{"input":"x"}"#), None);
    }

    #[test]
    fn only_true_asks_for_the_background() {
        assert!(asks_background(br#"{"background":true}"#));
        for body in [r#"{"background":false}"#, r#"{"background":"true"}"#, "{}", ""] {
            assert!(!asks_background(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn a_message_says_what_it_is_and_whether_it_is_the_last() {
        let read = |text: &'static str| SocketMessage::read(text.as_bytes()).unwrap();
        let delta = read(r#"{"type":"response.output_text.delta","delta":"x"}"#);
        assert_eq!((&*delta.name, delta.ends), ("response.output_text.delta", false));
        for name in ["completed", "incomplete", "failed"] {
            let text = format!(r#"{{"response":{{"id":"resp_1"}},"type":"response.{name}"}}"#);
            let last = SocketMessage::read(text.as_bytes()).unwrap();
            assert!(last.ends && last.refusal.is_none());
            assert_eq!(last.ended.as_deref(), Some("resp_1"));
        }
        assert_eq!(SocketMessage::read(b"{\"type\":1}"), None);
        assert_eq!(SocketMessage::read(b"[\"type\"]"), None);
        assert_eq!(SocketMessage::read(b"{\"type\":\"x\"}}"), None);
    }

    #[test]
    fn an_error_says_the_status_that_it_would_have() {
        let refused = |text: &'static str| {
            let refusal = SocketMessage::read(text.as_bytes()).unwrap().refusal.unwrap();
            (refusal.status, refusal.code.into_owned())
        };
        let text =
            r#"{"type":"error","status":429,"error":{"type":"x","code":"rate_limit_exceeded"}}"#;
        assert_eq!(refused(text), (Some(429), "rate_limit_exceeded".to_owned()));
        let text = r#"{"type":"error","code":"server_error","message":"m","sequence_number":3}"#;
        assert_eq!(refused(text), (None, "server_error".to_owned()));
        for status in ["200", "600", "70000", "\"429\"", "-1"] {
            let text = format!(r#"{{"type":"error","status":{status},"error":{{}}}}"#);
            let message = SocketMessage::read(text.as_bytes()).unwrap();
            assert_eq!(message.refusal.unwrap().status, None, "{status}");
        }
    }
}
