//! Many jobs at a time, up to a limit: begins them in order, stops them at a signal, counts
//! how they end. What a job does is `errand`'s.

use anyhow::Context;
use client::{Money, StreamId};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;

use super::bar::{Bar, REDRAW_EVERY};
use super::errand::{Desk, Errand, Go};
use super::job::Job;
use super::tally::{Ended, Tally};
use crate::diagnostics::report;
use crate::signal::Signals;

/// The jobs of one run.
#[derive(Debug)]
pub(super) struct Crew {
    desk: Arc<Desk>,
    /// Jobs at a time.
    concurrency: usize,
    running: JoinSet<anyhow::Result<Ended>>,
    tally: Tally,
    go: watch::Sender<Go>,
    bar: Bar,
}

impl Crew {
    /// A crew that does so many jobs at a time.
    pub(super) fn new(desk: Desk, concurrency: usize, tally: Tally, bar: Bar) -> Self {
        let (go, _) = watch::channel(Go::On);
        let (desk, running) = (Arc::new(desk), JoinSet::new());
        Self { desk, concurrency, running, tally, go, bar }
    }

    /// Does the jobs, each on its stream; how they ended.
    pub(super) async fn run(
        mut self,
        jobs: Vec<(Job, StreamId)>,
        mut signals: Signals,
    ) -> anyhow::Result<Tally> {
        let mut redraw = tokio::time::interval(REDRAW_EVERY);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut jobs = jobs.into_iter();
        loop {
            self.begin(&mut jobs);
            self.draw();
            tokio::select! {
                biased;
                name = signals.next() => {
                    // Whoever asks twice does not want to wait; the checkpoints are durable.
                    if *self.go.borrow() == Go::Stop {
                        break;
                    }
                    self.stop(&format!("stopped by {name}"));
                }
                joined = self.running.join_next() => match joined {
                    Some(joined) => self.take(joined)?,
                    None => break,
                },
                _ = redraw.tick() => {}
            }
        }
        self.bar.clear();
        if self.is_over_budget() {
            report(&"the budget of this run is spent; the same command goes on");
        }
        Ok(self.tally)
    }

    /// Begins jobs while there is room.
    fn begin(&mut self, jobs: &mut impl Iterator<Item = (Job, StreamId)>) {
        while self.running.len() < self.concurrency && self.goes_on() {
            let Some((job, id)) = jobs.next() else { return };
            let errand = Errand::new(Arc::clone(&self.desk), job, id);
            self.running.spawn(errand.run(self.go.subscribe()));
        }
    }

    fn goes_on(&self) -> bool {
        *self.go.borrow() == Go::On && !self.tally.gave_up() && !self.is_over_budget()
    }

    fn is_over_budget(&self) -> bool {
        self.desk.budget.as_ref().is_some_and(|budget| budget.remaining() == Money::ZERO)
    }

    fn take(&mut self, joined: Result<anyhow::Result<Ended>, JoinError>) -> anyhow::Result<()> {
        let gave_up = self.tally.gave_up();
        match joined.context("a job panicked")? {
            Ok(ended) => {
                self.tally.add(&ended);
                ended.said.iter().for_each(|said| self.say(said));
            }
            Err(error) => {
                self.tally.add(&Ended::cut(None));
                self.stop(&format!("{error:#}"));
            }
        }
        if self.tally.gave_up() && !gave_up {
            self.say("no further job is begun after so many that failed, see --max-failures");
        }
        Ok(())
    }

    /// Begins no further job and stops those that run. Each keeps its checkpoint.
    fn stop(&mut self, why: &str) {
        if self.go.send_replace(Go::Stop) == Go::On {
            self.say(&format!("{why}; run the same command again to go on"));
        }
    }

    fn say(&self, message: &str) {
        self.bar.clear();
        report(&message);
    }

    fn draw(&self) {
        let text_bytes = self.desk.text_bytes.load(Ordering::Relaxed);
        self.bar.draw(&self.tally, self.running.len(), text_bytes);
    }
}
