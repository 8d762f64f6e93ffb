//! `Markdown`: a report as tables of GitHub's Markdown.

use core::fmt;

use super::escape;
use super::facts::{Facts, Line};
use super::number;
use crate::scenario::{Report, Row};

/// Displays a report as Markdown.
pub(super) struct Markdown<'a>(pub(super) &'a Report);

impl fmt::Display for Markdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = Facts::new(self.0);
        writeln!(f, "# Cost of {}\n\n| | |\n|---|---|", escape::markdown(&self.0.model))?;
        for (label, value) in facts.header() {
            writeln!(f, "| {label} | {value} |")?;
        }
        writeln!(f, "\n## Scenarios\n")?;
        writeln!(f, "| Scenario | Cache hits | Breaks | Reckoned by | USD | Saved USD | Saved |")?;
        writeln!(f, "|---|--:|--:|---|--:|--:|--:|")?;
        self.0.rows.iter().try_for_each(|row| scenario(&facts, row, f))?;
        if let Some(claim) = facts.claim(escape::code_span) {
            writeln!(f, "\n{claim}")?;
        }
        writeln!(f, "\n## Assumptions\n")?;
        facts.assumptions().iter().try_for_each(|sentence| writeln!(f, "- {sentence}"))
    }
}

/// Each line names its scenario, so that it can be read alone.
fn scenario(facts: &Facts<'_>, row: &Row, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = escape::markdown(&row.scenario.name);
    let hits = number::share(row.scenario.cache_hits);
    let breaks = number::share(row.scenario.breaks);
    for Line { by, usd, saved, percent } in facts.lines(row) {
        let (usd, saved) = (facts.usd(usd), facts.usd(saved));
        let percent = number::percent(percent);
        writeln!(f, "| {name} | {hits} | {breaks} | {by} | {usd} | {saved} | {percent} |")?;
    }
    Ok(())
}
