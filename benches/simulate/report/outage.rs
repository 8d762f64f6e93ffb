//! The section on outages: one table per scenario, and what reached the server in each second.

use super::{Report, file_name};
use crate::dice::as_seconds;
use crate::outage::{Outcome, Policy, Scenario, Timeline, run as simulate};
use crate::plot::{Line, Page, Panel};
use benches::table::{number, percent, render};

const INTRO: &str = "\
# Outages

One server: 100 requests/s, a waiting room of 200, an instant 429 beyond. An attempt takes at most
10 s, a request 120 s (where not said otherwise), a round trip 50 ms; 10 processes that share
nothing. Means over seeds, in virtual time.

attempts: per request that started in the outage, the first included. waste: failed per successful
attempts from the outage on. peak: most arrivals in 0.1 s and 1 s after it, in multiples of the
capacity. drain: from the end of the outage to the last success of a request from within.
success: of requests from within; later: of those that started in the minute after it. p50, p99:
seconds to success. failed: seconds until a request that failed was told, median and most.
";

const HEAD: &[&str] = &[
    "policy",
    "attempts",
    "waste",
    "peak .1",
    "peak 1",
    "drain s",
    "success %",
    "later %",
    "p50 s",
    "p99 s",
    "failed s",
    "most s",
];

/// What is drawn: more lines would hide each other.
const DRAWN: &[&str] = &[
    "Unbroken",
    "naive",
    "exponential, no jitter",
    "full jitter",
    "Anthropic/OpenAI SDK",
    "AWS 2.1",
    "Finagle/tower budget",
];

pub(super) fn run() -> Report {
    let mut report = Report { text: INTRO.to_owned(), ..Report::default() };
    for scenario in Scenario::ALL {
        report.heading(&format!("{}: {}", scenario.name, scenario.what));
        let results: Vec<_> =
            Policy::all().map(|policy| (policy.name(), simulate(&policy, scenario))).collect();
        let rows: Vec<_> = results.iter().map(|(name, (outcome, _))| row(name, outcome)).collect();
        report.text += &render(HEAD, &rows);
        let lines = results.into_iter().map(|(name, (_, timeline))| (name, timeline));
        report.plots.push((file_name("outage", scenario.name), page(scenario, lines)));
    }
    report
}

fn row(name: &str, outcome: &Outcome) -> Vec<String> {
    let waste = if outcome.waste > 100.0 { f64::NAN } else { outcome.waste };
    vec![
        name.to_owned(),
        number(outcome.attempts, 2),
        number(waste, 2),
        number(outcome.peak_100ms, 1),
        number(outcome.peak_1s, 1),
        number(outcome.drain, 1),
        percent(outcome.success, 2),
        percent(outcome.later, 2),
        number(outcome.p50, 1),
        number(outcome.p99, 1),
        number(outcome.failed_p50, 1),
        number(outcome.failed_max, 1),
    ]
}

fn page(scenario: &Scenario, timelines: impl Iterator<Item = (&'static str, Timeline)>) -> Page {
    let mut timelines: Vec<_> = timelines.filter(|(name, _)| DRAWN.contains(name)).collect();
    timelines.sort_by_key(|(name, _)| DRAWN.iter().position(|drawn| drawn == name));
    let lines = |values: fn(&Timeline) -> &[f64]| -> Vec<Line> {
        let line = |(name, timeline): &(&'static str, Timeline)| Line {
            name,
            values: values(timeline).to_vec(),
        };
        timelines.iter().map(line).collect()
    };
    let (start, end) = (as_seconds(scenario.trouble.start), as_seconds(scenario.trouble.end));
    Page {
        title: format!("{}: {}", scenario.name, scenario.what),
        seconds: end + 130.0,
        shade: (start, end),
        panels: vec![
            Panel {
                label: "attempts that reach the server, per second",
                max: 800.0,
                lines: lines(|timeline| &timeline.arrivals),
            },
            Panel {
                label: "requests that succeed, per second",
                max: 120.0,
                lines: lines(|timeline| &timeline.successes),
            },
        ],
    }
}
