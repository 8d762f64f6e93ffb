//! Journals in memory that nobody asked for: when the caller names no store, a finished
//! response is forgotten and of the unfinished ones the latest are kept. It deletes nothing
//! itself.

use checkpoint_store::StreamId;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// The streams of a client whose journals are in memory.
#[derive(Debug, Default)]
pub(crate) struct Leftovers(Mutex<Left>);

#[derive(Debug, Default)]
struct Left {
    /// How many hold each stream: two for a moment when one takes it over from another.
    live: HashMap<StreamId, usize>,
    finished: Vec<StreamId>,
    /// Oldest first.
    unfinished: VecDeque<StreamId>,
}

/// How a stream was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// The provider had finished: there is nothing to go on with.
    Finished,
    /// Somebody may want to go on with it.
    Unfinished,
}

impl Leftovers {
    /// Somebody begins it or goes on with it.
    pub(crate) fn take_up(&self, id: &StreamId) {
        self.with(|left| {
            *left.live.entry(id.clone()).or_default() += 1;
            left.finished.retain(|other| other != id);
            left.unfinished.retain(|other| other != id);
        });
    }

    /// Somebody lets go of it.
    pub(crate) fn leave(&self, id: &StreamId, leaving: Leaving) {
        self.with(|left| {
            let holders = left.live.remove(id).unwrap_or(1) - 1;
            match leaving {
                _ if holders > 0 => drop(left.live.insert(id.clone(), holders)),
                Leaving::Finished => left.finished.push(id.clone()),
                Leaving::Unfinished => left.unfinished.push_back(id.clone()),
            }
        });
    }

    /// A journal that is to be deleted.
    pub(crate) fn next_surplus(&self) -> Option<StreamId> {
        self.with(|left| {
            let surplus = left.unfinished.len() > UNFINISHED_KEPT_MAX;
            left.finished.pop().or_else(|| surplus.then(|| left.unfinished.pop_front()).flatten())
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Left) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Unfinished streams that can be resumed when the caller named no store.
pub(crate) const UNFINISHED_KEPT_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> StreamId {
        StreamId::new(number.to_string()).unwrap()
    }

    fn left(leftovers: &Leftovers, number: usize, leaving: Leaving) {
        leftovers.take_up(&id(number));
        leftovers.leave(&id(number), leaving);
    }

    #[test]
    fn finished_ones_are_surplus_and_unfinished_ones_only_beyond_the_limit() {
        let leftovers = Leftovers::default();
        for number in 0..UNFINISHED_KEPT_MAX {
            left(&leftovers, number, Leaving::Unfinished);
        }
        assert_eq!(leftovers.next_surplus(), None);
        left(&leftovers, 1000, Leaving::Finished);
        assert_eq!(leftovers.next_surplus(), Some(id(1000)));
        left(&leftovers, 2000, Leaving::Unfinished);
        assert_eq!(leftovers.next_surplus(), Some(id(0)));
        assert_eq!(leftovers.next_surplus(), None);
    }

    #[test]
    fn one_that_somebody_holds_is_not_surplus() {
        let leftovers = Leftovers::default();
        left(&leftovers, 1, Leaving::Finished);
        leftovers.take_up(&id(1));
        leftovers.take_up(&id(1));
        leftovers.leave(&id(1), Leaving::Finished);
        assert_eq!(leftovers.next_surplus(), None);
        leftovers.leave(&id(1), Leaving::Finished);
        assert_eq!(leftovers.next_surplus(), Some(id(1)));
    }
}
