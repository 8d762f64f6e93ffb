//! The progress bar: one line on stderr, drawn over itself. Only a terminal gets one.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::tally::Tally;

/// The line, or nothing.
#[derive(Debug)]
pub(super) struct Bar {
    place: Place,
    began: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Terminal,
    Nowhere,
}

/// How often the line is drawn while nothing ends.
pub(super) const REDRAW_EVERY: Duration = Duration::from_millis(500);

impl Bar {
    /// A bar where people look, unless events are told there; `verbose` is how many `-v` there
    /// were.
    pub(super) fn new(began: Instant, verbose: u8) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let shown = io::stderr().is_terminal() && !dumb && verbose == 0;
        let place = if shown { Place::Terminal } else { Place::Nowhere };
        Self { place, began }
    }

    /// Shows how far the run is.
    pub(super) fn draw(&self, tally: &Tally, running: usize, text_bytes: u64) {
        let state = State { tally, running, text_bytes, took: self.began.elapsed() };
        self.write(&format!("\r{state}{CLEAR_REST}"));
    }

    /// Leaves the line to others.
    pub(super) fn clear(&self) {
        self.write(&format!("\r{CLEAR_REST}"));
    }

    /// A closed stderr is no reason to stop.
    fn write(&self, text: &str) {
        if self.place == Place::Terminal {
            drop(io::stderr().lock().write_all(text.as_bytes()));
        }
    }
}

const CLEAR_REST: &str = "\x1b[K";

/// Characters between the brackets.
const WIDTH: usize = 16;

/// What the line says. It is shorter than 80 characters, so that no terminal breaks it.
struct State<'a> {
    tally: &'a Tally,
    running: usize,
    text_bytes: u64,
    took: Duration,
}

impl fmt::Display for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (over, jobs) = (self.tally.over(), self.tally.jobs());
        let filled = (over * WIDTH).checked_div(jobs).unwrap_or(WIDTH);
        let secs = self.took.as_secs();
        write!(f, "[{:-<WIDTH$}] {over}/{jobs}", "#".repeat(filled))?;
        write!(f, ", {} running, {} failed", self.running, self.tally.failed())?;
        write!(f, ", {} kB, {}:{:02}", self.text_bytes / 1000, secs / 60, secs % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(jobs: usize, skipped: usize, expected: &str) {
        let tally = Tally::new(jobs, skipped, 1);
        let took = Duration::from_secs(65);
        let state = State { tally: &tally, running: 4, text_bytes: 12_345, took };
        assert_eq!(state.to_string(), expected);
    }

    #[test]
    fn the_line_says_how_far_it_is() {
        check(0, 0, "[################] 0/0, 4 running, 0 failed, 12 kB, 1:05");
        check(9, 3, "[#####-----------] 3/9, 4 running, 0 failed, 12 kB, 1:05");
        check(9, 9, "[################] 9/9, 4 running, 0 failed, 12 kB, 1:05");
    }

    #[test]
    fn the_line_of_the_largest_batch_fits() {
        let tally = Tally::new(100_000, 99_999, 1);
        let took = Duration::from_secs(99 * 3600);
        let state = State { tally: &tally, running: 256, text_bytes: 99_999_999_000, took };
        assert!(state.to_string().len() < 80, "{state}");
    }
}
