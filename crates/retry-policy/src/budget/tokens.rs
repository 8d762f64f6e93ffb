//! A count of tokens that threads take from and give to without a lock. It knows no prices.

use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

/// The word that holds the count; another one stands in where all interleavings are tried.
pub(super) trait Word {
    fn load(&self) -> u32;

    /// Stores `new` if the word is still `current`, else returns what it is. May fail for no
    /// reason.
    fn exchange(&self, current: u32, new: u32) -> Result<(), u32>;
}

// Relaxed throughout: the count is all that is shared, nothing else is published by it.
impl Word for AtomicU32 {
    #[inline]
    fn load(&self) -> u32 {
        self.load(Ordering::Relaxed)
    }

    #[inline]
    fn exchange(&self, current: u32, new: u32) -> Result<(), u32> {
        self.compare_exchange_weak(current, new, Ordering::Relaxed, Ordering::Relaxed).map(drop)
    }
}

pub(super) struct Tokens<W = AtomicU32>(W);

impl Tokens {
    pub(super) const fn new(tokens: u32) -> Self {
        Self(AtomicU32::new(tokens))
    }
}

impl<W: Word> Tokens<W> {
    #[inline]
    pub(super) fn available(&self) -> u32 {
        self.0.load()
    }

    /// Takes all of the tokens, or none and refuses.
    #[inline]
    pub(super) fn take(&self, tokens: u32) -> bool {
        let mut current = self.0.load();
        loop {
            let Some(rest) = current.checked_sub(tokens) else { return false };
            match self.0.exchange(current, rest) {
                Ok(()) => return true,
                Err(changed) => current = changed,
            }
        }
    }

    /// Adds the tokens as far as the capacity allows. A full bucket is not written to.
    #[inline]
    pub(super) fn give(&self, tokens: u32, capacity: u32) {
        let mut current = self.0.load();
        while current < capacity {
            match self.0.exchange(current, current.saturating_add(tokens).min(capacity)) {
                Ok(()) => return,
                Err(changed) => current = changed,
            }
        }
    }
}

impl Clone for Tokens {
    fn clone(&self) -> Self {
        Self::new(self.available())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.available().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    type Shared = Tokens<loom::sync::atomic::AtomicU32>;

    impl Word for loom::sync::atomic::AtomicU32 {
        fn load(&self) -> u32 {
            self.load(Ordering::Relaxed)
        }

        fn exchange(&self, current: u32, new: u32) -> Result<(), u32> {
            self.compare_exchange_weak(current, new, Ordering::Relaxed, Ordering::Relaxed).map(drop)
        }
    }

    fn shared(tokens: u32) -> Arc<Shared> {
        Arc::new(Tokens(loom::sync::atomic::AtomicU32::new(tokens)))
    }

    /// Runs the jobs on threads of their own and collects what they return.
    fn join<T: 'static>(jobs: [impl FnOnce() -> T + 'static; 2]) -> Vec<T> {
        let threads = jobs.map(thread::spawn);
        threads.into_iter().map(|thread| thread.join().expect("the job panicked")).collect()
    }

    #[test]
    fn threads_together_never_take_more_than_there_is() {
        loom::model(|| {
            let bucket = shared(3);
            let granted = join([2, 2].map(|tokens| {
                let bucket = Arc::clone(&bucket);
                move || bucket.take(tokens)
            }));
            assert_eq!(granted.into_iter().filter(|&granted| granted).count(), 1);
            assert_eq!(bucket.available(), 1);
        });
    }

    #[test]
    fn no_repayment_is_lost_and_none_overfills() {
        for (before, after) in [(1, 8), (5, 10)] {
            loom::model(move || {
                let bucket = shared(before);
                join([3, 4].map(|tokens| {
                    let bucket = Arc::clone(&bucket);
                    move || bucket.give(tokens, 10)
                }));
                assert_eq!(bucket.available(), after);
            });
        }
    }

    #[test]
    fn taking_and_giving_at_once_conserves_the_tokens() {
        loom::model(|| {
            let bucket = shared(3);
            let taker = Arc::clone(&bucket);
            let taken = thread::spawn(move || taker.take(4));
            bucket.give(2, 100);
            let taken = u32::from(taken.join().expect("the job panicked"));
            assert_eq!(bucket.available(), 5 - 4 * taken);
        });
    }
}
