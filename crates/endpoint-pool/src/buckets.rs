//! What an endpoint's rate limits still allow: one bucket per dimension, corrected by what the
//! server says and reduced by what is on its way. Reading header text is not done here.

use retry_policy::Nanos;

use crate::Tokens;
use crate::rate_limits::{NANOS_PER_SECOND, Quota, RateLimits};

/// The buckets of one endpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quotas {
    buckets: [Bucket; DIMENSIONS],
}

const DIMENSIONS: usize = 4;
/// The dimension that the server counts as the response is written, not when the request comes.
const OUTPUT: usize = 3;

/// One bucket. Without a statement of the server it allows everything.
#[derive(Clone, Debug, Default)]
struct Bucket {
    stated: Option<Stated>,
    /// Reserved by attempts that the server has not counted yet.
    outstanding: u64,
}

#[derive(Clone, Copy, Debug)]
struct Stated {
    limit: u64,
    level: u64,
    /// Units that come back in a thousand seconds.
    rate: u64,
    /// The instant up to which `level` has been refilled.
    at: Nanos,
    date: Option<u64>,
}

impl Quotas {
    /// A request is on its way.
    pub(crate) fn reserve(&mut self, tokens: Tokens) {
        for (bucket, need) in self.buckets.iter_mut().zip(needs(tokens)) {
            bucket.outstanding += need;
        }
    }

    /// The server has counted the request.
    pub(crate) fn charge(&mut self, tokens: Tokens, now: Nanos) {
        for (bucket, need) in self.buckets.iter_mut().zip(needs(tokens)).take(OUTPUT) {
            bucket.outstanding -= need;
            bucket.take(need, now);
        }
    }

    /// The attempt is over before the server counted it.
    pub(crate) fn release(&mut self, tokens: Tokens) {
        for (bucket, need) in self.buckets.iter_mut().zip(needs(tokens)) {
            bucket.outstanding -= need;
        }
    }

    /// The attempt is over. `actual` corrects the estimate; input only where the server itself
    /// has not stated since what is left.
    pub(crate) fn settle(
        &mut self,
        estimate: Tokens,
        actual: Option<Tokens>,
        measured: Measured,
        now: Nanos,
    ) {
        let (estimated, actual) = (needs(estimate), needs(actual.unwrap_or(estimate)));
        self.buckets[OUTPUT].outstanding -= estimated[OUTPUT];
        self.buckets[OUTPUT].take(actual[OUTPUT], now);
        if measured == Measured::Yes {
            return;
        }
        for dimension in 1..OUTPUT {
            let bucket = &mut self.buckets[dimension];
            bucket.take(actual[dimension].saturating_sub(estimated[dimension]), now);
            bucket.give(estimated[dimension].saturating_sub(actual[dimension]));
        }
    }

    /// Takes over what a response said. One that is older than the last is ignored; one of the
    /// same second can only lower what is left.
    pub(crate) fn update(&mut self, limits: &RateLimits, now: Nanos) {
        let stated = [limits.requests, limits.tokens, limits.input, limits.output];
        for (bucket, quota) in self.buckets.iter_mut().zip(stated) {
            if let Some(quota) = quota {
                bucket.update(quota, limits.date, now);
            }
        }
    }

    /// When this much is available; `now` or earlier if it is.
    pub(crate) fn ready_at(&mut self, tokens: Tokens, now: Nanos) -> Nanos {
        let mut at = now;
        for (bucket, need) in self.buckets.iter_mut().zip(needs(tokens)) {
            at = at.max(bucket.ready_at(need, now));
        }
        at
    }

    /// Whether any bucket is less full than this.
    pub(crate) fn is_below(&mut self, percent: u64, now: Nanos) -> bool {
        self.buckets.iter_mut().any(|bucket| bucket.is_below(percent, now))
    }

    /// What is left of the requests, if the server has said so.
    pub(crate) fn requests_left(&self) -> Option<u64> {
        let bucket = &self.buckets[0];
        bucket.stated.map(|stated| stated.level.saturating_sub(bucket.outstanding))
    }
}

/// Whether the server stated what is left after it counted an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measured {
    Yes,
    No,
}

/// What a request takes of each dimension.
const fn needs(tokens: Tokens) -> [u64; DIMENSIONS] {
    let (input, output) = (tokens.input as u64, tokens.output as u64);
    [1, input + output, input, output]
}

impl Bucket {
    fn update(&mut self, quota: Quota, date: Option<u64>, now: Nanos) {
        let mut level = quota.remaining.min(quota.limit);
        if let Some(last) = &mut self.stated {
            last.refill(now);
            if date < last.date {
                return;
            }
            if date == last.date {
                level = level.min(last.level);
            }
        }
        let stated = Stated { limit: quota.limit, level, rate: quota.rate(), at: now, date };
        self.stated = Some(stated);
    }

    fn take(&mut self, count: u64, now: Nanos) {
        if let Some(stated) = &mut self.stated {
            stated.refill(now);
            stated.level = stated.level.saturating_sub(count);
        }
    }

    fn give(&mut self, count: u64) {
        if let Some(stated) = &mut self.stated {
            stated.level = stated.level.saturating_add(count).min(stated.limit);
        }
    }

    fn ready_at(&mut self, need: u64, now: Nanos) -> Nanos {
        let Some(stated) = &mut self.stated else { return now };
        stated.refill(now);
        // What exceeds the whole bucket goes when the bucket is full: it can never have more.
        let target = need.saturating_add(self.outstanding).min(stated.limit);
        let missing = target.saturating_sub(stated.level);
        if missing == 0 {
            return now;
        }
        stated.at.saturating_add(stated.span(missing))
    }

    fn is_below(&mut self, percent: u64, now: Nanos) -> bool {
        let Some(stated) = &mut self.stated else { return false };
        stated.refill(now);
        let left = stated.level.saturating_sub(self.outstanding);
        u128::from(left) * 100 < u128::from(stated.limit) * u128::from(percent)
    }
}

impl Stated {
    fn refill(&mut self, now: Nanos) {
        if self.level >= self.limit {
            self.at = self.at.max(now);
            return;
        }
        let passed = u128::from(now.saturating_sub(self.at).0);
        let gained = passed * u128::from(self.rate) / (NANOS_PER_SECOND * 1000);
        let gained = u64::try_from(gained).unwrap_or(u64::MAX).min(self.limit - self.level);
        if gained > 0 {
            self.level += gained;
            self.at = self.at.saturating_add(self.span(gained)).min(now);
        }
    }

    /// The span in which `count` come back, rounded up.
    fn span(&self, count: u64) -> Nanos {
        let span = (u128::from(count) * NANOS_PER_SECOND * 1000).div_ceil(u128::from(self.rate));
        Nanos(u64::try_from(span).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Nanos = Nanos::from_secs(100);

    const fn tokens(input: u32, output: u32) -> Tokens {
        Tokens { input, output }
    }

    fn requests(remaining: u64, date: u64) -> RateLimits {
        let quota = Quota { limit: 60, remaining, reset: Nanos::from_secs(60 - remaining) };
        RateLimits { requests: Some(quota), date: Some(date), ..RateLimits::default() }
    }

    fn input(remaining: u64, date: u64) -> RateLimits {
        let quota = Quota { limit: 6000, remaining, reset: Nanos::from_secs(60) };
        RateLimits { input: Some(quota), date: Some(date), ..RateLimits::default() }
    }

    fn after(secs: u64) -> Nanos {
        NOW.saturating_add(Nanos::from_secs(secs))
    }

    #[test]
    fn what_nobody_limits_is_always_ready() {
        let mut quotas = Quotas::default();
        quotas.reserve(tokens(u32::MAX, u32::MAX));
        assert_eq!(quotas.ready_at(tokens(u32::MAX, u32::MAX), NOW), NOW);
        assert!(!quotas.is_below(100, NOW));
    }

    #[test]
    fn requests_on_their_way_are_not_available() {
        let mut quotas = Quotas::default();
        quotas.update(&requests(2, 1), NOW);
        quotas.reserve(tokens(0, 0));
        quotas.reserve(tokens(0, 0));
        assert_eq!(quotas.ready_at(tokens(0, 0), NOW), after(1));
        quotas.release(tokens(0, 0));
        assert_eq!(quotas.ready_at(tokens(0, 0), NOW), NOW);
        quotas.charge(tokens(0, 0), NOW);
        assert_eq!(quotas.requests_left(), Some(1));
    }

    #[test]
    fn it_refills_at_the_rate_that_the_reset_tells() {
        let mut quotas = Quotas::default();
        quotas.update(&requests(0, 1), NOW);
        assert_eq!(quotas.ready_at(tokens(0, 0), NOW), after(1));
        assert_eq!(quotas.ready_at(tokens(0, 0), after(1)), after(1));
        for _ in 0..30 {
            quotas.reserve(tokens(0, 0));
        }
        assert_eq!(quotas.ready_at(tokens(0, 0), after(1)), after(31));
        assert_eq!(quotas.ready_at(tokens(0, 0), after(31)), after(31));
    }

    #[test]
    fn a_reset_far_away_does_not_stop_a_minutes_limit() {
        let mut quotas = Quotas::default();
        let quota = Quota { limit: 60, remaining: 0, reset: Nanos::MAX };
        quotas.update(&RateLimits { requests: Some(quota), ..RateLimits::default() }, NOW);
        assert_eq!(quotas.ready_at(tokens(0, 0), NOW), after(1));
    }

    #[test]
    fn responses_out_of_order_do_not_bring_back_what_is_gone() {
        let mut quotas = Quotas::default();
        quotas.update(&requests(10, 5), NOW);
        quotas.update(&requests(40, 4), NOW);
        assert_eq!(quotas.requests_left(), Some(10));
        quotas.update(&requests(12, 5), NOW);
        assert_eq!(quotas.requests_left(), Some(10));
        quotas.update(&requests(40, 6), NOW);
        assert_eq!(quotas.requests_left(), Some(40));
    }

    #[test]
    fn usage_corrects_the_estimate_unless_the_server_has() {
        let left = |measured| {
            let mut quotas = Quotas::default();
            quotas.update(&input(6000, 1), NOW);
            quotas.reserve(tokens(5000, 0));
            quotas.charge(tokens(5000, 0), NOW);
            quotas.settle(tokens(5000, 0), Some(tokens(1000, 0)), measured, NOW);
            quotas.ready_at(tokens(5000, 0), NOW)
        };
        assert_eq!(left(Measured::No), NOW);
        assert_eq!(left(Measured::Yes), after(40));
    }

    #[test]
    fn output_is_counted_when_it_is_there() {
        let mut quotas = Quotas::default();
        let quota = Quota { limit: 6000, remaining: 6000, reset: Nanos::ZERO };
        quotas.update(&RateLimits { output: Some(quota), ..RateLimits::default() }, NOW);
        quotas.reserve(tokens(0, 4000));
        quotas.charge(tokens(0, 4000), NOW);
        assert_eq!(quotas.ready_at(tokens(0, 3000), NOW), NOW);
        assert!(quotas.is_below(50, NOW));
        quotas.settle(tokens(0, 4000), Some(tokens(0, 500)), Measured::Yes, NOW);
        assert_eq!(quotas.ready_at(tokens(0, 5500), NOW), NOW);
        assert_eq!(quotas.ready_at(tokens(0, 5600), NOW), after(1));
    }

    #[test]
    fn a_request_larger_than_the_limit_waits_for_the_full_bucket_only() {
        let mut quotas = Quotas::default();
        quotas.update(&input(3000, 1), NOW);
        assert_eq!(quotas.ready_at(tokens(50_000, 0), NOW), after(30));
        assert_eq!(quotas.ready_at(tokens(50_000, 0), after(30)), after(30));
    }
}
