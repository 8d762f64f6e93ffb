//! `Json`: a report as one object. Amounts, prices and shares are exact decimals in strings; counts
//! are numbers, percentages are strings with two digits.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use super::escape::json as string;
use super::facts::{Facts, Line};
use crate::rate::Rate;
use crate::scenario::{Report, Row};
use crate::share::Percent;

/// Displays a report as JSON.
pub(super) struct Json<'a>(pub(super) &'a Report);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = Facts::new(self.0);
        writeln!(f, "{{")?;
        header(self.0, f)?;
        assumptions(&facts, f)?;
        claim(&facts, f)?;
        writeln!(f, "  \"scenarios\": [")?;
        let mut rows = self.0.rows.iter().peekable();
        while let Some(row) = rows.next() {
            scenario(&facts, row, f)?;
            writeln!(f, "{}", if rows.peek().is_some() { "," } else { "" })?;
        }
        writeln!(f, "  ]\n}}")
    }
}

fn header(report: &Report, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Report { model, workload, rates, tokens, base, ceiling, .. } = report;
    let (most, percent) = (string(&ceiling.to_string()), report.ceiling());
    writeln!(f, "  \"model\": {},", string(model))?;
    writeln!(f, "  \"usd_per_million_tokens\": {{")?;
    writeln!(f, "    \"input\": {},", price(rates.input))?;
    writeln!(f, "    \"output\": {},", price(rates.output))?;
    writeln!(f, "    \"cache_read\": {},", price(rates.cache_read))?;
    writeln!(f, "    \"cache_write_5m\": {}\n  }},", price(rates.cache_write_5m))?;
    writeln!(f, "  \"requests\": {},", workload.requests)?;
    writeln!(f, "  \"input_tokens_average\": {},", workload.input)?;
    writeln!(f, "  \"output_tokens_average\": {},", workload.output)?;
    writeln!(f, "  \"tokens\": {tokens},")?;
    writeln!(f, "  \"base_usd\": \"{base}\",")?;
    writeln!(f, "  \"ceiling\": {{\"saved_usd\": {most}, \"saved_percent\": \"{percent}\"}},")
}

fn assumptions(facts: &Facts<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let assumed = &facts.report.assumptions;
    let waste = &assumed.waste;
    writeln!(f, "  \"assumptions\": {{")?;
    writeln!(f, "    \"cache_saving\": \"{}\",", assumed.cache_saving)?;
    writeln!(f, "    \"break_at\": \"{}\",", assumed.break_at)?;
    writeln!(f, "    \"instruction_tokens\": {},", waste.instruction)?;
    writeln!(f, "    \"repeated_tokens\": {},", waste.repeated)?;
    writeln!(f, "    \"thinking_tokens\": {},", waste.thinking)?;
    writeln!(f, "    \"lost_tokens\": {},", waste.lost)?;
    let words = facts
        .assumptions()
        .iter()
        .map(|sentence| string(sentence))
        .reduce(|all, next| format!("{all},\n      {next}"));
    writeln!(f, "    \"in_words\": [\n      {}\n    ]\n  }},", words.unwrap_or_default())
}

fn claim(facts: &Facts<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let sentence = facts.claim(|name| format!("`{name}`"));
    match (sentence, facts.report.assumptions.claimed) {
        (Some(sentence), Some(claimed)) => {
            writeln!(f, "  \"claim\": {{")?;
            writeln!(f, "    \"saving\": \"{claimed}\",")?;
            writeln!(f, "    \"in_words\": {}\n  }},", string(&sentence))
        }
        _ => writeln!(f, "  \"claim\": null,"),
    }
}

fn scenario(facts: &Facts<'_>, row: &Row, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let [formula, restart, prefill, message] = facts.lines(row);
    writeln!(f, "    {{")?;
    writeln!(f, "      \"name\": {},", string(&row.scenario.name))?;
    writeln!(f, "      \"cache_hits\": \"{}\",", row.scenario.cache_hits)?;
    writeln!(f, "      \"breaks\": \"{}\",", row.scenario.breaks)?;
    writeln!(f, "      \"formula\": {},", amounts(&formula))?;
    writeln!(f, "      \"model\": {{")?;
    writeln!(f, "        \"restart\": {},", amounts(&restart))?;
    writeln!(f, "        \"prefill\": {},", amounts(&prefill))?;
    writeln!(f, "        \"message\": {}", amounts(&message))?;
    write!(f, "      }}\n    }}")
}

fn amounts(line: &Line) -> String {
    let Line { usd, saved, percent, .. } = line;
    let percent = quoted(percent.as_ref().map(Percent::to_string));
    format!("{{\"usd\": \"{usd}\", \"saved_usd\": \"{saved}\", \"saved_percent\": {percent}}}")
}

fn price(rate: Option<Rate>) -> String {
    quoted(rate.map(|rate| rate.to_string()))
}

/// A number as a string; `null` where there is none.
fn quoted(number: Option<String>) -> String {
    number.map_or("null".into(), |number| format!("\"{number}\""))
}
