//! `Text`: a report for a terminal, without colours; 80 columns where names and amounts allow.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::columns::columns;
use super::escape;
use super::facts::{Facts, Line};
use super::number;
use crate::scenario::{Report, Row};

/// A longer name stands on a line of its own.
const NAME_COLUMNS_MAX: usize = 20;

/// Lines of prose are broken at this width.
const LINE_COLUMNS_MAX: usize = 80;

const TITLES: [&str; 7] =
    ["Scenario", "Cache hits", "Breaks", "Reckoned by", "USD", "Saved USD", "Saved"];

/// Texts stand at the left of their column, numbers at the right.
const IS_NUMBER: [bool; 7] = [false, true, true, false, true, true, true];

/// Displays a report as tables of plain text.
pub(super) struct Text<'a>(pub(super) &'a Report);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = Facts::new(self.0);
        writeln!(f, "Cost of {}\n", escape::terminal(&self.0.model))?;
        for (label, value) in facts.header() {
            writeln!(f, "{label:<22}{value}")?;
        }
        writeln!(f)?;
        scenarios(&facts, f)?;
        writeln!(f)?;
        if let Some(claim) = facts.claim(|name| ["`", &escape::terminal(name), "`"].concat()) {
            wrapped("", &claim, f)?;
            writeln!(f)?;
        }
        writeln!(f, "Assumptions")?;
        facts.assumptions().iter().try_for_each(|sentence| wrapped("- ", sentence, f))
    }
}

type Cells = [String; 7];

fn scenarios(facts: &Facts<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let titles = TITLES.map(String::from);
    let rows: Vec<Cells> = facts.report.rows.iter().flat_map(|row| cells(facts, row)).collect();
    let mut widths = [0; 7];
    for cells in rows.iter().chain([&titles]) {
        for (at, width) in widths.iter_mut().enumerate() {
            let limit = if at == 0 { NAME_COLUMNS_MAX } else { usize::MAX };
            *width = columns(&cells[at]).min(limit).max(*width);
        }
    }
    line(&titles, &widths, f)?;
    for cells in &rows {
        if columns(&cells[0]) <= NAME_COLUMNS_MAX {
            line(cells, &widths, f)?;
        } else {
            writeln!(f, "{}", cells[0])?;
            let mut numbers = cells.clone();
            numbers[0].clear();
            line(&numbers, &widths, f)?;
        }
    }
    Ok(())
}

/// The scenario is named in the first of its lines only.
fn cells(facts: &Facts<'_>, row: &Row) -> [Cells; 4] {
    let scenario = &row.scenario;
    let mut is_first = true;
    facts.lines(row).map(|Line { by, usd, saved, percent }| {
        let [name, hits, breaks] = match core::mem::take(&mut is_first) {
            true => [
                escape::terminal(&scenario.name),
                number::share(scenario.cache_hits),
                number::share(scenario.breaks),
            ],
            false => [const { String::new() }; 3],
        };
        let (usd, saved) = (facts.usd(usd), facts.usd(saved));
        [name, hits, breaks, by.to_string(), usd, saved, number::percent(percent)]
    })
}

fn line(cells: &Cells, widths: &[usize; 7], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = String::new();
    for ((cell, width), is_number) in cells.iter().zip(widths).zip(IS_NUMBER) {
        let pad = " ".repeat(width - columns(cell));
        let (before, after) = if is_number { (pad.as_str(), "") } else { ("", pad.as_str()) };
        text.extend([before, cell, after, "  "]);
    }
    writeln!(f, "{}", text.trim_end())
}

/// A sentence in lines that begin with the mark, or as far right.
fn wrapped(mark: &str, sentence: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let indent = " ".repeat(mark.len());
    let mut line = String::from(mark);
    let mut is_empty = true;
    for word in sentence.split(' ') {
        if !is_empty && columns(&line) + 1 + columns(word) > LINE_COLUMNS_MAX {
            writeln!(f, "{line}")?;
            line.clone_from(&indent);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    writeln!(f, "{line}")
}
