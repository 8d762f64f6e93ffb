//! Events between the engine and the consumer, each held until its record is durable.

use resume::{Frame, Seam, State};
use std::collections::VecDeque;
use std::ops::Range;

/// A bounded queue; order is the engine's.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    items: VecDeque<(u64, Item)>,
    bytes: usize,
}

/// One event before it is handed out.
#[derive(Debug)]
pub(crate) enum Item {
    /// A range of the session's text.
    Text(Range<usize>),
    Frame(Frame),
    Seam(Seam),
    State(State),
}

impl Outbox {
    /// Adds an event that may be delivered once the record `seq` is durable; 0 is at once.
    pub(crate) fn push(&mut self, seq: u64, item: Item) {
        self.bytes += item.bytes();
        if self.items.capacity() == 0 {
            self.items.reserve_exact(OUTBOX_EVENTS_USUAL);
        }
        self.items.push_back((seq, item));
    }

    /// The next event, if its record is among the first `durable` ones.
    pub(crate) fn pop(&mut self, durable: u64) -> Option<Item> {
        if self.items.front()?.0 > durable {
            return None;
        }
        let (_, item) = self.items.pop_front()?;
        self.bytes -= item.bytes();
        Some(item)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The record that the next event waits for.
    pub(crate) fn awaited(&self) -> Option<u64> {
        self.items.front().map(|(seq, _)| *seq)
    }

    /// Whether the engine has to wait for the consumer or the store.
    pub(crate) fn is_full(&self) -> bool {
        self.items.len() >= OUTBOX_EVENTS_MAX || self.bytes >= OUTBOX_BYTES_MAX
    }

    /// Drops what can never be delivered: all after the first event that waits for a record
    /// above `durable`.
    pub(crate) fn cut(&mut self, durable: u64) {
        let keep = self.items.iter().take_while(|(seq, _)| *seq <= durable).count();
        self.items.truncate(keep);
        self.bytes = self.items.iter().map(|(_, item)| item.bytes()).sum();
    }
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(range) => range.len(),
            Self::Frame(frame) => frame.name.len() + frame.data.len(),
            Self::Seam(_) | Self::State(_) => 0,
        }
    }
}

/// Events between two polls of a consumer that takes them as they come: an event and its text.
const OUTBOX_EVENTS_USUAL: usize = 2;
/// Events that wait for the store at most.
pub(crate) const OUTBOX_EVENTS_MAX: usize = 4096;
/// Bytes of events that wait for the store at most; one event may exceed it.
pub(crate) const OUTBOX_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(range: Range<usize>) -> Item {
        Item::Text(range)
    }

    #[test]
    fn an_event_waits_for_its_record_and_those_behind_it_wait_too() {
        let mut outbox = Outbox::default();
        outbox.push(3, text(0..4));
        outbox.push(0, Item::State(State::Done));
        assert!(outbox.pop(2).is_none());
        assert_eq!(outbox.awaited(), Some(3));
        assert!(matches!(outbox.pop(3), Some(Item::Text(range)) if range == (0..4)));
        assert!(matches!(outbox.pop(3), Some(Item::State(State::Done))));
        assert!(outbox.pop(3).is_none());
    }

    #[test]
    fn it_is_full_at_its_count() {
        let mut outbox = Outbox::default();
        for _ in 0..OUTBOX_EVENTS_MAX {
            assert!(!outbox.is_full());
            outbox.push(1, text(0..1));
        }
        assert!(outbox.is_full());
        outbox.pop(1);
        assert!(!outbox.is_full());
    }

    #[test]
    fn it_is_full_at_its_bytes() {
        let mut outbox = Outbox::default();
        outbox.push(1, text(0..OUTBOX_BYTES_MAX - 1));
        assert!(!outbox.is_full());
        outbox.push(2, text(0..1));
        assert!(outbox.is_full());
        outbox.cut(1);
        assert!(!outbox.is_full());
        assert!(outbox.pop(9).is_some() && outbox.pop(9).is_none());
    }
}
