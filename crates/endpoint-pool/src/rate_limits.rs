//! What a server says about its rate limits, as numbers. Reading them from header text is the
//! caller's part; what follows from them is in `buckets`.

use retry_policy::Nanos;

pub(crate) const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// What a response said about its rate limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests.
    pub requests: Option<Quota>,
    /// Tokens of both kinds together.
    pub tokens: Option<Quota>,
    /// Input tokens.
    pub input: Option<Quota>,
    /// Output tokens.
    pub output: Option<Quota>,
    /// The response's `Date`, in seconds since 1970: tells which of two responses is newer.
    pub date: Option<u64>,
}

/// One limit, as a server stated it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many the full bucket holds.
    pub limit: u64,
    /// How many are left.
    pub remaining: u64,
    /// The span after which it is full again.
    pub reset: Nanos,
}

impl Quota {
    /// Units that come back in a thousand seconds: what is missing comes back by the reset, but
    /// the whole limit within a minute at the latest.
    pub(crate) fn rate(self) -> u64 {
        let missing = u128::from(self.limit.saturating_sub(self.remaining));
        let by_reset = missing * NANOS_PER_SECOND * 1000 / u128::from(self.reset.0.max(1));
        let floor = u128::from(self.limit) * 1000 / 60;
        u64::try_from(by_reset.max(floor).max(1)).unwrap_or(u64::MAX)
    }
}
