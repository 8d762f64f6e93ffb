//! One demonstration as it goes: what was received, when, and what broke. It shows and counts;
//! it judges nothing.

use client::{Break as Broke, Cause, SeamLabel};
use std::io;
use std::time::{Duration, Instant};

use super::screen::Screen;
use crate::breaks::Break;

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
    /// The text as it was shown.
    pub(super) text: String,
    /// Breaks that it went on after.
    pub(super) breaks: u32,
    /// Of which nobody listened.
    pub(super) refused: u32,
    /// The joints of the text, in order.
    pub(super) seams: Vec<SeamLabel>,
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

    /// Marks a break; `fault` is what was done to the connection.
    pub(super) fn mark(&mut self, told: &Break, fault: Option<&str>) -> io::Result<()> {
        self.flow = Flow::Broken;
        self.seen.breaks += 1;
        self.seen.refused += u32::from(matches!(told.cause, Cause::Broke(Broke::Refused)));
        self.screen.mark(self.seen.text.len(), told, fault)
    }

    /// Notes how sure a joint of the text is.
    pub(super) fn join(&mut self, label: SeamLabel) {
        self.seen.seams.push(label);
    }

    /// Notes the end, or why there is none.
    pub(super) fn end(&mut self, failure: Option<String>) {
        self.seen.failure = failure;
        self.seen.took = self.began.elapsed();
    }
}
