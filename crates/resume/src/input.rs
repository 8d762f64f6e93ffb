//! What the outside world tells the engine. Every message names the attempt it belongs to,
//! so that a late event of a dead attempt is an ordinary case.

use bytes::Bytes;
use http::HeaderMap;
use std::fmt;

use crate::admission::{Place, Refusal};
use crate::journal::Seq;

/// One connection attempt of a session, counted from 1 over the life of the stream.
///
/// Counts connections, not requests of the caller: a resumed stream is the same request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub u32);

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One thing that happened.
#[derive(Debug)]
pub enum Input {
    /// The attempt that was [asked for](crate::Output::Admit) may begin.
    Admitted(Place),
    /// The attempt that was [asked for](crate::Output::Admit) will not begin; the session ends.
    NotAdmitted(Refusal),
    /// The copy that was [asked for](crate::Output::Hedge) may begin there.
    HedgeAdmitted(Place),
    /// There is no place for it at present.
    HedgeNotAdmitted,
    /// A connection is established; the request is on its way.
    Connected {
        /// The attempt that it happened to.
        attempt: AttemptId,
    },
    /// The response's status line and headers arrived.
    Head {
        /// The attempt that it happened to.
        attempt: AttemptId,
        /// HTTP status code.
        status: u16,
        /// Response headers.
        headers: HeaderMap,
    },
    /// A piece of the response body arrived; it may be empty.
    Body {
        /// The attempt that it happened to.
        attempt: AttemptId,
        /// The bytes as they came.
        chunk: Bytes,
    },
    /// The server takes no further request on the connection (GOAWAY of HTTP/2): it is going away, and
    /// may finish what it has begun or not.
    Leaving {
        /// The attempt that it happened to.
        attempt: AttemptId,
    },
    /// The body ended without a transport error. This alone never means that the response
    /// is complete.
    End {
        /// The attempt that it happened to.
        attempt: AttemptId,
    },
    /// The connection failed.
    Broke {
        /// The attempt that it happened to.
        attempt: AttemptId,
        /// How it failed.
        cause: Break,
    },
    /// Every record up to and including this one is as durable as was asked.
    Persisted(Seq),
    /// The store cannot keep records any longer.
    PersistFailed,
    /// The machine slept: a connection that was live may be dead without a sign of it.
    Woke,
    /// Nobody read for a while, since the consumer was busy: what comes now may have come before.
    Unheard,
    /// Time passed: the deadline of the last [`Output::Wait`](crate::Output::Wait) is due.
    Tick,
    /// A budget that the caller shares among streams is spent; the session ends, unless the model
    /// has stopped.
    OverBudget,
    /// The caller does not want the rest: a provider that goes on with it is told to stop.
    Cancel,
    /// Another process goes on with the stream; this one ends.
    TakenOver,
}

impl Input {
    /// The attempt that it happened to.
    pub(crate) const fn attempt(&self) -> Option<AttemptId> {
        match self {
            Self::Connected { attempt }
            | Self::Head { attempt, .. }
            | Self::Body { attempt, .. }
            | Self::Leaving { attempt }
            | Self::End { attempt }
            | Self::Broke { attempt, .. } => Some(*attempt),
            _ => None,
        }
    }
}

/// How a connection failed, as far as the transport can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Break {
    /// The name did not resolve.
    Unresolved,
    /// There is no such name. Told apart on Linux alone; elsewhere it is `Unresolved`.
    UnknownName,
    /// Nobody listens there.
    Refused,
    /// No connection came about for another reason.
    Unreachable,
    /// The proxy does not let this client through, or not to that server; trying again cannot help.
    ProxyRefused,
    /// The proxy was not reached, or reached nobody.
    ProxyFailed,
    /// The server's certificate is not valid; trying again cannot help.
    Certificate,
    /// The TLS handshake failed otherwise.
    Handshake,
    /// The request provably never reached the server (`REFUSED_STREAM`, `GOAWAY`, a pooled
    /// connection that was already dead).
    NotSent,
    /// A kept connection, which had served other requests, ended before the first byte of the
    /// response. The server had probably closed it before the request came.
    Stale,
    /// The connection was reset or closed before the response was whole.
    Reset,
    /// The body's framing was broken (a bad chunk size, a short body).
    Framing,
    /// The server asked for calm (`ENHANCE_YOUR_CALM`).
    Calm,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unresolved => "name not resolved",
            Self::UnknownName => "no such name",
            Self::Refused => "connection refused",
            Self::Unreachable => "no connection",
            Self::ProxyRefused => "proxy refused the connection",
            Self::ProxyFailed => "no connection through the proxy",
            Self::Certificate => "invalid certificate",
            Self::Handshake => "TLS handshake failed",
            Self::NotSent => "request not sent",
            Self::Stale => "kept connection was dead",
            Self::Reset => "connection reset",
            Self::Framing => "broken body framing",
            Self::Calm => "server asked for calm",
        })
    }
}
