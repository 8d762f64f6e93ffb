//! The state of one logical request over all its attempts, and the decision after a failure.
//! It owns no policy, no budget and no clock: each is passed in.

use crate::mix::{GAMMA, mix, scale};
use crate::{
    Budget, Class, ConnectFailures, Decision, Endpoints, GiveUp, Nanos, Policy, Reason, Sent,
    Verdict,
};

/// The bytes delivered since the last failure that count as progress.
///
/// They start the count of failures in a row and the backoff anew.
pub const PROGRESS_BYTES: u64 = 256;

/// The jitter on a server hint is a tenth of it, within these two.
const HINT_SPREAD_MIN: Nanos = Nanos::from_millis(500);
const HINT_SPREAD_MAX: Nanos = Nanos::from_secs(5);

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
    rng: u64,
    progress: u64,
    attempts: u32,
    /// Since the last progress.
    failures: u32,
    /// The failures among these that used up time only.
    free: u32,
    charged: Option<Class>,
    committed: bool,
}

impl Call {
    /// A request that starts now. Give each a seed of its own; neighbouring numbers will do.
    #[must_use]
    pub const fn new(seed: u64, now: Nanos) -> Self {
        Self {
            start: now,
            previous: Nanos::ZERO,
            // Mixed, because states that lie a few increments apart share most of a sequence.
            rng: mix(seed ^ GAMMA),
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
        verdict: Verdict,
        budget: &mut (impl Budget + ?Sized),
        now: Nanos,
    ) -> Decision {
        self.count_failure(policy, &verdict);
        if self.may_be_refused(policy, &verdict)
            && let Some(give_up) = self.refusal(policy, &verdict)
        {
            return Decision::GiveUp(give_up);
        }
        let draw = self.draw();
        let Some(room) = self.room(policy, now) else { return too_late(&verdict) };
        if policy.endpoints == Endpoints::Several {
            return self.go_elsewhere(policy, verdict.class, budget, (now, room, draw));
        }
        let (delay, reason) = match verdict.hint.after {
            Some(told) if told > Nanos::ZERO => {
                (told_delay(policy, told, room, draw), Reason::ServerHint(verdict.class))
            }
            _ => {
                let delay = self.own_delay(policy, verdict.class, self.failures - 1, draw);
                (delay, Reason::Backoff(verdict.class))
            }
        };
        if delay > room {
            return too_late(&verdict);
        }
        if !self.pay(budget, verdict.class, now) {
            return Decision::GiveUp(GiveUp::BudgetDenied);
        }
        let at = Nanos(now.0 + delay.0);
        if self.committed {
            Decision::Resume { at, reason }
        } else {
            Decision::RetryAt { at, reason }
        }
    }

    /// Repays the budget; once, when the response is complete.
    #[inline]
    pub fn on_success(&mut self, budget: &mut (impl Budget + ?Sized), now: Nanos) {
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

    #[inline]
    fn count_failure(&mut self, policy: &Policy, verdict: &Verdict) {
        if self.progress >= PROGRESS_BYTES {
            self.failures = 0;
            self.free = 0;
            self.previous = Nanos::ZERO;
        }
        self.progress = 0;
        if let Sent::Streaming { delivered: 1.. } = verdict.sent {
            self.committed = true;
        }
        self.failures = self.failures.saturating_add(1);
        if policy.limits.connect == ConnectFailures::UseDeadline {
            self.refund_connection(policy, verdict);
        }
    }

    /// Takes a failed connection off the attempts, if there is a deadline that it uses up.
    #[cold]
    fn refund_connection(&mut self, policy: &Policy, verdict: &Verdict) {
        let unsent = verdict.class == Class::Connect && verdict.sent == Sent::NotSent;
        if unsent && policy.limits.deadline.is_some() {
            self.free = self.free.saturating_add(1);
            self.attempts = self.attempts.saturating_sub(1);
        }
    }

    /// Whether there may be a reason to stop that does not depend on time.
    #[inline]
    const fn may_be_refused(&self, policy: &Policy, verdict: &Verdict) -> bool {
        verdict.class.is_terminal()
            || matches!(verdict.hint.retry, Some(false))
            || self.attempts >= policy.limits.total
            || self.failures_in_a_row() >= policy.limits.in_a_row
    }

    /// The first of these reasons. A response that broke is not forbidden to go on.
    #[cold]
    const fn refusal(&self, policy: &Policy, verdict: &Verdict) -> Option<GiveUp> {
        let streaming = matches!(verdict.sent, Sent::Streaming { .. });
        if verdict.class.is_terminal() {
            Some(GiveUp::Terminal(verdict.class))
        } else if matches!(verdict.hint.retry, Some(false)) && !streaming {
            Some(GiveUp::ServerForbids)
        } else if self.attempts >= policy.limits.total {
            Some(GiveUp::AttemptsExhausted)
        } else if self.failures_in_a_row() >= policy.limits.in_a_row {
            Some(GiveUp::InARowExhausted)
        } else {
            None
        }
    }

    /// The longest delay after which a useful attempt still fits, if there is any. Without a
    /// deadline the end of the range of [`Nanos`] is one, so that no instant overflows; there is
    /// never room for [`Nanos::MAX`] then.
    #[inline]
    fn room(&self, policy: &Policy, now: Nanos) -> Option<Nanos> {
        let end = self.deadline(policy).unwrap_or(Nanos(u64::MAX - 1));
        end.0.checked_sub(now.0)?.checked_sub(policy.limits.attempt_min.0).map(Nanos)
    }

    #[inline]
    fn own_delay(&mut self, policy: &Policy, class: Class, retry: u32, draw: u64) -> Nanos {
        let base = policy.base_for(class);
        self.previous = policy.backoff.delay_from(base, retry, self.previous, draw);
        self.previous
    }

    /// The last steps of a decision where other endpoints exist: a named time does not bind them,
    /// and the next one has not failed yet.
    #[cold]
    fn go_elsewhere(
        &mut self,
        policy: &Policy,
        class: Class,
        budget: &mut (impl Budget + ?Sized),
        (now, room, draw): (Nanos, Nanos, u64),
    ) -> Decision {
        let delay = match self.failures {
            1 => Nanos::ZERO,
            failures => self.own_delay(policy, class, failures - 2, draw),
        };
        if delay > room {
            return Decision::GiveUp(GiveUp::DeadlineExceeded);
        }
        if !self.pay(budget, class, now) {
            return Decision::GiveUp(GiveUp::BudgetDenied);
        }
        let (at, reason) = (Nanos(now.0 + delay.0), Reason::OtherEndpoint(class));
        if self.committed {
            Decision::Resume { at, reason }
        } else {
            Decision::FailOver { not_before: at, reason }
        }
    }

    #[inline]
    fn pay(&mut self, budget: &mut (impl Budget + ?Sized), class: Class, now: Nanos) -> bool {
        let paid = budget.withdraw(now, class);
        if paid {
            self.charged = Some(class);
        }
        paid
    }

    #[inline]
    const fn draw(&mut self) -> u64 {
        self.rng = self.rng.wrapping_add(GAMMA);
        mix(self.rng)
    }
}

/// The time that the server named and a jitter. The jitter gives way to the deadline, the named
/// time does not: where it is too long, the result is more than there is room for.
#[inline]
fn told_delay(policy: &Policy, told: Nanos, room: Nanos, draw: u64) -> Nanos {
    if policy.limits.deadline.is_none() && told > policy.limits.hint_max {
        return Nanos::MAX;
    }
    let spread = HINT_SPREAD_MIN.max(Nanos(told.0 / 10)).min(HINT_SPREAD_MAX);
    told.saturating_add(Nanos(scale(draw, spread.0))).min(room).max(told)
}

#[cold]
const fn too_late(verdict: &Verdict) -> Decision {
    Decision::GiveUp(match verdict.hint.after {
        None | Some(Nanos::ZERO) => GiveUp::DeadlineExceeded,
        Some(after) => GiveUp::HintTooLong { after },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, ServerHint, Unlimited};

    const NOW: Nanos = Nanos::from_secs(1000);

    fn fail(call: &mut Call, policy: &Policy, verdict: Verdict) -> Decision {
        call.on_attempt();
        call.on_failure(policy, verdict, &mut Unlimited, NOW)
    }

    const fn transient() -> Verdict {
        Verdict::new(Class::Transient, Sent::MaybeProcessed)
    }

    #[test]
    fn the_state_of_a_call_is_small() {
        assert!(size_of::<Call>() <= 64, "{}", size_of::<Call>());
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
            backoff: crate::Backoff::None { base: Nanos(1), cap: Nanos::MAX },
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
        let backoff = crate::Backoff::DecorrelatedFolded { base, cap };
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
    fn several_endpoints_are_tried_at_once_and_then_with_backoff() {
        let policy = Policy {
            backoff: crate::Backoff::None { base: Nanos(8), cap: Nanos::MAX },
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
