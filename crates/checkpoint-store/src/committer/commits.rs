//! `Commits`: runs the committer's batches on a backend, one at a time. It reads no clock and
//! starts no thread; whoever polls it brings the time.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use super::{Committer, Step};
use crate::backend::{Applied, Backend, BoxFuture};
use crate::queue::{Demand, Queue};
use crate::{ErrorKind, StoreError};

/// The committing half of a store, for whoever brings the time:
/// [`Store::driven`](crate::Store::driven).
pub struct Commits {
    backend: Arc<dyn Backend>,
    queue: Arc<Queue>,
    committer: Committer,
    running: Option<BoxFuture<'static, Result<Vec<Applied>, StoreError>>>,
    rest: Rest,
}

/// What [`Commits::poll`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A commit runs; the waker is woken when it can go on.
    Running,
    /// Nothing to do for this long; `None` until something is appended.
    Idle(Option<Duration>),
    /// The store is gone and everything is committed.
    Done,
}

/// What may end a rest early.
#[derive(Clone, Copy, Debug)]
enum Rest {
    /// A demand other than this.
    Demand(Demand),
    /// Nothing.
    Pause,
}

impl Commits {
    pub(crate) fn new(backend: Arc<dyn Backend>, queue: Arc<Queue>, committer: Committer) -> Self {
        Self { backend, queue, committer, running: None, rest: Rest::Demand(Demand::Nothing) }
    }

    /// Does what is due at `now`, the time since some fixed moment.
    pub fn poll(&mut self, cx: &mut Context<'_>, now: Duration) -> Turn {
        loop {
            if let Some(running) = &mut self.running {
                let Poll::Ready(result) = poll_caught(running, cx) else { return Turn::Running };
                self.running = None;
                self.committer.finish(result, now);
            }
            let step = self.committer.poll(now);
            self.release();
            match step {
                Step::Commit(batch) => {
                    let backend = Arc::clone(&self.backend);
                    self.running = Some(Box::pin(async move { backend.commit(batch).await }));
                }
                Step::Sleep(seen, timeout) => {
                    self.rest = Rest::Demand(seen);
                    return Turn::Idle(timeout);
                }
                Step::Pause(pause) => {
                    self.rest = Rest::Pause;
                    return Turn::Idle(Some(pause));
                }
                Step::Exit => return Turn::Done,
            }
        }
    }

    /// Blocks the thread for as long as [`Turn::Idle`] said, or until there is something to do.
    pub(super) fn rest(&self, timeout: Option<Duration>) {
        match self.rest {
            Rest::Demand(seen) => self.queue.sleep(seen, timeout),
            Rest::Pause => thread::sleep(timeout.unwrap_or_default()),
        }
    }

    /// Ends the leases of writers that are gone.
    fn release(&mut self) {
        for lane in self.committer.released() {
            self.backend.release(lane.stream, lane.epoch);
            self.queue.departed(&lane.id);
        }
    }
}

impl Drop for Commits {
    /// Who drops this early, or panics in the waker of a writer, leaves no writer waiting.
    fn drop(&mut self) {
        // A second panic would end the process.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            self.committer.abandon();
            self.release();
        }));
    }
}

impl fmt::Debug for Commits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commits").field("committer", &self.committer).finish_non_exhaustive()
    }
}

/// A backend that panics must not leave writers waiting.
fn poll_caught(
    running: &mut BoxFuture<'static, Result<Vec<Applied>, StoreError>>,
    cx: &mut Context<'_>,
) -> Poll<Result<Vec<Applied>, StoreError>> {
    catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx)))
        .unwrap_or_else(|_| Poll::Ready(Err(ErrorKind::Poisoned.into())))
}
