//! The thread under a committer: the only place here that reads a clock or sleeps.
//! It drives the backend's futures itself, so no runtime is needed.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::{Committer, Step};
use crate::backend::{Applied, Backend};
use crate::chunk::Chunk;
use crate::queue::Queue;
use crate::{ErrorKind, StoreError};

/// Starts the thread; it ends by itself after [`Queue::close`].
pub(crate) fn spawn(
    backend: Arc<dyn Backend>,
    queue: Arc<Queue>,
    window: Duration,
) -> Result<(), StoreError> {
    let body = move || run(&*backend, &queue, window);
    thread::Builder::new()
        .name("checkpoint-commit".to_owned())
        .spawn(body)
        .map(drop)
        .map_err(|error| StoreError::with_source(ErrorKind::Io, error))
}

fn run(backend: &dyn Backend, queue: &Arc<Queue>, window: Duration) {
    let start = Instant::now();
    let mut committer = Committer::new(Arc::clone(queue), window);
    loop {
        match committer.poll(start.elapsed()) {
            Step::Commit(batch) => committer.finish(commit(backend, batch)),
            Step::Sleep(seen, timeout) => queue.sleep(seen, timeout),
            Step::Exit => return,
        }
    }
}

/// A backend that panics must not leave writers waiting.
fn commit(backend: &dyn Backend, batch: Arc<[Chunk]>) -> Result<Vec<Applied>, StoreError> {
    catch_unwind(AssertUnwindSafe(|| block_on(backend.commit(batch))))
        .unwrap_or_else(|_| Err(ErrorKind::Poisoned.into()))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
