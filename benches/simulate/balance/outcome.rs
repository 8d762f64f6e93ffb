//! The figures of a balancer's run.

use retry_policy::Nanos;

use super::scenario::{ENDPOINTS, ODD, Scenario};
use super::world::{Bill, History, Pick};
use crate::dice::as_seconds;
use benches::quantile;

/// An endpoint has its share when it gets this part of an equal one.
const SHARE_PART: f64 = 0.8;
/// The window in which a share is looked at.
const WINDOW: Nanos = Nanos::from_secs(5);

/// The price of the prompt of a request, in prompts: a cached one and one that is cached by it.
const PRICE_CACHED: f64 = 0.1;
const PRICE_FRESH: f64 = 1.25;

/// The figures of one run, or the means over several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// The odd endpoint's part of the picks in its trouble, without the first second.
    pub(crate) odd: f64,
    /// The same in the first second of it.
    pub(crate) odd_first: f64,
    /// Seconds from the end of the trouble until the odd endpoint has its share.
    pub(crate) back: f64,
    /// The least share of another endpoint in any window, in parts of an equal one.
    pub(crate) least: f64,
    /// Attempts per request.
    pub(crate) attempts: f64,
    pub(crate) success: f64,
    /// Seconds to the first token of requests that started in the trouble.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// What a prompt cost, in fresh prompts that nobody caches.
    pub(crate) cost: f64,
}

impl Outcome {
    pub(crate) fn of(history: &History, scenario: &Scenario) -> Self {
        let trouble = scenario.trouble;
        let second = trouble.start.saturating_add(Nanos::from_secs(1));
        let requests = history.requests.len() as f64;
        let during = history.requests.iter();
        let during = during.filter(|record| (trouble.start..trouble.end).contains(&record.start));
        let mut times: Vec<f64> = during
            .filter_map(|record| Some(as_seconds(record.first_token?.saturating_sub(record.start))))
            .collect();
        times.sort_by(f64::total_cmp);
        let attempts: u32 = history.requests.iter().map(|record| record.attempts).sum();
        let price = |pick: &Pick| match pick.bill {
            Bill::Nothing => 0.0,
            Bill::Cached => PRICE_CACHED,
            Bill::Fresh => PRICE_FRESH,
        };
        Self {
            odd: share(&history.picks, ODD, second, trouble.end),
            odd_first: share(&history.picks, ODD, trouble.start, second),
            back: back(history, scenario),
            least: least(history, scenario),
            attempts: f64::from(attempts) / requests,
            success: history.requests.iter().filter(|r| r.success).count() as f64 / requests,
            p50: quantile(&times, 0.5),
            p99: quantile(&times, 0.99),
            cost: history.picks.iter().map(price).sum::<f64>() / requests,
        }
    }

    /// The means of several runs.
    pub(crate) fn mean(outcomes: &[Self]) -> Self {
        let mean = |figure: fn(&Self) -> f64| {
            outcomes.iter().map(figure).sum::<f64>() / outcomes.len() as f64
        };
        Self {
            odd: mean(|o| o.odd),
            odd_first: mean(|o| o.odd_first),
            back: mean(|o| o.back),
            least: mean(|o| o.least),
            attempts: mean(|o| o.attempts),
            success: mean(|o| o.success),
            p50: mean(|o| o.p50),
            p99: mean(|o| o.p99),
            cost: mean(|o| o.cost),
        }
    }
}

/// The odd endpoint's part of the picks in each second.
pub(super) fn shares(history: &History, scenario: &Scenario) -> Vec<f64> {
    let second = |second: u64| {
        let (start, end) = (Nanos::from_secs(second), Nanos::from_secs(second + 1));
        share(&history.picks, ODD, start, end)
    };
    (0..scenario.end.as_secs()).map(second).collect()
}

/// The part of the picks from `start` to `end` that went to an endpoint.
fn share(picks: &[Pick], endpoint: usize, start: Nanos, end: Nanos) -> f64 {
    let within = picks.iter().filter(|pick| (start..end).contains(&pick.at));
    let (mut all, mut its) = (0, 0);
    for pick in within {
        all += 1;
        its += u32::from(pick.endpoint == endpoint);
    }
    f64::from(its) / f64::from(all.max(1))
}

fn back(history: &History, scenario: &Scenario) -> f64 {
    let mut at = scenario.trouble.end;
    while at.saturating_add(WINDOW) <= scenario.end {
        let share = share(&history.picks, ODD, at, at.saturating_add(WINDOW));
        if share >= SHARE_PART / ENDPOINTS as f64 {
            return as_seconds(at.saturating_sub(scenario.trouble.end));
        }
        at = at.saturating_add(Nanos::from_secs(1));
    }
    f64::INFINITY
}

fn least(history: &History, scenario: &Scenario) -> f64 {
    let mut least = f64::INFINITY;
    let mut at = Nanos::ZERO;
    while at.saturating_add(WINDOW) <= scenario.end {
        for endpoint in 0..ODD {
            let share = share(&history.picks, endpoint, at, at.saturating_add(WINDOW));
            least = least.min(share * ENDPOINTS as f64);
        }
        at = at.saturating_add(WINDOW);
    }
    least
}
