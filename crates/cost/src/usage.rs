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

    /// Takes the larger count of each bucket, where both are reports of one request.
    ///
    /// Providers report usage cumulatively: the last report of a stream covers the earlier
    /// ones, and some reports leave buckets out. Never add reports of one request.
    ///
    /// What one report sorts less finely than the other is counted once: tokens written to a
    /// cache of which only one says for how long, and the same number of tokens of which only
    /// one says how many were cached or audio.
    ///
    /// ```
    /// use cost::Usage;
    ///
    /// let begun = Usage { input: 9, cache_write_1h: 50, output: 1, ..Usage::default() };
    /// let ended = Usage { input: 9, cache_write_5m: 50, output: 7, ..Usage::default() };
    /// assert_eq!(begun.max(&ended), Usage { output: 7, ..begun });
    /// ```
    #[must_use]
    pub fn max(&self, other: &Self) -> Self {
        let mut most = self.zip(other, |a, b| Ok(a.max(b))).unwrap_or(*self);
        let mut written = self.cache_written().max(other.cache_written());
        if self.input_total() == other.input_total() {
            let finer = if other.input < self.input { other } else { self };
            most.input = finer.input;
            most.cache_read = finer.cache_read;
            most.input_audio = finer.input_audio;
            written = finer.cache_written();
        }
        most.cache_write_1h = most.cache_write_1h.min(written);
        most.cache_write_5m = written - most.cache_write_1h;
        if self.output_total() == other.output_total() {
            let finer = if other.output < self.output { other } else { self };
            most.output = finer.output;
            most.output_audio = finer.output_audio;
            most.output_reasoning = most.output_reasoning.min(most.output);
        }
        most
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

    /// All output tokens, audio included.
    ///
    /// # Errors
    ///
    /// [`Overflow`] when the sum does not fit in 64 bits.
    pub fn output_total(&self) -> Result<u64, Overflow> {
        self.output.checked_add(self.output_audio).ok_or(Overflow)
    }

    const fn cache_written(&self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
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
    fn cache_writes_that_only_one_report_splits_are_counted_once() {
        let split = Usage { cache_write_5m: 400, cache_write_1h: 56, ..Usage::default() };
        let total = Usage { cache_write_5m: 456, ..Usage::default() };
        assert_eq!(split.max(&total), split);
        assert_eq!(total.max(&split), split);
        let grown = Usage { input: 9, cache_write_5m: 500, ..Usage::default() };
        let both = Usage { input: 9, cache_write_5m: 444, cache_write_1h: 56, ..Usage::default() };
        assert_eq!(split.max(&grown), both);
    }

    #[test]
    fn tokens_that_only_one_report_sorts_are_counted_once() {
        let begun = Usage { input: 100, output: 60, output_reasoning: 50, ..Usage::default() };
        let sorted = Usage { input: 5, cache_read: 80, input_audio: 15, ..begun };
        assert_eq!(begun.max(&sorted), sorted);
        assert_eq!(sorted.max(&begun), sorted);
        let spoken = Usage { output: 20, output_audio: 40, ..sorted };
        assert_eq!(begun.max(&spoken), Usage { output_reasoning: 20, ..spoken });
    }

    #[test]
    fn the_larger_of_two_reports_loses_no_tokens() {
        let counts = [0, 1, 2, 5];
        let reports = counts.map(|input| {
            counts.map(|cache_read| {
                counts.map(|cache_write_5m| {
                    counts.map(|cache_write_1h| Usage {
                        input,
                        cache_read,
                        cache_write_5m,
                        cache_write_1h,
                        ..Usage::default()
                    })
                })
            })
        });
        let reports = reports.as_flattened().as_flattened().as_flattened();
        for a in reports {
            for b in reports {
                let [most, a, b] = [&a.max(b), a, b].map(|usage| usage.input_total().unwrap());
                assert!(most >= a && most >= b);
            }
        }
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
        assert_eq!(full.max(&full), full);
        let spoken = Usage { output: u64::MAX, output_audio: 1, ..Usage::default() };
        assert_eq!(spoken.output_total(), Err(Overflow));
    }
}
