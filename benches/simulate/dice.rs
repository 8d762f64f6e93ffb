//! Chance from a seed. The same seed throws the same dice on every machine.

use std::f64::consts::TAU;

use retry_policy::Nanos;

/// A SplitMix64 generator.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A generator of its own, so that one more throw here changes nothing there.
    pub(crate) const fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// From 0 to 1, the latter excluded.
    pub(crate) fn unit(&mut self) -> f64 {
        // The top 53 bits: every value is exact.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// A span below `end`, or none if that is empty.
    pub(crate) fn span(&mut self, end: Nanos) -> Nanos {
        Nanos(((u128::from(self.next()) * u128::from(end.0)) >> 64) as u64)
    }

    /// The gap to the next of events that come at `per_second` on average and know nothing of
    /// each other.
    pub(crate) fn exponential(&mut self, per_second: f64) -> Nanos {
        seconds(-(1.0 - self.unit()).ln() / per_second)
    }

    /// Log-normal with this median, in the unit of the median.
    pub(crate) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        median * (sigma * radius * (TAU * self.unit()).cos()).exp()
    }
}

/// A span from seconds.
pub(crate) fn seconds(seconds: f64) -> Nanos {
    Nanos((seconds * 1e9) as u64)
}

/// Seconds of a span.
pub(crate) fn as_seconds(span: Nanos) -> f64 {
    span.0 as f64 / 1e9
}
