//! `unbroken cost resume`: what a stream that breaks costs by each way to go on.

use anyhow::Context;
use clap::{Args, ValueEnum};
use cost::{
    Interrupted, Money, Percent, Prompt, Rates, Recovered, Share, Tariff, Waste, Way,
    cache_pays_above,
};
use serde::Serialize;
use std::io::{self, Write};

use super::bill::shown;
use super::{Card, Figures};
use crate::status::Status;

/// Say what a stream that breaks costs, by each way to go on.
///
/// restart asks again, prefill gives the partial answer as the beginning of the model's turn, message
/// asks by another message to go on. Which of them a provider takes is not known here: newer Claude
/// models refuse a prefill.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Resume {
    /// Tokens of the prompt
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    prompt: u64,

    /// Tokens of the whole answer
    #[arg(long, value_name = "N", default_value_t = 1_500)]
    output: u64,

    /// The part of the answer that was delivered at each break, from 0 to 1, ascending
    #[arg(long, value_name = "SHARE,...", value_delimiter = ',', default_value = "0.5")]
    break_at: Vec<Share>,

    /// How the prompt is billed the first time
    #[arg(long, value_name = "HOW", default_value = "uncached")]
    first: Billed,

    /// How the prompt is billed when it is sent again [default: read, where it was read or written the
    /// first time, else uncached]
    #[arg(long, value_name = "HOW")]
    again: Option<Billed>,

    /// Tokens of the message that asks to go on
    #[arg(long, value_name = "N", default_value_t = 40)]
    instruction: u64,

    /// Tokens that a continuation by message says again
    #[arg(long, value_name = "N", default_value_t = 20)]
    repeated: u64,

    /// Tokens of thinking that a continuation by message does again
    #[arg(long, value_name = "N", default_value_t = 0)]
    thinking: u64,

    /// Tokens that are billed after the cut
    #[arg(long, value_name = "N", default_value_t = 0)]
    lost: u64,

    /// The part of the streams that break, for the surcharge to be expected
    #[arg(long, value_name = "SHARE", default_value = "0.03")]
    break_rate: Share,

    /// Requests, for the surcharge to be expected
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    requests: u64,

    /// Write one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    card: Card,
}

/// How a prompt is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Billed {
    /// As any input
    Uncached,
    /// As read from a cache
    Read,
    /// As written to a cache of 5 minutes
    #[value(name = "write-5m")]
    Write5m,
    /// As written to a cache of 1 hour
    #[value(name = "write-1h")]
    Write1h,
}

/// The object of `--json`; amounts are exact.
#[derive(Serialize)]
struct Answer {
    model: String,
    prompt: u64,
    output: u64,
    /// Tokens that were delivered at each break.
    delivered: Vec<u64>,
    #[serde(serialize_with = "shown")]
    ideal_usd: Money,
    ways: Vec<Line>,
    /// Delivered tokens above which a message costs less than a restart; `null` is never.
    message_pays_above: Option<u64>,
    /// Percent of the streams that must break before a cache that is written only for resumes
    /// pays; `null` is never, or not known.
    cache_write_5m_pays_above: Option<String>,
    cache_write_1h_pays_above: Option<String>,
}

/// What one way costs.
#[derive(Serialize)]
struct Line {
    #[serde(serialize_with = "shown")]
    way: Way,
    #[serde(serialize_with = "shown")]
    broken_usd: Money,
    #[serde(serialize_with = "shown")]
    resumed_usd: Money,
    #[serde(serialize_with = "shown")]
    total_usd: Money,
    #[serde(serialize_with = "shown")]
    surcharge_usd: Money,
    /// Of the ideal.
    #[serde(serialize_with = "shown")]
    total_percent: Percent,
    /// At the break rate, over all requests.
    #[serde(serialize_with = "shown")]
    expected_surcharge_usd: Money,
    /// Of what all requests cost without a break.
    #[serde(serialize_with = "shown")]
    expected_surcharge_percent: Percent,
}

impl Resume {
    pub(super) fn run(self) -> anyhow::Result<Status> {
        let answer = self.answer(&self.card.figures(None)?)?;
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, &answer)?;
            writeln!(out)?;
        } else {
            self.write_table(&mut out, &answer)?;
        }
        Ok(Status::Complete)
    }

    fn answer(&self, figures: &Figures) -> anyhow::Result<Answer> {
        let rates = figures.rates(self.prompt)?;
        let tariff = self.tariff(&rates)?;
        let delivered: Vec<u64> =
            self.break_at.iter().map(|share| share.of_count(self.output)).collect();
        let stream = Interrupted {
            prompt: self.prompt,
            output: self.output,
            breaks: &delivered,
            waste: self.waste(),
        };
        // A request that goes on has more input, and may be above the limit of a dearer tier.
        let by_input = |input| -> anyhow::Result<Tariff> { self.tariff(&figures.rates(input)?) };
        let mut ways = Vec::new();
        let mut ideal_usd = Money::ZERO;
        for way in Way::ALL {
            let cost = stream.cost_by(way, by_input)?;
            ideal_usd = cost.ideal;
            ways.push(self.line(way, &cost)?);
        }
        let pays = |write: Option<cost::Rate>| -> anyhow::Result<Option<String>> {
            let (Some(write), Some(read)) = (write, rates.cache_read) else { return Ok(None) };
            Ok(cache_pays_above(tariff.input, read, write)?.map(|percent| percent.to_string()))
        };
        Ok(Answer {
            model: figures.name.clone(),
            prompt: self.prompt,
            output: self.output,
            ideal_usd,
            ways,
            message_pays_above: tariff.message_pays_above(&self.waste())?,
            cache_write_5m_pays_above: pays(rates.cache_write_5m)?,
            cache_write_1h_pays_above: pays(rates.cache_write_1h)?,
            delivered,
        })
    }

    fn tariff(&self, rates: &Rates) -> anyhow::Result<Tariff> {
        Ok(Tariff::new(rates, self.first.prompt(), self.again().prompt())?)
    }

    fn line(&self, way: Way, cost: &Recovered) -> anyhow::Result<Line> {
        let (total, surcharge) = (cost.total()?, cost.surcharge()?);
        let all = cost.ideal.checked_mul(self.requests)?;
        let expected = self.break_rate.of(surcharge.checked_mul(self.requests)?)?;
        Ok(Line {
            way,
            broken_usd: cost.broken,
            resumed_usd: cost.resumed,
            total_usd: total,
            surcharge_usd: surcharge,
            total_percent: Percent::of(total, cost.ideal),
            expected_surcharge_usd: expected,
            expected_surcharge_percent: Percent::of(expected, all),
        })
    }

    /// A prompt that a cache had, or that was written to one, is there when it is sent again.
    fn again(&self) -> Billed {
        self.again.unwrap_or(match self.first {
            Billed::Uncached => Billed::Uncached,
            _ => Billed::Read,
        })
    }

    const fn waste(&self) -> Waste {
        Waste {
            instruction: self.instruction,
            repeated: self.repeated,
            thinking: self.thinking,
            lost: self.lost,
        }
    }

    fn write_table(&self, out: &mut impl Write, answer: &Answer) -> anyhow::Result<()> {
        let delivered: Vec<_> = answer.delivered.iter().map(u64::to_string).collect();
        writeln!(
            out,
            "{}: {} tokens in, {} out, broken after {}; {} USD without a break",
            answer.model,
            answer.prompt,
            answer.output,
            delivered.join(", "),
            answer.ideal_usd
        )?;
        writeln!(
            out,
            "{:<8} {:>14} {:>9} {:>14}  expected when {} % of {} requests break",
            "way",
            "USD",
            "of ideal",
            "surcharge",
            self.break_rate.percent(),
            self.requests,
        )?;
        for line in &answer.ways {
            let [way, total, percent, surcharge] = line.cells();
            writeln!(
                out,
                "{way:<8} {total:>14} {percent:>7} % {surcharge:>14}  {:.2} USD, {:.2} %",
                line.expected_surcharge_usd, line.expected_surcharge_percent,
            )?;
        }
        self.write_thresholds(out, answer).context("cannot write")
    }

    fn write_thresholds(&self, out: &mut impl Write, answer: &Answer) -> io::Result<()> {
        match answer.message_pays_above {
            Some(tokens) => writeln!(
                out,
                "a message costs less than a restart above {tokens} delivered tokens"
            )?,
            None => writeln!(out, "a message never costs less than a restart")?,
        }
        let caches = [
            ("5 minutes", &answer.cache_write_5m_pays_above),
            ("1 hour", &answer.cache_write_1h_pays_above),
        ];
        for (name, above) in caches {
            if let Some(above) = above {
                writeln!(
                    out,
                    "a cache of {name} written only for resumes pays where more than {above} % break"
                )?;
            }
        }
        Ok(())
    }
}

impl Line {
    fn cells(&self) -> [String; 4] {
        let Self { way, total_usd, total_percent, surcharge_usd, .. } = self;
        [
            way.to_string(),
            total_usd.to_string(),
            total_percent.to_string(),
            surcharge_usd.to_string(),
        ]
    }
}

impl Billed {
    const fn prompt(self) -> Prompt {
        match self {
            Self::Uncached => Prompt::Uncached,
            Self::Read => Prompt::Read,
            Self::Write5m => Prompt::Write5m,
            Self::Write1h => Prompt::Write1h,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  unbroken cost resume --model claude-sonnet-4-5 --break-at 0.5
  unbroken cost resume --model claude-sonnet-4-5 --prompt 50000 --first read --break-at 0.3,0.6
  unbroken cost resume --input-price 3 --output-price 15 --thinking 1000 --json";
