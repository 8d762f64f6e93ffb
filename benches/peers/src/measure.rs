//! Times every entry on one cell: checked first, then in interleaved rounds, best pass counts.
//!
//! Time is CPU time of this thread, so that what else the machine does adds less to it.

use std::rc::Rc;
use std::time::Duration;

use cpu_time::ThreadTime;

use crate::cell::Input;
use crate::corpus::Corpus;
use crate::entry::{ENTRIES, Entry, Role};
use crate::probe::Allocations;
use crate::sink::Totals;

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds over all entries of a cell.
    pub rounds: u32,
    /// The least time of one entry in one round.
    pub sample: Duration,
    /// The longest pass that is taken; a slower entry gets only the first events of the stream.
    pub pass_max: Duration,
    /// The most time of one entry in all rounds; a slow one sits out some rounds.
    pub entry_max: Duration,
    /// The part of each stream that is read, as a divisor of its events.
    pub events_divisor: usize,
    /// Whether ratios mean something.
    pub is_judged: bool,
}

impl Effort {
    /// Enough to trust the ratios.
    pub const FULL: Self = Self {
        rounds: 25,
        sample: Duration::from_millis(2),
        pass_max: Duration::from_millis(200),
        entry_max: Duration::from_millis(600),
        events_divisor: 1,
        is_judged: true,
    };

    /// Enough to see that every entry finds the right events.
    pub const SMOKE: Self = Self {
        rounds: 1,
        sample: Duration::ZERO,
        pass_max: Duration::from_millis(20),
        entry_max: Duration::from_millis(20),
        events_divisor: 20,
        is_judged: false,
    };
}

/// One stream in chunks of one size, and what each of [`ENTRIES`] did with it.
#[derive(Debug)]
pub struct Cell {
    /// Name of the stream.
    pub corpus: &'static str,
    /// Name of the chunk size.
    pub chunk: &'static str,
    /// In the order of [`ENTRIES`]: numbers, or why there are none.
    pub outcomes: Vec<Result<Measured, String>>,
}

/// What an entry needed.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// The best pass, in nanoseconds.
    pub best_ns: f64,
    /// How many events a pass read.
    pub events: usize,
    /// How many bytes a pass read.
    pub bytes: usize,
    /// How many events the cell has.
    pub events_max: usize,
    /// In how many rounds the entry took part.
    pub rounds: u32,
    /// Counted by another program.
    pub allocations: Option<Allocations>,
}

impl Measured {
    /// Megabytes of the stream per second.
    pub fn megabytes_per_second(&self) -> f64 {
        self.bytes as f64 * 1e3 / self.best_ns
    }

    /// Whether the entry was too slow for all of the cell.
    pub fn is_partial(&self) -> bool {
        self.events < self.events_max
    }
}

/// An entry that found the right events, ready to be timed.
struct Runner {
    entry: &'static Entry,
    input: Rc<Input>,
    expected: Totals,
    events_max: usize,
    pass: Duration,
    rounds: u32,
    best: Duration,
}

/// Measures every entry on a stream in chunks of one size.
pub fn measure(
    corpus: (&'static str, &Corpus),
    chunk: (&'static str, usize),
    effort: &Effort,
) -> Cell {
    let mut inputs = Inputs { corpus: corpus.1, chunk_bytes: chunk.1, made: Vec::new() };
    let mut runners: Vec<_> = ENTRIES.iter().map(|entry| inputs.admit(entry, effort)).collect();
    for round in 0..effort.rounds {
        for slot in &mut runners {
            let Ok(runner) = slot else { continue };
            if round.is_multiple_of(runner.stride(effort))
                && let Err(error) = runner.sample(effort.sample)
            {
                *slot = Err(error);
            }
        }
    }
    let outcomes = runners.into_iter().map(|runner| Ok(runner?.measured())).collect();
    Cell { corpus: corpus.0, chunk: chunk.0, outcomes }
}

/// The inputs of a cell, shared by the entries that read the same events.
struct Inputs<'a> {
    corpus: &'a Corpus,
    chunk_bytes: usize,
    made: Vec<Rc<Input>>,
}

impl Inputs<'_> {
    /// Checks what an entry finds, in more and more of the stream until all or too slow.
    fn admit(&mut self, entry: &'static Entry, effort: &Effort) -> Result<Runner, String> {
        let events = Input::events_max(self.corpus, self.chunk_bytes);
        let events_max = (events / effort.events_divisor).max(1);
        let mut events = (events_max / 256).max(1);
        loop {
            let input = self.input(events);
            let begun = ThreadTime::now();
            let found = entry.digest(&input)?;
            let pass = begun.elapsed();
            let expected = self.corpus.digest(events);
            if let Some(found) = found.filter(|found| *found != expected) {
                return Err(format!("wrong events: {:?}, not {:?}", found.0, expected.0));
            }
            // A quadratic reader takes four times as long for twice as much.
            if events == events_max || pass * 4 > effort.pass_max {
                let expected =
                    if entry.role == Role::Floor { Totals::default() } else { expected.0 };
                let (best, rounds) = (Duration::MAX, 0);
                return Ok(Runner { entry, input, expected, events_max, pass, rounds, best });
            }
            events = (events * 2).min(events_max);
        }
    }

    fn input(&mut self, events: usize) -> Rc<Input> {
        if let Some(input) = self.made.iter().find(|input| input.events() == events) {
            return Rc::clone(input);
        }
        let input = Rc::new(Input::new(self.corpus, events, self.chunk_bytes));
        self.made.push(Rc::clone(&input));
        input
    }
}

impl Runner {
    /// Takes part in every round of this number; in three at least.
    fn stride(&self, effort: &Effort) -> u32 {
        let sample = self.pass.max(effort.sample).as_nanos().max(1);
        let rounds = effort.entry_max.as_nanos() / sample;
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX).max(3);
        effort.rounds.div_ceil(rounds).max(1)
    }

    /// Passes until the time is up, two at least unless they are long: the first one warms up.
    fn sample(&mut self, least: Duration) -> Result<(), String> {
        let (mut passes, mut spent) = (0, Duration::ZERO);
        while passes < 1 || spent < least || (passes < 2 && self.pass < 20 * least) {
            let begun = ThreadTime::now();
            let totals = self.entry.count(&self.input)?;
            let took = begun.elapsed();
            if totals != self.expected {
                return Err(format!("wrong events: {totals:?}, not {:?}", self.expected));
            }
            self.best = self.best.min(took);
            passes += 1;
            spent += took;
        }
        self.rounds += 1;
        Ok(())
    }

    fn measured(&self) -> Measured {
        Measured {
            best_ns: self.best.as_nanos() as f64,
            events: self.input.events(),
            bytes: self.input.bytes(),
            events_max: self.events_max,
            rounds: self.rounds,
            allocations: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Corpus, Effort, measure};

    #[test]
    fn every_entry_has_a_number_and_a_slow_one_reads_less() {
        let corpus = Corpus::named("anthropic").unwrap();
        let cell = measure(("anthropic", &corpus), ("whole", usize::MAX), &Effort::SMOKE);
        let rows: Vec<_> = cell.outcomes.iter().map(|outcome| outcome.as_ref().unwrap()).collect();
        assert!(rows.iter().all(|row| row.best_ns > 0.0 && row.rounds == 1));
        assert!(rows.iter().all(|row| row.events_max == 500));
        assert_eq!(rows[0].events, 500);
    }
}
