//! One endpoint of a pool: what it is to the caller, and all that is known about it.

use std::fmt;

use retry_policy::Nanos;

use crate::buckets::Quotas;
use crate::config::Config;
use crate::health::Health;
use crate::latency::Latency;
use crate::rates::Rates;
use crate::stalls::Silences;
use crate::window::Window;

/// An endpoint, when a pool is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Names it to prompt-cache affinity: a hash of its URL, equal in all processes.
    pub identity: u64,
    /// Its share of the load beside others, at least 1.
    pub weight: u32,
}

impl Endpoint {
    /// An endpoint of weight 1.
    #[must_use]
    pub const fn new(identity: u64) -> Self {
        Self { identity, weight: 1 }
    }
}

/// The place of an endpoint in the list that a pool was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(pub u16);

impl EndpointId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// An endpoint in use.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) endpoint: Endpoint,
    pub(crate) health: Health,
    pub(crate) window: Window,
    pub(crate) quotas: Quotas,
    pub(crate) latency: Latency,
    pub(crate) silences: Silences,
    pub(crate) rates: Rates,
    /// Live attempts.
    pub(crate) active: u32,
    /// Those of them that began since the health last changed. Only these fill the window: what
    /// is left from before an outage may be stuck, and is not to keep others out.
    pub(crate) current: u32,
    /// The weight of all live attempts.
    pub(crate) load: u64,
    /// Attempts granted so far.
    pub(crate) picks: u64,
    /// The server asked for no request until then.
    pub(crate) held_until: Nanos,
    pub(crate) last_probe: Nanos,
}

impl Upstream {
    pub(crate) fn new(endpoint: Endpoint, config: &Config) -> Self {
        Self {
            endpoint,
            health: Health::new(),
            window: Window::new(config.slots),
            quotas: Quotas::default(),
            latency: Latency::default(),
            silences: Silences::new(),
            rates: Rates::default(),
            active: 0,
            current: 0,
            load: 0,
            picks: 0,
            held_until: Nanos::ZERO,
            last_probe: Nanos::ZERO,
        }
    }

    /// Whether it takes an attempt, as far as that does not depend on the request.
    pub(crate) fn has_slot(&self, slots_max: u32, now: Nanos) -> bool {
        let has_room = self.current < self.window.limit() && self.active < slots_max;
        has_room && self.held_until <= now
    }

    /// Its weight in thousandths; small at first after an outage.
    pub(crate) fn weight(&self, now: Nanos, slow_start: Nanos) -> u64 {
        let full = u64::from(self.endpoint.weight) * 1000;
        let Some(since) = self.health.up_since() else { return full / 10 };
        let passed = now.saturating_sub(since);
        if since == Nanos::ZERO || passed >= slow_start {
            return full;
        }
        let grown = u128::from(full) * u128::from(passed.0) / u128::from(slow_start.0);
        u64::try_from(grown).unwrap_or(full).max(full / 10)
    }

    /// A cost to compare: the expected time, times the load that the attempt would join, by
    /// weight. Less is better.
    pub(crate) fn score(&self, now: Nanos, fallback: Nanos, config: &Config) -> u128 {
        let balance = &config.balance;
        let cost = self.latency.cost(now, fallback, balance);
        let cost = self.rates.recent(now).raise(cost, balance.failure_factor).0.max(1);
        let weight = self.weight(now, balance.slow_start).max(1);
        u128::from(cost) * u128::from(self.load + 1) * 1000 / u128::from(weight)
    }
}
