//! `Tails`: who waits for the next change of a stream, in a backend whose changes all pass through
//! this process. It knows nothing of what changed.

use std::collections::HashMap;

use crate::StreamNo;
use crate::lock::Lock;
use crate::waiters::{Waiter, Waiters};

/// The waiters of every stream that somebody waits for.
#[derive(Debug, Default)]
pub(crate) struct Tails(Lock<HashMap<StreamNo, Waiters>>);

impl Tails {
    /// A slot that [`changed`](Self::changed) wakes; park it before looking at the stream.
    pub(crate) fn enroll(&self, stream: StreamNo) -> Waiter {
        self.0.hold().entry(stream).or_default().enroll()
    }

    /// Wakes whoever waits for this stream.
    pub(crate) fn changed(&self, stream: StreamNo) {
        let mut tails = self.0.hold();
        let Some(waiters) = tails.get(&stream).cloned() else { return };
        if waiters.is_empty() {
            // Nobody is left; whoever comes next makes a new entry.
            tails.remove(&stream);
            return;
        }
        drop(tails);
        waiters.wake_all();
    }

    /// Wakes everyone: nothing will change any more.
    #[cfg(any(feature = "sled", feature = "redb"))]
    pub(crate) fn all_changed(&self) {
        let tails: Vec<Waiters> = self.0.hold().values().cloned().collect();
        tails.iter().for_each(Waiters::wake_all);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn only_the_waiters_of_the_stream_are_woken_and_none_are_kept() {
        let tails = Tails::default();
        let count = Arc::new(Count::default());
        let waiter = tails.enroll(StreamNo::new(1));
        waiter.park(&Waker::from(Arc::clone(&count)));
        tails.changed(StreamNo::new(2));
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        tails.changed(StreamNo::new(1));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        drop(waiter);
        tails.changed(StreamNo::new(1));
        assert!(tails.0.hold().is_empty());
    }
}
