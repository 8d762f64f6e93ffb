//! Integer nanoseconds: an instant since an epoch that the caller chose, or a span.
//! Arithmetic saturates and is spelled out; there is no clock here.

#[cfg(feature = "serde")]
mod text;

use core::fmt;
use core::time::Duration;

/// Nanoseconds, as an instant since the caller's epoch or as a span.
///
/// The range is 584 years. Arithmetic saturates at [`Nanos::ZERO`] and [`Nanos::MAX`].
///
/// ```
/// use retry_policy::Nanos;
/// let later = Nanos::from_secs(1).saturating_add(Nanos::from_millis(500));
/// assert_eq!(format!("{later}"), "1.5s");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// No time, or the epoch.
    pub const ZERO: Self = Self(0);
    /// The longest span.
    pub const MAX: Self = Self(u64::MAX);

    /// A number of seconds, saturating.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// A number of milliseconds, saturating.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A number of microseconds, saturating.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// The same span, saturating.
    #[must_use]
    pub const fn from_duration(span: Duration) -> Self {
        Self::from_secs(span.as_secs()).saturating_add(Self(span.subsec_nanos() as u64))
    }

    /// The same span.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Whole seconds, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Whole milliseconds, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The sum, at most [`Nanos::MAX`].
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, at least [`Nanos::ZERO`].
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The product, at most [`Nanos::MAX`].
    #[must_use]
    pub const fn saturating_mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    pub(crate) const fn min(self, other: Self) -> Self {
        if self.0 < other.0 { self } else { other }
    }

    pub(crate) const fn max(self, other: Self) -> Self {
        if self.0 > other.0 { self } else { other }
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_duration(), f)
    }
}

impl fmt::Debug for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Duration> for Nanos {
    fn from(span: Duration) -> Self {
        Self::from_duration(span)
    }
}

impl From<Nanos> for Duration {
    fn from(span: Nanos) -> Self {
        span.as_duration()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::format;

    use super::*;

    #[test]
    fn every_operation_saturates() {
        assert_eq!(Nanos::from_secs(u64::MAX), Nanos::MAX);
        assert_eq!(Nanos::from_millis(u64::MAX), Nanos::MAX);
        assert_eq!(Nanos::from_micros(u64::MAX), Nanos::MAX);
        assert_eq!(Nanos::from_duration(Duration::MAX), Nanos::MAX);
        assert_eq!(Nanos::MAX.saturating_add(Nanos(1)), Nanos::MAX);
        assert_eq!(Nanos(1).saturating_sub(Nanos(2)), Nanos::ZERO);
        assert_eq!(Nanos(2).saturating_mul(u64::MAX), Nanos::MAX);
    }

    #[test]
    fn a_duration_survives_the_round_trip() {
        let span = Duration::new(12, 345_678_901);
        assert_eq!(Duration::from(Nanos::from(span)), span);
        assert_eq!((Nanos::from(span).as_secs(), Nanos::from(span).as_millis()), (12, 12_345));
    }

    #[test]
    fn text_names_the_unit() {
        assert_eq!(format!("{}", Nanos::from_millis(1500)), "1.5s");
        assert_eq!(format!("{:?}", Nanos::from_millis(20)), "20ms");
        assert_eq!(format!("{:.1}", Nanos(1_234_567_890)), "1.2s");
    }
}
