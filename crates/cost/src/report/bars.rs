//! `Bars`: what each scenario saves, by the formula and by the model, as bars from a line that is the
//! base. The bars show differences, so the line is 0 and no axis is cut.

use core::fmt;

use super::columns::cut;
use super::escape;
use super::facts::{Facts, Line};
use super::number::minus;
use super::scale::{Hundredths, Scale, Unit};
use crate::money::Money;
use crate::scenario::Row;

/// Pixels from one bar to the next.
const BAR: usize = 23;
/// Pixels that the name of a scenario takes.
const NAME: usize = 26;
/// Pixels between two scenarios.
const GAP: usize = 18;
/// Pixels from one scenario to the next.
const SCENARIO: usize = NAME + 4 * BAR + GAP;
/// Pixels above the first scenario and below the last, for the labels of the axis.
const TOP: usize = 26;
/// A longer name is cut; the table has it whole.
const NAME_COLUMNS_MAX: usize = 32;
/// The whole width, in hundredths of a percent.
const WIDTH: i32 = 10_000;

/// Displays the chart.
pub(super) struct Bars<'a> {
    facts: &'a Facts<'a>,
    scale: Scale,
    unit: Unit,
}

impl<'a> Bars<'a> {
    pub(super) fn new(facts: &'a Facts<'a>) -> Self {
        let lines = facts.report.rows.iter().flat_map(|row| facts.lines(row));
        let scale = Scale::over(lines.map(|line| line.saved));
        Self { facts, scale, unit: Unit::of(scale) }
    }

    /// In what the labels count.
    pub(super) const fn unit(&self) -> Unit {
        self.unit
    }

    /// Where the last scenario ends.
    fn bottom(&self) -> usize {
        TOP + self.facts.report.rows.len() * SCENARIO
    }

    fn height(&self) -> usize {
        self.bottom() + TOP
    }

    fn at(&self, amount: Money) -> i32 {
        self.scale.at(amount, WIDTH)
    }

    fn axis(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bottom = self.bottom();
        for tick in self.scale.ticks() {
            let (x, label) = (Hundredths(self.at(tick)), minus(&self.unit.tick(tick)));
            let class = if tick == Money::ZERO { "zero" } else { "grid" };
            writeln!(
                f,
                "<line class=\"{class}\" x1=\"{x}\" x2=\"{x}\" y1=\"20\" y2=\"{bottom}\"/>"
            )?;
            for y in [13, bottom + 17] {
                writeln!(f, "<text class=\"tick middle\" x=\"{x}\" y=\"{y}\">{label}</text>")?;
            }
        }
        Ok(())
    }

    fn scenario(&self, row: &Row, top: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = escape::html(&cut(&row.scenario.name, NAME_COLUMNS_MAX));
        writeln!(f, "<text class=\"name\" x=\"-68\" y=\"{}\">{name}</text>", top + 17)?;
        for (at, line) in self.facts.lines(row).iter().enumerate() {
            self.bar(line, top + NAME + at * BAR, f)?;
        }
        Ok(())
    }

    /// A bar that goes to the left has its value on the other side of the line, where there is room.
    fn bar(&self, line: &Line, top: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (zero, end) = (self.at(Money::ZERO), self.at(line.saved));
        let (x, width) = (Hundredths(zero.min(end)), Hundredths((end - zero).abs()));
        let (by, base, text) = (line.by, top + 15, Hundredths(zero.max(end)));
        let value = minus(&self.unit.value(line.saved));
        writeln!(f, "<text class=\"tick end\" x=\"-8\" y=\"{base}\">{by}</text>")?;
        write!(f, "<rect class=\"{by}\" x=\"{x}\" y=\"{}\" ", top + 2)?;
        writeln!(f, "width=\"{width}\" height=\"16\"/>")?;
        writeln!(f, "<text class=\"value\" x=\"{text}\" dx=\"6\" y=\"{base}\">{value}</text>")
    }
}

impl fmt::Display for Bars<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<svg class=\"bars\" role=\"img\" aria-labelledby=\"bars-title bars-desc\" ")?;
        writeln!(f, "height=\"{}\" xmlns=\"http://www.w3.org/2000/svg\">", self.height())?;
        writeln!(f, "<title id=\"bars-title\">What each scenario saves, in {}</title>", self.unit)?;
        writeln!(
            f,
            "<desc id=\"bars-desc\">Four bars for each scenario: the formula, and the model with \
             restart, prefill and message. A bar to the right of the line is saved against the \
             base cost, a bar to the left is paid on top. The table after the chart has \
             the same numbers.</desc>"
        )?;
        self.axis(f)?;
        for (at, row) in self.facts.report.rows.iter().enumerate() {
            self.scenario(row, TOP + at * SCENARIO, f)?;
        }
        writeln!(f, "</svg>")
    }
}
