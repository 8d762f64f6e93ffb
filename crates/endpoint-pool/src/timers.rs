//! Instants at which tickets are looked at again, earliest first. Whether a ticket that comes due
//! still cares is the caller's to know.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use retry_policy::Nanos;

use crate::tickets::Key;

/// The least number of entries that is worth a sweep.
const SWEEP_MIN: usize = 64;

/// A queue of instants. Entries of tickets that are over stay until they come due or are swept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Nanos, Key)>>,
    sweep_at: usize,
}

impl Timers {
    /// Adds an instant; `is_live` tells, when it is time to sweep, which tickets still care.
    pub(crate) fn push(&mut self, at: Nanos, key: Key, is_live: impl Fn(Key) -> bool) {
        if self.heap.len() >= self.sweep_at.max(SWEEP_MIN) {
            self.heap.retain(|Reverse((_, key))| is_live(*key));
            // Twice what is live: a sweep costs each push a constant.
            self.sweep_at = 2 * self.heap.len();
        }
        self.heap.push(Reverse((at, key)));
    }

    /// The earliest instant of a ticket that still cares.
    pub(crate) fn next(&mut self, is_live: impl Fn(Key) -> bool) -> Option<Nanos> {
        while let Some(&Reverse((at, key))) = self.heap.peek() {
            if is_live(key) {
                return Some(at);
            }
            self.heap.pop();
        }
        None
    }

    /// Takes a ticket whose instant has come.
    pub(crate) fn pop_due(&mut self, now: Nanos) -> Option<Key> {
        let &Reverse((at, key)) = self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        Some(key)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn key(slot: u32) -> Key {
        Key { slot, generation: 0 }
    }

    #[test]
    fn what_is_due_comes_earliest_first() {
        let mut timers = Timers::default();
        for at in [3, 1, 2] {
            timers.push(Nanos(at), key(u32::try_from(at).unwrap()), |_| true);
        }
        assert_eq!(timers.pop_due(Nanos(2)), Some(key(1)));
        assert_eq!(timers.pop_due(Nanos(2)), Some(key(2)));
        assert_eq!(timers.pop_due(Nanos(2)), None);
        assert_eq!(timers.next(|_| true), Some(Nanos(3)));
        assert_eq!(timers.next(|_| false), None);
    }

    #[test]
    fn tickets_that_are_over_do_not_pile_up() {
        let mut timers = Timers::default();
        for slot in 0..100_000 {
            timers.push(Nanos(u64::from(slot)), key(slot), |key| key.slot % 1000 == 0);
        }
        assert!(timers.len() < 1000, "{}", timers.len());
    }
}
