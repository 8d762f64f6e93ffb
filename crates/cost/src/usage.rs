//! What one request used, in tokens, and how usages of several attempts add up.
//! Every bucket is disjoint from the others except where its documentation says "of which".

use core::fmt;

/// Tokens of one request, by the way they are billed.
///
/// All counts are tokens except `web_searches`, which counts calls.
///
/// ```
/// use cost::Usage;
///
/// let first = Usage { input: 2_000, output: 700, ..Usage::default() };
/// let second = Usage { input: 20, cache_read: 1_980, output: 800, ..Usage::default() };
/// let both = first.checked_add(&second).unwrap();
/// assert_eq!(both.output, 1_500);
/// assert_eq!(both.input_total(), Ok(4_000));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    /// Input tokens that were neither read from nor written to a cache.
    pub input: u64,
    /// Input tokens read from the provider's prompt cache.
    pub cache_read: u64,
    /// Input tokens written to a cache that lives 5 minutes.
    pub cache_write_5m: u64,
    /// Input tokens written to a cache that lives 1 hour.
    pub cache_write_1h: u64,
    /// Audio input tokens, not part of `input`.
    pub input_audio: u64,
    /// Output tokens, reasoning included.
    pub output: u64,
    /// Of which `output` was reasoning.
    pub output_reasoning: u64,
    /// Audio output tokens, not part of `output`.
    pub output_audio: u64,
    /// Server-side web searches, in calls.
    pub web_searches: u64,
}

impl Usage {
    /// Adds another request's usage to this one.
    ///
    /// # Errors
    ///
    /// [`Overflow`] when a bucket does not fit in 64 bits.
    pub fn checked_add(&self, other: &Self) -> Result<Self, Overflow> {
        self.zip(other, |a, b| a.checked_add(b).ok_or(Overflow))
    }

    /// Takes the larger count of each bucket.
    ///
    /// Providers report usage cumulatively: the last report of a stream covers the earlier
    /// ones, and some reports leave buckets out. Never add reports of one request.
    #[must_use]
    pub fn max(&self, other: &Self) -> Self {
        self.zip(other, |a, b| Ok(a.max(b))).unwrap_or(*self)
    }

    /// All input tokens, cached or not, audio included.
    ///
    /// # Errors
    ///
    /// [`Overflow`] when the sum does not fit in 64 bits.
    pub fn input_total(&self) -> Result<u64, Overflow> {
        [self.cache_read, self.cache_write_5m, self.cache_write_1h, self.input_audio]
            .iter()
            .try_fold(self.input, |sum, bucket| sum.checked_add(*bucket))
            .ok_or(Overflow)
    }

    fn zip(
        &self,
        other: &Self,
        join: impl Fn(u64, u64) -> Result<u64, Overflow>,
    ) -> Result<Self, Overflow> {
        Ok(Self {
            input: join(self.input, other.input)?,
            cache_read: join(self.cache_read, other.cache_read)?,
            cache_write_5m: join(self.cache_write_5m, other.cache_write_5m)?,
            cache_write_1h: join(self.cache_write_1h, other.cache_write_1h)?,
            input_audio: join(self.input_audio, other.input_audio)?,
            output: join(self.output, other.output)?,
            output_reasoning: join(self.output_reasoning, other.output_reasoning)?,
            output_audio: join(self.output_audio, other.output_audio)?,
            web_searches: join(self.web_searches, other.web_searches)?,
        })
    }
}

/// A sum of token counts does not fit in 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("token count does not fit in 64 bits")
    }
}

impl core::error::Error for Overflow {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_one_request_are_not_added() {
        let start = Usage { input: 25, output: 1, ..Usage::default() };
        let end = Usage { output: 15, ..Usage::default() };
        assert_eq!(start.max(&end), Usage { input: 25, output: 15, ..Usage::default() });
    }

    #[test]
    fn each_bucket_adds_to_itself() {
        let one = Usage {
            input: 1,
            cache_read: 2,
            cache_write_5m: 3,
            cache_write_1h: 4,
            input_audio: 5,
            output: 6,
            output_reasoning: 7,
            output_audio: 8,
            web_searches: 9,
        };
        let two = one.checked_add(&one).unwrap();
        assert_eq!(two.cache_write_1h, 8);
        assert_eq!(two.web_searches, 18);
        assert_eq!(two.input_total(), Ok(2 * (1 + 2 + 3 + 4 + 5)));
    }

    #[test]
    fn overflow_is_an_error() {
        let full = Usage { input: u64::MAX, cache_read: 1, ..Usage::default() };
        assert_eq!(full.checked_add(&Usage { input: 1, ..Usage::default() }), Err(Overflow));
        assert_eq!(full.input_total(), Err(Overflow));
    }
}
