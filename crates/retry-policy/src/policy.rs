//! The constants of a decision: shape of the delays, limits, presets. Plain data, usable in a
//! `const`; the rules that read it are in `call`.

use crate::{Backoff, Class, Nanos};

/// How to retry; a plain value without state.
///
/// ```
/// use retry_policy::{Limits, Nanos, Policy};
/// const PATIENT: Policy = Policy {
///     limits: Limits { deadline: Some(Nanos::from_secs(600)), ..Limits::DEFAULT },
///     ..Policy::DEFAULT
/// };
/// assert_eq!(PATIENT.limits.in_a_row, 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Shape, base and cap of the delays.
    pub backoff: Backoff,
    /// The base for [`Class::Throttle`].
    pub throttle_base: Nanos,
    /// The base for [`Class::Overload`].
    pub overload_base: Nanos,
    /// When to stop.
    pub limits: Limits,
    /// Whether a retry may go elsewhere.
    pub endpoints: Endpoints,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Attempts in all, the first included.
    pub total: u32,
    /// Failures in a row without progress of [`PROGRESS_BYTES`](crate::PROGRESS_BYTES).
    pub in_a_row: u32,
    /// The span from the start of the call in which an attempt may still begin.
    pub deadline: Option<Nanos>,
    /// The longest wait that a server may ask for while there is no deadline.
    pub hint_max: Nanos,
    /// The useful time that must be left before the deadline when an attempt begins.
    pub attempt_min: Nanos,
    /// What a failed connection uses up.
    pub connect: ConnectFailures,
}

/// What a failed connection, before anything was sent, uses up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectFailures {
    /// An attempt, like any other failure.
    #[default]
    Count,
    /// Only time, if there is a deadline; without one it counts. For calls whose attempts are
    /// admitted by a gate that holds them back during an outage.
    UseDeadline,
}

/// Where a retry may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endpoints {
    /// Only to the endpoint that failed.
    #[default]
    One,
    /// To another endpoint too: a failure asks to go there instead of waiting for this one.
    Several,
}

impl Policy {
    /// Full jitter from 500 ms (1 s when throttled or overloaded) to 20 s, [`Limits::DEFAULT`],
    /// one endpoint.
    pub const DEFAULT: Self = Self {
        backoff: Backoff::Full { base: Nanos::from_millis(500), cap: Nanos::from_secs(20) },
        throttle_base: Nanos::from_secs(1),
        overload_base: Nanos::from_secs(1),
        limits: Limits::DEFAULT,
        endpoints: Endpoints::One,
    };

    /// The same as [`Policy::DEFAULT`].
    #[must_use]
    pub const fn new() -> Self {
        Self::DEFAULT
    }

    /// The delays and limits of the official Anthropic and OpenAI SDKs: two retries, 0.5 s
    /// doubling to 8 s, the last quarter random, ten minutes in all.
    ///
    /// Two things stay ours: a call that has delivered bytes is resumed where an SDK fails, and a
    /// server hint gets jitter on top.
    #[must_use]
    pub const fn sdk() -> Self {
        let base = Nanos::from_millis(500);
        Self {
            backoff: Backoff::Quarter { base, cap: Nanos::from_secs(8) },
            throttle_base: base,
            overload_base: base,
            limits: Limits {
                total: 3,
                in_a_row: 3,
                deadline: Some(Nanos::from_secs(600)),
                ..Limits::DEFAULT
            },
            endpoints: Endpoints::One,
        }
    }

    /// The AWS standard mode 2.1: three attempts, full jitter from 50 ms (1 s when throttled) to
    /// 20 s; to be used with [`AwsQuota::v2_1`](crate::AwsQuota::v2_1).
    ///
    /// A server hint is not cut to five seconds above the own delay, as it is there.
    #[must_use]
    pub const fn aws_2_1() -> Self {
        Self {
            backoff: Backoff::Full { base: Nanos::from_millis(50), cap: Nanos::from_secs(20) },
            limits: Limits { total: 3, in_a_row: 3, ..Limits::DEFAULT },
            ..Self::DEFAULT
        }
    }

    /// The backoff with the base that belongs to a class.
    #[must_use]
    pub const fn backoff_for(&self, class: Class) -> Backoff {
        self.backoff.with_base(self.base_for(class))
    }

    #[inline]
    pub(crate) const fn base_for(&self, class: Class) -> Nanos {
        match class {
            Class::Throttle => self.throttle_base,
            Class::Overload => self.overload_base,
            _ => self.backoff.base(),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Limits {
    /// 128 attempts, 10 failures in a row, no deadline, hints up to 120 s, 100 ms for an attempt,
    /// failed connections count.
    pub const DEFAULT: Self = Self {
        total: 128,
        in_a_row: 10,
        deadline: None,
        hint_max: Nanos::from_secs(120),
        attempt_min: Nanos::from_millis(100),
        connect: ConnectFailures::Count,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bounds;

    #[test]
    fn throttle_and_overload_start_slower() {
        let max = |class| Policy::DEFAULT.backoff_for(class).bounds(0).max;
        assert_eq!(max(Class::Transient), Nanos::from_millis(500));
        assert_eq!(max(Class::Throttle), Nanos::from_secs(1));
        assert_eq!(max(Class::Overload), Nanos::from_secs(1));
    }

    #[test]
    fn presets_have_the_published_constants() {
        let sdk = Policy::sdk().backoff_for(Class::Throttle);
        let expected = Bounds { min: Nanos::from_millis(375), max: Nanos::from_millis(500) };
        assert_eq!(sdk.bounds(0), expected);
        assert_eq!(sdk.bounds(9).max, Nanos::from_secs(8));
        assert_eq!(Policy::sdk().limits.total, 3);

        let aws = Policy::aws_2_1();
        assert_eq!(aws.backoff_for(Class::Timeout).bounds(0).max, Nanos::from_millis(50));
        assert_eq!(aws.backoff_for(Class::Throttle).bounds(0).max, Nanos::from_secs(1));
        assert_eq!(aws.backoff_for(Class::Throttle).bounds(9).max, Nanos::from_secs(20));
        assert_eq!(aws.limits.total, 3);
    }
}
