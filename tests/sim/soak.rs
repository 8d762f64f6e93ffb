//! Sequences of every family by the million, on all cores, and what came of them.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::scenario::{Family, Scenario};
use crate::shrink::Minimal;
use crate::storm::play;
use crate::verdict::Tally;
use crate::violation::{Harm, Violation};

/// Sequences that a thread takes at a time.
const BATCH: u64 = 500;
/// After so many violations no more sequences begin.
const VIOLATIONS_MAX: usize = 20;

/// So many sequences from this seed on.
#[derive(Clone, Copy, Debug)]
pub struct Soak {
    /// How many.
    pub streams: u64,
    /// The seed of the first; the others follow it.
    pub seed: u64,
}

/// What came of a soak.
#[derive(Debug, Default)]
pub struct Report {
    families: Vec<(Family, Tally)>,
    /// Broken promises and the seeds of their sequences.
    violations: Vec<(u64, Violation)>,
    took: Duration,
}

impl Soak {
    /// Plays them on all cores. `progress` hears now and then how many are over.
    ///
    /// # Panics
    ///
    /// When a thread cannot be started.
    pub fn run(&self, progress: impl Fn(u64) + Sync) -> Report {
        let began = Instant::now();
        let next = AtomicU64::new(0);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let mut report = Report::default();
        thread::scope(|scope| {
            let work = || self.work(&next, &progress);
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                report.add(worker.join().expect("violations are caught"));
            }
        });
        report.violations.sort_by_key(|(seed, _)| *seed);
        report.took = began.elapsed();
        report
    }

    /// One sequence, as small as it gets; nothing when it keeps the promise.
    #[must_use]
    pub fn replay(seed: u64) -> Option<Minimal> {
        Minimal::of(&Scenario::draw(Family::of(seed), seed))
    }

    fn work(&self, next: &AtomicU64, progress: &impl Fn(u64)) -> Report {
        let mut report = Report::default();
        while report.violations.len() < VIOLATIONS_MAX {
            let from = next.fetch_add(BATCH, Ordering::Relaxed);
            if from >= self.streams {
                break;
            }
            progress(from);
            for at in from..self.streams.min(from + BATCH) {
                report.take(self.seed.wrapping_add(at));
            }
        }
        report
    }
}

impl Report {
    /// Whether every promise was kept.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    fn take(&mut self, seed: u64) {
        let family = Family::of(seed);
        match play(&Scenario::draw(family, seed)) {
            Ok(tally) => self.count(family, tally),
            Err(violation) => {
                self.violations.push((seed, violation));
                self.count(family, Tally { streams: 1, ..Tally::default() });
            }
        }
    }

    fn count(&mut self, family: Family, tally: Tally) {
        match self.families.iter_mut().find(|(of, _)| *of == family) {
            Some((_, sum)) => *sum += tally,
            None => self.families.push((family, tally)),
        }
    }

    fn add(&mut self, other: Self) {
        for (family, tally) in other.families {
            self.count(family, tally);
        }
        self.violations.extend(other.violations);
    }

    fn harms(&self, harm: Harm) -> usize {
        self.violations.iter().filter(|(_, violation)| violation.harm == harm).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = Tally::default();
        for family in Family::all() {
            let tallies = self.families.iter().filter(|(of, _)| *of == family);
            let Some((_, tally)) = tallies.clone().next() else { continue };
            writeln!(f, "{:<28} {tally}", family.to_string())?;
            all += *tally;
        }
        writeln!(f, "{:<28} {all}", "all")?;
        let seconds = self.took.as_secs_f64();
        let rate = all.streams as f64 / seconds.max(f64::MIN_POSITIVE);
        writeln!(f, "\n{} streams in {seconds:.0} s, {rate:.0} per second", all.streams)?;
        let harms = Harm::ALL.map(|harm| format!("{} {}", self.harms(harm), harm.name()));
        writeln!(f, "{}", harms.join(", "))?;
        for (seed, violation) in &self.violations {
            writeln!(f, "\n{violation}\n  cargo xtask soak --replay {seed}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, Soak};
    use crate::scenario::Family;
    use crate::violation::Harm;

    #[test]
    fn every_family_has_its_part_and_every_stream_is_counted() {
        let report = Soak { streams: 2_000, seed: 7 }.run(|_| {});
        assert!(report.is_clean(), "{report}");
        let text = report.to_string();
        for family in Family::all() {
            assert!(text.contains(&family.to_string()), "{text}");
        }
        assert!(text.contains("\n2000 streams in "), "{text}");
        assert!(text.contains("\n0 lost, 0 repeated, 0 false completions, 0 hangs, "), "{text}");
    }

    #[test]
    fn a_violation_is_counted_by_its_harm_and_says_how_to_replay_it() {
        let violations = vec![(42, Harm::Hang.because("nothing will ever happen"))];
        let report = Report { violations, ..Report::default() };
        assert!(!report.is_clean());
        let text = report.to_string();
        assert!(text.contains("0 lost, 0 repeated, 0 false completions, 1 hangs, "), "{text}");
        assert!(
            text.contains("nothing will ever happen\n  cargo xtask soak --replay 42"),
            "{text}"
        );
    }

    /// Sequences that once broke a promise, and what was wrong.
    const MENDED: &[(u64, &str)] = &[
        (164_316, "a second Gemini response that began thrice behind the first chunk was shown"),
        (5_084_763, "nobody told the provider of a response that was left for an error on its way"),
        (5_090_923, "the judge took white space before a doubled line for a loss"),
        (5_153_928, "the network took longer for the bytes of one event than a clock allows"),
    ];

    #[test]
    fn sequences_that_once_broke_a_promise_keep_it() {
        for (seed, once) in MENDED {
            let again = Soak::replay(*seed);
            assert!(again.is_none(), "{once}:\n{}", again.expect("it broke a promise"));
        }
    }

    #[test]
    fn a_sequence_that_keeps_the_promise_has_nothing_to_replay() {
        assert!(Soak::replay(1).is_none());
    }
}
