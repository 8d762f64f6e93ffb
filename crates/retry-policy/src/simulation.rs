//! A call played through with scripted failures: what a policy would decide, without a clock or
//! a server. The decisions are those of a real call with the same seed.

use crate::{Budget, Call, Decision, Nanos, Policy, Sent, Verdict};

/// The decisions of one call whose attempts fail as scripted, each with its reason.
///
/// The call starts at [`Nanos::ZERO`]. Each item of the script is the time that an attempt takes
/// and how it fails; the next attempt begins at the decided instant. The script's end is the end
/// of the simulation, as is a decision to give up.
///
/// ```
/// use retry_policy::{AwsQuota, Class, Decision, GiveUp, Nanos, Policy, Sent, Verdict};
/// let timeout = (Nanos::from_secs(10), Verdict::new(Class::Timeout, Sent::MaybeProcessed));
/// let script = core::iter::repeat(timeout);
/// let decisions: Vec<_> = Policy::sdk().simulate(7, script, AwsQuota::v2_1()).collect();
/// assert_eq!(decisions.len(), 3);
/// assert!(decisions[1].at() > Some(Nanos::from_secs(20)));
/// assert_eq!(decisions[2], Decision::GiveUp(GiveUp::AttemptsExhausted));
/// ```
#[derive(Clone, Debug)]
pub struct Simulation<I, B> {
    policy: Policy,
    script: I,
    budget: B,
    call: Call,
    /// Of the next attempt; `None` when the call has given up.
    begins: Option<Nanos>,
}

impl Policy {
    /// Plays one call through; a budget that other calls share is given by reference.
    pub fn simulate<I, B>(&self, seed: u64, script: I, budget: B) -> Simulation<I::IntoIter, B>
    where
        I: IntoIterator<Item = (Nanos, Verdict)>,
        B: Budget,
    {
        let call = Call::new(seed, Nanos::ZERO);
        let script = script.into_iter();
        Simulation { policy: *self, script, budget, call, begins: Some(Nanos::ZERO) }
    }
}

impl<I: Iterator<Item = (Nanos, Verdict)>, B: Budget> Iterator for Simulation<I, B> {
    type Item = Decision;

    fn next(&mut self) -> Option<Decision> {
        let begins = self.begins?;
        let (took, verdict) = self.script.next()?;
        self.call.on_attempt();
        if let Sent::Streaming { delivered } = verdict.sent {
            self.call.on_progress(delivered);
        }
        let now = begins.saturating_add(took);
        let decision = self.call.on_failure(&self.policy, &verdict, &self.budget, now);
        self.begins = decision.at();
        Some(decision)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::*;
    use crate::{AwsQuota, Class, GiveUp, Limits, Reason, ServerHint, Unlimited};

    const SECOND: Nanos = Nanos::from_secs(1);

    #[test]
    fn attempts_take_time_and_decisions_have_reasons() {
        let deadline = Some(Nanos::from_secs(60));
        let policy = Policy { limits: Limits { deadline, ..Limits::DEFAULT }, ..Policy::DEFAULT };
        let hint = ServerHint { after: Some(Nanos::from_secs(30)), retry: None };
        let refused = Verdict::new(Class::Throttle, Sent::NotSent).with_hint(hint);
        let script = [
            (SECOND, Verdict::new(Class::Transient, Sent::MaybeProcessed)),
            (SECOND, refused),
            (SECOND, Verdict::new(Class::Connect, Sent::Streaming { delivered: 9 })),
            (Nanos::from_secs(30), Verdict::new(Class::Timeout, Sent::MaybeProcessed)),
            (SECOND, refused),
        ];
        let decisions: Vec<_> = policy.simulate(1, script, Unlimited).collect();
        let reasons: Vec<_> = decisions.iter().map(Decision::reason).collect();
        let expected = [
            Some(Reason::Backoff(Class::Transient)),
            Some(Reason::ServerHint(Class::Throttle)),
            Some(Reason::Backoff(Class::Connect)),
            None,
        ];
        assert_eq!(reasons, expected);
        assert!(matches!(decisions[2], Decision::Resume { at, .. } if at > Nanos::from_secs(33)));
        assert_eq!(decisions[3], Decision::GiveUp(GiveUp::DeadlineExceeded));
    }

    #[test]
    fn a_shared_budget_ends_the_later_calls() {
        let quota = AwsQuota::v2_1();
        let script = [(SECOND, Verdict::new(Class::Connect, Sent::NotSent)); 2];
        let calls = (0..40).map(|seed| {
            let decisions = Policy::aws_2_1().simulate(seed, script, &quota);
            decisions.filter(|decision| decision.at().is_some()).count()
        });
        assert_eq!(calls.sum::<usize>(), 35);
    }
}
