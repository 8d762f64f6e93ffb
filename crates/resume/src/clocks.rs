//! Every deadline of a session, as instants on the caller's clock.

use retry_policy::Nanos;

use crate::config::Timeouts;
use crate::outcome::Cause;

/// What is running out, and when. `None` is a clock that does not run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clocks {
    connect: Option<Nanos>,
    first_token: Option<Nanos>,
    idle: Option<Nanos>,
    bytes: Option<Nanos>,
    sentinel: Option<Nanos>,
    /// When the next attempt begins.
    pub(crate) retry: Option<Nanos>,
    /// When the whole response must be there.
    total: Option<Nanos>,
}

/// A clock that ran out.
#[derive(Debug, PartialEq)]
pub(crate) enum Due {
    /// The live attempt is to end for this reason.
    Attempt(Cause),
    /// The response is whole; its last event did not come.
    Sentinel,
    /// The session is to end.
    Total,
}

impl Clocks {
    /// Nothing runs but the deadline of the whole response.
    pub(crate) const fn until(total: Option<Nanos>) -> Self {
        Self {
            connect: None,
            first_token: None,
            idle: None,
            bytes: None,
            sentinel: None,
            retry: None,
            total,
        }
    }

    /// The next instant at which something is due.
    pub(crate) fn next(&self) -> Option<Nanos> {
        [
            self.connect,
            self.first_token,
            self.idle,
            self.bytes,
            self.sentinel,
            self.retry,
            self.total,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What is due, the session's end first.
    pub(crate) fn due(&self, now: Nanos) -> Option<Due> {
        let is_due = |clock: Option<Nanos>| clock.is_some_and(|at| at <= now);
        if is_due(self.total) {
            return Some(Due::Total);
        }
        if is_due(self.sentinel) {
            return Some(Due::Sentinel);
        }
        [
            (self.connect, Cause::ConnectTimeout),
            (self.first_token, Cause::FirstTokenTimeout),
            (self.idle, Cause::IdleTimeout),
            (self.bytes, Cause::ByteTimeout),
        ]
        .into_iter()
        .find_map(|(clock, cause)| is_due(clock).then_some(Due::Attempt(cause)))
    }

    pub(crate) fn connecting(&mut self, now: Nanos, timeouts: &Timeouts) {
        self.stop();
        self.connect = Some(now.saturating_add(timeouts.connect));
    }

    pub(crate) fn connected(&mut self, now: Nanos, timeouts: &Timeouts) {
        self.connect = None;
        self.first_token.get_or_insert(now.saturating_add(timeouts.first_token));
    }

    pub(crate) fn bytes(&mut self, now: Nanos, timeouts: &Timeouts) {
        self.bytes = Some(now.saturating_add(timeouts.bytes));
    }

    pub(crate) fn content(&mut self, now: Nanos, timeouts: &Timeouts, pace: Pace) {
        self.first_token = None;
        let idle = match pace {
            Pace::Steady => timeouts.idle,
            Pace::Halting => timeouts.idle.saturating_mul(2),
        };
        self.idle = Some(now.saturating_add(idle));
    }

    /// The model stopped; only the wire's last event is missing.
    pub(crate) fn stopped(&mut self, now: Nanos, timeouts: &Timeouts) {
        self.stop();
        self.sentinel = Some(now.saturating_add(timeouts.sentinel));
    }

    /// No attempt is live.
    pub(crate) fn stop(&mut self) {
        *self = Self::until(self.total);
    }
}

/// Whether the open block streams evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Text.
    Steady,
    /// Thinking and tool calls, where providers pause for a reason.
    Halting,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = Nanos::from_secs(1);

    #[test]
    fn each_timeout_ends_the_attempt_in_its_own_name() {
        let timeouts = Timeouts {
            connect: SECOND,
            first_token: SECOND,
            idle: SECOND,
            bytes: SECOND,
            sentinel: SECOND,
        };
        type Begin = fn(&mut Clocks, &Timeouts);
        let start: [(Begin, Due); 5] = [
            (|c, t| c.connecting(Nanos::ZERO, t), Due::Attempt(Cause::ConnectTimeout)),
            (|c, t| c.connected(Nanos::ZERO, t), Due::Attempt(Cause::FirstTokenTimeout)),
            (|c, t| c.content(Nanos::ZERO, t, Pace::Steady), Due::Attempt(Cause::IdleTimeout)),
            (|c, t| c.bytes(Nanos::ZERO, t), Due::Attempt(Cause::ByteTimeout)),
            (|c, t| c.stopped(Nanos::ZERO, t), Due::Sentinel),
        ];
        for (begin, due) in start {
            let mut clocks = Clocks::default();
            begin(&mut clocks, &timeouts);
            assert_eq!(clocks.next(), Some(SECOND));
            assert_eq!(clocks.due(Nanos(SECOND.0 - 1)), None);
            assert_eq!(clocks.due(SECOND), Some(due));
        }
    }

    #[test]
    fn thinking_may_pause_twice_as_long() {
        let mut clocks = Clocks::default();
        clocks.content(
            Nanos::ZERO,
            &Timeouts { idle: SECOND, ..Timeouts::default() },
            Pace::Halting,
        );
        assert_eq!(clocks.next(), Some(Nanos::from_secs(2)));
    }

    #[test]
    fn the_deadline_outlives_every_attempt() {
        let mut clocks = Clocks::until(Some(SECOND));
        clocks.bytes(Nanos::ZERO, &Timeouts::default());
        clocks.stop();
        assert_eq!(clocks.next(), Some(SECOND));
        assert_eq!(clocks.due(SECOND), Some(Due::Total));
    }
}
