//! `Progress`: how far a stream is durable, and how it failed or ended. Set by whoever commits,
//! waited for by the writer and by every `Watermark`.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use crate::lane::Lane;
use crate::waiters::{Waiter, Waiters};
use crate::{ErrorKind, Seq, StoreError};

/// A view of how far a stream is durable, for tasks other than its writer's.
#[derive(Debug)]
pub struct Watermark {
    lane: Arc<Lane>,
    waiter: Waiter,
}

impl Watermark {
    pub(crate) fn new(lane: Arc<Lane>) -> Self {
        let waiter = lane.progress.waiters.enroll();
        Self { lane, waiter }
    }

    /// The last durable record.
    pub fn durable(&self) -> Option<Seq> {
        self.lane.progress.durable()
    }

    /// Ready once the record `seq` is durable.
    ///
    /// # Errors
    ///
    /// Why the stream stopped before `seq`; [`ErrorKind::Closed`] when its writer is gone and
    /// never appended `seq`.
    pub fn poll_reached(&mut self, cx: &mut Context<'_>, seq: Seq) -> Poll<Result<(), StoreError>> {
        self.lane.progress.poll_durable(&self.waiter, cx, seq)
    }

    /// Waits until the record `seq` is durable.
    ///
    /// # Errors
    ///
    /// As [`poll_reached`](Self::poll_reached).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn reached(&mut self, seq: Seq) -> Result<(), StoreError> {
        poll_fn(|cx| self.poll_reached(cx, seq)).await
    }
}

impl Clone for Watermark {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.lane))
    }
}

#[derive(Debug)]
pub(crate) struct Progress {
    /// The last durable record, 0 for none.
    durable: AtomicU64,
    /// The last record that will ever be appended; `u64::MAX` while the writer lives.
    end: AtomicU64,
    closed: AtomicBool,
    failure: OnceLock<StoreError>,
    pub(crate) waiters: Waiters,
}

impl Progress {
    pub(crate) fn new(durable: Option<Seq>) -> Self {
        Self {
            durable: AtomicU64::new(durable.map_or(0, Seq::value)),
            end: AtomicU64::new(u64::MAX),
            closed: AtomicBool::new(false),
            failure: OnceLock::new(),
            waiters: Waiters::default(),
        }
    }

    pub(crate) fn durable(&self) -> Option<Seq> {
        Seq::new(self.durable.load(Ordering::Acquire))
    }

    pub(crate) fn failure(&self) -> Option<&StoreError> {
        self.failure.get()
    }

    pub(crate) fn advance(&self, durable: Option<Seq>) {
        self.durable.store(durable.map_or(0, Seq::value), Ordering::Release);
        self.waiters.wake_all();
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.waiters.wake_all();
    }

    /// Stops the stream; the first reason stays.
    pub(crate) fn fail(&self, error: StoreError) {
        // An error means that a reason is there already.
        let _ = self.failure.set(error);
        self.waiters.wake_all();
    }

    /// Says that nothing will be appended after `last`.
    pub(crate) fn end(&self, last: Option<Seq>) {
        self.end.store(last.map_or(0, Seq::value), Ordering::Release);
        self.waiters.wake_all();
    }

    pub(crate) fn poll_durable(
        &self,
        waiter: &Waiter,
        cx: &mut Context<'_>,
        seq: Seq,
    ) -> Poll<Result<(), StoreError>> {
        if self.durable() >= Some(seq) {
            return Poll::Ready(Ok(()));
        }
        waiter.park(cx.waker());
        // The failure is read first: a failure after the last advance does not hide it.
        let failure = self.failure.get();
        let end = self.end.load(Ordering::Acquire);
        if self.durable() >= Some(seq) {
            return Poll::Ready(Ok(()));
        }
        match failure {
            Some(error) => Poll::Ready(Err(error.clone())),
            None if seq.value() > end => {
                Poll::Ready(Err(ErrorKind::Closed { last: Seq::new(end) }.into()))
            }
            None => Poll::Pending,
        }
    }

    pub(crate) fn poll_closed(
        &self,
        waiter: &Waiter,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), StoreError>> {
        waiter.park(cx.waker());
        if self.closed.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        match self.failure.get() {
            Some(error) => Poll::Ready(Err(error.clone())),
            None => Poll::Pending,
        }
    }
}
