//! How long to wait before retry n, from a uniform draw. The exponent is cut at the cap before
//! the jitter is applied, so no delay exceeds the cap. Server hints are not considered here.

use crate::Nanos;
use crate::mix::scale;

/// The shape of the delays; `e` is `min(cap, base * 2^n)` for the retry n, counted from 0.
///
/// ```
/// use retry_policy::{Backoff, Nanos};
/// let backoff = Backoff::Full { base: Nanos::from_secs(1), cap: Nanos::from_secs(20) };
/// assert_eq!(backoff.bounds(3).max, Nanos::from_secs(8));
/// assert_eq!(backoff.delay(3, Nanos::ZERO, 1 << 63), Nanos::from_secs(4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case", deny_unknown_fields))]
pub enum Backoff {
    /// U(0, e): the least load on a server that many callers share.
    Full {
        /// The scale of the first delay.
        base: Nanos,
        /// The longest delay.
        cap: Nanos,
    },
    /// e/2 + U(0, e/2): never less than half.
    Equal {
        /// The scale of the first delay.
        base: Nanos,
        /// The longest delay.
        cap: Nanos,
    },
    /// 3e/4 + U(0, e/4): what the official SDKs do.
    Quarter {
        /// The scale of the first delay.
        base: Nanos,
        /// The longest delay.
        cap: Nanos,
    },
    /// U(base, min(cap, 3 * previous delay)): folded, so that no probability piles up at the cap.
    DecorrelatedFolded {
        /// The shortest delay, and what the first one is a multiple of.
        base: Nanos,
        /// The longest delay.
        cap: Nanos,
    },
    /// e, without jitter: callers that fail together come back together.
    None {
        /// The first delay.
        base: Nanos,
        /// The longest delay.
        cap: Nanos,
    },
}

/// The least and the greatest value of a delay; the greatest is attained to a nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub min: Nanos,
    /// The greatest.
    pub max: Nanos,
}

impl Backoff {
    /// The scale of the first delay.
    #[must_use]
    pub const fn base(&self) -> Nanos {
        match *self {
            Self::Full { base, .. }
            | Self::Equal { base, .. }
            | Self::Quarter { base, .. }
            | Self::DecorrelatedFolded { base, .. }
            | Self::None { base, .. } => base,
        }
    }

    /// The longest delay.
    #[must_use]
    pub const fn cap(&self) -> Nanos {
        match *self {
            Self::Full { cap, .. }
            | Self::Equal { cap, .. }
            | Self::Quarter { cap, .. }
            | Self::DecorrelatedFolded { cap, .. }
            | Self::None { cap, .. } => cap,
        }
    }

    /// The delay before the given retry, counted from 0, for a uniform 64-bit draw.
    ///
    /// `previous` is the delay before the last retry; only
    /// [`DecorrelatedFolded`](Self::DecorrelatedFolded) looks at it.
    #[must_use]
    #[inline]
    pub const fn delay(&self, retry: u32, previous: Nanos, draw: u64) -> Nanos {
        match *self {
            Self::Full { base, cap } => Nanos(scale(draw, ceiling(base, cap, retry).0)),
            _ => self.delay_of_shape(retry, previous, draw),
        }
    }

    /// Out of line, so that the usual shape costs one comparison.
    #[inline(never)]
    const fn delay_of_shape(&self, retry: u32, previous: Nanos, draw: u64) -> Nanos {
        let range = self.range(retry, previous);
        Nanos(range.min.0 + scale(draw, range.max.0 - range.min.0))
    }

    /// What the delay before the given retry, counted from 0, can be.
    #[must_use]
    pub const fn bounds(&self, retry: u32) -> Bounds {
        self.range(retry, self.base().saturating_mul(3_u64.saturating_pow(retry)))
    }

    const fn range(&self, retry: u32, previous: Nanos) -> Bounds {
        let (base, cap) = (self.base(), self.cap());
        let max = ceiling(base, cap, retry);
        let min = match self {
            Self::Full { .. } => Nanos::ZERO,
            Self::Equal { .. } => Nanos(max.0 - max.0 / 2),
            Self::Quarter { .. } => Nanos(max.0 - max.0 / 4),
            Self::DecorrelatedFolded { .. } => {
                let max = cap.min(previous.max(base).saturating_mul(3));
                return Bounds { min: base.min(cap), max };
            }
            Self::None { .. } => max,
        };
        Bounds { min, max }
    }
}

/// `min(cap, base * 2^retry)` without overflow.
const fn ceiling(base: Nanos, cap: Nanos, retry: u32) -> Nanos {
    let retry = if retry < 63 { retry } else { 63 };
    if base.0 > cap.0 >> retry { cap } else { Nanos(base.0 << retry) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Nanos = Nanos::from_millis(500);
    const CAP: Nanos = Nanos::from_secs(20);

    #[track_caller]
    fn check(backoff: Backoff, retry: u32, min: u64, max: u64) {
        let bounds = Bounds { min: Nanos::from_millis(min), max: Nanos::from_millis(max) };
        assert_eq!(backoff.bounds(retry), bounds);
    }

    #[test]
    fn the_first_retry_starts_at_the_base_and_the_last_at_the_cap() {
        check(Backoff::Full { base: BASE, cap: CAP }, 0, 0, 500);
        check(Backoff::Full { base: BASE, cap: CAP }, 5, 0, 16_000);
        check(Backoff::Full { base: BASE, cap: CAP }, 6, 0, 20_000);
        check(Backoff::Equal { base: BASE, cap: CAP }, 1, 500, 1000);
        check(Backoff::Quarter { base: BASE, cap: CAP }, 1, 750, 1000);
        check(Backoff::DecorrelatedFolded { base: BASE, cap: CAP }, 0, 500, 1500);
        check(Backoff::DecorrelatedFolded { base: BASE, cap: CAP }, 1, 500, 4500);
        check(Backoff::DecorrelatedFolded { base: BASE, cap: CAP }, u32::MAX, 500, 20_000);
        check(Backoff::None { base: BASE, cap: CAP }, 2, 2000, 2000);
        check(Backoff::None { base: BASE, cap: CAP }, u32::MAX, 20_000, 20_000);
    }

    #[test]
    fn a_base_above_the_cap_gives_the_cap() {
        let (base, cap) = (CAP, BASE);
        check(Backoff::None { base, cap }, 0, 500, 500);
        check(Backoff::DecorrelatedFolded { base, cap }, 0, 500, 500);
    }
}
