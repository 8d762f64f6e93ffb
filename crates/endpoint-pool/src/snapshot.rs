//! A pool in numbers, as plain data for people and monitors.

use retry_policy::Nanos;

use crate::action::Refusal;
use crate::endpoint::Upstream;
use crate::gate::Gate;
use crate::rates::Tally;

/// The state of a pool at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Whether it admits.
    pub gate: Gate,
    /// Attempts that are live.
    pub active: u32,
    /// Requests in the queue.
    pub waiting: usize,
    /// Requests that wait for their own time.
    pub delayed: usize,
    /// What happened so far.
    pub counters: Counters,
    /// By endpoint, in the order in which they were given.
    pub endpoints: Vec<EndpointSnapshot>,
}

/// How often what happened since the pool was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests for a permit.
    pub asked: u64,
    /// Grants.
    pub granted: u64,
    /// Grants that were probes.
    pub probes: u64,
    /// Attempts that were complete.
    pub succeeded: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Tickets taken back, waiting or granted.
    pub cancelled: u64,
    /// Times that no endpoint was left.
    pub openings: u64,
    pub(crate) refused: [u64; Refusal::COUNT],
}

impl Counters {
    /// Requests refused for one reason.
    #[must_use]
    pub const fn refused(&self, refusal: Refusal) -> u64 {
        self.refused[refusal.index()]
    }
}

/// The state of one endpoint at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointSnapshot {
    /// Whether it is in use.
    pub standing: Standing,
    /// Attempts that are live.
    pub active: u32,
    /// Attempts that may be live at a time.
    pub slots: u32,
    /// Attempts granted so far.
    pub picks: u64,
    /// Failures since the last answer.
    pub failures_in_a_row: u32,
    /// Results of the last half minute.
    pub recent: Tally,
    /// The average time to the first token, at equal input.
    pub latency: Option<Nanos>,
    /// The median time to the first token.
    pub first_token: Option<Nanos>,
    /// Until when the server asked for no request; past or zero when it did not.
    pub held_until: Nanos,
    /// What is left of its request quota, if the server has said so.
    pub requests_left: Option<u64>,
}

/// Whether an endpoint is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It is.
    InUse,
    /// It failed, and waits to be probed.
    Out,
}

impl EndpointSnapshot {
    pub(crate) fn new(upstream: &Upstream, now: Nanos) -> Self {
        let standing = if upstream.health.is_up() { Standing::InUse } else { Standing::Out };
        Self {
            standing,
            active: upstream.active,
            slots: upstream.window.limit(),
            picks: upstream.picks,
            failures_in_a_row: upstream.health.streak(),
            recent: upstream.rates.recent(now),
            latency: upstream.latency.average(),
            first_token: upstream.silences.median_first_token(),
            held_until: upstream.held_until,
            requests_left: upstream.quotas.requests_left(),
        }
    }
}
