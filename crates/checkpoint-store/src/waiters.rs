//! `Waiters`: who to wake when something moves. Each handle owns one slot, so a handle that polls
//! forever costs one waker. It knows nothing of what is waited for.

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
        let mut slots = self.slots.hold();
        match &mut slots.wakers[self.slot] {
            Some(parked) => parked.clone_from(waker),
            empty => *empty = Some(waker.clone()),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut slots = self.slots.hold();
        slots.wakers[self.slot] = None;
        slots.free.push(self.slot);
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

    #[test]
    fn slots_are_used_again() {
        let waiters = Waiters::default();
        for _ in 0..10 {
            drop(waiters.enroll());
        }
        assert_eq!(waiters.slots.hold().wakers.len(), 1);
    }
}
