//! Persist, then deliver: records go to the journal before their events go to the outbox.

use checkpoint_store::StoreError;
use resume::{Frame, Record, Seq};
use std::task::{Context, Poll, ready};

use super::journal::{Appended, Journal};
use super::outbox::Item;
use super::{Driver, Phase};
use crate::event::Events;

/// What the store had no room for.
pub(super) enum Stalled {
    Record(Seq, Record),
    /// An event, and how many of its records are appended.
    Frame(Seq, Frame, usize),
}

impl Driver {
    pub(super) fn append_record(&mut self, seq: Seq, record: Record) {
        match self.journal.append(seq.0, &[record.as_ref()]) {
            Appended::Yes => self.cut_outbox(),
            Appended::Full => self.stalled = Some(Box::new(Stalled::Record(seq, record))),
        }
    }

    /// Appends an event's records from number `from` on, then queues it for the consumer.
    pub(super) fn append_frame(&mut self, seq: Seq, frame: Frame, from: usize) {
        let first = seq.0 + 1 - frame.records().count() as u64;
        let journal = &mut self.journal;
        let full = frame.records().enumerate().skip(from).find(|(at, pieces)| {
            matches!(journal.append(first + *at as u64, pieces), Appended::Full)
        });
        if let Some(at) = full.map(|(at, _)| at) {
            self.stalled = Some(Box::new(Stalled::Frame(seq, frame, at)));
            return;
        }
        let text = frame.text.clone();
        if self.events == Events::All {
            self.outbox.push(seq.0, Item::Frame(frame));
        }
        if !text.is_empty() {
            self.outbox.push(seq.0, Item::Text(text));
        }
        self.cut_outbox();
    }

    pub(super) fn poll_stalled(&mut self, cx: &mut Context<'_>, stalled: Box<Stalled>) -> Poll<()> {
        let bytes = stalled.bytes();
        let room = self.poll_store(cx, |journal, cx| journal.poll_room(cx, bytes));
        if room.is_pending() {
            self.stalled = Some(stalled);
            return Poll::Pending;
        }
        match *stalled {
            Stalled::Record(seq, record) => self.append_record(seq, record),
            Stalled::Frame(seq, frame, from) => self.append_frame(seq, frame, from),
        }
        Poll::Ready(())
    }

    /// Waits for the store alone. Its failure frees what waits.
    pub(super) fn poll_store(
        &mut self,
        cx: &mut Context<'_>,
        wait: impl FnOnce(&mut Journal, &mut Context<'_>) -> Poll<()>,
    ) -> Poll<()> {
        let waited = wait(&mut self.journal, cx);
        match ready!(self.patience.wait(cx, waited)) {
            Ok(()) => self.cut_outbox(),
            Err(error) => self.lose_store(error),
        }
        Poll::Ready(())
    }

    pub(super) fn lose_store(&mut self, error: StoreError) {
        self.journal.fail(error);
        self.cut_outbox();
    }

    /// The store fails while the end waits for it: nothing waits any longer.
    pub(super) fn lose_ending(&mut self, error: StoreError) {
        if let Phase::Ending(ending) = &mut self.phase {
            ending.abandon();
        }
        self.lose_store(error);
        self.tell_late_failure();
    }

    /// When the store failed for good, what is not durable is never delivered.
    pub(super) fn cut_outbox(&mut self) {
        if self.journal.stops() {
            self.outbox.cut(self.journal.deliverable());
        }
    }
}

impl Stalled {
    /// Bytes of the record that found no room.
    fn bytes(&self) -> usize {
        match self {
            Self::Record(_, record) => record.as_ref().len(),
            Self::Frame(_, frame, at) => {
                let pieces = frame.records().nth(*at).unwrap_or_default();
                pieces.iter().map(|piece| piece.len()).sum()
            }
        }
    }
}
