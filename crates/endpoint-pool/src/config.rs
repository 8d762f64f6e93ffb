//! All settings of a pool in one plain value, and what makes one unusable.

use std::fmt;

use retry_policy::Nanos;

use crate::affinity::Affinity;
use crate::ejection::Ejection;
use crate::gate::Probing;
use crate::latency::Balance;
use crate::stalls::Stalls;
use crate::window::Slots;

/// The settings of a pool.
///
/// ```
/// use endpoint_pool::{Config, Queueing};
/// let queue = Queueing { waiting_max: 50, ..Queueing::default() };
/// let small = Config { queue, ..Config::default() };
/// assert_eq!(small.slots.initial, 16);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// How many wait, and for how long.
    pub queue: Queueing,
    /// How many attempts are live at one endpoint.
    pub slots: Slots,
    /// When an endpoint is out of use.
    pub ejection: Ejection,
    /// How probes are spaced when none is in use.
    pub probing: Probing,
    /// How endpoints are compared.
    pub balance: Balance,
    /// How far prompt caches decide.
    pub affinity: Affinity,
    /// Bounds on the spans for the clocks of a stream.
    pub stalls: Stalls,
}

/// Limits on waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queueing {
    /// How many requests wait at most, those that wait for their own time included. Unit:
    /// requests. Default 1024.
    pub waiting_max: usize,
    /// How long a request waits at most. Default 600 s.
    pub wait_max: Nanos,
    /// The time before a deadline in which no attempt begins. Requests that would have to wait
    /// leave at least the median time to the first token. Default 100 ms.
    pub attempt_min: Nanos,
    /// How long a `Retry-After` keeps an endpoint unused at most. Default 300 s.
    pub hold_max: Nanos,
}

impl Default for Queueing {
    fn default() -> Self {
        Self {
            waiting_max: 1024,
            wait_max: Nanos::from_secs(600),
            attempt_min: Nanos::from_millis(100),
            hold_max: Nanos::from_secs(300),
        }
    }
}

/// The most endpoints of one pool.
pub const ENDPOINTS_MAX: usize = 64;

/// Why a pool cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConfigError {
    /// There is no endpoint.
    NoEndpoint,
    /// There are more than [`ENDPOINTS_MAX`] endpoints.
    TooManyEndpoints,
    /// An endpoint has no weight.
    NoWeight,
    /// [`Slots`] are not in order: at least 1 and `min <= initial <= max`.
    Slots,
    /// [`Ejection::failures`] is 0.
    Ejection,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEndpoint => "a pool needs an endpoint",
            Self::TooManyEndpoints => "a pool takes at most 64 endpoints",
            Self::NoWeight => "the weight of an endpoint is at least 1",
            Self::Slots => "slots need 1 <= min <= initial <= max",
            Self::Ejection => "an ejection needs at least one failure",
        })
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    pub(crate) const fn check(&self) -> Result<(), ConfigError> {
        let Slots { initial, min, max } = self.slots;
        if min < 1 || initial < min || max < initial {
            return Err(ConfigError::Slots);
        }
        if self.ejection.failures == 0 {
            return Err(ConfigError::Ejection);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let check = |slots, ejection| Config { slots, ejection, ..Config::default() }.check();
        let ejection = Ejection::default();
        assert_eq!(check(Slots::default(), ejection), Ok(()));
        for (initial, min, max) in [(1, 0, 2), (1, 2, 3), (5, 1, 4)] {
            assert_eq!(check(Slots { initial, min, max }, ejection), Err(ConfigError::Slots));
        }
        let ejection = Ejection { failures: 0, ..ejection };
        assert_eq!(check(Slots::default(), ejection), Err(ConfigError::Ejection));
    }
}
