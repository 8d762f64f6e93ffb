//! What a broken stream costs by the way in which it goes on: asked again from the start, gone on with
//! from what the model had said (prefill), or by a message that asks it to go on.
//!
//! Prices alone decide here; which ways a provider allows is not known in this crate. Per stream of
//! `P` prompt and `N` output tokens that breaks when `k` are delivered, with prices `c_i` and `c_o`, the
//! prompt paid at `f` the first time and at `a` again:
//!
//! ```text
//! ideal    = P·f + N·c_o
//! broken   = P·f + (k + lost)·c_o
//! restart  = broken + P·a + N·c_o
//! prefill  = broken + P·a + k·c_i + (N - k)·c_o
//! message  = broken + P·a + (k + instruction)·c_i + (N - k + repeated + thinking)·c_o
//! ```

use core::fmt;

use crate::money::{Money, MoneyOverflow};
use crate::rate::Rate;
use crate::rates::{BillError, Bucket, Rates};
use crate::share::Percent;

/// How a broken stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// The request is sent again and all of the answer is made anew.
    Restart,
    /// The partial answer is sent as the beginning of the model's own turn.
    Prefill,
    /// The partial answer is sent with a message that asks to go on.
    Message,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Restart, Self::Prefill, Self::Message];
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Restart => "restart",
            Self::Prefill => "prefill",
            Self::Message => "message",
        })
    }
}

/// Prices of one model, as far as a stream that breaks is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// Of an input token that no cache has.
    pub input: Rate,
    /// Of an output token.
    pub output: Rate,
    /// Of a token of the prompt, the first time.
    pub first: Rate,
    /// Of a token of the prompt, when it is sent again.
    pub again: Rate,
}

/// How a prompt is billed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Prompt {
    /// As any input.
    #[default]
    Uncached,
    /// As read from a cache.
    Read,
    /// As written to a cache of 5 minutes.
    Write5m,
    /// As written to a cache of 1 hour.
    Write1h,
}

impl Tariff {
    /// The tariff of these rates, with the prompt billed so the first time and again.
    ///
    /// # Errors
    ///
    /// [`BillError::Unpriced`] when a rate is not known.
    pub fn new(rates: &Rates, first: Prompt, again: Prompt) -> Result<Self, BillError> {
        let known = |rate: Option<Rate>, bucket| rate.ok_or(BillError::Unpriced { bucket });
        let prompt = |prompt| match prompt {
            Prompt::Uncached => known(rates.input, Bucket::Input),
            Prompt::Read => known(rates.cache_read, Bucket::CacheRead),
            Prompt::Write5m => known(rates.cache_write_5m, Bucket::CacheWrite5m),
            Prompt::Write1h => known(rates.cache_write_1h, Bucket::CacheWrite1h),
        };
        Ok(Self {
            input: known(rates.input, Bucket::Input)?,
            output: known(rates.output, Bucket::Output)?,
            first: prompt(first)?,
            again: prompt(again)?,
        })
    }

    /// Delivered tokens above which going on by a message costs less than a restart; `None` is
    /// never, where output costs no more than input.
    ///
    /// # Errors
    ///
    /// [`MoneyOverflow`].
    pub fn message_pays_above(&self, waste: &Waste) -> Result<Option<u64>, MoneyOverflow> {
        let again = waste.repeated.checked_add(waste.thinking).ok_or(MoneyOverflow)?;
        let extra = self.input.of(waste.instruction)?.checked_add(self.output.of(again)?)?;
        let per_token = self.output.of(1)?.checked_sub(self.input.of(1)?)?;
        if per_token <= Money::ZERO {
            return Ok(None);
        }
        // Both are whole numbers of the same unit, so the quotient's floor is exact.
        let tokens = extra.units() / per_token.units();
        u64::try_from(tokens).map(Some).map_err(|_| MoneyOverflow)
    }
}

/// The share of streams that must break before writing a cache only to resume them cheaply pays;
/// `None` is never, where reading costs no less than input.
///
/// Above 100 % it never pays either.
///
/// ```
/// let rates = cost::Rates {
///     input: Some("3".parse()?),
///     cache_read: Some("0.30".parse()?),
///     cache_write_5m: Some("3.75".parse()?),
///     ..cost::Rates::default()
/// };
/// let [input, read, write] = [rates.input, rates.cache_read, rates.cache_write_5m].map(Option::unwrap);
/// assert_eq!(cost::cache_pays_above(input, read, write)?.unwrap().to_string(), "27.78");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`MoneyOverflow`].
pub fn cache_pays_above(
    input: Rate,
    read: Rate,
    write: Rate,
) -> Result<Option<Percent>, MoneyOverflow> {
    let input = input.of(1)?;
    let premium = write.of(1)?.checked_sub(input)?;
    let saved = input.checked_sub(read.of(1)?)?;
    Ok((saved > Money::ZERO).then(|| Percent::of(premium.max(Money::ZERO), saved)))
}

/// What is paid for and brings nothing new, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waste {
    /// Of the message that asks to go on.
    pub instruction: u64,
    /// That a continuation by message says again.
    pub repeated: u64,
    /// Of thinking that a continuation by message does again.
    pub thinking: u64,
    /// That a broken attempt is billed for after the cut; depends on the provider.
    pub lost: u64,
}

/// A stream that breaks, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted<'a> {
    /// Of the prompt.
    pub prompt: u64,
    /// Of the whole answer.
    pub output: u64,
    /// Of the answer that were delivered at each break: ascending, none above `output`.
    pub breaks: &'a [u64],
    /// What is paid for in vain.
    pub waste: Waste,
}

/// What an interrupted stream costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Without a break.
    pub ideal: Money,
    /// For the attempt that broke first.
    pub broken: Money,
    /// For all attempts after it.
    pub resumed: Money,
}

impl Recovered {
    /// For everything.
    ///
    /// # Errors
    ///
    /// [`MoneyOverflow`].
    pub fn total(&self) -> Result<Money, MoneyOverflow> {
        self.broken.checked_add(self.resumed)
    }

    /// What the breaks cost: the total without what the answer costs anyway.
    ///
    /// # Errors
    ///
    /// [`MoneyOverflow`].
    pub fn surcharge(&self) -> Result<Money, MoneyOverflow> {
        self.total()?.checked_sub(self.ideal)
    }
}

/// Why an interrupted stream has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryError {
    /// The breaks are not ascending, or beyond the end of the answer.
    Breaks,
    /// A sum does not fit.
    Overflow,
}

impl Interrupted<'_> {
    /// What it costs when each break is gone on from in this way. Without a break everything is
    /// `ideal`, and `broken` is what the one attempt cost.
    ///
    /// ```
    /// use cost::{Interrupted, Prompt, Rates, Tariff, Waste, Way};
    ///
    /// let rates =
    ///     Rates { input: Some("3".parse()?), output: Some("15".parse()?), ..Rates::default() };
    /// let tariff = Tariff::new(&rates, Prompt::Uncached, Prompt::Uncached)?;
    /// let stream =
    ///     Interrupted { prompt: 2_000, output: 1_500, breaks: &[750], waste: Waste::default() };
    /// assert_eq!(stream.cost(Way::Restart, &tariff)?.total()?.to_string(), "0.04575");
    /// assert_eq!(stream.cost(Way::Prefill, &tariff)?.total()?.to_string(), "0.03675");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RecoveryError`].
    pub fn cost(&self, way: Way, tariff: &Tariff) -> Result<Recovered, RecoveryError> {
        self.cost_by(way, |_| Ok(*tariff))
    }

    /// [`cost`](Self::cost) where the tariff of a request depends on how many tokens of input it has:
    /// a request that goes on has more of them, and may be above the limit of a dearer tier.
    ///
    /// # Errors
    ///
    /// [`RecoveryError`], or what `tariff` says.
    pub fn cost_by<E: From<RecoveryError>>(
        &self,
        way: Way,
        mut tariff: impl FnMut(u64) -> Result<Tariff, E>,
    ) -> Result<Recovered, E> {
        if !self.breaks.is_sorted() || self.breaks.last().is_some_and(|last| *last > self.output) {
            return Err(RecoveryError::Breaks.into());
        }
        let first = tariff(self.prompt)?;
        let mut cost = self.first(way, &first)?;
        for (at, from) in self.breaks.iter().enumerate() {
            let input = self.input_of(way, *from)?;
            let again = tariff(sum(self.prompt, input)?)?;
            let output = self.output_of(way, Some(*from), at + 1)?;
            cost.resumed = self.resumed(cost.resumed, &again, input, output)?;
        }
        Ok(cost)
    }

    /// The first attempt, and what it would have cost without a break.
    fn first(&self, way: Way, tariff: &Tariff) -> Result<Recovered, RecoveryError> {
        let prompt = tariff.first.of(self.prompt)?;
        let ideal = prompt.checked_add(tariff.output.of(self.output)?)?;
        let broken = prompt.checked_add(tariff.output.of(self.output_of(way, None, 0)?)?)?;
        Ok(Recovered { ideal, broken, resumed: Money::ZERO })
    }

    /// One more attempt, with so much input beside the prompt.
    fn resumed(
        &self,
        before: Money,
        tariff: &Tariff,
        input: u64,
        output: u64,
    ) -> Result<Money, RecoveryError> {
        let input = tariff.input.of(input)?;
        let output = tariff.output.of(output)?;
        Ok(Money::sum([before, tariff.again.of(self.prompt)?, input, output])?)
    }

    /// Input tokens that an attempt has beside the prompt.
    fn input_of(&self, way: Way, from: u64) -> Result<u64, RecoveryError> {
        match way {
            Way::Restart => Ok(0),
            Way::Prefill => Ok(from),
            Way::Message => sum(from, self.waste.instruction),
        }
    }

    /// Output tokens of the attempt that goes on at `from` and ends at the next break or the end.
    fn output_of(&self, way: Way, from: Option<u64>, next: usize) -> Result<u64, RecoveryError> {
        let (end, lost) = match self.breaks.get(next) {
            Some(at) => (*at, self.waste.lost),
            None => (self.output, 0),
        };
        let made = match (way, from) {
            (_, None) | (Way::Restart, _) => end,
            // The breaks are ascending.
            (Way::Prefill, Some(from)) => end - from,
            (Way::Message, Some(from)) => {
                sum(sum(end - from, self.waste.repeated)?, self.waste.thinking)?
            }
        };
        sum(made, lost)
    }
}

fn sum(one: u64, other: u64) -> Result<u64, RecoveryError> {
    one.checked_add(other).ok_or(RecoveryError::Overflow)
}

impl From<MoneyOverflow> for RecoveryError {
    fn from(_: MoneyOverflow) -> Self {
        Self::Overflow
    }
}

impl fmt::Display for RecoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Breaks => {
                f.write_str("breaks are not ascending, or beyond the end of the answer")
            }
            Self::Overflow => MoneyOverflow.fmt(f),
        }
    }
}

impl core::error::Error for RecoveryError {}
