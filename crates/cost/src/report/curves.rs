//! `Curves`: what one break costs by where in the answer it happens, for each way to go on.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::number::minus;
use super::scale::{Hundredths, Scale, Unit};
use crate::money::Money;
use crate::recovery::{Interrupted, Prompt, Tariff, Way};
use crate::scenario::Report;
use crate::share::Share;

/// Breaks are worked out at every so many-th part of the answer.
const PARTS: u64 = 20;
/// Pixels of the drawn area.
const HEIGHT: i32 = 220;
/// Pixels above it.
const TOP: i32 = 24;
/// Pixels between two labels of lines.
const LABEL: i32 = 17;
/// The whole of a length, in hundredths of a percent.
const WHOLE: i32 = 10_000;

/// What one break costs, for one state of the cache.
pub(super) struct Curves {
    id: &'static str,
    /// Whether the prompt that is sent again is in a cache, in words.
    pub(super) prompt: &'static str,
    break_at: Share,
    /// For each of [`Way::ALL`], from a break before the first token to one after the last.
    costs: [Vec<Money>; 3],
}

impl Curves {
    /// For each state of the cache that a scenario has. A cost that does not fit has no curve.
    pub(super) fn all(report: &Report) -> Vec<Self> {
        let uses = |state: Prompt| {
            let mut rows = report.rows.iter();
            rows.any(|row| (row.scenario.cache_hits == Share::NONE) == (state == Prompt::Uncached))
        };
        let states = [
            (Prompt::Uncached, "uncached", "Prompt not cached"),
            (Prompt::Read, "read", "Prompt read from a cache"),
        ];
        let used = states.into_iter().filter(|(state, _, _)| uses(*state));
        used.filter_map(|(state, id, prompt)| {
            let tariff = Tariff::new(&report.rates, Prompt::Uncached, state).ok()?;
            let [restart, prefill, message] = Way::ALL.map(|way| costs(report, way, &tariff));
            let costs = [restart?, prefill?, message?];
            Some(Self { id, prompt, break_at: report.assumptions.break_at, costs })
        })
        .collect()
    }

    /// What a break costs that happens after each quarter of the answer, the start included.
    pub(super) fn quarters(&self) -> impl Iterator<Item = [Money; 3]> {
        (0..=4_usize).map(|quarter| {
            let [restart, prefill, message] = &self.costs;
            let at = |costs: &Vec<Money>| costs.get(quarter * 5).copied().unwrap_or_default();
            [at(restart), at(prefill), at(message)]
        })
    }

    /// One scale for several charts, so that they can be compared.
    pub(super) fn scale(all: &[Self]) -> Scale {
        let costs = all.iter().flat_map(|curves| &curves.costs).flatten().copied();
        Scale::over(costs).up_to_tick()
    }

    /// The chart.
    pub(super) fn svg(&self, scale: Scale, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, unit) = (self.id, Unit::of(scale));
        write!(f, "<svg class=\"curves\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" ")?;
        writeln!(f, "height=\"{}\" xmlns=\"http://www.w3.org/2000/svg\">", TOP + HEIGHT + 44)?;
        write!(f, "<title id=\"{id}-title\">What one break costs, in {unit}: ")?;
        writeln!(f, "{}</title>", self.prompt)?;
        writeln!(
            f,
            "<desc id=\"{id}-desc\">Three lines, for restart, prefill and message, from a break \
             before the answer to one at its end. The table after it has the same numbers.</desc>"
        )?;
        axes(scale, unit, f)?;
        self.assumed(f)?;
        self.lines(scale, f)?;
        self.labels(scale, unit, f)?;
        writeln!(f, "</svg>")
    }

    /// A mark where the report assumes the break.
    fn assumed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = self.break_at.of_count(WHOLE.unsigned_abs().into());
        let x = Hundredths(i32::try_from(part).unwrap_or(WHOLE));
        let bottom = TOP + HEIGHT;
        write!(f, "<line class=\"assumed\" x1=\"{x}\" x2=\"{x}\" y1=\"{TOP}\" y2=\"{bottom}\"/>")?;
        writeln!(f, "<text class=\"tick middle\" x=\"{x}\" y=\"{}\">assumed</text>", TOP - 9)
    }

    /// Drawn in a square that is stretched to the width of the page.
    fn lines(&self, scale: Scale, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<svg class=\"area\" y=\"{TOP}\" width=\"100%\" height=\"{HEIGHT}\" ")?;
        writeln!(f, "viewBox=\"0 0 {WHOLE} {WHOLE}\" preserveAspectRatio=\"none\">")?;
        for (way, costs) in Way::ALL.iter().zip(&self.costs) {
            let points = costs.iter().zip(0..).map(|(cost, at)| {
                let x = at * WHOLE / i32::try_from(PARTS).unwrap_or(1);
                format!("{x},{}", WHOLE - scale.at(*cost, WHOLE))
            });
            let points: Vec<String> = points.collect();
            writeln!(f, "<polyline class=\"{way}\" points=\"{}\"/>", points.join(" "))?;
        }
        writeln!(f, "</svg>")
    }

    /// At the end of each line its way and its last value.
    fn labels(&self, scale: Scale, unit: Unit, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lasts = [0, 1, 2].map(|way: usize| self.costs[way].last().copied().unwrap_or_default());
        let heights = spread(lasts.map(|cost| TOP + HEIGHT - scale.at(cost, HEIGHT)));
        for ((way, last), y) in Way::ALL.iter().zip(lasts).zip(heights) {
            let value = minus(&unit.value(last));
            write!(f, "<text class=\"value\" x=\"100%\" dx=\"8\" y=\"{}\">", y + 4)?;
            writeln!(f, "<tspan class=\"{way}\">{way}</tspan> {value}</text>")?;
        }
        Ok(())
    }
}

/// What a break costs at each part of the answer; `None` where a sum does not fit.
fn costs(report: &Report, way: Way, tariff: &Tariff) -> Option<Vec<Money>> {
    let output = report.workload.output;
    let at = |part: u64| {
        let delivered = u128::from(output) * u128::from(part) / u128::from(PARTS);
        let breaks = [u64::try_from(delivered).unwrap_or(output)];
        let waste = report.assumptions.waste;
        let prompt = report.workload.input;
        let stream = Interrupted { prompt, output, breaks: &breaks, waste };
        stream.cost(way, tariff).ok()?.surcharge().ok()
    };
    (0..=PARTS).map(at).collect()
}

fn axes(scale: Scale, unit: Unit, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for tick in scale.ticks() {
        let y = TOP + HEIGHT - scale.at(tick, HEIGHT);
        let (class, label) = (if tick == Money::ZERO { "zero" } else { "grid" }, unit.tick(tick));
        write!(f, "<line class=\"{class}\" x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>")?;
        writeln!(f, "<text class=\"tick end\" x=\"-8\" y=\"{}\">{}</text>", y + 4, minus(&label))?;
    }
    for percent in [0, 25, 50, 75, 100] {
        let y = TOP + HEIGHT + 18;
        writeln!(f, "<text class=\"tick middle\" x=\"{percent}%\" y=\"{y}\">{percent}</text>")?;
    }
    let y = TOP + HEIGHT + 38;
    writeln!(f, "<text class=\"tick middle\" x=\"50%\" y=\"{y}\">% of the answer delivered</text>")
}

/// The heights, moved apart so that no label covers another, and down no further than the area.
fn spread(heights: [i32; 3]) -> [i32; 3] {
    let mut order = [0, 1, 2];
    order.sort_by_key(|at: &usize| heights[*at]);
    let mut spread = heights;
    let bottom = TOP + HEIGHT;
    for (place, at) in (0..).zip(order) {
        let above = if place == 0 { TOP } else { spread[order[place - 1]] + LABEL };
        spread[at] = heights[at].max(above);
    }
    for (left, at) in (0..).zip(order.into_iter().rev()) {
        spread[at] = spread[at].min(bottom - left * LABEL);
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_lines_do_not_cover_each_other() {
        assert_eq!(spread([50, 100, 200]), [50, 100, 200]);
        assert_eq!(spread([50, 152, 150]), [50, 167, 150]);
        assert_eq!(spread([244, 244, 244]), [210, 227, 244]);
        assert_eq!(spread([24, 24, 24]), [24, 41, 58]);
    }
}
