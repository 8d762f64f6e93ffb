//! Many sequences of one family, and what is said when one of them breaks the promise.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::scenario::{Family, Scenario};
use crate::verdict::{Cost, judge};
use crate::world::World;

/// Sequences that one run of the tests takes when `SIM_STREAMS` says nothing.
const STREAMS: u64 = 110_000;

/// The sequences of one test.
pub(crate) struct Storm {
    family: Family,
    streams: u64,
}

impl Storm {
    /// `share` of 110 parts of all sequences.
    pub(crate) fn of(family: Family, share: u64) -> Self {
        let all = number("SIM_STREAMS").unwrap_or(STREAMS);
        Self { family, streams: (all * share).div_ceil(110) }
    }

    pub(crate) const fn streams(&self) -> usize {
        self.streams as usize
    }

    /// Runs them all.
    ///
    /// # Panics
    ///
    /// When a sequence breaks the promise, with its seed.
    pub(crate) fn run(&self, name: &str) -> Cost {
        if let Some(seed) = number("SIM_SEED") {
            return self.replay(seed);
        }
        let wanted = number("SIM_FAILURES").unwrap_or(1);
        let mut cost = Cost::default();
        let mut failures = Vec::new();
        let from = number("SIM_FROM").unwrap_or(0);
        for seed in from..from + self.streams {
            match self.one(seed) {
                Ok(one) => {
                    cost.billed += one.billed;
                    cost.needed += one.needed;
                    cost.confessed += one.confessed;
                }
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
        cost
    }

    fn one(&self, seed: u64) -> Result<Cost, String> {
        let scenario = Scenario::draw(self.family, seed);
        let run = || judge(&mut World::new(&scenario, false));
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("a panic".to_owned()))
    }

    /// One sequence with its trace.
    fn replay(&self, seed: u64) -> Cost {
        let scenario = Scenario::draw(self.family, seed);
        let mut world = World::new(&scenario, true);
        let judged = catch_unwind(AssertUnwindSafe(|| judge(&mut world)));
        let judged = judged.unwrap_or_else(|_| Err("a panic".to_owned()));
        judged.unwrap_or_else(|violation| {
            let trace = world.trace.take().unwrap_or_default();
            panic!("{scenario:#?}\n{}\n{violation}", trace.join("\n"))
        })
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}
