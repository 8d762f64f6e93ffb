//! The steps of a decision, in their order. Those that need a call are out of line and last, so
//! that the usual decision is straight and saves few registers.

use crate::call::{Call, PROGRESS_BYTES};
use crate::mix::scale;
use crate::{
    Backoff, Budget, Class, ConnectFailures, Decision, Endpoints, GiveUp, Nanos, Policy, Reason,
    Repeat, Sent, Verdict,
};

/// The jitter on a server hint is a tenth of it, within these two.
const HINT_SPREAD_MIN: Nanos = Nanos::from_millis(500);
const HINT_SPREAD_MAX: Nanos = Nanos::from_secs(5);

impl Call {
    #[inline(always)]
    pub(super) const fn count_failure(&mut self, verdict: &Verdict) {
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
    }

    /// Whether there may be a reason to stop that does not depend on time.
    #[inline(always)]
    pub(super) const fn may_be_refused(&self, policy: &Policy, verdict: &Verdict) -> bool {
        verdict.class.is_terminal()
            || matches!(verdict.hint.retry, Some(false))
            || self.attempts >= policy.limits.total
            || self.failures_in_a_row() >= policy.limits.in_a_row
    }

    /// A decision that may be a refusal, or under a policy with more rules than most. Out of line
    /// and with a verdict of its own, so that the usual decision keeps everything in registers.
    #[cold]
    #[inline(never)]
    pub(super) fn decide_in_full(
        &mut self,
        policy: &Policy,
        verdict: &Verdict,
        budget: &(impl Budget + ?Sized),
        now: Nanos,
    ) -> Decision {
        if policy.limits.connect == ConnectFailures::UseDeadline {
            self.refund_connection(policy, verdict);
        }
        if let Some(give_up) = self.refusal(policy, verdict) {
            return Decision::GiveUp(give_up);
        }
        match policy.endpoints {
            Endpoints::Several => self.go_elsewhere(policy, verdict.class, budget, now),
            Endpoints::One => self.wait(policy, verdict.class, verdict.hint.after, budget, now),
        }
    }

    /// Takes a failed connection off the attempts, if there is a deadline that it uses up.
    fn refund_connection(&mut self, policy: &Policy, verdict: &Verdict) {
        let unsent = verdict.class == Class::Connect && verdict.sent == Sent::NotSent;
        if unsent && policy.limits.deadline.is_some() {
            self.free = self.free.saturating_add(1);
            self.attempts = self.attempts.saturating_sub(1);
        }
    }

    /// The first reason to stop that does not depend on time. A response that broke is not
    /// forbidden to go on.
    const fn refusal(&self, policy: &Policy, verdict: &Verdict) -> Option<GiveUp> {
        let streaming = matches!(verdict.sent, Sent::Streaming { .. });
        if verdict.class.is_terminal() {
            Some(GiveUp::Terminal(verdict.class))
        } else if matches!(verdict.hint.retry, Some(false)) && !streaming {
            Some(GiveUp::ServerForbids)
        } else if matches!(policy.repeat, Repeat::IfUnprocessed) && self.would_repeat(verdict) {
            Some(GiveUp::MaybeProcessed)
        } else if self.attempts >= policy.limits.total {
            Some(GiveUp::AttemptsExhausted)
        } else if self.failures_in_a_row() >= policy.limits.in_a_row {
            Some(GiveUp::InARowExhausted)
        } else {
            None
        }
    }

    /// Whether another attempt might make the server act twice. A continuation is a request of
    /// its own, and one that was turned away for its number has not been acted on.
    const fn would_repeat(&self, verdict: &Verdict) -> bool {
        let turned_away = matches!(verdict.class, Class::Throttle | Class::Overload);
        let begun = matches!(verdict.sent, Sent::Streaming { .. });
        let maybe = matches!(verdict.sent, Sent::MaybeProcessed) && !turned_away;
        !self.committed && (begun || maybe)
    }

    /// The longest delay after which a useful attempt still fits, if there is any. Without a
    /// deadline the end of the range of [`Nanos`] is one, so that no instant overflows; there is
    /// never room for [`Nanos::MAX`] then.
    #[inline(always)]
    fn room(&self, policy: &Policy, now: Nanos) -> Option<Nanos> {
        let end = self.deadline(policy).unwrap_or(Nanos(u64::MAX - 1));
        end.0.checked_sub(now.0)?.checked_sub(policy.limits.attempt_min.0).map(Nanos)
    }

    #[inline(always)]
    fn own_delay(&mut self, policy: &Policy, class: Class, retry: u32) -> Nanos {
        let draw = self.dice.draw();
        self.previous = policy.backoff_for(class).delay(retry, self.previous, draw);
        self.previous
    }

    /// The last steps of a decision where the same endpoint is tried again.
    #[inline(always)]
    pub(super) fn wait(
        &mut self,
        policy: &Policy,
        class: Class,
        told: Option<Nanos>,
        budget: &(impl Budget + ?Sized),
        now: Nanos,
    ) -> Decision {
        match (told, policy.backoff_for(class)) {
            (Some(told @ Nanos(1..)), _) => self.wait_as_told(policy, class, budget, now, told),
            (_, Backoff::Full { .. }) => self.wait_as_planned(policy, class, budget, now),
            _ => self.wait_in_shape(policy, class, budget, now),
        }
    }

    /// The last steps of a decision where the own backoff says how long to wait.
    #[inline(always)]
    fn wait_as_planned(
        &mut self,
        policy: &Policy,
        class: Class,
        budget: &(impl Budget + ?Sized),
        now: Nanos,
    ) -> Decision {
        let delay = self.own_delay(policy, class, self.failures - 1);
        if self.room(policy, now).is_none_or(|room| delay > room) {
            return Decision::GiveUp(GiveUp::DeadlineExceeded);
        }
        self.settle(budget, now, delay, Reason::Backoff(class))
    }

    /// The same out of line, so that a decision with the usual shape of backoff saves no registers.
    #[inline(never)]
    fn wait_in_shape(
        &mut self,
        policy: &Policy,
        class: Class,
        budget: &(impl Budget + ?Sized),
        now: Nanos,
    ) -> Decision {
        self.wait_as_planned(policy, class, budget, now)
    }

    /// The last steps of a decision where the server named a time. The jitter gives way to the
    /// deadline, the named time does not.
    #[inline(always)]
    fn wait_as_told(
        &mut self,
        policy: &Policy,
        class: Class,
        budget: &(impl Budget + ?Sized),
        now: Nanos,
        told: Nanos,
    ) -> Decision {
        let too_long = policy.limits.deadline.is_none() && told > policy.limits.hint_max;
        let room = self.room(policy, now).filter(|&room| !too_long && told <= room);
        let Some(room) = room else {
            return Decision::GiveUp(GiveUp::HintTooLong { after: told });
        };
        let spread = HINT_SPREAD_MIN.max(Nanos(told.0 / 10)).min(HINT_SPREAD_MAX);
        let delay = Nanos(told.0 + scale(self.dice.draw(), spread.0)).min(room);
        self.settle(budget, now, delay, Reason::ServerHint(class))
    }

    /// The last steps of a decision where other endpoints exist: a named time does not bind them,
    /// and the next one has not failed yet.
    fn go_elsewhere(
        &mut self,
        policy: &Policy,
        class: Class,
        budget: &(impl Budget + ?Sized),
        now: Nanos,
    ) -> Decision {
        let delay = match self.failures {
            1 => Nanos::ZERO,
            failures => self.own_delay(policy, class, failures - 2),
        };
        if self.room(policy, now).is_none_or(|room| delay > room) {
            return Decision::GiveUp(GiveUp::DeadlineExceeded);
        }
        self.settle(budget, now, delay, Reason::OtherEndpoint(class))
    }

    /// Pays for a retry that is otherwise decided.
    #[inline(always)]
    fn settle(
        &mut self,
        budget: &(impl Budget + ?Sized),
        now: Nanos,
        delay: Nanos,
        reason: Reason,
    ) -> Decision {
        if !budget.withdraw(now, reason.class()) {
            return Decision::GiveUp(GiveUp::BudgetDenied);
        }
        self.charged = Some(reason.class());
        let at = Nanos(now.0 + delay.0);
        match reason {
            _ if self.committed => Decision::Resume { at, reason },
            Reason::OtherEndpoint(_) => Decision::FailOver { not_before: at, reason },
            _ => Decision::RetryAt { at, reason },
        }
    }
}
