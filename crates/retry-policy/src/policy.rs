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
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Policy {
    /// The delays after every failure that is not one of the next two.
    pub backoff: Backoff,
    /// The delays after [`Class::Throttle`].
    pub throttle: Backoff,
    /// The delays after [`Class::Overload`].
    pub overload: Backoff,
    /// When to stop.
    pub limits: Limits,
    /// Whether a retry may go elsewhere.
    pub endpoints: Endpoints,
    /// Whether a request is sent again that the server may have acted on.
    pub repeat: Repeat,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
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
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
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
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Endpoints {
    /// Only to the endpoint that failed.
    #[default]
    One,
    /// To another endpoint too: a failure asks to go there instead of waiting for this one.
    Several,
}

/// What happens to a request that the server may have acted on and whose answer is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Repeat {
    /// It is sent again: at worst an answer is paid for twice.
    #[default]
    Always,
    /// It is not: for requests that must not have their effect twice.
    IfUnprocessed,
}

impl Policy {
    /// Full jitter from 500 ms (1 s when throttled or overloaded) to 20 s, [`Limits::DEFAULT`],
    /// one endpoint.
    pub const DEFAULT: Self = Self {
        backoff: full(Nanos::from_millis(500)),
        throttle: full(Nanos::from_secs(1)),
        overload: full(Nanos::from_secs(1)),
        limits: Limits::DEFAULT,
        endpoints: Endpoints::One,
        repeat: Repeat::Always,
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
        let backoff = Backoff::Quarter { base: Nanos::from_millis(500), cap: Nanos::from_secs(8) };
        let limits = Limits { deadline: Some(Nanos::from_secs(600)), ..THREE_ATTEMPTS };
        Self { backoff, throttle: backoff, overload: backoff, limits, ..Self::DEFAULT }
    }

    /// The AWS standard mode 2.0: three attempts, full jitter from 1 s to 20 s; to be used with
    /// [`AwsQuota::v2_0`](crate::AwsQuota::v2_0).
    #[must_use]
    pub const fn aws_2_0() -> Self {
        Self { backoff: full(Nanos::from_secs(1)), limits: THREE_ATTEMPTS, ..Self::DEFAULT }
    }

    /// The AWS standard mode 2.1: three attempts, full jitter from 50 ms (1 s when throttled) to
    /// 20 s; to be used with [`AwsQuota::v2_1`](crate::AwsQuota::v2_1).
    ///
    /// A server hint is not cut to five seconds above the own delay, as it is there.
    #[must_use]
    pub const fn aws_2_1() -> Self {
        Self { backoff: full(Nanos::from_millis(50)), limits: THREE_ATTEMPTS, ..Self::DEFAULT }
    }

    /// Whether a rule applies that the usual decision need not look at.
    #[inline]
    pub(crate) const fn asks_for_more(&self) -> bool {
        let rules = self.endpoints as u8 | self.repeat as u8 | self.limits.connect as u8;
        // The default of each is 0.
        rules != 0
    }

    /// The delays after failures of a class.
    #[must_use]
    #[inline]
    pub const fn backoff_for(&self, class: Class) -> &Backoff {
        match class {
            Class::Throttle => &self.throttle,
            Class::Overload => &self.overload,
            _ => &self.backoff,
        }
    }
}

const THREE_ATTEMPTS: Limits = Limits { total: 3, in_a_row: 3, ..Limits::DEFAULT };

const fn full(base: Nanos) -> Backoff {
    Backoff::Full { base, cap: Nanos::from_secs(20) }
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
    fn a_class_has_its_own_delays() {
        let bases = [1, 2, 3].map(Nanos::from_secs);
        let [backoff, throttle, overload] = bases.map(full);
        let policy = Policy { backoff, throttle, overload, ..Policy::DEFAULT };
        let base = |class| policy.backoff_for(class).base();
        let classes = [Class::Timeout, Class::Throttle, Class::Overload];
        assert_eq!(classes.map(base), bases);
    }

    #[test]
    fn presets_have_the_published_constants() {
        let policy = Policy::sdk();
        let sdk = policy.backoff_for(Class::Throttle);
        let expected = Bounds { min: Nanos::from_millis(375), max: Nanos::from_millis(500) };
        assert_eq!(sdk.bounds(0), expected);
        assert_eq!(sdk.bounds(9).max, Nanos::from_secs(8));
        assert_eq!(policy.limits.total, 3);
        assert_eq!(policy.limits.deadline, Some(Nanos::from_secs(600)));

        let aws = Policy::aws_2_0();
        assert_eq!(aws.backoff_for(Class::Timeout).bounds(0).max, Nanos::from_secs(1));
        assert_eq!(aws.backoff_for(Class::Throttle).bounds(0).max, Nanos::from_secs(1));
        assert_eq!(aws.backoff_for(Class::Connect).bounds(9).max, Nanos::from_secs(20));
        assert_eq!(aws.limits.total, 3);

        let aws = Policy::aws_2_1();
        assert_eq!(aws.backoff_for(Class::Timeout).bounds(0).max, Nanos::from_millis(50));
        assert_eq!(aws.backoff_for(Class::Throttle).bounds(0).max, Nanos::from_secs(1));
        assert_eq!(aws.backoff_for(Class::Throttle).bounds(9).max, Nanos::from_secs(20));
        assert_eq!(aws.limits.total, 3);
    }
}
