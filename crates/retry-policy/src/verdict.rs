//! What is known about an attempt that failed: its class, what was sent, what the server asked.
//! Who finds that out (status, body, transport error) is not this crate's concern.

use core::fmt;

use crate::Nanos;

/// The kind of a failure.
///
/// A 429 is [`Class::Throttle`] when it passes with time and [`Class::Quota`] when it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// No connection, or it broke before an answer: refused, reset, name not found.
    Connect,
    /// The server failed in passing: 500, 502, 503, 504, 408, 409.
    Transient,
    /// A clock of ours ran out: no answer, no bytes, no progress.
    Timeout,
    /// The server limits this caller's rate: a 429 that passes.
    Throttle,
    /// The server is overloaded for everyone: 529 and the like.
    Overload,
    /// The answer could not be understood or ended without its terminal event.
    Protocol,
    /// Credit or quota is used up. Terminal.
    Quota,
    /// The credentials are refused. Terminal.
    Auth,
    /// The request itself is refused. Terminal.
    Invalid,
}

impl Class {
    /// Whether the same request would fail again however long one waits.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Quota | Self::Auth | Self::Invalid)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Transient => "transient",
            Self::Timeout => "timeout",
            Self::Throttle => "throttle",
            Self::Overload => "overload",
            Self::Protocol => "protocol",
            Self::Quota => "quota",
            Self::Auth => "auth",
            Self::Invalid => "invalid",
        })
    }
}

/// How far the attempt got before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The server cannot have seen the request.
    NotSent,
    /// The server may have acted on the request: a repetition may be paid for twice.
    MaybeProcessed,
    /// The response had begun.
    Streaming {
        /// Bytes that this attempt gave to the consumer. Zero may be tried again from the start.
        delivered: u64,
    },
}

/// What the server asked for in the headers of its refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerHint {
    /// The span to wait, from now. Zero counts as absent.
    pub after: Option<Nanos>,
    /// `x-should-retry`.
    pub retry: Option<bool>,
}

impl ServerHint {
    /// The server asked for nothing.
    pub const NONE: Self = Self { after: None, retry: None };
}

/// A classified failure of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The kind of failure.
    pub class: Class,
    /// How far the attempt got.
    pub sent: Sent,
    /// What the server asked for.
    pub hint: ServerHint,
}

impl Verdict {
    /// A verdict without a server hint.
    #[must_use]
    pub const fn new(class: Class, sent: Sent) -> Self {
        Self { class, sent, hint: ServerHint::NONE }
    }

    /// The same verdict with a server hint.
    #[must_use]
    pub const fn with_hint(self, hint: ServerHint) -> Self {
        Self { hint, ..self }
    }
}
