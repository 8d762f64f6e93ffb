//! `ResumeOptions`: how a response that was left is gone on with.

use cost::Money;
use std::time::Duration;

/// How a response is gone on with. The default has no limit of time and disturbs nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResumeOptions {
    /// How long the rest may take. Default: as long as the client allows a whole response.
    pub within: Option<Duration>,
    /// What to do while another process may be receiving the stream. Default: refuse.
    pub if_held: IfHeld,
    /// Bytes of text that the consumer has. With
    /// [`Deliver::Immediate`](crate::Deliver::Immediate) it may have more than any store;
    /// going on would then repeat or lose something, and `CursorAhead` says so instead.
    pub shown: Option<u64>,
    /// The most that the response may cost, what it cost before included. Default: the client's
    /// [`response_budget`](crate::Builder::response_budget).
    pub budget: Option<Money>,
}

/// What to do with a stream that another process may be receiving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfHeld {
    /// Leave it: [`ErrorKind::Held`](crate::ErrorKind::Held).
    #[default]
    Refuse,
    /// Take it over; the other one is fenced off.
    TakeOver,
}
