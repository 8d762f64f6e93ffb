//! Quantiles of durations in bounded memory: counts in buckets whose width grows with the value.
//! A quantile is off by at most 1/16, upwards.

use retry_policy::Nanos;

use crate::rng::Rng;

/// Buckets per doubling.
const PER_OCTAVE: usize = 16;
/// Doublings from the unit on: one millisecond to nineteen hours.
const OCTAVES: usize = 26;
const BUCKETS: usize = PER_OCTAVE * OCTAVES;
/// The width of the first buckets.
const UNIT: u64 = 1_000_000 / PER_OCTAVE as u64;

/// A count per duration. When it holds as many as it may, all counts are halved, so that the
/// past fades.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    counts: Box<[u32; BUCKETS]>,
    total: u64,
    total_max: u64,
    /// Rounds odd counts up or down, so that a rare value neither stays for ever nor goes at once.
    rng: Rng,
}

impl Sketch {
    pub(crate) fn new(total_max: u64) -> Self {
        Self { counts: Box::new([0; BUCKETS]), total: 0, total_max, rng: Rng::new(total_max) }
    }

    pub(crate) const fn len(&self) -> u64 {
        self.total
    }

    pub(crate) fn record(&mut self, span: Nanos) {
        if self.total >= self.total_max {
            self.halve();
        }
        self.counts[bucket(span)] += 1;
        self.total += 1;
    }

    /// The least duration that at least `per_100k` of 100,000 records do not exceed; `None`
    /// without records.
    pub(crate) fn quantile(&self, per_100k: u64) -> Option<Nanos> {
        if self.total == 0 {
            return None;
        }
        let rank = (self.total * per_100k).div_ceil(100_000).max(1);
        let mut seen = 0;
        let index = self.counts.iter().position(|&count| {
            seen += u64::from(count);
            seen >= rank
        })?;
        Some(upper(index))
    }

    fn halve(&mut self) {
        for count in self.counts.iter_mut() {
            let up = u32::from(self.rng.below(2) == 1);
            *count = *count / 2 + (*count & up & 1);
        }
        self.total = self.counts.iter().map(|&count| u64::from(count)).sum();
    }
}

/// The bucket of a duration: linear below one millisecond, then sixteen to each doubling.
fn bucket(span: Nanos) -> usize {
    let units = span.0 / UNIT;
    let bits = (u64::BITS - units.leading_zeros()) as usize;
    let octave = bits.saturating_sub(PER_OCTAVE.ilog2() as usize);
    let index = if octave <= 1 {
        units
    } else {
        (units >> (octave - 1)) + ((octave - 1) * PER_OCTAVE) as u64
    };
    usize::try_from(index).map_or(BUCKETS - 1, |index| index.min(BUCKETS - 1))
}

/// The end of a bucket.
fn upper(index: usize) -> Nanos {
    let next = (index + 1) as u64;
    let octave = next / PER_OCTAVE as u64;
    let units = if octave <= 1 {
        next
    } else {
        (next % PER_OCTAVE as u64 + PER_OCTAVE as u64) << (octave - 1)
    };
    Nanos(units * UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_durations_and_is_narrow() {
        let mut last = 0;
        for exponent in 0..160_i32 {
            let span = Nanos(100_000 + (1.17_f64.powi(exponent) * 1000.0) as u64);
            let index = bucket(span);
            assert!(index >= last);
            last = index;
            if index < BUCKETS - 1 {
                let end = upper(index);
                assert!(end > span, "{span} in {index} ends at {end}");
                assert!(end.0 - span.0 <= span.0 / 16 + UNIT, "{span} in {index} ends at {end}");
            }
        }
        assert_eq!(bucket(Nanos::MAX), BUCKETS - 1);
        assert_eq!(bucket(Nanos::ZERO), 0);
    }

    #[test]
    fn quantiles_of_an_even_spread() {
        let mut sketch = Sketch::new(100_000);
        for millis in 1..=10_000 {
            sketch.record(Nanos::from_millis(millis));
        }
        for (per_100k, exact) in [(50_000, 5000), (95_000, 9500), (99_990, 9999)] {
            let found = sketch.quantile(per_100k).unwrap().as_millis();
            assert!(found >= exact && found <= exact + exact / 16 + 1, "{found} {exact}");
        }
        assert_eq!(Sketch::new(10).quantile(50_000), None);
    }

    #[test]
    fn the_past_fades() {
        let mut sketch = Sketch::new(1000);
        for _ in 0..1000 {
            sketch.record(Nanos::from_secs(10));
        }
        for _ in 0..20_000 {
            sketch.record(Nanos::from_secs(1));
        }
        assert!(sketch.len() <= 1000);
        assert!(sketch.quantile(100_000).unwrap() < Nanos::from_secs(2));
    }
}
