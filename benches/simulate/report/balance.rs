//! The section on balancing: one table per scenario, and the odd endpoint's share over time.

use super::{Report, file_name};
use crate::balance::{Outcome, Policy, Scenario, run as simulate};
use crate::dice::as_seconds;
use crate::plot::{Line, Page, Panel};
use benches::table::{number, percent, render};

const INTRO: &str = "\
# Balancing

Three endpoints, of which the third has some trouble from 10 to 60 s; the run ends at 120 s. First
token after 0.4 s (log-normal, median; grows with load), body 2 s on average, one request in 500
fails anywhere. The classics pick again at once after a failure, four attempts in all.

odd: the third endpoint's part of the picks in its trouble, in the first second and after it.
back: seconds from the end of the trouble until it has 80 % of an equal share (over 5 s). least:
the least part of an equal share that another endpoint had in any 5 s. p50, p99: seconds to the
first token of requests from within the trouble. cost: what a prompt cost, where an uncached one
is 1.25 and a cached one 0.1.
";

const HEAD: &[&str] = &[
    "policy",
    "odd, 1st s %",
    "odd %",
    "back s",
    "least",
    "attempts",
    "success %",
    "p50 s",
    "p99 s",
    "cost",
];

pub(super) fn run() -> Report {
    let mut report = Report { text: INTRO.to_owned(), ..Report::default() };
    for scenario in Scenario::ALL {
        report.heading(&format!("{}: {}", scenario.name, scenario.what));
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        for policy in Policy::all() {
            let (outcome, shares) = simulate(policy, scenario);
            rows.push(row(policy.name(), &outcome));
            lines.push(Line { name: policy.name(), values: shares });
        }
        report.text += &render(HEAD, &rows);
        // The first colour is the same in every plot.
        lines.rotate_right(1);
        let panel = Panel { label: "the third endpoint's share of the picks", max: 1.0, lines };
        let page = Page {
            title: format!("{}: {}", scenario.name, scenario.what),
            seconds: as_seconds(scenario.end),
            shade: (as_seconds(scenario.trouble.start), as_seconds(scenario.trouble.end)),
            panels: vec![panel],
        };
        report.plots.push((file_name("balance", scenario.name), page));
    }
    report
}

fn row(name: &str, outcome: &Outcome) -> Vec<String> {
    vec![
        name.to_owned(),
        percent(outcome.odd_first, 1),
        percent(outcome.odd, 2),
        number(outcome.back, 1),
        number(outcome.least, 2),
        number(outcome.attempts, 3),
        percent(outcome.success, 2),
        number(outcome.p50, 2),
        number(outcome.p99, 2),
        number(outcome.cost, 2),
    ]
}
