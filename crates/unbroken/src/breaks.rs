//! What happened at each break, put together from the states of the connection.

use client::{AttemptId, Cause, Rung, State};
use std::fmt;
use std::time::Duration;

/// Follows the states of one stream.
#[derive(Debug, Default)]
pub(crate) struct Breaks {
    count: u32,
    cause: Option<Cause>,
    /// Copies beside the attempt that the consumer reads.
    copies: Vec<AttemptId>,
}

impl Breaks {
    /// Takes the next state; a break is told when it is decided how to go on.
    pub(crate) fn observe(&mut self, state: &State) -> Option<Break> {
        match state {
            State::Hedging { attempt, .. } => {
                self.copies.push(*attempt);
                None
            }
            // One that takes the place of the attempt is no copy any longer.
            State::Connected { attempt } => {
                self.lose_copy(*attempt);
                None
            }
            // A copy of the same request: nothing broke.
            State::Disconnected { cause: Cause::Outraced, .. } => None,
            State::Disconnected { attempt, .. } if self.lose_copy(*attempt) => None,
            State::Disconnected { cause, .. } => {
                self.cause = Some(cause.clone());
                None
            }
            State::Reconnecting { rung, wait, .. } => {
                let cause = self.cause.take()?;
                self.count += 1;
                Some(Break { number: self.count, cause, rung: *rung, wait: wait.as_duration() })
            }
            _ => None,
        }
    }

    /// Whether it was a copy until now.
    fn lose_copy(&mut self, attempt: AttemptId) -> bool {
        let at = self.copies.iter().position(|copy| *copy == attempt);
        at.map(|at| self.copies.swap_remove(at)).is_some()
    }
}

/// One break and how the stream goes on after it.
#[derive(Debug, PartialEq)]
pub(crate) struct Break {
    /// Counted from 1.
    pub(crate) number: u32,
    /// What the client saw.
    pub(crate) cause: Cause,
    /// How it goes on.
    pub(crate) rung: Rung,
    /// How long it waits before that.
    pub(crate) wait: Duration,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {} after {}", self.cause, self.rung, Brief(self.wait))
    }
}

/// A duration for people: `84 ms`, `1.2 s`.
pub(crate) struct Brief(pub(crate) Duration);

impl fmt::Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            millis if millis < 1000 => write!(f, "{millis} ms"),
            millis => write!(f, "{}.{} s", millis / 1000, millis % 1000 / 100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::Nanos;

    #[test]
    fn a_break_has_its_cause_and_what_follows() {
        let mut breaks = Breaks::default();
        let attempt = AttemptId(1);
        let cause = Cause::Truncated;
        assert_eq!(breaks.observe(&State::Disconnected { attempt, cause }), None);
        let wait = Nanos::from_millis(84);
        let state = State::Reconnecting { rung: Rung::Prefill, at: wait, wait };
        let told = breaks.observe(&state).unwrap();
        assert_eq!(told.number, 1);
        assert_eq!(told.to_string(), "stream ended before the response did; prefill after 84 ms");
        assert_eq!(breaks.observe(&State::Done), None);
    }

    #[test]
    fn a_copy_that_fails_is_no_break_and_one_that_took_over_is_the_attempt() {
        let [copy, winner] = [2, 3].map(AttemptId);
        let hedging = |attempt| State::Hedging { attempt, rung: Rung::Retry, endpoint: None };
        let gone = |attempt| State::Disconnected { attempt, cause: Cause::Truncated };
        let again = State::Reconnecting { rung: Rung::Prefill, at: Nanos::ZERO, wait: Nanos::ZERO };
        let mut breaks = Breaks::default();
        for state in [hedging(copy), gone(copy), again.clone(), hedging(winner)] {
            assert_eq!(breaks.observe(&state), None, "{state}");
        }
        for state in [State::Connected { attempt: winner }, gone(winner)] {
            assert_eq!(breaks.observe(&state), None, "{state}");
        }
        assert_eq!(breaks.observe(&again).map(|told| told.cause), Some(Cause::Truncated));
    }

    #[test]
    fn durations_are_brief() {
        assert_eq!(Brief(Duration::from_micros(900)).to_string(), "0 ms");
        assert_eq!(Brief(Duration::from_millis(999)).to_string(), "999 ms");
        assert_eq!(Brief(Duration::from_millis(2_549)).to_string(), "2.5 s");
    }
}
