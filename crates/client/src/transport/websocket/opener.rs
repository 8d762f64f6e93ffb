//! The first message after a request: a response, a refusal, or what belongs to the response before.

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue};
use protocol::{SocketMessage, SocketRefusal, classify_status};

/// What the first message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opener {
    /// The first event of a response.
    Response,
    /// A refusal of the request, with the status that HTTP would have brought.
    Refusal(u16),
    /// It may be of the response before: only a new socket can tell.
    Doubtful,
}

impl Opener {
    /// `is_used` says whether the socket carried a response before this one.
    pub(super) fn of(message: Option<&SocketMessage<'_>>, text: &[u8], is_used: bool) -> Self {
        if let Some(refusal) = message.and_then(|message| message.refusal.as_ref()) {
            return Self::of_error(refusal, text, is_used);
        }
        if is_used && !message.is_some_and(begins) { Self::Doubtful } else { Self::Response }
    }

    /// A refusal that is worth another attempt costs that attempt, whoever it was meant for. One that
    /// would end the stream, and an event of a stream, have to be certain.
    fn of_error(refusal: &SocketRefusal<'_>, text: &[u8], is_used: bool) -> Self {
        let is_of_socket = matches!(&*refusal.code, LIMIT_REACHED | PREVIOUS_LOST);
        match refusal.status {
            status if is_of_socket => Self::Refusal(status.unwrap_or(400)),
            None if is_used => Self::Doubtful,
            None => Self::Response,
            Some(status) if is_used && is_final(status, text) => Self::Doubtful,
            Some(status) => Self::Refusal(status),
        }
    }
}

/// Whether a message is the first of a response.
fn begins(message: &SocketMessage<'_>) -> bool {
    matches!(&*message.name, "response.created" | "response.queued" | "response.in_progress")
}

/// Whether a request that is refused so is not asked again.
fn is_final(status: u16, text: &[u8]) -> bool {
    classify_status(status, &HeaderMap::new(), text, None).verdict.class.is_terminal()
}

/// When a refusal says to come back, as the header that it would be.
pub(super) fn retry_after(text: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let message: serde_json::Value = serde_json::from_slice(text).ok()?;
    let headers = message.get("headers")?;
    let millis = HeaderName::from_static("retry-after-ms");
    [millis, RETRY_AFTER].into_iter().find_map(|name| {
        let value = headers.get(name.as_str())?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some((name, HeaderValue::try_from(value).ok()?))
    })
}

/// The code of a socket that is too old.
pub(super) const LIMIT_REACHED: &str = "websocket_connection_limit_reached";
/// The code of a response that a socket does not have.
pub(super) const PREVIOUS_LOST: &str = "previous_response_not_found";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, on_new: Opener, on_used: Opener) {
        let message = SocketMessage::read(text.as_bytes());
        for (is_used, expected) in [(false, on_new), (true, on_used)] {
            let found = Opener::of(message.as_ref(), text.as_bytes(), is_used);
            assert_eq!(found, expected, "{text} {is_used}");
        }
    }

    #[test]
    fn what_begins_no_response_is_of_the_one_before_where_there_was_one() {
        use Opener::{Doubtful, Response};
        for name in ["created", "queued", "in_progress"] {
            check(&format!(r#"{{"type":"response.{name}"}}"#), Response, Response);
        }
        for name in ["output_text.delta", "completed", "failed"] {
            check(&format!(r#"{{"type":"response.{name}"}}"#), Response, Doubtful);
        }
        check("no JSON", Response, Doubtful);
    }

    #[test]
    fn an_error_that_ends_the_stream_is_certain_on_a_new_socket_alone() {
        use Opener::{Doubtful, Refusal, Response};
        let error = |status: &str, code: &str| {
            format!(r#"{{"type":"error",{status}"error":{{"code":"{code}"}}}}"#)
        };
        let of = |status: u16, code| error(&format!(r#""status":{status},"#), code);
        for status in [400, 401, 403, 404, 422] {
            check(&of(status, ""), Refusal(status), Doubtful);
        }
        check(&of(429, "insufficient_quota"), Refusal(429), Doubtful);
        for status in [408, 409, 429, 500, 503, 529] {
            check(&of(status, ""), Refusal(status), Refusal(status));
        }
        check(&error("", "server_error"), Response, Doubtful);
    }

    #[test]
    fn what_only_a_socket_refuses_is_told_by_its_code() {
        for code in [LIMIT_REACHED, PREVIOUS_LOST] {
            for status in ["", r#""status":400,"#] {
                let text = format!(r#"{{"type":"error",{status}"error":{{"code":"{code}"}}}}"#);
                check(&text, Opener::Refusal(400), Opener::Refusal(400));
            }
        }
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
        let hint = |text: &str| retry_after(text.as_bytes());
        let (name, value) = hint(r#"{"headers":{"retry-after":"2"}}"#).unwrap();
        assert_eq!((name.as_str(), value), ("retry-after", HeaderValue::from_static("2")));
        let (name, value) = hint(r#"{"headers":{"retry-after":1,"retry-after-ms":250}}"#).unwrap();
        assert_eq!((name.as_str(), value), ("retry-after-ms", HeaderValue::from_static("250")));
        assert!(hint(r#"{"status":429}"#).is_none());
    }
}
