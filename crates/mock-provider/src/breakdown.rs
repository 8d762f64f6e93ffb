//! An outage that a test begins when it likes, as opposed to one that a script holds.

use std::time::Duration;

use crate::fault::{Fault, RetryHint};

/// What requests meet while an outage lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breakdown {
    /// Nothing listens.
    Refused,
    /// Every request gets this status.
    Status {
        /// HTTP status code.
        status: u16,
        /// What it says about coming back.
        hint: RetryHint,
    },
    /// Every request gets the head of a response, and nothing more.
    Silent,
}

/// What takes the place of every answer for a while.
#[derive(Clone, Debug)]
pub(crate) struct Closed {
    until: Duration,
    fault: Fault,
}

impl Closed {
    pub(crate) const fn new(until: Duration, fault: Fault) -> Self {
        Self { until, fault }
    }

    /// What a request at this instant gets; `None` when it is over.
    pub(crate) fn fault(&self, at: Duration) -> Option<Fault> {
        (at < self.until).then(|| self.fault.clone())
    }
}
