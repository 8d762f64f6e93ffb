//! `Waiters`: who to wake when something moves. Each handle owns one slot, so a handle that polls
//! forever costs one waker. It knows nothing of what is waited for. Wakers are cloned, woken and
//! dropped outside the lock: each of those may run code of whoever made them.

use std::sync::Arc;
use std::task::Waker;

use crate::lock::Lock;

/// The slots of everyone who may wait for one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiters {
    slots: Arc<Lock<Slots>>,
}

#[derive(Debug, Default)]
struct Slots {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

/// One slot; given back on drop.
#[derive(Debug)]
pub(crate) struct Waiter {
    slots: Arc<Lock<Slots>>,
    slot: usize,
}

impl Waiters {
    pub(crate) fn enroll(&self) -> Waiter {
        let mut slots = self.slots.hold();
        let slot = slots.free.pop().unwrap_or(slots.wakers.len());
        if slot == slots.wakers.len() {
            slots.wakers.push(None);
        }
        Waiter { slots: Arc::clone(&self.slots), slot }
    }

    /// Wakes everyone who parked before this call.
    pub(crate) fn wake_all(&self) {
        let mut from = 0;
        // One at a time and outside the lock: a waker may poll at once and park again.
        while let Some((slot, waker)) = self.take_from(from) {
            waker.wake();
            from = slot + 1;
        }
    }

    fn take_from(&self, from: usize) -> Option<(usize, Waker)> {
        let mut slots = self.slots.hold();
        let parked = slots.wakers.iter_mut().enumerate().skip(from);
        parked.into_iter().find_map(|(slot, waker)| Some((slot, waker.take()?)))
    }
}

impl Waiter {
    /// Asks to be woken; call this before looking at what is waited for.
    pub(crate) fn park(&self, waker: &Waker) {
        let is_same = |parked: &Waker| parked.will_wake(waker);
        if self.slots.hold().wakers[self.slot].as_ref().is_some_and(is_same) {
            return;
        }
        self.put(Some(waker.clone()));
    }

    fn put(&self, waker: Option<Waker>) {
        let before = std::mem::replace(&mut self.slots.hold().wakers[self.slot], waker);
        drop(before);
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.put(None);
        // Only now can the slot be another's.
        self.slots.hold().free.push(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn every_parked_waiter_is_woken_once_per_park() {
        let waiters = Waiters::default();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let (first, second) = (waiters.enroll(), waiters.enroll());
        first.park(&waker);
        first.park(&waker);
        second.park(&waker);
        waiters.wake_all();
        waiters.wake_all();
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
    }

    /// Counts how often the lock was held when a waker was woken or dropped.
    struct Look(Arc<Lock<Slots>>, Arc<AtomicUsize>);

    impl Look {
        fn look(&self) {
            self.1.fetch_add(usize::from(!self.0.is_free()), Ordering::Relaxed);
        }
    }

    impl Wake for Look {
        fn wake(self: Arc<Self>) {
            self.look();
        }
    }

    impl Drop for Look {
        fn drop(&mut self) {
            self.look();
        }
    }

    #[test]
    fn wakers_are_woken_and_dropped_outside_the_lock() {
        let waiters = Waiters::default();
        let locked = Arc::new(AtomicUsize::new(0));
        let look = || Waker::from(Arc::new(Look(Arc::clone(&waiters.slots), Arc::clone(&locked))));
        let waiter = waiters.enroll();
        waiter.park(&look());
        waiter.park(&look());
        waiters.wake_all();
        waiter.park(&look());
        drop(waiter);
        assert_eq!(locked.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn slots_are_used_again() {
        let waiters = Waiters::default();
        for _ in 0..10 {
            drop(waiters.enroll());
        }
        assert_eq!(waiters.slots.hold().wakers.len(), 1);
    }
}
