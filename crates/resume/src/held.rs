//! Events that must not be delivered yet, in order, within a limit.

use bytes::Bytes;
use protocol::Spans;
use std::collections::VecDeque;

use crate::transcript::{Note, Tool};

/// One upstream event on its way downstream.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) note: Note,
    pub(crate) name: Bytes,
    pub(crate) data: Bytes,
    pub(crate) spans: Spans,
}

/// An event that waits, with its text.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) event: Event,
    pub(crate) text: String,
    /// The text is not what the event's data say.
    pub(crate) trimmed: Trimmed,
}

/// Whether an event's data must be made to say its text again: the seam removed some, or half a
/// character of it lies in a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trimmed {
    No,
    Yes,
}

/// The queue of waiting events.
#[derive(Debug, Default)]
pub(crate) struct Held {
    events: VecDeque<Waiting>,
    bytes: usize,
}

impl Held {
    /// Bytes of data that wait.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn push(&mut self, event: Event, text: String, trimmed: Trimmed) {
        self.bytes += event.data.len() + text.len();
        self.events.push_back(Waiting { event, text, trimmed });
    }

    /// The next event.
    pub(crate) fn front(&self) -> Option<&Event> {
        self.events.front().map(|waiting| &waiting.event)
    }

    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        let waiting = self.events.pop_front();
        if self.events.is_empty() {
            // Most responses hold nothing after their beginning.
            *self = Self::default();
        }
        waiting
    }

    /// Removes the first `bytes` of waiting text, and the events that only held such text.
    pub(crate) fn eat(&mut self, mut bytes: usize) {
        self.events.retain_mut(|waiting| {
            let eaten = bytes.min(waiting.text.len());
            let half = waiting.text.is_empty() && waiting.trimmed == Trimmed::Yes;
            if eaten == 0 && !(half && bytes > 0) {
                return true;
            }
            bytes -= eaten;
            waiting.text.drain(..eaten);
            waiting.trimmed = Trimmed::Yes;
            let note = &waiting.event.note;
            let says_more = note.stop.is_some() || note.tool == Tool::Call || note.also_other;
            !waiting.text.is_empty() || says_more
        });
        debug_assert_eq!(bytes, 0, "the seam drops only held text");
    }
}
