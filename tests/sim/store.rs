//! The journal and the outbox: records become durable in groups, and an event is delivered
//! when its record is. A process that dies leaves a prefix of what it appended.

use resume::{Frame, Seq};

use crate::dice::Dice;
use crate::scenario::Durability;

/// What is appended and what of it is durable.
#[derive(Debug)]
pub(crate) struct Store {
    durability: Durability,
    pub(crate) records: Vec<Record>,
    durable: usize,
    /// Events of which the record is not durable yet end here.
    delivered: usize,
    /// The store failed and the stream goes on without it.
    pub(crate) failed: bool,
    /// Events that were delivered without a record.
    unrecorded: Vec<Delivery>,
}

/// One record, and the event that is delivered with it.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) bytes: Vec<u8>,
    event: Option<Delivery>,
}

/// An event for the consumer with its text.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) frame: Frame,
    pub(crate) text: String,
}

impl Store {
    pub(crate) const fn new(durability: Durability) -> Self {
        Self {
            durability,
            records: Vec::new(),
            durable: 0,
            delivered: 0,
            failed: false,
            unrecorded: Vec::new(),
        }
    }

    /// Appends one record; `seq` must be its number.
    pub(crate) fn append(
        &mut self,
        seq: Seq,
        bytes: Vec<u8>,
        event: Option<Delivery>,
    ) -> Result<(), String> {
        if self.failed {
            self.unrecorded.extend(event);
            return Ok(());
        }
        self.records.push(Record { bytes, event });
        let expected = self.records.len() as u64;
        if seq.0 == expected {
            Ok(())
        } else {
            Err(format!("record {seq} where {expected} is due"))
        }
    }

    /// Makes everything so far durable; the number of the last record when that is news.
    pub(crate) const fn commit(&mut self) -> Option<Seq> {
        if self.failed || self.durable == self.records.len() {
            return None;
        }
        self.durable = self.records.len();
        Some(Seq(self.durable as u64))
    }

    /// When the next group becomes durable, from now, if anything waits.
    pub(crate) fn lag(&self, dice: &mut Dice) -> Option<u64> {
        let waits = !self.failed && self.durable < self.records.len();
        waits.then(|| match self.durability {
            Durability::Immediate => 0,
            Durability::Lagging => dice.below(60_000_000) as u64,
        })
    }

    pub(crate) const fn is_immediate(&self) -> bool {
        matches!(self.durability, Durability::Immediate)
    }

    /// The events that may be delivered now and were not yet, in order.
    pub(crate) fn release(&mut self) -> Vec<Delivery> {
        let end = if self.failed { self.records.len() } else { self.durable };
        let from = self.delivered.min(end);
        self.delivered = end;
        let mut events: Vec<_> =
            self.records[from..end].iter().filter_map(|record| record.event.clone()).collect();
        events.append(&mut self.unrecorded);
        events
    }

    /// The process dies: what was durable is kept, and any part of the rest.
    pub(crate) fn crash(&mut self, dice: &mut Dice) {
        let kept = dice.between(self.durable, self.records.len());
        self.records.truncate(kept);
        self.durable = kept;
    }

    pub(crate) fn bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.records.iter().map(|record| record.bytes.as_slice())
    }
}
