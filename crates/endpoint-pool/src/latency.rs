//! What an endpoint is expected to take until the first token, for comparing endpoints: a moving
//! average in which a failure is a long time, never a short one.

use retry_policy::Nanos;

use crate::rng::Rng;

/// How endpoints are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The time in which the average forgets two thirds of what it was, while there are samples.
    /// Default 10 s.
    pub memory: Nanos,
    /// Input tokens that take as long as everything else until the first token. Times are
    /// compared at equal input. Default 4096.
    pub input_tokens: u32,
    /// The time that counts after a failure, if that is longer than eight times the average.
    /// Default 10 s.
    pub penalty: Nanos,
    /// How long that counts; it doubles with each failure in a row up to eight times. Default 2 s.
    pub penalty_base: Nanos,
    /// How many times longer an endpoint counts that fails always, beside its penalties; one that
    /// fails now and then in proportion. Default 10.
    pub failure_factor: u32,
    /// The time in which the weight of an endpoint that came back grows from a tenth to all.
    /// Default 10 s.
    pub slow_start: Nanos,
}

impl Default for Balance {
    fn default() -> Self {
        Self {
            memory: Nanos::from_secs(10),
            input_tokens: 4096,
            penalty: Nanos::from_secs(10),
            penalty_base: Nanos::from_secs(2),
            failure_factor: 10,
            slow_start: Nanos::from_secs(10),
        }
    }
}

/// The samples that are averaged evenly before time decides how much one counts.
const EVEN: u64 = 8;

/// The average of one endpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latency {
    average: Nanos,
    samples: u64,
    sampled_at: Nanos,
    failures: u32,
    penalised_until: Nanos,
}

impl Latency {
    /// The first token came `span` after the request with `input` uncached tokens.
    pub(crate) fn on_first_token(&mut self, span: Nanos, input: u32, now: Nanos, rule: &Balance) {
        let even = u128::from(rule.input_tokens.max(1));
        let sample = u128::from(span.0) * even / (even + u128::from(input));
        let (old, new) = self.shares(now, rule);
        let average = (u128::from(self.average.0) * old + sample * new) / (old + new).max(1);
        self.average = Nanos(u64::try_from(average).unwrap_or(u64::MAX));
        self.samples += 1;
        self.sampled_at = now;
    }

    /// An attempt was answered: what failed before is forgotten.
    pub(crate) const fn on_answer(&mut self) {
        self.failures = 0;
        self.penalised_until = Nanos::ZERO;
    }

    /// An attempt failed, however fast.
    pub(crate) fn on_failure(&mut self, now: Nanos, rule: &Balance, rng: &mut Rng) {
        let span = rule.penalty_base.saturating_mul(1 << self.failures.min(3));
        self.failures = self.failures.saturating_add(1);
        let until = now.saturating_add(rng.half_to_full(span));
        self.penalised_until = self.penalised_until.max(until);
    }

    /// Keeps others preferred for a while.
    pub(crate) fn penalise_until(&mut self, until: Nanos) {
        self.penalised_until = self.penalised_until.max(until);
    }

    /// The average; `None` without samples.
    pub(crate) const fn average(&self) -> Option<Nanos> {
        if self.samples == 0 { None } else { Some(self.average) }
    }

    pub(crate) fn is_penalised(&self, now: Nanos) -> bool {
        now < self.penalised_until
    }

    /// The time to compare. `fallback` stands for an endpoint that has no samples.
    pub(crate) fn cost(&self, now: Nanos, fallback: Nanos, rule: &Balance) -> Nanos {
        let cost = self.average().unwrap_or(fallback);
        if self.is_penalised(now) { cost.saturating_mul(8).max(rule.penalty) } else { cost }
    }

    /// How much the average and a new sample count.
    fn shares(&self, now: Nanos, rule: &Balance) -> (u128, u128) {
        if self.samples < EVEN {
            return (u128::from(self.samples), 1);
        }
        let passed = now.saturating_sub(self.sampled_at);
        (u128::from(rule.memory.0.max(1)), u128::from(passed.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: fn() -> Balance = Balance::default;

    fn fed(samples: &[(u64, u32)]) -> Latency {
        let mut latency = Latency::default();
        for (index, &(millis, input)) in (1..).zip(samples) {
            let now = Nanos::from_secs(index);
            latency.on_first_token(Nanos::from_millis(millis), input, now, &RULE());
        }
        latency
    }

    #[test]
    fn it_follows_what_is_measured() {
        let steady = fed(&[(400, 0); 20]);
        assert_eq!(steady.average(), Some(Nanos::from_millis(400)));
        let slower: Vec<_> = [(400, 0); 20].into_iter().chain([(4000, 0); 60]).collect();
        let average = fed(&slower).average().unwrap();
        assert!(average > Nanos::from_millis(3900), "{average}");
    }

    #[test]
    fn one_slow_answer_does_not_decide() {
        let samples: Vec<_> = [(400, 0); 20].into_iter().chain([(8000, 0)]).collect();
        let average = fed(&samples).average().unwrap();
        assert!(average < Nanos::from_millis(1300), "{average}");
    }

    #[test]
    fn a_long_input_does_not_make_an_endpoint_slow() {
        assert_eq!(fed(&[(800, 4096)]).average(), fed(&[(400, 0)]).average());
    }

    #[test]
    fn a_fast_failure_is_a_long_time_and_passes() {
        let mut latency = fed(&[(5, 0); 20]);
        let (mut rng, now) = (Rng::new(1), Nanos::from_secs(30));
        latency.on_failure(now, &RULE(), &mut rng);
        assert_eq!(latency.cost(now, Nanos::ZERO, &RULE()), Nanos::from_secs(10));
        let later = now.saturating_add(Nanos::from_secs(2));
        assert_eq!(latency.cost(later, Nanos::ZERO, &RULE()), Nanos::from_millis(5));
        for _ in 0..10 {
            latency.on_failure(now, &RULE(), &mut rng);
        }
        assert!(latency.is_penalised(now.saturating_add(Nanos::from_secs(7))));
        assert!(!latency.is_penalised(now.saturating_add(Nanos::from_secs(16))));
        latency.on_answer();
        assert!(!latency.is_penalised(now));
    }

    #[test]
    fn an_endpoint_without_samples_is_taken_for_an_ordinary_one() {
        let fresh = Latency::default();
        let ordinary = Nanos::from_millis(700);
        assert_eq!(fresh.cost(Nanos::ZERO, ordinary, &RULE()), ordinary);
    }
}
