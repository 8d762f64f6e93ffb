//! Many sequences of one family, and what is said when one of them breaks the promise.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::scenario::{Family, Scenario};
use crate::shrink::Minimal;
use crate::verdict::{Tally, judge};
use crate::violation::{Harm, Violation};
use crate::world::World;

/// Sequences that one run of the tests takes when `SIM_STREAMS` says nothing.
const STREAMS: u64 = 176_000;
/// Parts of all sequences that the tests have together.
const PARTS: u64 = 176;

/// The sequences of one test.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    family: Family,
    streams: u64,
}

impl Storm {
    /// `share` of 176 parts of all sequences.
    ///
    /// # Panics
    ///
    /// When `SIM_STREAMS` is no number.
    #[must_use]
    pub fn of(family: Family, share: u64) -> Self {
        let all = number("SIM_STREAMS").unwrap_or(STREAMS);
        Self { family, streams: (all * share).div_ceil(PARTS) }
    }

    /// Runs them all; `name` is the test that does.
    ///
    /// # Panics
    ///
    /// When a sequence breaks the promise, with its seed.
    pub fn run(&self, name: &str) -> Tally {
        if let Some(seed) = number("SIM_SEED") {
            return self.replay(seed);
        }
        let wanted = number("SIM_FAILURES").unwrap_or(1);
        let mut tally = Tally::default();
        let mut failures = Vec::new();
        let from = number("SIM_FROM").unwrap_or(0);
        for seed in from..from + self.streams {
            match play(&Scenario::draw(self.family, seed)) {
                Ok(one) => tally += one,
                Err(violation) => {
                    failures.push(format!(
                        "{violation}\n  SIM_SEED={seed} cargo test -p e2e --test sim -- {name}"
                    ));
                }
            }
            if failures.len() as u64 >= wanted {
                break;
            }
        }
        assert!(failures.is_empty(), "the promise is broken:\n{}", failures.join("\n"));
        tally
    }

    /// One sequence, as small as it gets and with its trace when it fails.
    fn replay(&self, seed: u64) -> Tally {
        let scenario = Scenario::draw(self.family, seed);
        match Minimal::of(&scenario) {
            None => play(&scenario).expect("it was played without a violation"),
            Some(minimal) => panic!("{minimal}"),
        }
    }
}

/// Plays one sequence and judges it.
pub(crate) fn play(scenario: &Scenario) -> Result<Tally, Violation> {
    play_in(&mut World::new(scenario, false))
}

/// Plays one sequence with its trace.
pub(crate) fn trace(scenario: &Scenario) -> (Result<Tally, Violation>, Vec<String>) {
    let mut world = World::new(scenario, true);
    let judged = play_in(&mut world);
    (judged, world.trace.take().unwrap_or_default())
}

fn play_in(world: &mut World<'_>) -> Result<Tally, Violation> {
    catch_unwind(AssertUnwindSafe(|| judge(world)))
        .unwrap_or_else(|_| Err(Harm::Panic.because("see above")))
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}
