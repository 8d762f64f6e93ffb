//! `Tails`: who waits for the next change of a stream, in a backend whose changes all pass through
//! this process. It knows nothing of what changed, and holds nothing of a stream nobody waits for.
//! Wakers are cloned, woken and dropped outside the lock: each may run code of whoever made them.

use std::collections::HashMap;
use std::task::Waker;

use crate::StreamNo;
use crate::lock::Lock;

/// Everyone who waits, by stream.
#[derive(Debug, Default)]
pub(crate) struct Tails(Lock<Parked>);

#[derive(Debug, Default)]
struct Parked {
    tails: u64,
    wakers: HashMap<StreamNo, HashMap<u64, Waker>>,
}

/// One who may wait for a stream.
#[derive(Debug)]
pub(crate) struct Tail<'a> {
    tails: &'a Tails,
    stream: StreamNo,
    number: u64,
}

impl Tails {
    /// Someone who is woken by [`changed`](Self::changed) once parked.
    pub(crate) fn tail(&self, stream: StreamNo) -> Tail<'_> {
        let mut parked = self.0.hold();
        parked.tails += 1;
        Tail { tails: self, stream, number: parked.tails }
    }

    /// Wakes whoever is parked at this stream.
    pub(crate) fn changed(&self, stream: StreamNo) {
        let woken = self.0.hold().wakers.remove(&stream);
        // Outside the lock: a waker may poll at once and park again.
        woken.into_iter().flat_map(HashMap::into_values).for_each(Waker::wake);
    }

    /// Wakes everyone: nothing will change any more.
    #[cfg(any(feature = "sled", feature = "redb"))]
    pub(crate) fn all_changed(&self) {
        let woken = std::mem::take(&mut self.0.hold().wakers);
        woken.into_values().flat_map(HashMap::into_values).for_each(Waker::wake);
    }
}

impl Tail<'_> {
    /// Asks to be woken; call this before looking at the stream.
    pub(crate) fn park(&self, waker: &Waker) {
        let waker = waker.clone();
        let mut parked = self.tails.0.hold();
        let before = parked.wakers.entry(self.stream).or_default().insert(self.number, waker);
        drop(parked);
        drop(before);
    }

    /// Whether nothing has woken it since it was parked. It then stays parked, with `waker`.
    #[cfg(any(feature = "sled", feature = "redb"))]
    pub(crate) fn is_still_parked(&self, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut parked = self.tails.0.hold();
        let stream = parked.wakers.get_mut(&self.stream);
        let place = stream.and_then(|wakers| wakers.get_mut(&self.number));
        // The one of the two that is not kept.
        let (is_parked, other) = match place {
            Some(place) => (true, std::mem::replace(place, waker)),
            None => (false, waker),
        };
        drop(parked);
        drop(other);
        is_parked
    }
}

impl Drop for Tail<'_> {
    fn drop(&mut self) {
        let mut parked = self.tails.0.hold();
        let Some(wakers) = parked.wakers.get_mut(&self.stream) else { return };
        let waker = wakers.remove(&self.number);
        if wakers.is_empty() {
            parked.wakers.remove(&self.stream);
        }
        drop(parked);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    const STREAM: StreamNo = StreamNo::new(1);

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Count {
        fn park(self: &Arc<Self>, tail: &Tail<'_>) {
            tail.park(&Waker::from(Arc::clone(self)));
        }

        fn woken(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn only_the_tails_of_the_stream_are_woken_once_per_park() {
        let (tails, count) = (Tails::default(), Arc::new(Count::default()));
        let (first, second) = (tails.tail(STREAM), tails.tail(STREAM));
        count.park(&first);
        count.park(&first);
        count.park(&second);
        tails.changed(StreamNo::new(2));
        assert_eq!(count.woken(), 0);
        tails.changed(STREAM);
        tails.changed(STREAM);
        assert_eq!(count.woken(), 2);
    }

    /// Counts how often the lock was held when a waker was woken or dropped.
    struct Look(Arc<Tails>, Arc<AtomicUsize>);

    impl Look {
        fn look(&self) {
            self.1.fetch_add(usize::from(!self.0.0.is_free()), Ordering::Relaxed);
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
        let tails = Arc::new(Tails::default());
        let locked = Arc::new(AtomicUsize::new(0));
        let look = || Waker::from(Arc::new(Look(Arc::clone(&tails), Arc::clone(&locked))));
        let tail = tails.tail(STREAM);
        tail.park(&look());
        tail.park(&look());
        #[cfg(any(feature = "sled", feature = "redb"))]
        assert!(tail.is_still_parked(&look()));
        tails.changed(STREAM);
        tail.park(&look());
        drop(tail);
        assert_eq!(locked.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_tail_that_is_gone_leaves_nothing_and_the_others() {
        let (tails, count) = (Tails::default(), Arc::new(Count::default()));
        let (first, second) = (tails.tail(STREAM), tails.tail(STREAM));
        count.park(&first);
        count.park(&second);
        drop(first);
        tails.changed(STREAM);
        assert_eq!(count.woken(), 1);
        count.park(&second);
        drop(second);
        assert!(tails.0.hold().wakers.is_empty());
    }
}
