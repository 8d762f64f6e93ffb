//! The state of one logical request over all its attempts, and the decision after a failure.
//! It owns no policy, no budget and no clock: each is passed in.

mod steps;

use crate::mix::Dice;
use crate::{Budget, Class, Decision, Nanos, Policy, Verdict};

/// The bytes delivered since the last failure that count as progress.
///
/// They start the count of failures in a row and the backoff anew.
pub const PROGRESS_BYTES: u64 = 256;

/// One logical request: what its attempts have done so far.
///
/// Call [`on_attempt`](Self::on_attempt) before each attempt, [`on_progress`](Self::on_progress)
/// for delivered bytes, then [`on_failure`](Self::on_failure) or, once,
/// [`on_success`](Self::on_success). Each call has a generator of its own, seeded by the caller: a
/// clone repeats the delays of its original, so start another request with [`Call::new`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    start: Nanos,
    previous: Nanos,
    dice: Dice,
    progress: u64,
    attempts: u32,
    /// Since the last progress.
    failures: u32,
    /// The failures among these that used up time only.
    free: u32,
    charged: Option<Class>,
    committed: bool,
}

/// Programs keep one for each request in flight.
const _: () = assert!(size_of::<Call>() <= 64);

impl Call {
    /// A request that starts now. Give each a seed of its own; neighbouring numbers will do.
    #[must_use]
    pub const fn new(seed: u64, now: Nanos) -> Self {
        Self {
            start: now,
            previous: Nanos::ZERO,
            dice: Dice::new(seed),
            progress: 0,
            attempts: 0,
            failures: 0,
            free: 0,
            charged: None,
            committed: false,
        }
    }

    /// Counts an attempt that is about to begin.
    #[inline]
    pub const fn on_attempt(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
    }

    /// Takes back the attempt that began last: the server provably did not act on it, and it is
    /// made again at once.
    #[inline]
    pub const fn on_unprocessed(&mut self) {
        self.attempts = self.attempts.saturating_sub(1);
    }

    /// The attempts that follow go to an upstream that has not failed yet: they are counted, and
    /// delayed, as those of a new call. What was delivered and the deadline stay.
    #[inline]
    pub const fn on_other_upstream(&mut self) {
        self.attempts = 0;
        self.failures = 0;
        self.free = 0;
        self.previous = Nanos::ZERO;
        self.progress = 0;
    }

    /// Notes bytes of the response that were given to the consumer.
    #[inline]
    pub const fn on_progress(&mut self, bytes: u64) {
        self.progress = self.progress.saturating_add(bytes);
        self.committed |= bytes > 0;
    }

    /// Decides what follows a failed attempt.
    ///
    /// The order is: what was delivered, the class, the attempts in all, those in a row, the
    /// deadline, and last the budget, so that only a retry that really follows is paid for.
    ///
    /// Where the server named a time, the wait is that time and a jitter of a tenth of it, at
    /// least 500 ms and at most 5 s. The own backoff does not lengthen a named time: the server
    /// knows its load, and its jitter keeps callers apart.
    #[inline]
    pub fn on_failure(
        &mut self,
        policy: &Policy,
        verdict: &Verdict,
        budget: &(impl Budget + ?Sized),
        now: Nanos,
    ) -> Decision {
        self.count_failure(verdict);
        if policy.asks_for_more() || self.may_be_refused(policy, verdict) {
            return self.decide_in_full(policy, verdict, budget, now);
        }
        self.wait(policy, verdict.class, verdict.hint.after, budget, now)
    }

    /// Repays the budget; once, when the response is complete.
    #[inline]
    pub fn on_success(&mut self, budget: &(impl Budget + ?Sized), now: Nanos) {
        budget.deposit(now, self.charged.take());
    }

    /// The attempts that began and were not free.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The failures since the last progress that were not free.
    #[must_use]
    pub const fn failures_in_a_row(&self) -> u32 {
        self.failures - self.free
    }

    /// Whether a part of the response has been delivered.
    #[must_use]
    pub const fn is_committed(&self) -> bool {
        self.committed
    }

    /// The instant at which the request started.
    #[must_use]
    pub const fn start(&self) -> Nanos {
        self.start
    }

    /// The instant after which no attempt begins.
    #[must_use]
    pub const fn deadline(&self, policy: &Policy) -> Option<Nanos> {
        match policy.limits.deadline {
            Some(span) => Some(self.start.saturating_add(span)),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Backoff, ConnectFailures, Endpoints, GiveUp, Limits, Reason, Sent, ServerHint, Unlimited,
    };

    const NOW: Nanos = Nanos::from_secs(1000);

    fn fail(call: &mut Call, policy: &Policy, verdict: Verdict) -> Decision {
        call.on_attempt();
        call.on_failure(policy, &verdict, &Unlimited, NOW)
    }

    const fn transient() -> Verdict {
        Verdict::new(Class::Transient, Sent::MaybeProcessed)
    }

    #[test]
    fn a_kilobyte_of_small_progress_between_failures_is_not_progress() {
        let policy = Policy::DEFAULT;
        let mut call = Call::new(1, NOW);
        for _ in 0..9 {
            call.on_progress(255);
            assert!(matches!(fail(&mut call, &policy, transient()), Decision::Resume { .. }));
        }
        call.on_progress(255);
        let decision = fail(&mut call, &policy, transient());
        assert_eq!(decision, Decision::GiveUp(GiveUp::InARowExhausted));
    }

    #[test]
    fn progress_starts_the_count_and_the_backoff_anew() {
        let policy = Policy {
            backoff: Backoff::None { base: Nanos(1), cap: Nanos::MAX },
            ..Policy::DEFAULT
        };
        let mut call = Call::new(1, NOW);
        for _ in 0..5 {
            let _ = fail(&mut call, &policy, transient());
        }
        assert_eq!(call.failures_in_a_row(), 5);
        call.on_progress(PROGRESS_BYTES);
        let decision = fail(&mut call, &policy, transient());
        assert_eq!(decision.at(), Some(NOW.saturating_add(Nanos(1))));
        assert_eq!((call.failures_in_a_row(), call.attempts()), (1, 6));
    }

    #[test]
    fn progress_makes_decorrelated_jitter_forget_the_last_delay() {
        let (base, cap) = (Nanos(100), Nanos::MAX);
        let backoff = Backoff::DecorrelatedFolded { base, cap };
        let policy = Policy { backoff, ..Policy::DEFAULT };
        for seed in 0..20 {
            let mut call = Call::new(seed, NOW);
            for _ in 0..8 {
                let _ = fail(&mut call, &policy, transient());
            }
            call.on_progress(PROGRESS_BYTES);
            let at = fail(&mut call, &policy, transient()).at();
            assert!(at <= Some(NOW.saturating_add(Nanos(300))), "{at:?}");
        }
    }

    #[test]
    fn a_failed_connection_uses_up_the_deadline_only_if_there_is_one() {
        let refused = Verdict::new(Class::Connect, Sent::NotSent);
        let gated = Limits { total: 20, connect: ConnectFailures::UseDeadline, ..Limits::DEFAULT };
        let bounded = Limits { deadline: Some(Nanos::from_secs(3600)), ..gated };
        let count = |limits, verdict| {
            let policy = Policy { limits, ..Policy::DEFAULT };
            let mut call = Call::new(1, NOW);
            (0..50).take_while(|_| fail(&mut call, &policy, verdict).at().is_some()).count()
        };
        assert_eq!(count(bounded, refused), 50);
        assert_eq!(count(gated, refused), 9);
        assert_eq!(count(bounded, transient()), 9);
        assert_eq!(count(bounded, Verdict::new(Class::Connect, Sent::MaybeProcessed)), 9);
    }

    #[test]
    fn an_attempt_that_was_not_processed_uses_up_nothing() {
        let limits = Limits { total: 2, ..Limits::DEFAULT };
        let policy = Policy { limits, ..Policy::DEFAULT };
        let mut call = Call::new(1, NOW);
        for _ in 0..9 {
            call.on_attempt();
            call.on_unprocessed();
        }
        assert_eq!((call.attempts(), call.failures_in_a_row()), (0, 0));
        assert!(fail(&mut call, &policy, transient()).at().is_some());
        let last = fail(&mut call, &policy, transient());
        assert_eq!(last, Decision::GiveUp(GiveUp::AttemptsExhausted));
    }

    #[test]
    fn another_upstream_is_tried_as_often_as_the_first_and_no_longer() {
        let limits =
            Limits { in_a_row: 3, deadline: Some(Nanos::from_secs(60)), ..Limits::DEFAULT };
        let policy = Policy { limits, ..Policy::DEFAULT };
        let mut call = Call::new(1, NOW);
        call.on_progress(1);
        for _ in 0..2 {
            assert!(fail(&mut call, &policy, transient()).at().is_some());
        }
        assert_eq!(
            fail(&mut call, &policy, transient()),
            Decision::GiveUp(GiveUp::InARowExhausted)
        );
        call.on_other_upstream();
        assert_eq!((call.attempts(), call.failures_in_a_row()), (0, 0));
        assert!(matches!(fail(&mut call, &policy, transient()), Decision::Resume { .. }));
        assert_eq!(call.deadline(&policy), Some(NOW.saturating_add(Nanos::from_secs(60))));
    }

    #[test]
    fn progress_forgets_failed_connections_too() {
        let deadline = Some(Nanos::from_secs(3600));
        let limits = Limits { deadline, connect: ConnectFailures::UseDeadline, ..Limits::DEFAULT };
        let policy = Policy { limits, ..Policy::DEFAULT };
        let mut call = Call::new(1, NOW);
        for _ in 0..3 {
            let _ = fail(&mut call, &policy, Verdict::new(Class::Connect, Sent::NotSent));
        }
        assert_eq!((call.attempts(), call.failures_in_a_row()), (0, 0));
        call.on_progress(PROGRESS_BYTES);
        let _ = fail(&mut call, &policy, transient());
        assert_eq!((call.attempts(), call.failures_in_a_row()), (1, 1));
    }

    #[test]
    fn several_endpoints_are_tried_at_once_and_then_with_backoff() {
        let policy = Policy {
            backoff: Backoff::None { base: Nanos(8), cap: Nanos::MAX },
            endpoints: Endpoints::Several,
            ..Policy::DEFAULT
        };
        let hint = ServerHint { after: Some(Nanos::from_secs(3600)), retry: None };
        let mut call = Call::new(1, NOW);
        for wait in [0, 8, 16] {
            let reason = Reason::OtherEndpoint(Class::Transient);
            let expected = Decision::FailOver { not_before: Nanos(NOW.0 + wait), reason };
            assert_eq!(fail(&mut call, &policy, transient().with_hint(hint)), expected);
        }
        call.on_progress(1);
        assert!(matches!(fail(&mut call, &policy, transient()), Decision::Resume { .. }));
    }
}
