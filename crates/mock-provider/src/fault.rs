//! The faults that one request can meet, as data.
//! How each is played on the socket is in `delivery`; its text form is in `fault::grammar`.

mod grammar;

use std::time::Duration;

pub use grammar::FaultParseError;

/// What happens to one request.
///
/// Positions (`after`) count the tokens of that response. A position beyond its end is the place right
/// before the terminal events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// `ok`: a whole answer.
    #[default]
    Healthy,
    /// `bom`: a whole answer that starts with a byte order mark.
    ByteOrderMark,
    /// `crlf`: a whole answer whose lines end with CR LF.
    CrLf,
    /// `refused`: nothing listens before this place of the script, for this long.
    Refused {
        /// How long connections are refused.
        lasting: Duration,
    },
    /// `close`: the connection is closed where the response head is due.
    CloseBeforeHead,
    /// `rst`: the connection is reset where the response head is due.
    ResetBeforeHead,
    /// `429:2`, `503`, ...: an error status with its body.
    Status {
        /// 400 to 599.
        status: u16,
        /// When to come back.
        hint: RetryHint,
    },
    /// `quota`: 429 with the code `insufficient_quota`; waiting does not help.
    QuotaExhausted,
    /// `silent`: the response head, then nothing.
    SilentAfterHead,
    /// `empty`: an event stream without an event, ended cleanly.
    EmptyStream,
    /// `html`: an HTML page with status 200.
    HtmlBody,
    /// `json200`: a JSON error body with status 200.
    JsonErrorBody,
    /// `stall@K`: silence after some tokens.
    Stall {
        /// Tokens before it.
        after: u32,
    },
    /// `pings@K`: heartbeats and nothing else after some tokens.
    Heartbeats {
        /// Tokens before them.
        after: u32,
    },
    /// `rst@K`: half an event, then RST.
    ResetInEvent {
        /// Whole tokens before it.
        after: u32,
    },
    /// `fin@K`: half an HTTP chunk, then FIN.
    CloseInChunk {
        /// Whole tokens before it.
        after: u32,
    },
    /// `end@K`: the body ends cleanly, without any terminal event.
    EndWithoutTerminal {
        /// Tokens before it.
        after: u32,
    },
    /// `torn@K`: the body ends cleanly inside an event.
    EndInEvent {
        /// Whole tokens before it.
        after: u32,
    },
    /// `crc@K`: an event whose frame has a wrong checksum takes the place of a token; the rest follows a
    /// second later. `json@K` where frames have no checksum.
    WrongChecksum {
        /// Tokens before it.
        after: u32,
    },
    /// `exception@K`: an exception of a name that nobody knows, then a clean end. `error@K:api` where
    /// there are no exceptions.
    UnknownException {
        /// Tokens before it.
        after: u32,
    },
    /// `utf8@K`: the body ends cleanly inside a UTF-8 sequence.
    EndInUtf8 {
        /// Whole tokens before it, at least; a token without such a sequence is passed whole.
        after: u32,
    },
    /// `chunk@K`: a chunk size line that is not a number, then FIN.
    BadChunkSize {
        /// Tokens before it.
        after: u32,
    },
    /// `json@K`: an event whose JSON is cut takes the place of a token; the rest follows a second later.
    MalformedJson {
        /// Tokens before it.
        after: u32,
    },
    /// `error@K`: an error inside the stream, then a clean end.
    InBandError {
        /// Tokens before it.
        after: u32,
        /// Which error.
        error: InBandError,
    },
    /// `pause@K`: on the Messages wire the turn is paused after some tokens, and goes on when it is sent
    /// back; elsewhere a whole answer.
    Paused {
        /// Tokens before it.
        after: u32,
    },
    /// `late`: a whole answer, and after its end one more event of its text.
    LateEvent,
    /// `ws@K:CODE`: on a WebSocket a close frame; elsewhere the body ends cleanly, without any terminal event.
    Close {
        /// Tokens before it.
        after: u32,
        /// The code of the frame, 1000 to 4999.
        code: u16,
    },
    /// `limit`: on a WebSocket the error that the connection is too old; elsewhere a whole answer.
    ConnectionLimit,
    /// `previous`: on a WebSocket the error that it does not know the response that the request goes on
    /// from; elsewhere a whole answer.
    PreviousLost,
    /// `expire`: a retrieval finds nothing, now and later; a response that is made with it is whole and
    /// cannot be retrieved. Elsewhere a whole answer.
    Expired,
    /// `end@stop`: the body ends after the stop reason, without the last sentinel. This is a whole answer.
    EndAfterStop,
}

impl Fault {
    /// The position in tokens, where the fault has one.
    pub fn after(&self) -> Option<u32> {
        match self {
            Self::Stall { after }
            | Self::Heartbeats { after }
            | Self::ResetInEvent { after }
            | Self::CloseInChunk { after }
            | Self::EndWithoutTerminal { after }
            | Self::EndInEvent { after }
            | Self::WrongChecksum { after }
            | Self::UnknownException { after }
            | Self::EndInUtf8 { after }
            | Self::BadChunkSize { after }
            | Self::MalformedJson { after }
            | Self::Paused { after }
            | Self::Close { after, .. }
            | Self::InBandError { after, .. } => Some(*after),
            _ => None,
        }
    }

    /// Whether another attempt may succeed; false for bad keys, exhausted quotas and the like.
    pub fn is_survivable(&self) -> bool {
        match self {
            Self::QuotaExhausted
            | Self::InBandError { error: InBandError::InvalidRequest, .. }
            | Self::Status { hint: RetryHint::Raw(_), .. } => false,
            Self::Status { status, .. } => matches!(status, 408 | 409 | 425 | 429 | 500..),
            _ => true,
        }
    }

    /// Whether the response is a whole answer in spite of the fault; a retrieval has none with `expire`.
    pub fn is_harmless(&self) -> bool {
        matches!(
            self,
            Self::Healthy
                | Self::ByteOrderMark
                | Self::CrLf
                | Self::Expired
                | Self::EndAfterStop
                | Self::LateEvent
        )
    }
}

/// The form in which an error status says when to come back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RetryHint {
    /// No header.
    #[default]
    Absent,
    /// `Retry-After: 2`
    Seconds(u64),
    /// `Retry-After:` an HTTP date this many seconds after the `Date` header of the same response.
    HttpDate(u64),
    /// `retry-after-ms: 250`
    Millis(u64),
    /// `Retry-After:` any text: `0`, `-1`, `NaN`, `soon`.
    Raw(String),
}

/// An error that arrives inside a stream with status 200.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InBandError {
    /// `overloaded_error`; `server_error` on the chat wire; `response.failed` with `server_is_overloaded`.
    #[default]
    Overloaded,
    /// `api_error`; `server_error` on the chat wire; `response.failed` with `server_error`.
    Api,
    /// `rate_limit_error`; `rate_limit_exceeded` on the chat wire and in `response.failed`.
    RateLimit,
    /// `timeout_error`; `timeout` on the chat wire; the event `error` on the Responses wire.
    Timeout,
    /// `invalid_request_error`; `response.failed` with `invalid_prompt`; not survivable.
    InvalidRequest,
    /// A chunk that has an `error` beside its choices; on the Messages wire it is `Overloaded`, on the
    /// Responses wire an `error` event with its members one level deeper.
    OpenRouter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_errors_are_not_survivable_and_server_errors_are() {
        let status = |status| Fault::Status { status, hint: RetryHint::Absent };
        for survivable in [408, 409, 429, 500, 503, 529] {
            assert!(status(survivable).is_survivable(), "{survivable}");
        }
        for fatal in [400, 401, 403, 404, 413] {
            assert!(!status(fatal).is_survivable(), "{fatal}");
        }
        assert!(!Fault::QuotaExhausted.is_survivable());
        assert!(Fault::EndInUtf8 { after: 3 }.is_survivable());
    }
}
