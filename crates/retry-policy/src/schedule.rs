//! The delays of a policy as a value: to list them, to bound them, to simulate with them.
//! The same code decides here and in a real call.

use crate::{Bounds, Call, Class, Endpoints, Nanos, Policy, Repeat, Sent, Unlimited, Verdict};

/// The delays of a call whose attempts all fail at once, until its policy gives up.
///
/// Every failure counts as an attempt here and may be repeated, and no server names a time; for
/// anything else there is [`Policy::simulate`].
///
/// ```
/// use retry_policy::{Class, Policy};
/// let delays: Vec<_> = Policy::DEFAULT.schedule(Class::Transient, 7).collect();
/// assert_eq!(delays.len(), 9);
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    policy: Policy,
    verdict: Verdict,
    call: Call,
    now: Nanos,
}

/// The least and greatest value of each delay of a [`Schedule`], whatever its seed.
///
/// A deadline ends it as soon as not even the least delays fit.
#[derive(Clone, Debug)]
pub struct Envelope {
    policy: Policy,
    class: Class,
    retry: u32,
    elapsed_min: Nanos,
}

impl Policy {
    /// The delays after failures of one class, for one seed.
    #[must_use]
    pub const fn schedule(&self, class: Class, seed: u64) -> Schedule {
        let verdict = Verdict::new(class, Sent::MaybeProcessed);
        let policy = Self { repeat: Repeat::Always, ..*self };
        Schedule { policy, verdict, call: Call::new(seed, Nanos::ZERO), now: Nanos::ZERO }
    }

    /// The bounds of the delays after failures of one class.
    #[must_use]
    pub const fn envelope(&self, class: Class) -> Envelope {
        Envelope { policy: *self, class, retry: 0, elapsed_min: Nanos::ZERO }
    }
}

impl Iterator for Schedule {
    type Item = Nanos;

    fn next(&mut self) -> Option<Nanos> {
        self.call.on_attempt();
        let decision = self.call.on_failure(&self.policy, &self.verdict, &Unlimited, self.now);
        let at = decision.at()?;
        let delay = at.saturating_sub(self.now);
        self.now = at;
        Some(delay)
    }
}

impl Iterator for Envelope {
    type Item = Bounds;

    fn next(&mut self) -> Option<Bounds> {
        let limits = &self.policy.limits;
        let retries = limits.total.min(limits.in_a_row).saturating_sub(1);
        if self.class.is_terminal() || self.retry >= retries {
            return None;
        }
        let backoff = self.policy.backoff_for(self.class);
        let bounds = match (self.policy.endpoints, self.retry) {
            (Endpoints::One, retry) => backoff.bounds(retry),
            (Endpoints::Several, 0) => Bounds { min: Nanos::ZERO, max: Nanos::ZERO },
            (Endpoints::Several, retry) => backoff.bounds(retry - 1),
        };
        let elapsed_min = self.elapsed_min.saturating_add(bounds.min);
        let deadline = limits.deadline.unwrap_or(Nanos::MAX);
        if elapsed_min.saturating_add(limits.attempt_min) > deadline {
            return None;
        }
        self.retry += 1;
        self.elapsed_min = elapsed_min;
        Some(bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Backoff, Limits};

    #[test]
    fn the_default_lists_nine_delays() {
        assert_eq!(Policy::DEFAULT.schedule(Class::Transient, 1).count(), 9);
        assert_eq!(Policy::DEFAULT.envelope(Class::Transient).count(), 9);
    }

    #[test]
    fn a_terminal_class_has_no_delays() {
        assert_eq!(Policy::DEFAULT.schedule(Class::Quota, 1).count(), 0);
        assert_eq!(Policy::DEFAULT.envelope(Class::Quota).count(), 0);
    }

    #[test]
    fn a_deadline_ends_the_list_before_it_is_passed() {
        let policy = Policy {
            backoff: Backoff::None { base: Nanos::from_secs(1), cap: Nanos::from_secs(20) },
            limits: Limits { deadline: Some(Nanos::from_secs(8)), ..Limits::DEFAULT },
            ..Policy::DEFAULT
        };
        let expected = [1, 2, 4].map(Nanos::from_secs);
        assert!(policy.schedule(Class::Transient, 1).eq(expected));
        assert!(policy.envelope(Class::Transient).map(|bounds| bounds.max).eq(expected));
    }
}
