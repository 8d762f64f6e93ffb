//! What became of the jobs, counted. It decides the exit status, and when so many failed that
//! no further one is begun.

use cost::{Money, Usage};
use std::fmt;
use std::time::Duration;

use crate::status::Status;

/// The counts of one run.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Jobs of the file.
    jobs: usize,
    /// Finished by an earlier run.
    skipped: usize,
    /// Finished by this one.
    done: usize,
    /// Of which an earlier run had begun.
    resumed: usize,
    /// Failed for good.
    failed: usize,
    /// Not whole; the next run goes on.
    cut: usize,
    failed_in_a_row: u32,
    failures_max: u32,
    gave_up: bool,
    usage: Usage,
    cost: Cost,
}

/// What the jobs that ended cost.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    known: Money,
    /// Jobs of which it is not known.
    unknown: usize,
}

/// How one job ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) fate: Fate,
    pub(super) usage: Usage,
    /// What it cost in this run; `None` is not known.
    pub(super) cost: Option<Money>,
    /// What people should know of it.
    pub(super) said: Option<String>,
}

impl Ended {
    /// It was stopped.
    pub(super) fn cut(said: Option<String>) -> Self {
        Self { fate: Fate::Cut, usage: Usage::default(), cost: Some(Money::ZERO), said }
    }
}

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Finished in one run.
    Done,
    /// Finished; an earlier run had begun it.
    Resumed,
    /// It failed for good.
    Failed,
    /// It is not whole, and running again goes on with it.
    Cut,
}

impl Tally {
    /// A tally of so many jobs, of which some are finished already, that gives up after so many
    /// failures in a row.
    pub(super) fn new(jobs: usize, skipped: usize, failures_max: u32) -> Self {
        Self { jobs, skipped, failures_max, ..Self::default() }
    }

    /// Counts a job that ended.
    pub(super) fn add(&mut self, ended: &Ended) {
        match ended.fate {
            Fate::Done => self.done += 1,
            Fate::Resumed => {
                self.done += 1;
                self.resumed += 1;
            }
            Fate::Failed => self.failed += 1,
            Fate::Cut => self.cut += 1,
        }
        self.failed_in_a_row = match ended.fate {
            Fate::Failed => self.failed_in_a_row + 1,
            Fate::Done | Fate::Resumed => 0,
            Fate::Cut => self.failed_in_a_row,
        };
        self.gave_up |= self.failed_in_a_row >= self.failures_max;
        self.usage = self.usage.checked_add(&ended.usage).unwrap_or(self.usage);
        self.cost.add(ended.cost);
    }

    /// Whether so many jobs failed in a row that the next one is likely to.
    pub(super) const fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// Jobs of the file.
    pub(super) const fn jobs(&self) -> usize {
        self.jobs
    }

    /// Jobs that need nothing more in this run.
    pub(super) const fn over(&self) -> usize {
        self.skipped + self.done + self.failed + self.cut
    }

    /// Jobs that failed for good.
    pub(super) const fn failed(&self) -> usize {
        self.failed
    }

    /// The status of the whole run.
    pub(super) const fn status(&self) -> Status {
        match (self.cut + self.left(), self.failed) {
            (0, 0) => Status::Complete,
            (0, _) => Status::Failed,
            _ if self.gave_up => Status::Failed,
            _ => Status::Incomplete,
        }
    }

    /// The last line of the run.
    pub(super) const fn summary(&self, took: Duration) -> Summary<'_> {
        Summary { tally: self, took }
    }

    /// Jobs that were not begun.
    const fn left(&self) -> usize {
        self.jobs - self.over()
    }
}

/// A tally for people.
pub(super) struct Summary<'a> {
    tally: &'a Tally,
    took: Duration,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { jobs, skipped, done, resumed, failed, cut, usage, .. } = self.tally;
        let (left, secs) = (self.tally.left(), self.took.as_secs_f64());
        let Usage { output, .. } = usage;
        let input = usage.input + usage.cache_read + usage.cache_write_5m + usage.cache_write_1h;
        write!(f, "{jobs} jobs: {done} done ({resumed} resumed), {skipped} skipped, ")?;
        write!(f, "{failed} failed, {cut} cut, {left} left; ")?;
        write!(f, "{input} tokens in, {output} out, {secs:.1} s, {}", self.tally.cost)
    }
}

impl Cost {
    fn add(&mut self, cost: Option<Money>) {
        match cost.map(|cost| self.known.checked_add(cost)) {
            Some(Ok(sum)) => self.known = sum,
            Some(Err(_)) | None => self.unknown += 1,
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { known, unknown } = self;
        match unknown {
            0 => write!(f, "{known:.4} USD"),
            _ => write!(f, "{known:.4} USD and {unknown} of unknown price"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(jobs: usize, skipped: usize, fates: &[Fate]) -> Tally {
        let mut tally = Tally::new(jobs, skipped, 2);
        for fate in fates {
            let usage = Usage { input: 2, cache_read: 1, output: 5, ..Usage::default() };
            let cost = (*fate != Fate::Cut).then(|| Money::from_units(1_000_000_000_000_000));
            tally.add(&Ended { fate: *fate, usage, cost, said: None });
        }
        tally
    }

    #[test]
    fn the_status_says_whether_running_again_helps() {
        use Fate::{Cut, Done, Failed, Resumed};
        assert_eq!(tally(0, 0, &[]).status(), Status::Complete);
        assert_eq!(tally(3, 1, &[Done, Resumed]).status(), Status::Complete);
        assert_eq!(tally(2, 0, &[Done, Failed]).status(), Status::Failed);
        assert_eq!(tally(2, 0, &[Done, Cut]).status(), Status::Incomplete);
        assert_eq!(tally(2, 0, &[Failed, Cut]).status(), Status::Incomplete);
        assert_eq!(tally(2, 0, &[Done]).status(), Status::Incomplete);
    }

    #[test]
    fn it_gives_up_after_so_many_failures_in_a_row_and_stays_with_it() {
        use Fate::{Cut, Done, Failed};
        assert!(!tally(9, 0, &[Failed, Done, Failed, Cut]).gave_up());
        for fates in [&[Failed, Failed][..], &[Failed, Cut, Failed], &[Failed, Failed, Done]] {
            let tally = tally(9, 0, fates);
            assert!(tally.gave_up(), "{fates:?}");
            assert_eq!(tally.status(), Status::Failed, "{fates:?}");
        }
    }

    #[test]
    fn the_summary_adds_up() {
        use Fate::{Cut, Done, Failed, Resumed};
        let tally = tally(9, 2, &[Done, Resumed, Failed, Cut]);
        let expected = "9 jobs: 2 done (1 resumed), 2 skipped, 1 failed, 1 cut, 3 left; \
                        12 tokens in, 20 out, 1.5 s, 0.0030 USD and 1 of unknown price";
        assert_eq!(tally.summary(Duration::from_millis(1510)).to_string(), expected);
    }
}
