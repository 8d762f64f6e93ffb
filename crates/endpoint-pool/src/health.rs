//! Whether an endpoint is in use: failures in a row, or a high failure rate, take it out; a probe
//! that is answered brings it back. When the pool probes is decided here for one endpoint among
//! others, and in `gate` when none is left.

use retry_policy::Nanos;

use crate::ejection::Ejection;
use crate::rng::Rng;

/// The health of one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    state: State,
    /// Counts the changes of `state`. Results of attempts that began before the last one say
    /// nothing about the endpoint as it is now.
    epoch: u32,
    /// Failures since the last answer.
    streak: u32,
    /// When the outage began: as the next, but before answers that were too few to end it.
    failing_since: Nanos,
    /// When the first of them came, whatever was before.
    silent_since: Nanos,
    times_out: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up { since: Nanos, answers: u32 },
    Out { evidence: Evidence, probe: Probe },
}

/// Why an endpoint is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// Nothing was answered.
    Streak,
    /// Too little was answered.
    Rate,
}

/// When an endpoint that is out is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    /// Not before.
    from: Nanos,
    /// Whatever the traffic is.
    within: Nanos,
    /// Nor before the pool has made this many picks.
    picks: u64,
}

/// What a result changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Nothing,
    WentOut,
    ProbeFailed,
    CameBack,
}

impl Health {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Up { since: Nanos::ZERO, answers: u32::MAX },
            epoch: 0,
            streak: 0,
            failing_since: Nanos::ZERO,
            silent_since: Nanos::ZERO,
            times_out: 0,
        }
    }

    pub(crate) const fn epoch(&self) -> u32 {
        self.epoch
    }

    pub(crate) const fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    pub(crate) const fn evidence(&self) -> Option<Evidence> {
        match self.state {
            State::Up { .. } => None,
            State::Out { evidence, .. } => Some(evidence),
        }
    }

    /// When it came into use; `None` while it is out.
    pub(crate) const fn up_since(&self) -> Option<Nanos> {
        match self.state {
            State::Up { since, .. } => Some(since),
            State::Out { .. } => None,
        }
    }

    pub(crate) const fn streak(&self) -> u32 {
        self.streak
    }

    pub(crate) const fn failing_since(&self) -> Nanos {
        self.failing_since
    }

    /// When the failures in a row began, even if an outage before them goes on.
    pub(crate) const fn silent_since(&self) -> Nanos {
        self.silent_since
    }

    /// The upstream answered an attempt that began in `epoch`.
    pub(crate) fn on_answer(&mut self, epoch: u32, now: Nanos) -> Change {
        if epoch != self.epoch {
            return Change::Nothing;
        }
        self.streak = 0;
        match &mut self.state {
            State::Up { answers, .. } => {
                *answers = answers.saturating_add(1);
                Change::Nothing
            }
            State::Out { .. } => {
                self.turn(State::Up { since: now, answers: 1 });
                Change::CameBack
            }
        }
    }

    /// An attempt that began in `epoch` failed, and not for what it asked.
    pub(crate) fn on_failure(
        &mut self,
        epoch: u32,
        now: Nanos,
        picks: u64,
        ejection: &Ejection,
        rng: &mut Rng,
    ) -> Change {
        if epoch != self.epoch {
            return Change::Nothing;
        }
        // An endpoint that failed again before it had answered enough was never back.
        let relapsed =
            matches!(self.state, State::Up { answers, .. } if answers < ejection.failures);
        if self.streak == 0 {
            self.silent_since = now;
            if !relapsed {
                self.failing_since = now;
            }
        }
        self.streak = self.streak.saturating_add(1);
        match self.state {
            State::Up { answers, .. } => {
                if self.streak < answers.clamp(1, ejection.failures) {
                    return Change::Nothing;
                }
                self.eject(Evidence::Streak, now, picks, ejection, rng);
                Change::WentOut
            }
            // It answered too little, was used all the same, and now answers nothing.
            State::Out { evidence: Evidence::Rate, .. } if self.streak >= ejection.failures => {
                self.eject(Evidence::Streak, now, picks, ejection, rng);
                Change::WentOut
            }
            State::Out { evidence, .. } => {
                self.times_out = self.times_out.saturating_add(1);
                let probe = self.next_probe(now, picks, ejection, rng);
                self.state = State::Out { evidence, probe };
                Change::ProbeFailed
            }
        }
    }

    /// Takes the endpoint out.
    pub(crate) fn eject(
        &mut self,
        evidence: Evidence,
        now: Nanos,
        picks: u64,
        ejection: &Ejection,
        rng: &mut Rng,
    ) {
        if let State::Up { since, .. } = self.state {
            let healthy = now.saturating_sub(since).0 / ejection.forgive.0.max(1);
            let forgiven = u32::try_from(healthy).unwrap_or(u32::MAX);
            self.times_out = self.times_out.saturating_sub(forgiven).saturating_add(1);
        }
        let probe = self.next_probe(now, picks, ejection, rng);
        self.turn(State::Out { evidence, probe });
    }

    /// Whether a probe may be sent while other endpoints are in use.
    pub(crate) fn is_probe_due(&self, now: Nanos, picks: u64) -> bool {
        self.probe_at(picks).is_some_and(|at| now >= at)
    }

    /// When a probe is due if the pool makes no more picks.
    pub(crate) const fn probe_at(&self, picks: u64) -> Option<Nanos> {
        match self.state {
            State::Up { .. } => None,
            State::Out { probe, .. } if picks >= probe.picks => Some(probe.from),
            State::Out { probe, .. } => Some(probe.within),
        }
    }

    /// A probe is on its way: no other for a while.
    pub(crate) fn on_probe_sent(&mut self, now: Nanos, ejection: &Ejection) {
        if let State::Out { probe, .. } = &mut self.state {
            probe.from = now.saturating_add(ejection.probe_patience);
            probe.within = probe.from;
        }
    }

    /// A probe was given up by its caller: another one may go.
    pub(crate) fn on_probe_cancelled(&mut self, now: Nanos) {
        if let State::Out { probe, .. } = &mut self.state {
            (probe.from, probe.within) = (now, now);
        }
    }

    fn next_probe(&self, now: Nanos, picks: u64, ejection: &Ejection, rng: &mut Rng) -> Probe {
        let doublings = self.times_out.saturating_sub(1).min(32);
        let span = ejection.base.saturating_mul(1 << doublings).min(ejection.max);
        let from = now.saturating_add(rng.half_to_full(span));
        Probe {
            from,
            within: from.max(now.saturating_add(ejection.probe_within)),
            picks: picks.saturating_add(u64::from(ejection.probe_picks)),
        }
    }

    const fn turn(&mut self, state: State) {
        self.state = state;
        self.epoch = self.epoch.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        health: Health,
        ejection: Ejection,
        rng: Rng,
        now: Nanos,
        picks: u64,
    }

    impl Rig {
        fn new() -> Self {
            Self {
                health: Health::new(),
                ejection: Ejection::default(),
                rng: Rng::new(1),
                now: Nanos::from_secs(1000),
                picks: 0,
            }
        }

        fn fail(&mut self) -> Change {
            let epoch = self.health.epoch();
            self.fail_of(epoch)
        }

        fn fail_of(&mut self, epoch: u32) -> Change {
            self.health.on_failure(epoch, self.now, self.picks, &self.ejection, &mut self.rng)
        }

        fn answer(&mut self) -> Change {
            self.health.on_answer(self.health.epoch(), self.now)
        }

        fn go_out(&mut self) {
            while self.fail() != Change::WentOut {}
        }

        /// Passes time until a probe is due; the time passed.
        fn await_probe(&mut self) -> Nanos {
            let begin = self.now;
            while !self.health.is_probe_due(self.now, self.picks) {
                self.now = self.now.saturating_add(Nanos::from_millis(1));
            }
            self.now.saturating_sub(begin)
        }
    }

    #[test]
    fn five_failures_in_a_row_take_it_out_and_one_answer_between_them_does_not() {
        let mut rig = Rig::new();
        for _ in 0..10 {
            for _ in 0..4 {
                assert_eq!(rig.fail(), Change::Nothing);
            }
            assert_eq!(rig.answer(), Change::Nothing);
        }
        for _ in 0..4 {
            rig.fail();
        }
        assert_eq!(rig.fail(), Change::WentOut);
        assert!(!rig.health.is_up());
    }

    #[test]
    fn time_out_doubles_to_its_limit_and_is_forgotten_in_health() {
        let mut rig = Rig::new();
        rig.picks = u64::MAX / 2;
        rig.ejection.probe_picks = 0;
        rig.go_out();
        for secs in [1, 2, 4, 8, 15, 15] {
            let span = rig.await_probe();
            assert!(span <= Nanos::from_secs(secs) && span.0 * 2 >= Nanos::from_secs(secs).0);
            assert_eq!(rig.fail(), Change::ProbeFailed);
        }
        rig.await_probe();
        assert_eq!(rig.answer(), Change::CameBack);
        rig.now = rig.now.saturating_add(Nanos::from_secs(1000));
        for _ in 0..5 {
            rig.answer();
        }
        rig.go_out();
        assert!(rig.await_probe() <= Nanos::from_secs(1));
    }

    #[test]
    fn a_probe_waits_for_traffic_but_not_for_ever() {
        let mut rig = Rig::new();
        rig.go_out();
        assert_eq!(rig.await_probe().as_secs(), 20);
        let mut busy = Rig::new();
        busy.go_out();
        busy.picks += 100;
        assert!(busy.await_probe() <= Nanos::from_secs(1));
    }

    #[test]
    fn one_probe_at_a_time() {
        let mut rig = Rig::new();
        rig.go_out();
        rig.await_probe();
        rig.health.on_probe_sent(rig.now, &rig.ejection);
        assert!(!rig.health.is_probe_due(rig.now, u64::MAX));
        assert_eq!(rig.await_probe(), rig.ejection.probe_patience);
        rig.health.on_probe_sent(rig.now, &rig.ejection);
        rig.health.on_probe_cancelled(rig.now);
        assert!(rig.health.is_probe_due(rig.now, u64::MAX));
    }

    #[test]
    fn results_from_before_a_change_say_nothing() {
        let mut rig = Rig::new();
        let before = rig.health.epoch();
        rig.go_out();
        assert_eq!(rig.health.on_answer(before, rig.now), Change::Nothing);
        assert_eq!(rig.fail_of(before), Change::Nothing);
        assert_eq!(rig.answer(), Change::CameBack);
        for _ in 0..10 {
            assert_eq!(rig.fail_of(before), Change::Nothing);
        }
        assert!(rig.health.is_up());
    }

    #[test]
    fn one_failure_after_one_answer_is_a_relapse_of_the_same_outage() {
        let mut rig = Rig::new();
        rig.go_out();
        let since = rig.health.failing_since();
        rig.now = rig.now.saturating_add(Nanos::from_secs(9));
        assert_eq!(rig.answer(), Change::CameBack);
        assert_eq!(rig.fail(), Change::WentOut);
        assert_eq!(rig.health.failing_since(), since);
    }
}
