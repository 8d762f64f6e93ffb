//! The section on stalls: one table, with and without heartbeats.

use super::Report;
use crate::stall::{Heartbeats, Outcome, Policy, run as simulate};
use benches::table::{number, percent, render};

/// Samples of 2500 streams.
const SAMPLES: u64 = 4;

const INTRO: &str = "\
# Stalls

Streams of 400 tokens, 25 ms apart (log-normal, sigma 1); 3 of 1000 gaps are pauses (median 4 s,
sigma 0.9); 3 of 100 streams stall for good. Heartbeats come every 10 s (sigma 0.1). 4 samples of
2500 streams each.

wrong: the part of all streams that were condemned while alive. found: seconds from the last sign
of a stream that stalled to the verdict, median and most. A suspect stream is not condemned:
another connection is opened beside it.
";

const HEAD: &[&str] =
    &["detector", "wrong %", "found s", "most s", "wrong %, heartbeats", "found s", "most s"];

pub(super) fn run() -> Report {
    let mut report = Report { text: INTRO.to_owned(), ..Report::default() };
    report.heading("Verdicts on 10,000 streams");
    let rows: Vec<_> = Policy::all()
        .map(|policy| {
            let mut row = vec![policy.name().to_owned()];
            for heartbeats in [Heartbeats::None, Heartbeats::Sent] {
                row.extend(cells(&simulate(policy, heartbeats, SAMPLES)));
            }
            row
        })
        .collect();
    report.text += &render(HEAD, &rows);
    report
}

fn cells(outcome: &Outcome) -> [String; 3] {
    [percent(outcome.wrong, 2), number(outcome.p50, 1), number(outcome.max, 1)]
}
