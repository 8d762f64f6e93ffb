//! `Csv`: a report as one table with one header. A record is a scenario in one reckoning; what holds for
//! all of them is repeated in each, so that a record can be read alone.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use super::escape;
use super::facts::{Facts, Line};
use crate::rate::Rate;
use crate::scenario::Report;
use crate::share::Percent;

const HEADER: &str = "scenario,cache_hits,breaks,by,usd,saved_usd,saved_percent,model,requests,\
    input_tokens_average,output_tokens_average,tokens,base_usd,ceiling_usd,ceiling_percent,\
    input_usd_per_million,output_usd_per_million,cache_read_usd_per_million,\
    cache_write_5m_usd_per_million,cache_saving,break_at,instruction_tokens,repeated_tokens,\
    thinking_tokens,lost_tokens,claimed_saving";

/// Displays a report as CSV.
pub(super) struct Csv<'a>(pub(super) &'a Report);

impl fmt::Display for Csv<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = Facts::new(self.0);
        let (requests, assumed) = (requests(self.0), assumed(self.0));
        writeln!(f, "{HEADER}")?;
        for row in &self.0.rows {
            let scenario = &row.scenario;
            let name = escape::csv(&scenario.name);
            for Line { by, usd, saved, percent } in facts.lines(row) {
                let percent = or_empty(percent.as_ref().map(Percent::to_string));
                write!(f, "{name},{},{},", scenario.cache_hits, scenario.breaks)?;
                writeln!(f, "{by},{usd},{saved},{percent},{requests},{assumed}")?;
            }
        }
        Ok(())
    }
}

fn requests(report: &Report) -> String {
    let Report { workload, rates, tokens, base, ceiling, .. } = report;
    let price = |rate: Option<Rate>| or_empty(rate.map(|rate| rate.to_string()));
    format!(
        "{},{},{},{},{tokens},{base},{ceiling},{},{},{},{},{}",
        escape::csv(&report.model),
        workload.requests,
        workload.input,
        workload.output,
        report.ceiling(),
        price(rates.input),
        price(rates.output),
        price(rates.cache_read),
        price(rates.cache_write_5m),
    )
}

fn assumed(report: &Report) -> String {
    let assumed = &report.assumptions;
    let waste = &assumed.waste;
    format!(
        "{},{},{},{},{},{},{}",
        assumed.cache_saving,
        assumed.break_at,
        waste.instruction,
        waste.repeated,
        waste.thinking,
        waste.lost,
        or_empty(assumed.claimed.map(|claimed| claimed.to_string())),
    )
}

/// An empty cell where there is no number.
fn or_empty(number: Option<String>) -> String {
    number.unwrap_or_default()
}
