//! One demonstration as it goes: what was received, when, and what broke. It shows and counts;
//! it judges nothing.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use super::screen::Screen;
use super::told::Bill;

/// What the demonstration has seen.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) screen: Screen,
    pub(super) seen: Seen,
    flow: Flow,
    began: Instant,
    last_text: Instant,
}

/// What there is to judge.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The stream, once it is known.
    pub(super) id: Option<String>,
    /// The text as it was shown.
    pub(super) text: String,
    /// Breaks that it went on after.
    pub(super) breaks: u32,
    /// The requests that broke, by their place in the provider's ledger.
    pub(super) broken: BTreeSet<usize>,
    /// Breaks where nobody listened.
    pub(super) refused: u32,
    /// Workers that were killed.
    pub(super) kills: u32,
    /// The labels of the joints of the text, in order.
    pub(super) seams: Vec<String>,
    /// What the response cost, once the provider finished and if that is known.
    pub(super) cost: Option<Bill>,
    /// Why it did not end with the provider's own end.
    pub(super) failure: Option<String>,
    /// From the request to the end.
    pub(super) took: Duration,
    /// From the last byte before a break to the first after it, over all breaks.
    pub(super) time_lost: Duration,
}

/// Whether a break is being mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Flowing,
    Broken,
}

impl Run {
    /// A run that begins now; its end is yet to come.
    pub(super) fn new(screen: Screen) -> Self {
        let began = Instant::now();
        let failure = Some("the stream has no end".to_owned());
        let seen = Seen { failure, ..Seen::default() };
        Self { screen, seen, flow: Flow::Flowing, began, last_text: began }
    }

    /// Shows a piece of text.
    pub(super) fn take(&mut self, text: &str) -> io::Result<()> {
        let now = Instant::now();
        if self.flow == Flow::Broken {
            self.seen.time_lost += now - self.last_text;
            self.flow = Flow::Flowing;
        }
        self.last_text = now;
        self.seen.text.push_str(text);
        self.screen.text(text)
    }

    /// Marks a break of a request, or of an attempt that made none; `fault` is what was done to it.
    pub(super) fn mark(
        &mut self,
        what: &str,
        request: Option<usize>,
        fault: &str,
    ) -> io::Result<()> {
        self.flow = Flow::Broken;
        self.seen.breaks += 1;
        match request {
            Some(place) => drop(self.seen.broken.insert(place)),
            None => self.seen.refused += 1,
        }
        let (number, at) = (self.seen.breaks, self.seen.text.len());
        self.screen.mark(&format!("break {number} at byte {at}: {fault} -> {what}"))
    }

    /// Marks the death of a worker.
    pub(super) fn mark_kill(&mut self, pid: u32) -> io::Result<()> {
        self.flow = Flow::Broken;
        self.seen.kills += 1;
        let (number, at) = (self.seen.kills, self.seen.text.len());
        self.screen.mark(&format!(
            "kill {number} at byte {at}: process {pid} -> a new process goes on from the store"
        ))
    }

    /// Notes how sure a joint of the text is.
    pub(super) fn join(&mut self, label: String) {
        self.seen.seams.push(label);
    }

    /// Notes the end, or why there is none.
    pub(super) fn end(&mut self, failure: Option<String>) {
        self.seen.failure = failure;
        self.seen.took = self.began.elapsed();
    }
}
