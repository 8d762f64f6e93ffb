//! The journal and the outbox: records become durable in groups, and an event is delivered
//! when its record is. A process that dies leaves a prefix of what it appended.

use resume::{Frame, Seq};

use crate::committer::Committer;
use crate::dice::Dice;
use crate::scenario::Durability;

/// What is appended and what of it is durable.
#[derive(Debug)]
pub(crate) struct Store {
    /// What makes records durable; none where they are so at once.
    committer: Option<Committer>,
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
    pub(crate) fn new(durability: Durability, dice: &mut Dice) -> Self {
        Self {
            committer: match durability {
                Durability::Immediate => None,
                Durability::Lagging => Some(Committer::new(dice)),
            },
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
        if let Some(committer) = &mut self.committer {
            committer.append(&bytes)?;
        }
        self.records.push(Record { bytes, event });
        let expected = self.records.len() as u64;
        if seq.0 == expected {
            Ok(())
        } else {
            Err(format!("record {seq} where {expected} is due"))
        }
    }

    /// Does what is due at `now`: when there is more to do, in nanoseconds from now, and the number
    /// of the last durable record when that is news.
    pub(crate) fn commit(&mut self, now: u64, dice: &mut Dice) -> (Option<u64>, Option<Seq>) {
        if self.failed {
            return (None, None);
        }
        let (rest, durable) = match &mut self.committer {
            None => (None, self.records.len()),
            Some(committer) => (committer.poll(now, dice), committer.durable()),
        };
        let is_news = durable > self.durable;
        self.durable = durable;
        (rest, is_news.then_some(Seq(durable as u64)))
    }

    /// Makes everything durable, whatever time that takes.
    pub(crate) fn settle(&mut self, mut now: u64, dice: &mut Dice) {
        while !self.failed && self.durable < self.records.len() {
            let (rest, _) = self.commit(now, dice);
            now += rest.unwrap_or(0);
        }
    }

    /// At most so many of the events that may be delivered now and were not yet, in order.
    pub(crate) fn release(&mut self, most: usize) -> Vec<Delivery> {
        let end = if self.failed { self.records.len() } else { self.durable };
        let mut events = Vec::new();
        while self.delivered < end && events.len() < most {
            events.extend(self.records[self.delivered].event.clone());
            self.delivered += 1;
        }
        if self.delivered >= end {
            let more = self.unrecorded.len().min(most - events.len());
            events.extend(self.unrecorded.drain(..more));
        }
        events
    }

    /// The process dies: what was durable is kept, and any part of the rest.
    pub(crate) fn crash(&mut self, now: u64, dice: &mut Dice) -> Result<(), String> {
        let kept = match &mut self.committer {
            None => dice.between(self.durable, self.records.len()),
            Some(committer) => {
                let left = committer.crash(now, dice);
                let is_prefix = left.iter().eq(self.bytes().take(left.len()));
                if left.len() < self.durable || !is_prefix {
                    return Err(format!("{} records are left of {}", left.len(), self.durable));
                }
                left.len()
            }
        };
        self.records.truncate(kept);
        self.durable = kept;
        Ok(())
    }

    pub(crate) fn bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.records.iter().map(|record| record.bytes.as_slice())
    }
}
