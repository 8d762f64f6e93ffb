//! `Facts`: what every form of a report says, in words and numbers for people.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::number;
use crate::money::Money;
use crate::recovery::Way;
use crate::scenario::{Report, Row};
use crate::share::{Percent, Share};

/// How a scenario is reckoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// By the formula.
    Formula,
    /// By the model, with this way to go on.
    Model(Way),
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Formula => f.write_str("formula"),
            Self::Model(way) => way.fmt(f),
        }
    }
}

/// What a scenario costs in one reckoning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) by: By,
    pub(super) usd: Money,
    /// Against the base; below 0 when it is more.
    pub(super) saved: Money,
    /// `None` where the base is 0 and this is not.
    pub(super) percent: Option<Percent>,
}

/// A report, and how finely its amounts are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) report: &'a Report,
    digits: usize,
}

impl<'a> Facts<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        Self { report, digits: number::digits_for(report.base) }
    }

    /// The formula first, then the ways of the model.
    pub(super) fn lines(&self, row: &Row) -> [Line; 4] {
        let [restart, prefill, message] = row.model;
        [
            self.line(By::Formula, row.formula),
            self.line(By::Model(Way::Restart), restart),
            self.line(By::Model(Way::Prefill), prefill),
            self.line(By::Model(Way::Message), message),
        ]
    }

    fn line(&self, by: By, usd: Money) -> Line {
        let saved = self.report.saving(usd);
        let is_ratio = self.report.base != Money::ZERO || saved == Money::ZERO;
        Line { by, usd, saved, percent: is_ratio.then(|| self.report.saved(usd)) }
    }

    /// An amount for people.
    pub(super) fn usd(&self, amount: Money) -> String {
        number::usd(amount, self.digits)
    }

    /// The requests and their prices, but for the name of the model.
    pub(super) fn header(&self) -> Vec<(&'static str, String)> {
        let Report { workload, tokens, base, ceiling, .. } = self.report;
        let mut header = Vec::from([
            ("Requests", number::count(workload.requests)),
            ("Input, average", format!("{} tokens", number::count(workload.input))),
            ("Output, average", format!("{} tokens", number::count(workload.output))),
            ("All tokens", number::count(*tokens)),
        ]);
        header.extend(self.prices());
        header.push(("Base cost", format!("{} USD, no cache and no break", self.usd(*base))));
        let most = format!("{} USD, {} %", self.usd(*ceiling), self.report.ceiling());
        header.push(("Formula at most", format!("saves {most}: every prompt cached, no break")));
        header
    }

    /// The prices that the report has used.
    fn prices(&self) -> impl Iterator<Item = (&'static str, String)> {
        let rates = self.report.rates;
        let prices = [
            ("Price of input", rates.input),
            ("Price of output", rates.output),
            ("Price of cache read", rates.cache_read),
            ("Price of cache write", rates.cache_write_5m),
        ];
        prices.into_iter().filter_map(|(label, rate)| {
            Some((label, format!("{} USD per million tokens", number::rate(rate?))))
        })
    }

    /// What the formula saves in the last scenario against what is claimed; `quote` writes its
    /// name.
    pub(super) fn claim(&self, quote: impl FnOnce(&str) -> String) -> Option<String> {
        let claimed = self.report.assumptions.claimed?;
        let row = self.report.rows.last()?;
        let saved = self.report.saved(row.formula).to_string();
        let compared = match self.is_kept(row, claimed) {
            true => "no less than the claimed",
            // Rounded, they may look alike.
            false if saved == claimed.percent().to_string() => "a little less than",
            false => "not",
        };
        Some(format!(
            "The formula saves {saved} % in the scenario {}, {compared} {}; at most {} % with every \
             prompt cached and no break.",
            quote(&row.scenario.name),
            number::share(claimed),
            self.report.ceiling(),
        ))
    }

    /// Whether the formula saves what is claimed.
    fn is_kept(&self, row: &Row, claimed: Share) -> bool {
        let base = self.report.base;
        let is_something = base != Money::ZERO || claimed == Share::NONE;
        // A part that does not fit is more than any scenario can save.
        let wanted = claimed.of(base);
        is_something && wanted.is_ok_and(|wanted| self.report.saving(row.formula) >= wanted)
    }

    /// What the formula and the model assume, one sentence each.
    pub(super) fn assumptions(&self) -> Vec<String> {
        let assumed = &self.report.assumptions;
        let waste = &assumed.waste;
        let tokens = |count| number::count(count) + if count == 1 { " token" } else { " tokens" };
        let mut sentences = Vec::from([
            format!(
                "Formula: a break costs half of the input again, a cache hit saves {} of the price \
                 of input, and no output is paid for twice.",
                number::share(assumed.cache_saving)
            ),
            format!(
                "Model: what is billed with each way to go on (restart, prefill, message). A \
                 stream that breaks does so once, when {} of its answer is delivered and billed; a \
                 restart pays for the prompt and the whole answer again.",
                number::share(assumed.break_at)
            ),
            format!(
                "Prefill sends what was delivered as input. A message does too, with an \
                 instruction of {}, and the model repeats {}.",
                tokens(waste.instruction),
                tokens(waste.repeated)
            ),
            self.cache_assumption(),
        ]);
        if waste.thinking > 0 {
            sentences.push(format!("After a message it thinks {} again.", tokens(waste.thinking)));
        }
        if waste.lost > 0 {
            let lost = tokens(waste.lost);
            sentences.push(format!("A broken attempt is billed for {lost} after the cut."));
        }
        sentences
    }

    fn cache_assumption(&self) -> String {
        let misses = match self.report.rates.cache_write_5m {
            Some(rate) => format!(
                "misses are written to a 5-minute cache at {} USD per million tokens",
                number::rate(rate)
            ),
            None => "misses cost what input does, as writing to the cache has no price".into(),
        };
        format!("Where a cache is used, {misses}, and a prompt that is sent again is read from it.")
    }
}
