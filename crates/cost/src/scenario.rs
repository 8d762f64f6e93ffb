//! `Report`: what many requests would cost under several assumptions about caches and breaks, by a
//! formula that is in use and by what is really billed.
//!
//! The formula multiplies the input by `1 + breaks / 2` and by `1 - hits · saving`. It forgets that a
//! restart pays for output again, that what a cache does not have must be written to it at a premium, and
//! that there are cheaper ways to go on than a restart. The model next to it counts all three.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::money::{Money, MoneyOverflow};
use crate::rates::{BillError, Bucket, Rates};
use crate::recovery::{Interrupted, Prompt, RecoveryError, Tariff, Waste, Way};
use crate::share::{Percent, Share};

/// Requests, and their average length in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Requests.
    pub requests: u64,
    /// Tokens of a prompt, on average.
    pub input: u64,
    /// Tokens of an answer, on average.
    pub output: u64,
}

/// How well caches work and how often streams break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    /// The part of the input that a cache has; what it does not have is written to it, unless
    /// this is nothing and no cache is used.
    pub cache_hits: Share,
    /// The part of the streams that break, once.
    pub breaks: Share,
}

/// What holds for all scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assumptions {
    /// The formula: the part of the price that a cache hit saves.
    pub cache_saving: Share,
    /// The model: the part of an answer that is delivered when its stream breaks.
    pub break_at: Share,
    /// The model: what going on costs in vain.
    pub waste: Waste,
    /// A saving that is claimed for the last scenario, to be compared with what there is.
    pub claimed: Option<Share>,
}

impl Default for Assumptions {
    /// 0.9 saved by a hit, breaks half-way, an instruction of 40 tokens after which 20 are repeated.
    fn default() -> Self {
        Self {
            cache_saving: Share::NINE_TENTHS,
            break_at: Share::HALF,
            waste: Waste { instruction: 40, repeated: 20, thinking: 0, lost: 0 },
            claimed: None,
        }
    }
}

/// What a workload costs under each scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whose prices these are.
    pub model: String,
    /// The requests.
    pub workload: Workload,
    /// The prices.
    pub rates: Rates,
    /// What holds for all scenarios.
    pub assumptions: Assumptions,
    /// Tokens of all requests, input and output.
    pub tokens: u64,
    /// All requests without a cache and without a break.
    pub base: Money,
    /// The most that the formula can save: every prompt cached, no break.
    pub ceiling: Money,
    /// The scenarios.
    pub rows: Vec<Row>,
}

/// What one scenario costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its assumptions.
    pub scenario: Scenario,
    /// By the formula.
    pub formula: Money,
    /// By the model, for each of [`Way::ALL`].
    pub model: [Money; 3],
}

/// Why there is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportError {
    /// There is no scenario.
    Empty,
    /// A price is not known.
    Bill(BillError),
    /// A sum does not fit.
    Overflow,
}

impl Report {
    /// Works it out.
    ///
    /// # Errors
    ///
    /// [`ReportError`], also when a scenario uses a cache of which no price is known.
    pub fn new(
        model: String,
        rates: Rates,
        workload: Workload,
        scenarios: Vec<Scenario>,
        assumptions: Assumptions,
    ) -> Result<Self, ReportError> {
        if scenarios.is_empty() {
            return Err(ReportError::Empty);
        }
        let worked = Worked::new(&rates, &workload, &assumptions)?;
        let tokens = worked.input.checked_add(worked.output).ok_or(ReportError::Overflow)?;
        let rows = scenarios.into_iter().map(|scenario| worked.row(scenario));
        Ok(Self {
            tokens,
            base: worked.input_usd.checked_add(worked.output_usd)?,
            ceiling: assumptions.cache_saving.of(worked.input_usd)?,
            rows: rows.collect::<Result<_, _>>()?,
            model,
            workload,
            rates,
            assumptions,
        })
    }

    /// How much less than the base an amount is; below 0 when it is more.
    pub fn saved(&self, amount: Money) -> Percent {
        Percent::of(self.saving(amount), self.base)
    }

    /// What an amount saves against the base; below 0 when it is more.
    pub fn saving(&self, amount: Money) -> Money {
        // Neither is below 0, so the difference fits.
        self.base.checked_sub(amount).unwrap_or(Money::ZERO)
    }

    /// The most that the formula can save.
    pub const fn ceiling(&self) -> Percent {
        Percent::of(self.ceiling, self.base)
    }
}

/// What all scenarios have in common.
struct Worked<'a> {
    rates: &'a Rates,
    workload: &'a Workload,
    assumptions: &'a Assumptions,
    /// Tokens of all prompts.
    input: u64,
    /// Tokens of all answers.
    output: u64,
    input_usd: Money,
    output_usd: Money,
}

impl<'a> Worked<'a> {
    fn new(
        rates: &'a Rates,
        workload: &'a Workload,
        assumptions: &'a Assumptions,
    ) -> Result<Self, ReportError> {
        let tariff = Tariff::new(rates, Prompt::Uncached, Prompt::Uncached)?;
        let all = |tokens: u64| tokens.checked_mul(workload.requests).ok_or(ReportError::Overflow);
        let (input, output) = (all(workload.input)?, all(workload.output)?);
        Ok(Self {
            rates,
            workload,
            assumptions,
            input,
            output,
            input_usd: tariff.input.of(input)?,
            output_usd: tariff.output.of(output)?,
        })
    }

    fn row(&self, scenario: Scenario) -> Result<Row, ReportError> {
        let formula = self.formula(&scenario)?;
        let mut model = [Money::ZERO; 3];
        for (usd, way) in model.iter_mut().zip(Way::ALL) {
            *usd = self.model(&scenario, way)?;
        }
        Ok(Row { scenario, formula, model })
    }

    fn formula(&self, scenario: &Scenario) -> Result<Money, ReportError> {
        let again = Share::HALF.of(scenario.breaks.of(self.input_usd)?)?;
        let input = self.input_usd.checked_add(again)?;
        let saved = self.assumptions.cache_saving.of(scenario.cache_hits.of(input)?)?;
        Ok(input.checked_sub(saved)?.checked_add(self.output_usd)?)
    }

    fn model(&self, scenario: &Scenario, way: Way) -> Result<Money, ReportError> {
        let input = self.input(scenario)?;
        let surcharge = self.surcharge(scenario, way)?;
        let breaks = scenario.breaks.of(surcharge.checked_mul(self.workload.requests)?)?;
        Ok(Money::sum([input, self.output_usd, breaks])?)
    }

    /// All prompts: what the cache has is read, the rest is written to it.
    fn input(&self, scenario: &Scenario) -> Result<Money, ReportError> {
        if scenario.cache_hits == Share::NONE {
            return Ok(self.input_usd);
        }
        let unknown = |bucket| ReportError::Bill(BillError::Unpriced { bucket });
        let read = self.rates.cache_read.ok_or(unknown(Bucket::CacheRead))?;
        let hits = scenario.cache_hits.of(read.of(self.input)?)?;
        let write = match self.rates.cache_write_5m {
            Some(write) => write,
            // Nothing has to be written, or this provider writes for the price of input.
            None => self.rates.input.ok_or(unknown(Bucket::Input))?,
        };
        let misses = scenario.cache_hits.rest().of(write.of(self.input)?)?;
        Ok(hits.checked_add(misses)?)
    }

    /// What one break costs. With a cache in use the prompt is in it by then.
    fn surcharge(&self, scenario: &Scenario, way: Way) -> Result<Money, ReportError> {
        let again = match scenario.cache_hits {
            Share::NONE => Prompt::Uncached,
            _ => Prompt::Read,
        };
        let tariff = Tariff::new(self.rates, Prompt::Uncached, again)?;
        let stream = Interrupted {
            prompt: self.workload.input,
            output: self.workload.output,
            breaks: &[self.assumptions.break_at.of_count(self.workload.output)],
            waste: self.assumptions.waste,
        };
        Ok(stream.cost(way, &tariff)?.surcharge()?)
    }
}

impl From<BillError> for ReportError {
    fn from(error: BillError) -> Self {
        Self::Bill(error)
    }
}

impl From<MoneyOverflow> for ReportError {
    fn from(_: MoneyOverflow) -> Self {
        Self::Overflow
    }
}

impl From<RecoveryError> for ReportError {
    fn from(_: RecoveryError) -> Self {
        // The one break lies inside the answer.
        Self::Overflow
    }
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no scenario"),
            Self::Bill(error) => error.fmt(f),
            Self::Overflow => MoneyOverflow.fmt(f),
        }
    }
}

impl core::error::Error for ReportError {}
