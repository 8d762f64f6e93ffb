//! `Rates`: what a model charges for each bucket of a usage, and `Bill`, what that comes to. A bucket
//! without a price is an error, never free.

use core::fmt;

use crate::decimal::DecimalError;
use crate::money::{Money, MoneyOverflow};
use crate::rate::{Multiplier, Rate};
use crate::usage::Usage;

/// The price of each bucket; `None` is not known, which is not free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Of uncached input tokens.
    pub input: Option<Rate>,
    /// Of input tokens read from a cache.
    pub cache_read: Option<Rate>,
    /// Of input tokens written to a cache of 5 minutes.
    pub cache_write_5m: Option<Rate>,
    /// Of input tokens written to a cache of 1 hour.
    pub cache_write_1h: Option<Rate>,
    /// Of audio input tokens.
    pub input_audio: Option<Rate>,
    /// Of output tokens.
    pub output: Option<Rate>,
    /// Of reasoning, where it has a price of its own; else it is output like any.
    pub output_reasoning: Option<Rate>,
    /// Of audio output tokens.
    pub output_audio: Option<Rate>,
    /// Of one web search.
    pub web_search: Option<Rate>,
}

/// A part of a usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bucket {
    /// Uncached input tokens.
    Input,
    /// Input tokens read from a cache.
    CacheRead,
    /// Input tokens written to a cache of 5 minutes.
    CacheWrite5m,
    /// Input tokens written to a cache of 1 hour.
    CacheWrite1h,
    /// Audio input tokens.
    InputAudio,
    /// Output tokens, or those of them that are not reasoning.
    Output,
    /// Reasoning with a price of its own.
    OutputReasoning,
    /// Audio output tokens.
    OutputAudio,
    /// Web searches.
    WebSearches,
}

/// What a usage costs, by bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// All input: uncached, cached in either way, audio.
    pub input: Money,
    /// Of which for what was read from a cache.
    pub cache_read: Money,
    /// Of which for what was written to a cache.
    pub cache_write: Money,
    /// All output: text, reasoning, audio.
    pub output: Money,
    /// Web searches.
    pub web_searches: Money,
    /// Everything.
    pub total: Money,
}

/// Why a usage has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BillError {
    /// The price of this bucket is not known.
    Unpriced {
        /// The bucket.
        bucket: Bucket,
    },
    /// More reasoning than output, of which it is a part.
    Reasoning,
    /// The sum does not fit.
    Overflow,
}

impl Rates {
    /// What a usage costs at these rates. Allocates nothing.
    ///
    /// ```
    /// use cost::{Rates, Usage};
    ///
    /// let rates = Rates {
    ///     input: Some("3".parse()?),
    ///     output: Some("15".parse()?),
    ///     cache_read: Some("0.30".parse()?),
    ///     ..Rates::default()
    /// };
    /// let usage = Usage { input: 200, cache_read: 1_800, output: 1_500, ..Usage::default() };
    /// assert_eq!(rates.bill(&usage)?.total.to_string(), "0.02364");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`BillError`].
    pub fn bill(&self, usage: &Usage) -> Result<Bill, BillError> {
        let (plain, reasoning) = match self.output_reasoning {
            None => (usage.output, 0),
            Some(_) => {
                let plain = usage.output.checked_sub(usage.output_reasoning);
                (plain.ok_or(BillError::Reasoning)?, usage.output_reasoning)
            }
        };
        let cache_read = charge(self.cache_read, usage.cache_read, Bucket::CacheRead)?;
        let write_5m = charge(self.cache_write_5m, usage.cache_write_5m, Bucket::CacheWrite5m)?;
        let write_1h = charge(self.cache_write_1h, usage.cache_write_1h, Bucket::CacheWrite1h)?;
        let cache_write = write_5m.checked_add(write_1h)?;
        let input = Money::sum([
            charge(self.input, usage.input, Bucket::Input)?,
            charge(self.input_audio, usage.input_audio, Bucket::InputAudio)?,
            cache_read,
            cache_write,
        ])?;
        let output = Money::sum([
            charge(self.output, plain, Bucket::Output)?,
            charge(self.output_reasoning, reasoning, Bucket::OutputReasoning)?,
            charge(self.output_audio, usage.output_audio, Bucket::OutputAudio)?,
        ])?;
        let web_searches = charge(self.web_search, usage.web_searches, Bucket::WebSearches)?;
        let total = Money::sum([input, output, web_searches])?;
        Ok(Bill { input, cache_read, cache_write, output, web_searches, total })
    }

    /// These rates, with what `other` knows in the place of theirs.
    #[must_use]
    pub fn overlaid(&self, other: &Self) -> Self {
        Self {
            input: other.input.or(self.input),
            cache_read: other.cache_read.or(self.cache_read),
            cache_write_5m: other.cache_write_5m.or(self.cache_write_5m),
            cache_write_1h: other.cache_write_1h.or(self.cache_write_1h),
            input_audio: other.input_audio.or(self.input_audio),
            output: other.output.or(self.output),
            output_reasoning: other.output_reasoning.or(self.output_reasoning),
            output_audio: other.output_audio.or(self.output_audio),
            web_search: other.web_search.or(self.web_search),
        }
    }

    /// All token rates times a multiplier. A web search costs what it costs.
    ///
    /// # Errors
    ///
    /// [`DecimalError`] when a product cannot be kept exactly.
    pub fn times(&self, multiplier: Multiplier) -> Result<Self, DecimalError> {
        let times = |rate: Option<Rate>| rate.map(|rate| rate.times(multiplier)).transpose();
        Ok(Self {
            input: times(self.input)?,
            cache_read: times(self.cache_read)?,
            cache_write_5m: times(self.cache_write_5m)?,
            cache_write_1h: times(self.cache_write_1h)?,
            input_audio: times(self.input_audio)?,
            output: times(self.output)?,
            output_reasoning: times(self.output_reasoning)?,
            output_audio: times(self.output_audio)?,
            web_search: self.web_search,
        })
    }
}

fn charge(rate: Option<Rate>, count: u64, bucket: Bucket) -> Result<Money, BillError> {
    match (rate, count) {
        (_, 0) => Ok(Money::ZERO),
        (Some(rate), count) => Ok(rate.of(count)?),
        (None, _) => Err(BillError::Unpriced { bucket }),
    }
}

impl From<MoneyOverflow> for BillError {
    fn from(_: MoneyOverflow) -> Self {
        Self::Overflow
    }
}

impl fmt::Display for BillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unpriced { bucket } => write!(f, "the price of {bucket} is not known"),
            Self::Reasoning => f.write_str("more reasoning than output"),
            Self::Overflow => MoneyOverflow.fmt(f),
        }
    }
}

impl core::error::Error for BillError {}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::CacheRead => "cache_read",
            Self::CacheWrite5m => "cache_write_5m",
            Self::CacheWrite1h => "cache_write_1h",
            Self::InputAudio => "input_audio",
            Self::Output => "output",
            Self::OutputReasoning => "output_reasoning",
            Self::OutputAudio => "output_audio",
            Self::WebSearches => "web_searches",
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    fn rate(text: &str) -> Option<Rate> {
        Some(text.parse().unwrap())
    }

    fn sonnet() -> Rates {
        Rates {
            input: rate("3"),
            cache_read: rate("0.30"),
            cache_write_5m: rate("3.75"),
            cache_write_1h: rate("6"),
            output: rate("15"),
            web_search: rate("10000"),
            ..Rates::default()
        }
    }

    #[track_caller]
    fn check(rates: &Rates, usage: Usage, total: &str) {
        assert_eq!(rates.bill(&usage).unwrap().total.to_string(), total);
    }

    #[test]
    fn every_bucket_is_billed_once_at_its_own_rate() {
        check(&sonnet(), Usage { input: 2_000, output: 1_500, ..Usage::default() }, "0.0285");
        check(&sonnet(), Usage { cache_read: 1_000_000, ..Usage::default() }, "0.3");
        check(&sonnet(), Usage { cache_write_5m: 1_000, ..Usage::default() }, "0.00375");
        check(&sonnet(), Usage { cache_write_1h: 1_000, ..Usage::default() }, "0.006");
        check(&sonnet(), Usage { web_searches: 3, ..Usage::default() }, "0.03");
        let all = Usage {
            input: 1,
            cache_read: 10,
            cache_write_5m: 100,
            cache_write_1h: 1_000,
            output: 10_000,
            ..Usage::default()
        };
        let bill = sonnet().bill(&all).unwrap();
        assert_eq!(bill.input.to_string(), "0.006381");
        assert_eq!(
            (bill.cache_read.to_string(), bill.cache_write.to_string()),
            ("0.000003".into(), "0.006375".into())
        );
        assert_eq!(
            (bill.output.to_string(), bill.total.to_string()),
            ("0.15".into(), "0.156381".into())
        );
    }

    #[test]
    fn what_has_no_price_is_not_free() {
        let usage = Usage { input_audio: 1, ..Usage::default() };
        let unpriced = BillError::Unpriced { bucket: Bucket::InputAudio };
        assert_eq!(sonnet().bill(&usage), Err(unpriced));
        assert_eq!(unpriced.to_string(), "the price of input_audio is not known");
        let free = Rates { input_audio: Some(Rate::FREE), ..sonnet() };
        check(&free, usage, "0");
    }

    #[test]
    fn reasoning_is_output_unless_it_has_a_price_of_its_own() {
        let usage = Usage { output: 1_000, output_reasoning: 400, ..Usage::default() };
        check(&sonnet(), usage, "0.015");
        let dearer = Rates { output_reasoning: rate("30"), ..sonnet() };
        check(&dearer, usage, "0.021");
        let odd = Usage { output: 1, output_reasoning: 2, ..Usage::default() };
        assert_eq!(dearer.bill(&odd), Err(BillError::Reasoning));
    }

    #[test]
    fn a_multiplier_changes_tokens_and_no_calls() {
        let half = sonnet().times(Multiplier::HALF).unwrap();
        let usage = Usage { input: 2_000, web_searches: 1, ..Usage::default() };
        check(&half, usage, "0.013");
    }

    #[test]
    fn a_bill_that_does_not_fit_is_an_error() {
        let usage = Usage { input: u64::MAX, ..Usage::default() };
        let dear = Rates { input: rate("18000000"), ..Rates::default() };
        assert_eq!(dear.bill(&usage), Err(BillError::Overflow));
    }
}
