//! The table of live tickets: slots that are used again, each with a generation, so that a report
//! on a ticket that is over finds nothing.

use retry_policy::Nanos;

use crate::{EndpointId, Purpose, Request, Ticket};

/// Finds an entry; the part of a [`Ticket`] that identifies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// All live tickets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tickets {
    entries: Vec<Entry>,
    free: Vec<u32>,
    asked: u64,
}

/// One live ticket, or a free slot.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    generation: u32,
    pub(crate) order: u64,
    pub(crate) request: Request,
    pub(crate) asked_at: Nanos,
    pub(crate) stage: Stage,
}

/// Where a ticket is in its life.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// The slot is free.
    Over,
    /// Nothing is decided yet.
    Asked,
    /// It waits for its own `not_before`.
    Delayed,
    /// It stands in the queue.
    Queued,
    /// It was granted.
    Granted(Permit),
}

/// What is known of a granted attempt.
#[derive(Clone, Debug)]
pub(crate) struct Permit {
    pub(crate) endpoint: EndpointId,
    pub(crate) purpose: Purpose,
    pub(crate) at: Nanos,
    /// Of the endpoint's health when it was granted: older evidence counts for nothing.
    pub(crate) epoch: u32,
    /// Of the endpoint's window when it was granted: one loss shrinks it once.
    pub(crate) round: u32,
    /// What it weighs in the load of its endpoint.
    pub(crate) units: u32,
    pub(crate) progress: Progress,
    pub(crate) last_sign: Nanos,
    /// Whether the server has said, since its head, what is left of the quotas.
    pub(crate) is_measured: bool,
    pub(crate) actual: Option<crate::Tokens>,
}

/// How far the response of an attempt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Progress {
    /// Nothing.
    Asked,
    /// A head.
    Head,
    /// A byte of the body.
    Alive,
    /// Content.
    Content,
}

impl Tickets {
    pub(crate) fn insert(&mut self, request: Request, now: Nanos) -> Ticket {
        let order = request.follows.map_or(self.asked, |earlier| earlier.order);
        self.asked += 1;
        let entry = Entry { generation: 0, order, request, asked_at: now, stage: Stage::Asked };
        let Some(slot) = self.free.pop() else {
            let slot = u32::try_from(self.entries.len()).expect("the queue's limit is far below");
            self.entries.push(entry);
            return Ticket { slot, generation: 0, order };
        };
        let place = &mut self.entries[slot as usize];
        let generation = place.generation;
        *place = Entry { generation, ..entry };
        Ticket { slot, generation, order }
    }

    pub(crate) fn remove(&mut self, key: Key) {
        let entry = &mut self.entries[key.slot as usize];
        debug_assert_eq!(entry.generation, key.generation, "only a live ticket is removed");
        entry.generation = entry.generation.wrapping_add(1);
        entry.stage = Stage::Over;
        self.free.push(key.slot);
    }

    pub(crate) fn find(&self, key: Key) -> Option<&Entry> {
        let entry = self.entries.get(key.slot as usize)?;
        (entry.generation == key.generation && !matches!(entry.stage, Stage::Over)).then_some(entry)
    }

    pub(crate) fn find_mut(&mut self, key: Key) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(key.slot as usize)?;
        (entry.generation == key.generation && !matches!(entry.stage, Stage::Over)).then_some(entry)
    }

    /// The entry in a slot that is known to be live.
    pub(crate) fn at(&self, slot: u32) -> &Entry {
        &self.entries[slot as usize]
    }

    pub(crate) fn is_delayed(&self, key: Key) -> bool {
        self.find(key).is_some_and(|entry| matches!(entry.stage, Stage::Delayed))
    }

    pub(crate) fn is_queued(&self, key: Key) -> bool {
        self.find(key).is_some_and(|entry| matches!(entry.stage, Stage::Queued))
    }

    /// The tickets that wait for their own time, in slots from `from` on.
    pub(crate) fn next_delayed(&self, from: u32) -> Option<Key> {
        let rest = self.entries.get(from as usize..)?;
        let (slot, entry) =
            (from..).zip(rest).find(|(_, entry)| matches!(entry.stage, Stage::Delayed))?;
        Some(Key { slot, generation: entry.generation })
    }

    /// The tickets that wait and that another pool can take.
    pub(crate) fn spares(&self) -> Vec<Key> {
        let waits = |entry: &Entry| matches!(entry.stage, Stage::Delayed | Stage::Queued);
        let spares = (0..)
            .zip(&self.entries)
            .filter(|(_, entry)| entry.request.spare.is_some() && waits(entry));
        spares.map(|(slot, entry)| Key { slot, generation: entry.generation }).collect()
    }

    pub(crate) fn ticket(&self, slot: u32) -> Ticket {
        let entry = self.at(slot);
        Ticket { slot, generation: entry.generation, order: entry.order }
    }
}

impl Ticket {
    pub(crate) const fn key(self) -> Key {
        Key { slot: self.slot, generation: self.generation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn a_ticket_that_is_over_is_not_found_in_its_slots_next_life() {
        let mut tickets = Tickets::default();
        let first = tickets.insert(Request::new(Kind::First), Nanos::ZERO);
        tickets.remove(first.key());
        assert!(tickets.find(first.key()).is_none());
        let second = tickets.insert(Request::new(Kind::First), Nanos::ZERO);
        assert_eq!(second.slot, first.slot);
        assert!(tickets.find(first.key()).is_none());
        assert!(tickets.find(second.key()).is_some());
    }

    #[test]
    fn a_ticket_that_follows_takes_the_place_of_the_earlier_one() {
        let mut tickets = Tickets::default();
        let first = tickets.insert(Request::new(Kind::First), Nanos::ZERO);
        let other = tickets.insert(Request::new(Kind::First), Nanos::ZERO);
        tickets.remove(first.key());
        let retry = Request { follows: Some(first), ..Request::new(Kind::Retry) };
        let again = tickets.insert(retry, Nanos::ZERO);
        assert!(again.order < other.order);
    }
}
