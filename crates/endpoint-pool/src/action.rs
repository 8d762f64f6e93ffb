//! What a pool tells its caller: a grant, a refusal, or when to ask again.

use std::fmt;

use retry_policy::Nanos;

use crate::{EndpointId, Ticket};

/// The answer of [`Pool::poll`](crate::Pool::poll).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An attempt may begin.
    Grant(Grant),
    /// An attempt will not begin; its ticket is over.
    Refuse {
        /// Whose.
        ticket: Ticket,
        /// Why.
        refusal: Refusal,
    },
    /// Nothing more to say until the next input, or until this instant.
    Wait(Option<Nanos>),
}

/// A permit to begin an attempt. It covers the whole body of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose.
    pub ticket: Ticket,
    /// Where.
    pub endpoint: EndpointId,
    /// Whether its result decides about the endpoint.
    pub purpose: Purpose,
    /// The time since it was asked for.
    pub waited: Nanos,
}

/// Whether the result of an attempt decides about the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The endpoint is in use.
    Ordinary,
    /// The endpoint is out of use, and this attempt tells whether it is back.
    Probe,
}

/// Why a request was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// [`Queueing::waiting_max`](crate::Queueing::waiting_max) requests wait already.
    QueueFull,
    /// An attempt can no longer begin early enough before the deadline.
    DeadlineTooNear,
    /// No endpoint answers, and none has for longer than this request has time.
    UpstreamDown,
    /// It waited for [`Queueing::wait_max`](crate::Queueing::wait_max), or for as long as it
    /// [may](crate::Request::spare) where another pool can take it.
    Timeout,
    /// No endpoint has room for a second copy, or the route leaves none.
    NoSpare,
}

impl Refusal {
    pub(crate) const COUNT: usize = 5;

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueFull => "too many requests wait already",
            Self::DeadlineTooNear => "the deadline is too near for an attempt",
            Self::UpstreamDown => "no endpoint answers",
            Self::Timeout => "waited too long to be admitted",
            Self::NoSpare => "no endpoint is left for it",
        })
    }
}

impl std::error::Error for Refusal {}
