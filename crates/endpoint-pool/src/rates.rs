//! Successes and failures of the last half minute, in integers.

use retry_policy::Nanos;

/// The span of one bin.
const BIN: Nanos = Nanos::from_secs(5);
/// The bins that are remembered.
const BINS: usize = 6;

/// Results of the recent past. Older ones are forgotten, a bin at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rates {
    bins: [Tally; BINS],
    /// The number of the newest bin since the epoch.
    newest: u64,
}

/// How many attempts succeeded and how many failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Attempts whose response was complete, or answered something that no endpoint can do.
    pub successes: u64,
    /// Attempts that failed.
    pub failures: u64,
}

impl Rates {
    pub(crate) fn on_success(&mut self, now: Nanos) {
        self.bin(now).successes += 1;
    }

    pub(crate) fn on_failure(&mut self, now: Nanos) {
        self.bin(now).failures += 1;
    }

    pub(crate) fn forget(&mut self) {
        self.bins = [Tally::default(); BINS];
    }

    /// The sum over the last half minute.
    pub(crate) fn recent(&self, now: Nanos) -> Tally {
        let number = (now.0 / BIN.0).max(self.newest);
        let oldest = (number + 1).saturating_sub(BINS as u64);
        (oldest..=self.newest).fold(Tally::default(), |sum, number| {
            let bin = self.bins[index(number)];
            Tally {
                successes: sum.successes + bin.successes,
                failures: sum.failures + bin.failures,
            }
        })
    }

    fn bin(&mut self, now: Nanos) -> &mut Tally {
        let number = (now.0 / BIN.0).max(self.newest);
        let passed = (number - self.newest).min(BINS as u64);
        for step in 1..=passed {
            self.bins[index(self.newest + step)] = Tally::default();
        }
        if passed == BINS as u64 {
            self.bins = [Tally::default(); BINS];
        }
        self.newest = number;
        &mut self.bins[index(number)]
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number % BINS as u64).expect("there are few bins")
}

impl Tally {
    /// A cost, made `factor` times larger for each failure per attempt.
    pub(crate) fn raise(self, cost: Nanos, factor: u32) -> Nanos {
        let all = u128::from(self.successes + self.failures);
        if self.failures == 0 || all == 0 {
            return cost;
        }
        let more = u128::from(self.failures) * u128::from(factor);
        Nanos(u64::try_from(u128::from(cost.0) * (all + more) / all).unwrap_or(u64::MAX))
    }

    /// Whether the failure rate exceeds `rate` thousandths with 95 % confidence: the Wilson bound
    /// as the test that it inverts, which needs no root.
    pub(crate) fn exceeds(self, rate: u32) -> bool {
        let rate = u128::from(rate.min(1000));
        let (failures, all) =
            (u128::from(self.failures), u128::from(self.successes + self.failures));
        let Some(excess) = (failures * 1000).checked_sub(rate * all) else { return false };
        // z = 1.96, squared and in ten-thousandths.
        excess * excess * 10_000 > 38_416 * rate * (1000 - rate) * all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_forgotten() {
        let mut rates = Rates::default();
        for second in 0..100 {
            rates.on_success(Nanos::from_secs(second));
        }
        let recent = rates.recent(Nanos::from_secs(99)).successes;
        assert!((25..=30).contains(&recent), "{recent}");
        assert_eq!(rates.recent(Nanos::from_secs(120)).successes, 5);
        assert_eq!(rates.recent(Nanos::from_secs(10_000)), Tally::default());
        rates.on_failure(Nanos::from_secs(10_000));
        assert_eq!(rates.recent(Nanos::from_secs(10_000)).failures, 1);
    }

    #[test]
    fn failures_raise_a_cost_and_successes_do_not() {
        let raise = |successes, failures| Tally { successes, failures }.raise(Nanos(1000), 10);
        assert_eq!(raise(0, 0), Nanos(1000));
        assert_eq!(raise(50, 0), Nanos(1000));
        assert_eq!(raise(90, 10), Nanos(2000));
        assert_eq!(raise(0, 10), Nanos(11_000));
    }

    #[test]
    fn a_rate_is_exceeded_only_when_the_sample_says_so() {
        let tally = |failures, successes| Tally { successes, failures };
        assert!(!tally(6, 4).exceeds(500));
        assert!(tally(15, 5).exceeds(500));
        assert!(!tally(14, 6).exceeds(500));
        assert!(tally(600, 400).exceeds(500));
        assert!(!tally(0, 0).exceeds(500));
        assert!(!tally(0, 50).exceeds(500));
        assert!(!tally(1000, 0).exceeds(1000));
    }
}
