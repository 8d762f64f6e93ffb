//! `StreamWriter`: appends records to one stream without waiting, and says how far they are
//! durable. It does no input or output of its own.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::backend::{Backend, Head};
use crate::chunk::{Ending, framed_len};
use crate::lane::Lane;
use crate::progress::Watermark;
use crate::queue::Queue;
use crate::waiters::{Waiter, Waiters};
use crate::{Epoch, ErrorKind, Level, Limit, Seq, Store, StoreError, StreamId};

/// The writer of one stream in one epoch.
///
/// Dropping it without [`close`](Self::close) leaves the stream open: what was appended is still
/// committed in the background, and [`Store::recover`] goes on from there.
#[derive(Debug)]
pub struct StreamWriter {
    store: Store,
    lane: Arc<Lane>,
    progress: Waiter,
    room: Waiter,
}

/// How a record gets from a writer to the backend.
pub(crate) enum Path {
    Inline(Arc<dyn Backend>),
    Grouped(Arc<Queue>),
}

impl StreamWriter {
    pub(crate) fn new(store: Store, id: StreamId, head: &Head) -> Self {
        let lane = Arc::new(Lane::new(id, head));
        let progress = lane.progress.waiters.enroll();
        let room = match store.path() {
            Path::Inline(_) => Waiters::default().enroll(),
            Path::Grouped(queue) => queue.room.enroll(),
        };
        Self { store, lane, progress, room }
    }

    /// Appends one record, the `pieces` joined, and gives its position.
    ///
    /// Copies the pieces once and does not wait. The record is durable when
    /// [`durable`](Self::durable) reaches the position.
    ///
    /// # Errors
    ///
    /// Nothing was taken and no position was used when this fails:
    /// [`TooLarge`](ErrorKind::TooLarge) over the limit of a record or of the stream,
    /// [`Full`](ErrorKind::Full) until earlier records are durable (see [`room`](Self::room)),
    /// and for good [`Fenced`](ErrorKind::Fenced), [`NotFound`](ErrorKind::NotFound) (deleted),
    /// [`Corrupt`](ErrorKind::Corrupt) (the stream alone) or [`Poisoned`](ErrorKind::Poisoned).
    pub fn append(&mut self, pieces: &[&[u8]]) -> Result<Seq, StoreError> {
        let len = pieces.iter().map(|piece| piece.len()).sum();
        let limit = self.store.limits().record_bytes;
        if len > limit {
            let (max, found) = (limit as u64, len as u64);
            return Err(ErrorKind::TooLarge { limit: Limit::Record, max, found }.into());
        }
        match self.store.path() {
            Path::Grouped(queue) => queue.append(&self.lane, pieces, len),
            Path::Inline(backend) => self.append_inline(&**backend, pieces, len),
        }
    }

    /// The last record that was appended here, or stored before a recovery.
    pub fn last(&self) -> Option<Seq> {
        self.lane.buffer.hold().last()
    }

    /// The last durable record; one atomic load.
    pub fn durable(&self) -> Option<Seq> {
        self.lane.progress.durable()
    }

    /// Ready once the record `seq` is durable.
    ///
    /// # Errors
    ///
    /// Why the stream stopped before `seq`.
    pub fn poll_durable(&mut self, cx: &mut Context<'_>, seq: Seq) -> Poll<Result<(), StoreError>> {
        self.lane.progress.poll_durable(&self.progress, cx, seq)
    }

    /// Waits until the record `seq` is durable.
    ///
    /// # Errors
    ///
    /// Why the stream stopped before `seq`.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn durable_at_least(&mut self, seq: Seq) -> Result<(), StoreError> {
        poll_fn(|cx| self.poll_durable(cx, seq)).await
    }

    /// Ready once an append of `bytes` would not be [`Full`](ErrorKind::Full) for now. Another
    /// writer of the store may be faster.
    ///
    /// # Errors
    ///
    /// Why the stream takes no more.
    pub fn poll_room(
        &mut self,
        cx: &mut Context<'_>,
        bytes: usize,
    ) -> Poll<Result<(), StoreError>> {
        let Path::Grouped(queue) = self.store.path() else { return Poll::Ready(Ok(())) };
        self.room.park(cx.waker());
        if let Err(error) = queue.check(&self.lane) {
            return Poll::Ready(Err(error));
        }
        let framed = framed_len(bytes);
        let fits = self.lane.buffer.hold().has_room(framed, self.store.limits());
        if fits && queue.has_room(framed) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Waits until an append of `bytes` would not be [`Full`](ErrorKind::Full) for now.
    ///
    /// # Errors
    ///
    /// Why the stream takes no more.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn room(&mut self, bytes: usize) -> Result<(), StoreError> {
        poll_fn(|cx| self.poll_room(cx, bytes)).await
    }

    /// Makes everything that was appended durable without waiting for a group to form.
    ///
    /// # Errors
    ///
    /// Why the stream stopped before its last record.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn flush(&mut self) -> Result<(), StoreError> {
        let Some(last) = self.last() else { return Ok(()) };
        if let Path::Grouped(queue) = self.store.path()
            && self.durable() < Some(last)
        {
            queue.hurry();
        }
        self.durable_at_least(last).await
    }

    /// Makes everything durable and ends the stream, in one commit.
    ///
    /// # Errors
    ///
    /// Why the stream stopped before its end.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the stream is closed all the same, in the background.
    pub async fn close(self) -> Result<(), StoreError> {
        match self.store.path() {
            Path::Grouped(queue) => {
                queue.close_lane(&self.lane)?;
                poll_fn(|cx| self.lane.progress.poll_closed(&self.progress, cx)).await
            }
            Path::Inline(backend) => self.close_inline(&**backend),
        }
    }

    /// A view of the durable watermark for another task.
    pub fn watermark(&self) -> Watermark {
        Watermark::new(Arc::clone(&self.lane))
    }

    /// The name of the stream.
    pub fn id(&self) -> &StreamId {
        &self.lane.id
    }

    /// The epoch in which this writer writes.
    pub fn epoch(&self) -> Epoch {
        self.lane.epoch
    }

    /// The level at which its records are durable.
    pub fn level(&self) -> Level {
        self.store.level()
    }

    fn append_inline(
        &self,
        backend: &dyn Backend,
        pieces: &[&[u8]],
        len: usize,
    ) -> Result<Seq, StoreError> {
        if let Some(error) = self.lane.progress.failure() {
            return Err(error.clone());
        }
        let mut buffer = self.lane.buffer.hold();
        buffer.check_stream(framed_len(len), self.store.limits())?;
        let seq = buffer.push(pieces, len);
        let applied = backend.commit_inline(&buffer.frames(&self.lane));
        let stored = applied.and_then(|applied| Ok(applied.into_next()?));
        match stored {
            Ok(_) => _ = buffer.clear(),
            Err(_) => buffer.undo(),
        }
        // Released first: a waker may poll at once.
        drop(buffer);
        match stored {
            Ok(_) => {
                self.lane.progress.advance(Some(seq));
                Ok(seq)
            }
            Err(error) => {
                self.lane.progress.fail(error.clone());
                Err(error)
            }
        }
    }

    fn close_inline(&self, backend: &dyn Backend) -> Result<(), StoreError> {
        if let Some(error) = self.lane.progress.failure() {
            return Err(error.clone());
        }
        let mut buffer = self.lane.buffer.hold();
        buffer.ending = Ending::Close;
        backend.commit_inline(&buffer.frames(&self.lane))?.into_next()?;
        Ok(())
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.lane.progress.end(self.last());
        // What is on its way is still this writer's; the committer ends the lease after it.
        let is_departing = match self.store.path() {
            Path::Inline(_) => false,
            Path::Grouped(queue) => queue.depart(&self.lane),
        };
        if !is_departing {
            self.store.backend().release(self.lane.stream, self.lane.epoch);
        }
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inline(_) => "Inline",
            Self::Grouped(_) => "Grouped",
        })
    }
}
