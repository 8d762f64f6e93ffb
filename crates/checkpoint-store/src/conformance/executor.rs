//! `run`, the executor of the suite: it drives one future on the calling thread, without timers
//! and sockets, which is all that the futures of a backend may ask for. It gives up where another
//! executor would hang.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// How long anything that the suite waits for may take: 30 s.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at something that nobody reports.
const PAUSE: Duration = Duration::from_millis(1);

/// Runs a future to its end on this thread. It is polled when it was woken and at no other time, so
/// that a wake-up that never comes is noticed.
///
/// # Panics
///
/// When it is not ready within [`PATIENCE`].
///
/// ```
/// assert_eq!(checkpoint_store::conformance::run(async { 7 }), 7);
/// ```
#[track_caller]
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let call = Arc::new(Call { caller: thread::current(), is_woken: AtomicBool::new(true) });
    let waker = Waker::from(Arc::clone(&call));
    let mut future = pin!(future);
    loop {
        if call.is_woken.swap(false, Ordering::AcqRel)
            && let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
        {
            return output;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "not ready within {PATIENCE:?}: a wake-up was lost");
        if !call.is_woken.load(Ordering::Acquire) {
            thread::park_timeout(left);
        }
    }
}

/// Looks again and again until `look` finds something.
///
/// # Panics
///
/// When it finds nothing within [`PATIENCE`]; `what` says what it looked for.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::sleep(PAUSE);
    }
}

/// Whether a future asked to be polled again.
struct Call {
    caller: Thread,
    is_woken: AtomicBool,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.caller.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[test]
    fn a_future_that_another_thread_wakes_ends() {
        let (answer, question) = std::sync::mpsc::channel::<Waker>();
        let other = thread::spawn(move || question.recv().unwrap().wake());
        let mut asked = false;
        run(poll_fn(|cx| {
            if std::mem::replace(&mut asked, true) {
                return Poll::Ready(());
            }
            answer.send(cx.waker().clone()).unwrap();
            Poll::Pending
        }));
        other.join().unwrap();
    }

    #[test]
    fn a_future_is_polled_only_when_it_was_woken() {
        let (answer, question) = std::sync::mpsc::channel::<Waker>();
        let caller = thread::current();
        let other = thread::spawn(move || {
            let waker = question.recv().unwrap();
            // Unparked without a wake-up, which is no reason to poll.
            caller.unpark();
            waker.wake();
        });
        let mut polls = 0;
        run(poll_fn(|cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            answer.send(cx.waker().clone()).unwrap();
            Poll::Pending
        }));
        other.join().unwrap();
        assert_eq!(polls, 2);
    }

    #[test]
    fn what_comes_late_is_found() {
        let mut looks = 0;
        let found = eventually("the third look", || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(found, 3);
    }
}
