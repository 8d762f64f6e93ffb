//! The balancer's scenarios: three endpoints, of which the last has some trouble.

use retry_policy::Nanos;

use super::backend::{Kind, Trouble};

pub(crate) const ENDPOINTS: usize = 3;
/// The endpoint that has the trouble.
pub(crate) const ODD: usize = ENDPOINTS - 1;

/// Everything about a run but its balancer and its seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) trouble: Trouble,
    pub(crate) prompts: Prompts,
    pub(crate) per_second: u32,
    pub(crate) end: Nanos,
}

/// Which prompts are asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prompts {
    /// Each is new.
    Fresh,
    /// Turns of so many conversations at a time, each of so many turns with a long common beginning.
    Conversations { open: usize, turns: u32 },
}

const fn trouble(kind: Kind, start: u64, end: u64) -> Trouble {
    Trouble { kind, start: Nanos::from_secs(start), end: Nanos::from_secs(end) }
}

const HEALTHY: Scenario = Scenario {
    name: "healthy",
    what: "three equal endpoints, 30 requests/s, about 75 streams",
    trouble: trouble(Kind::None, 10, 60),
    prompts: Prompts::Fresh,
    per_second: 30,
    end: Nanos::from_secs(120),
};

impl Scenario {
    pub(crate) const HEALTHY: Self = HEALTHY;
    pub(crate) const DEAD: Self = Self {
        name: "dead fast",
        what: "one refuses within 5 ms from 10 to 60 s, then is well again",
        trouble: trouble(Kind::Dead, 10, 60),
        ..HEALTHY
    };
    pub(crate) const SLOW: Self = Self {
        name: "slow",
        what: "one takes ten times as long to the first token from 10 to 60 s",
        trouble: trouble(Kind::Slow, 10, 60),
        ..HEALTHY
    };
    pub(crate) const FLAPPING: Self = Self {
        name: "flapping",
        what: "one is dead and alive in turn, 5 s each, from 10 to 60 s",
        trouble: trouble(Kind::Flapping(Nanos::from_secs(5)), 10, 60),
        ..HEALTHY
    };
    pub(crate) const COLD: Self = Self {
        name: "cold",
        what: "one joins at 10 s and bears little load until 60 s: 5 streams double its time",
        trouble: trouble(Kind::Cold, 10, 60),
        ..HEALTHY
    };
    pub(crate) const CACHED: Self = Self {
        name: "cached",
        what: "60 conversations of 10 turns at a time; a cached prompt costs a tenth and answers sooner",
        prompts: Prompts::Conversations { open: 60, turns: 10 },
        ..HEALTHY
    };
    pub(crate) const CACHED_DEAD: Self = Self {
        name: "cached, dead",
        what: "as cached, and one endpoint is dead from 10 to 60 s",
        prompts: Prompts::Conversations { open: 60, turns: 10 },
        ..Self::DEAD
    };

    pub(crate) const ALL: &[Self] = &[
        Self::HEALTHY,
        Self::DEAD,
        Self::SLOW,
        Self::FLAPPING,
        Self::COLD,
        Self::CACHED,
        Self::CACHED_DEAD,
    ];
}
