//! The figures of a run, computed from what happened in it.

use retry_policy::Nanos;

use super::scenario::Scenario;
use super::world::{Ending, History};
use crate::dice::as_seconds;
use benches::quantile;

/// The requests that arrive this long after the outage count as later ones.
const LATER: Nanos = Nanos::from_secs(60);

/// The figures of one run, or the means over several.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Attempts per affected request, the first included. A request is affected when it started
    /// in the outage.
    pub(crate) attempts: f64,
    /// Failed attempts per successful one, from the outage to the end.
    pub(crate) waste: f64,
    /// The most arrivals in 100 ms and in 1 s after the recovery, in multiples of the capacity.
    pub(crate) peak_100ms: f64,
    pub(crate) peak_1s: f64,
    /// Seconds from the recovery to the last success of an affected request.
    pub(crate) drain: f64,
    /// The part of the affected requests that succeeded.
    pub(crate) success: f64,
    /// The same of those that started in the minute after the recovery, if any did.
    pub(crate) later: f64,
    /// Seconds from start to success of affected requests.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Seconds from start to failure of affected requests: median and greatest.
    pub(crate) failed_p50: f64,
    pub(crate) failed_max: f64,
}

impl Outcome {
    pub(crate) fn of(history: &History, scenario: &Scenario) -> Self {
        let trouble = scenario.trouble;
        let affected = history.requests.iter().filter(|record| trouble.contains(record.start));
        let affected: Vec<_> = affected.collect();
        let mut times = Vec::new();
        let mut failed = Vec::new();
        let mut last = trouble.end;
        for record in &affected {
            let (end, ending) = record.end.expect("a run ends when every request has");
            let took = as_seconds(end.saturating_sub(record.start));
            if ending == Ending::Success {
                times.push(took);
                last = last.max(end);
            } else {
                failed.push(took);
            }
        }
        times.sort_by(f64::total_cmp);
        failed.sort_by(f64::total_cmp);
        let attempts: u32 = affected.iter().map(|record| record.attempts).sum();
        let since = |instants: &[Nanos]| instants.iter().filter(|at| **at >= trouble.start).count();
        Self {
            attempts: f64::from(attempts) / affected.len() as f64,
            waste: since(&history.failures) as f64 / since(&history.successes).max(1) as f64,
            peak_100ms: peak(&history.arrivals, trouble.end, Nanos::from_millis(100)) / 10.0,
            peak_1s: peak(&history.arrivals, trouble.end, Nanos::from_secs(1)) / 100.0,
            drain: as_seconds(last.saturating_sub(trouble.end)),
            success: times.len() as f64 / affected.len() as f64,
            later: later(history, trouble.end),
            p50: quantile(&times, 0.5),
            p99: quantile(&times, 0.99),
            failed_p50: quantile(&failed, 0.5),
            failed_max: quantile(&failed, 1.0),
        }
    }

    /// The means of several runs.
    pub(crate) fn mean(outcomes: &[Self]) -> Self {
        let mean = |figure: fn(&Self) -> f64| {
            outcomes.iter().map(figure).sum::<f64>() / outcomes.len() as f64
        };
        Self {
            attempts: mean(|o| o.attempts),
            waste: mean(|o| o.waste),
            peak_100ms: mean(|o| o.peak_100ms),
            peak_1s: mean(|o| o.peak_1s),
            drain: mean(|o| o.drain),
            success: mean(|o| o.success),
            later: mean(|o| o.later),
            p50: mean(|o| o.p50),
            p99: mean(|o| o.p99),
            failed_p50: mean(|o| o.failed_p50),
            failed_max: mean(|o| o.failed_max),
        }
    }
}

/// The most arrivals in one window of this size, windows counted from the recovery.
fn peak(arrivals: &[Nanos], recovery: Nanos, window: Nanos) -> f64 {
    let mut most = 0;
    let (mut current, mut count) = (u64::MAX, 0);
    for at in arrivals.iter().filter(|at| **at >= recovery) {
        let index = (at.0 - recovery.0) / window.0;
        if index != current {
            (current, count) = (index, 0);
        }
        count += 1;
        most = most.max(count);
    }
    f64::from(most)
}

fn later(history: &History, recovery: Nanos) -> f64 {
    let end = recovery.saturating_add(LATER);
    let later = history.requests.iter().filter(|record| (recovery..end).contains(&record.start));
    let later: Vec<_> = later.collect();
    let successes = later.iter().filter(|r| r.end.is_some_and(|(_, e)| e == Ending::Success));
    successes.count() as f64 / later.len() as f64
}
