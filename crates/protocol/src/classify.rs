//! From statuses, headers, bodies and errors inside a stream to a [`Failure`].
//!
//! The specific word of the provider wins over the status, the status over a general word. No
//! decision to try again is made here.

mod details;
mod envelope;
mod message;
mod word;

#[cfg(feature = "profile-files")]
pub(crate) use message::holds_key;
pub use message::{CODE_BYTES_MAX, MESSAGE_BYTES_MAX};

use crate::failure::{Failure, FailureKind};
use envelope::Envelope;
use http::HeaderMap;
use retry_policy::ServerHint;

/// Classifies a response whose status is not a success.
///
/// `body` may be cut short. `now_unix` is the local clock in seconds; a `Retry-After` date is
/// measured against the response's own `Date` and against the local clock only without one.
///
/// ```
/// use protocol::{FailureKind, classify_status};
///
/// let body = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
/// let failure = classify_status(529, &http::HeaderMap::new(), body, None);
/// assert_eq!(failure.kind, FailureKind::Overloaded);
/// assert_eq!(failure.verdict.class, retry_policy::Class::Overload);
/// ```
#[must_use]
pub fn classify_status(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    now_unix: Option<u64>,
) -> Failure {
    let envelope = Envelope::read(body).named_by(headers);
    let kind = word::by_wording(&envelope, Some(status))
        .or_else(|| word::by_status(status))
        .unwrap_or(FailureKind::Other);
    let mut failure = describe(kind, &envelope, headers, now_unix);
    failure.status = Some(status);
    failure
}

/// Classifies an error that a provider reports inside a stream, by the event's data.
#[must_use]
pub fn classify_in_band(data: &[u8]) -> Failure {
    classify_told(&Envelope::read(data))
}

/// Classifies an error by what it says alone.
fn classify_told(envelope: &Envelope<'_>) -> Failure {
    let status = envelope.status();
    let kind = word::by_wording(envelope, status)
        .or_else(|| word::by_general_word(envelope))
        .or_else(|| word::by_status(status?))
        .unwrap_or(FailureKind::Other);
    let mut failure = describe(kind, envelope, &HeaderMap::new(), None);
    if let FailureKind::RateLimited | FailureKind::Overloaded = kind {
        // There are no headers here; OpenAI says it in words.
        let told = failure.verdict.hint.after;
        let after = told.or_else(|| message::wait_told(envelope.message()));
        failure.verdict = failure.verdict.with_hint(ServerHint { after, retry: None });
    }
    failure.status = status;
    failure
}

/// Classifies a success whose body is not an event stream, by its first bytes.
///
/// An error that the body reports counts as if it had come inside a stream; anything else, an
/// HTML page or nothing at all, is worth another attempt.
#[must_use]
pub fn classify_document(headers: &HeaderMap, body_prefix: &[u8]) -> Failure {
    let envelope = Envelope::read(body_prefix).named_by(headers);
    let mut failure = classify_told(&envelope);
    if !envelope.is_error() {
        failure = Failure { message: failure.message, ..Failure::new(FailureKind::NotEventStream) };
    }
    let told = failure.verdict.hint;
    let hint = server_hint(headers, None);
    failure.verdict =
        failure.verdict.with_hint(ServerHint { after: hint.after.or(told.after), ..hint });
    failure
}

fn describe(
    kind: FailureKind,
    envelope: &Envelope<'_>,
    headers: &HeaderMap,
    now_unix: Option<u64>,
) -> Failure {
    let mut failure = Failure::new(kind);
    let mut hint = server_hint(headers, now_unix);
    if kind != FailureKind::Quota {
        // A time to wait beside a quota that is used up is that of another one.
        hint.after = hint.after.or(envelope.delay());
    }
    failure.verdict = failure.verdict.with_hint(hint);
    failure.message = message::clean(envelope.message());
    failure.code = envelope.code().and_then(message::clean_code);
    failure
}

fn server_hint(headers: &HeaderMap, now_unix: Option<u64>) -> ServerHint {
    ServerHint::read(|name| headers.get(name)?.to_str().ok(), now_unix)
}
