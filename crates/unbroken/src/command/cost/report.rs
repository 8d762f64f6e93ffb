//! `unbroken cost report`: what a workload costs under several assumptions about caches and breaks.

use anyhow::{Context, anyhow};
use clap::Args;
use cost::{Assumptions, Format, Scenario, Share, Workload};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;

use super::Card;
use crate::status::{Status, usage_error};

/// Work out what a workload costs, by a formula that is in use and by what is really billed.
///
/// Without arguments: 10,000 requests of 2,000 tokens in and 1,500 out at 15 and 75 dollars, three
/// scenarios, and the 23 % that are claimed to be saved.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Report {
    /// Requests
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    requests: u64,

    /// Tokens of a prompt, on average
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    input: u64,

    /// Tokens of an answer, on average
    #[arg(long, value_name = "N", default_value_t = 1_500)]
    output: u64,

    /// The part of the input that a cache has, from 0 to 1; with --break-rate the only scenario
    #[arg(long, value_name = "SHARE", conflicts_with = "scenario")]
    cache_hit_rate: Option<Share>,

    /// The part of the streams that break, from 0 to 1
    #[arg(long, value_name = "SHARE", conflicts_with = "scenario")]
    break_rate: Option<Share>,

    /// A scenario as NAME=HITS,BREAKS, such as `caching=0.6,0.03`; may be given again
    #[arg(long, value_name = "NAME=HITS,BREAKS")]
    scenario: Vec<Named>,

    /// The formula: the part of the price that a cache hit saves
    #[arg(long, value_name = "SHARE", default_value = "0.9")]
    cache_saving: Share,

    /// What is billed: the part of an answer that is delivered when its stream breaks
    #[arg(long, value_name = "SHARE", default_value = "0.5")]
    break_at: Share,

    /// A saving that is claimed, to be compared with what there is, such as `0.23`
    #[arg(long, value_name = "SHARE")]
    claim: Option<Share>,

    /// text, json, csv, markdown or html
    #[arg(long, default_value = "text")]
    format: Format,

    /// File to write [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    card: Card,
}

/// A scenario as an argument.
#[derive(Clone, Debug)]
struct Named(Scenario);

impl FromStr for Named {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, shares) = text.rsplit_once('=').context("NAME=HITS,BREAKS is wanted")?;
        let (hits, breaks) = shares.split_once(',').context("NAME=HITS,BREAKS is wanted")?;
        let share = |text: &str| {
            text.parse::<Share>().map_err(|error| anyhow!("{text:?} is no share: {error}"))
        };
        Ok(Self(scenario(name, share(hits)?, share(breaks)?)))
    }
}

fn scenario(name: &str, cache_hits: Share, breaks: Share) -> Scenario {
    Scenario { name: name.to_owned(), cache_hits, breaks }
}

/// What a cached prompt is assumed to cost where only its input price is given.
fn cached(input: cost::Rate, saving: Share) -> Option<cost::Rate> {
    let thousandths = saving.rest().to_string();
    input.times(thousandths.parse().ok()?).ok()
}

/// A model of 15 and 75 dollars.
const MODEL: &str = "claude-opus-4-1";

impl Report {
    pub(super) fn run(self) -> anyhow::Result<Status> {
        let figures = self.card.figures(Some(MODEL))?;
        let mut rates = figures.rates(self.input)?;
        if let (None, Some(input)) = (rates.cache_read, rates.input) {
            rates.cache_read = cached(input, self.cache_saving);
        }
        let workload = Workload { requests: self.requests, input: self.input, output: self.output };
        let assumptions = Assumptions {
            cache_saving: self.cache_saving,
            break_at: self.break_at,
            claimed: self.claimed(),
            ..Assumptions::default()
        };
        let report =
            cost::Report::new(figures.name, rates, workload, self.scenarios(), assumptions)
                .map_err(usage_error)?;
        let text = report.render(self.format);
        if let Some(file) = &self.out {
            fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
        } else {
            io::stdout().lock().write_all(text.as_bytes())?;
        }
        Ok(Status::Complete)
    }

    fn scenarios(&self) -> Vec<Scenario> {
        let share = |text: &str| text.parse::<Share>().unwrap_or_default();
        match (self.cache_hit_rate, self.break_rate) {
            (None, None) if self.scenario.is_empty() => vec![
                scenario("basic", Share::NONE, share("0.03")),
                scenario("caching", share("0.6"), share("0.03")),
                scenario("fully optimised", share("0.6"), share("0.01")),
            ],
            (None, None) => self.scenario.iter().map(|named| named.0.clone()).collect(),
            (hits, breaks) => {
                vec![scenario("given", hits.unwrap_or_default(), breaks.unwrap_or_default())]
            }
        }
    }

    /// The claim that goes with the scenarios that are there when none are given.
    fn claimed(&self) -> Option<Share> {
        let is_given =
            !self.scenario.is_empty() || self.cache_hit_rate.is_some() || self.break_rate.is_some();
        self.claim.or_else(|| if is_given { None } else { "0.23".parse().ok() })
    }
}

const EXAMPLES: &str = "\
Examples:
  unbroken cost report
  unbroken cost report --model claude-sonnet-4-5 --cache-hit-rate 0.6 --break-rate 0.02
  unbroken cost report --input-price 15 --output-price 75 --format json
  unbroken cost report --scenario today=0,0.04 --scenario tomorrow=0.8,0.01 --format html --out report.html";
