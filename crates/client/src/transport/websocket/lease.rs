//! For how long and for how much a socket may be used.

use tokio::time::Instant;

use crate::carrier::SocketLimits;

/// The use that was made of a socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    opened: Instant,
    used: Instant,
    /// Responses that were asked for on it.
    asked: u32,
}

impl Lease {
    /// Of a socket that opens now.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { opened: now, used: now, asked: 0 }
    }

    /// A response is asked for.
    pub(super) const fn ask(&mut self) {
        self.asked = self.asked.saturating_add(1);
    }

    /// A response is over.
    pub(super) fn rest(&mut self) {
        self.used = Instant::now();
    }

    /// Whether the socket served before the response that was asked for last.
    pub(super) const fn is_used(&self) -> bool {
        self.asked > 1
    }

    /// Whether the socket may carry one more response.
    pub(super) fn is_open(&self, limits: &SocketLimits) -> bool {
        let now = Instant::now();
        self.asked < limits.responses
            && now.saturating_duration_since(self.opened) < limits.age.as_duration()
            && now.saturating_duration_since(self.used) < limits.idle.as_duration()
    }

    /// When it is over for a socket that is not asked again; `None` for a time that no clock shows.
    pub(super) fn ends(&self, limits: &SocketLimits) -> Option<Instant> {
        let by_age = self.opened.checked_add(limits.age.as_duration());
        let by_idle = self.used.checked_add(limits.idle.as_duration());
        by_age.into_iter().chain(by_idle).min()
    }
}
