//! The writing side of a stream's checkpoint: what was appended, what is durable, and what a
//! failing store means. It knows nothing of what the records say.

use checkpoint_store::{ErrorKind, Seq, StoreError, StreamWriter, Watermark};
use resume::{Deliver, Input, OnStoreFailure};
use std::task::{Context, Poll, ready};

/// One stream's writer and its watermark.
pub(crate) struct Journal {
    writer: Option<StreamWriter>,
    watermark: Option<Watermark>,
    deliver: Deliver,
    on_failure: OnStoreFailure,
    appended: u64,
    acknowledged: u64,
    failure: Option<StoreError>,
    failure_told: bool,
}

/// What became of a record.
pub(crate) enum Appended {
    /// It is in the store's hands, or the store failed and the driver will hear of it.
    Yes,
    /// There is no room at present; nothing was taken.
    Full,
}

impl Journal {
    /// `writer` is `None` for a stream that is closed already.
    pub(crate) fn new(
        writer: Option<StreamWriter>,
        deliver: Deliver,
        on_failure: OnStoreFailure,
    ) -> Self {
        let appended = writer.as_ref().and_then(StreamWriter::last).map_or(0, Seq::value);
        Self {
            watermark: writer.as_ref().map(StreamWriter::watermark),
            writer,
            deliver,
            on_failure,
            appended,
            acknowledged: appended,
            failure: None,
            failure_told: false,
        }
    }

    /// Appends the record that the engine numbered `seq`.
    pub(crate) fn append(&mut self, seq: u64, pieces: &[&[u8]]) -> Appended {
        let Some(writer) = &mut self.writer else { return Appended::Yes };
        match writer.append(pieces) {
            Ok(stored) => {
                debug_assert_eq!(stored.value(), seq, "the engine and the store count alike");
                self.appended = stored.value();
                // A store that is durable at once has nothing to tell later.
                if self.acknowledged + 1 == seq && self.durable() == seq {
                    self.acknowledged = seq;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::Full { .. }) => return Appended::Full,
            Err(error) => self.fail(error),
        }
        Appended::Yes
    }

    /// Waits until a record of `bytes` can be appended, or the store fails.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>, bytes: usize) -> Poll<()> {
        if let Some(writer) = &mut self.writer
            && let Err(error) = ready!(writer.poll_room(cx, bytes))
        {
            self.fail(error);
        }
        Poll::Ready(())
    }

    /// Waits until `seq` is durable, or the store fails.
    pub(crate) fn poll_durable(&mut self, cx: &mut Context<'_>, seq: u64) -> Poll<()> {
        if let Some(writer) = &mut self.writer
            && let Some(seq) = Seq::new(seq)
            && let Err(error) = ready!(writer.poll_durable(cx, seq))
        {
            self.fail(error);
        }
        Poll::Ready(())
    }

    /// The number of the last record that was appended.
    pub(crate) const fn appended(&self) -> u64 {
        self.appended
    }

    /// Whether the record of this number is durable, or never will be.
    pub(crate) fn is_settled(&self, seq: u64) -> bool {
        self.failure.is_some() || self.durable() >= seq
    }

    /// A store failure that the engine does not know yet.
    pub(crate) fn take_failure(&mut self) -> Option<Input> {
        let is_news = self.failure.is_some() && !self.failure_told;
        self.failure_told |= is_news;
        is_news.then_some(match self.is_lost() {
            true => Input::TakenOver,
            false => Input::PersistFailed,
        })
    }

    /// Records that became durable since the engine was last told.
    pub(crate) fn take_progress(&mut self) -> Option<Input> {
        let durable = self.durable();
        let is_news = durable > self.acknowledged;
        self.acknowledged = self.acknowledged.max(durable);
        is_news.then_some(Input::Persisted(resume::Seq(durable)))
    }

    /// Ready when there is something new to take, pending while nothing can come.
    pub(crate) fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.writer.is_none() || self.acknowledged >= self.appended {
            return Poll::Pending;
        }
        self.poll_durable(cx, self.acknowledged + 1)
    }

    /// The number up to which events may be delivered.
    pub(crate) fn deliverable(&self) -> u64 {
        let goes_on = self.failure.is_some() && !self.stops();
        if goes_on || self.deliver == Deliver::Immediate {
            return u64::MAX;
        }
        self.durable()
    }

    /// Whether the store failed and the stream has to stop.
    pub(crate) fn stops(&self) -> bool {
        self.fatal().is_some()
    }

    /// Why the stream has to stop.
    pub(crate) fn fatal(&self) -> Option<&StoreError> {
        let stops = self.on_failure == OnStoreFailure::Stop || self.is_lost();
        self.failure.as_ref().filter(|_| stops)
    }

    /// Why not everything is durable, whether or not the stream has to stop.
    pub(crate) const fn failure(&self) -> Option<&StoreError> {
        self.failure.as_ref()
    }

    pub(crate) fn take_writer(&mut self) -> Option<StreamWriter> {
        self.writer.take()
    }

    pub(crate) fn writer(&mut self) -> Option<&mut StreamWriter> {
        self.writer.as_mut()
    }

    pub(crate) fn fail(&mut self, error: StoreError) {
        self.writer = None;
        self.failure.get_or_insert(error);
    }

    /// Whether the stream is another's by now. No store failed, so no policy on failing stores
    /// may go on: two would answer the same request.
    pub(crate) fn is_lost(&self) -> bool {
        self.failure.as_ref().is_some_and(|error| {
            matches!(
                error.kind(),
                ErrorKind::Fenced { .. } | ErrorKind::Closed { .. } | ErrorKind::NotFound
            )
        })
    }

    fn durable(&self) -> u64 {
        self.watermark.as_ref().and_then(Watermark::durable).map_or(0, Seq::value)
    }
}
