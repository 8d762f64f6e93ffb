//! `Backend`, what a store is built on: batches, conditional commits, pages. Object safe; its
//! futures need no reactor, so any executor or plain thread can drive them.
//! It does not gather, wait or limit: the writer and the committer do.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::chunk::{Chunk, Ending, Frames};
use crate::store::{Listing, StreamInfo, StreamState};
use crate::{Epoch, ErrorKind, Level, Page, Seq, StoreError, StreamId, StreamNo};

/// A boxed future that may borrow from its maker.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Storage for streams.
///
/// # Contract
///
/// - A commit of a run is taken only from the current epoch of its stream and only at the
///   position where the stream ends; [`Applied`] says which rule refused it.
/// - What a commit reports as [`Applied::Stored`] or [`Applied::Duplicate`] is durable to
///   [`Caps::level`], and no read shows a record before that.
/// - [`Open::Recover`] raises the epoch atomically and durably before it returns.
/// - A failed write or sync is never repeated: from then on every call gives
///   [`ErrorKind::Poisoned`].
/// - A future that is dropped early may or may not have had its effect, all of it or nothing.
pub trait Backend: Send + Sync + 'static {
    /// What this backend can do; constant over its life.
    fn caps(&self) -> Caps;

    /// Creates, takes over or looks at a stream.
    fn open<'a>(&'a self, id: &'a StreamId, open: Open) -> BoxFuture<'a, Result<Head, StoreError>>;

    /// Adds a batch, at most one chunk per stream, behind one barrier.
    ///
    /// The answer has one entry per chunk, in order. An error leaves open what was stored.
    fn commit(&self, batch: Arc<[Chunk]>) -> BoxFuture<'_, Result<Vec<Applied>, StoreError>>;

    /// Adds one run at once; called instead of [`commit`](Self::commit) where
    /// [`Caps::path`] is [`CommitPath::Inline`].
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit); the default refuses.
    fn commit_inline(&self, frames: &Frames<'_>) -> Result<Applied, StoreError> {
        let _ = frames;
        Err(ErrorKind::Poisoned.into())
    }

    /// Reads durable records strictly after a position, at most `bytes_max` bytes or one record.
    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>>;

    /// Lists streams by id, strictly after one, at most `streams_max`.
    fn list<'a>(
        &'a self,
        after: Option<&'a StreamId>,
        streams_max: usize,
    ) -> BoxFuture<'a, Result<Listing, StoreError>>;

    /// Removes a stream; durable when it returns.
    fn delete<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// What a backend can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// The level that every commit reaches.
    pub level: Level,
    /// How records get to it.
    pub path: CommitPath,
}

/// How records get from a writer to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitPath {
    /// Each append is a commit of its own that never waits.
    Inline,
    /// A thread gathers the appends of all streams into batches.
    Grouped,
}

/// Why a stream is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// To write a new stream; [`ErrorKind::Exists`] when there is one.
    Create,
    /// To go on writing under the next epoch; [`ErrorKind::Closed`] when it has ended.
    Recover,
    /// To look at it; changes nothing.
    Read,
}

/// The end of a stream: where it stands and who may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the stream.
    pub stream: StreamNo,
    /// The epoch that may write.
    pub epoch: Epoch,
    /// Position of the next record.
    pub next: Seq,
    /// Bytes of its records, framing included.
    pub bytes: u64,
    /// Whether it takes more.
    pub state: StreamState,
}

impl Head {
    /// The head of a stream that was just created.
    pub fn new(stream: StreamNo) -> Self {
        Self { stream, epoch: Epoch::FIRST, next: Seq::FIRST, bytes: 0, state: StreamState::Open }
    }

    /// The last record.
    pub fn last(&self) -> Option<Seq> {
        self.next.previous()
    }

    /// The head after a recovery.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] when the stream takes no more.
    pub fn recovered(self) -> Result<Self, StoreError> {
        match self.state {
            StreamState::Open => Ok(Self { epoch: self.epoch.next(), ..self }),
            StreamState::Closed => Err(ErrorKind::Closed { last: self.last() }.into()),
        }
    }

    /// Applies the rules of a conditional commit, and moves on when the run is taken.
    ///
    /// Every backend that can hold its head while it decides should call this.
    pub fn apply(&mut self, frames: &Frames<'_>) -> Applied {
        if frames.epoch != self.epoch {
            return Applied::Fenced { current: self.epoch };
        }
        let repeated = match frames.ending {
            Ending::Open => frames.next() <= self.next,
            Ending::Close => self.state == StreamState::Closed && frames.next() == self.next,
        };
        if repeated {
            return Applied::Duplicate { next: self.next };
        }
        if self.state == StreamState::Closed {
            return Applied::Closed { last: self.last() };
        }
        if frames.first != self.next {
            return Applied::Gap { expected: self.next };
        }
        self.next = frames.next();
        self.bytes += frames.payload().len() as u64;
        if frames.ending == Ending::Close {
            self.state = StreamState::Closed;
        }
        Applied::Stored { next: self.next }
    }

    /// The head with the name of its stream.
    pub fn info(&self, id: StreamId) -> StreamInfo {
        StreamInfo {
            id,
            epoch: self.epoch,
            last: self.last(),
            bytes: self.bytes,
            state: self.state,
        }
    }
}

/// What a conditional commit did with the run of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// The records are stored.
    Stored {
        /// Position after them.
        next: Seq,
    },
    /// The records were stored before, by this writer.
    Duplicate {
        /// Position after the last record of the stream.
        next: Seq,
    },
    /// Another writer holds the stream.
    Fenced {
        /// Its epoch.
        current: Epoch,
    },
    /// The records do not start where the stream ends.
    Gap {
        /// Where it ends.
        expected: Seq,
    },
    /// The stream takes no more.
    Closed {
        /// Its last record.
        last: Option<Seq>,
    },
    /// The stream is gone.
    Deleted,
}

impl Applied {
    /// The refusal as an error; the position after the stream when there is none.
    pub(crate) fn into_next(self) -> Result<Seq, ErrorKind> {
        match self {
            Self::Stored { next } | Self::Duplicate { next } => Ok(next),
            Self::Fenced { current } => Err(ErrorKind::Fenced { current }),
            Self::Gap { expected } => Err(ErrorKind::Gap { expected }),
            Self::Closed { last } => Err(ErrorKind::Closed { last }),
            Self::Deleted => Err(ErrorKind::NotFound),
        }
    }
}
