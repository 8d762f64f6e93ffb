//! What the engine asks for and what it has for the consumer.

use bytes::Bytes;
use cost::Usage;
use http::{HeaderMap, Method};
use retry_policy::{IdempotencyKey, Nanos};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::admission::{Ask, Fate};
use crate::frame::Frame;
use crate::input::AttemptId;
use crate::journal::{Record, Seq};
use crate::outcome::{Cause, Outcome};
use crate::seam::{Rung, Seam};

/// One thing to do, or one thing for the consumer.
#[derive(Debug)]
pub enum Output {
    /// Ask whether the next attempt may begin, with [`Admission::Asked`](crate::Admission::Asked).
    Admit(Ask),
    /// Tell who admitted the attempt that it is over, with
    /// [`Admission::Asked`](crate::Admission::Asked).
    Over {
        /// Which one.
        attempt: AttemptId,
        /// How it ended.
        fate: Fate,
        /// Tokens, as the provider reported them or as an estimate.
        usage: Usage,
    },
    /// The live attempt is slow to begin: ask whether a copy of it may begin at another endpoint, and
    /// answer with [`Input::HedgeAdmitted`](crate::Input::HedgeAdmitted) or
    /// [`Input::HedgeNotAdmitted`](crate::Input::HedgeNotAdmitted) ([`Hedging`](crate::Hedging)).
    Hedge,
    /// The copy that was admitted is not made any longer; give its place back.
    Decline,
    /// This copy is the live attempt from now on; the one before it is over.
    Promote(AttemptId),
    /// The live attempt may be dying: it is silent for about half of the time after which it is dead, its
    /// server goes away, or the machine slept. Open a connection to where its continuation would go, and
    /// keep it; the request is sent when the attempt is over, and not before. At most once in a silence.
    Warm {
        /// The endpoint keeps the response: what goes on with it goes there.
        stays: bool,
    },
    /// Open a connection and send this. At most one attempt is live at a time, and copies beside it.
    Connect(Box<Request>),
    /// Drop this attempt's connection; its later events are ignored.
    Abort(AttemptId),
    /// Tell the provider that a response which it keeps is not wanted any longer. Nobody waits for the
    /// answer.
    Cancel(Box<Request>),
    /// Append this control record to the journal.
    Record {
        /// Its number; dense, in order.
        seq: Seq,
        /// The bytes to append.
        record: Record,
    },
    /// Give this event to the consumer.
    ///
    /// With `seq`: first append [`Frame::records`], of which the last one has this number,
    /// and deliver when the store says that it is durable. Without: the event is a
    /// heartbeat, deliver it or leave it.
    Emit {
        /// The number of its last record.
        seq: Option<Seq>,
        /// The event.
        frame: Frame,
    },
    /// A continuation joined the text here.
    Seam(Seam),
    /// The state of the stream changed.
    State(State),
    /// Nothing to do until an input comes or this instant passes. The engine is drained.
    Wait(Option<Nanos>),
    /// The session is over. Every later poll says the same.
    Done(Box<Outcome>),
}

/// One request to send.
#[derive(Clone, Debug)]
pub struct Request {
    /// Names the attempt in every later input.
    pub attempt: AttemptId,
    /// `POST`, or `GET` for a response that the provider keeps.
    pub method: Method,
    /// Path and query below the base URL, such as `/messages`.
    pub path: Cow<'static, str>,
    /// The body: the caller's own bytes, spliced where the rung needs it. Empty where the response
    /// was asked for before.
    pub body: Bytes,
    /// Stable for retries of the same operation, derived for a continuation; `None` where nothing is
    /// made.
    pub key: Option<IdempotencyKey>,
    /// What it says beside the headers that every request has.
    pub headers: HeaderMap,
    /// How this attempt goes on.
    pub rung: Rung,
    /// Which connection it may use.
    pub connection: Connection,
    /// It is a copy, beside the live attempt and not in its place.
    pub is_hedge: bool,
}

/// Which connection a request may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// One that was kept, or a new one.
    #[default]
    Any,
    /// A new one: the request came to nothing on one that was kept.
    New,
}

/// Where a stream is, for people and for metrics.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// The next attempt waits to be admitted. Only a driver with a queue says it.
    Waiting,
    /// An attempt is being made.
    Connecting {
        /// Which one.
        attempt: AttemptId,
        /// How it goes on.
        rung: Rung,
        /// Where it goes, when a driver chose among endpoints.
        endpoint: Option<Arc<str>>,
    },
    /// A copy of the live attempt's request is being made.
    Hedging {
        /// Which attempt the copy is.
        attempt: AttemptId,
        /// How it goes on.
        rung: Rung,
        /// Where it goes.
        endpoint: Option<Arc<str>>,
    },
    /// The provider answers with an event stream.
    Connected {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// An attempt is over without a whole response.
    Disconnected {
        /// Which attempt.
        attempt: AttemptId,
        /// Why.
        cause: Cause,
    },
    /// The next attempt is decided.
    Reconnecting {
        /// How it will go on.
        rung: Rung,
        /// When, on the caller's clock.
        at: Nanos,
        /// How long from now.
        wait: Nanos,
    },
    /// The store failed and the stream goes on without it.
    NotDurable,
    /// No further attempt will be made.
    Failed {
        /// Why.
        cause: Cause,
    },
    /// The provider finished.
    Done,
}

impl State {
    /// The state's name: `waiting`, `connecting`, `hedging`, `connected`, `disconnected`,
    /// `reconnecting`, `not-durable`, `failed` or `done`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Connecting { .. } => "connecting",
            Self::Hedging { .. } => "hedging",
            Self::Connected { .. } => "connected",
            Self::Disconnected { .. } => "disconnected",
            Self::Reconnecting { .. } => "reconnecting",
            Self::NotDurable => "not-durable",
            Self::Failed { .. } => "failed",
            Self::Done => "done",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
