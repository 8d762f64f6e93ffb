//! `Backend`, what a store is built on: batches, conditional commits, pages. Object safe; its
//! futures need no reactor, so any executor or plain thread can drive them.
//! It does not gather, wait or limit: the writer and the committer do.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::chunk::{Chunk, Ending, Frames};
use crate::stream_info::{Listing, StreamInfo, StreamState};
use crate::{
    Epoch, ErrorKind, Expiry, Holder, Lease, Level, Page, Seq, StoreError, StreamId, StreamNo,
    Takeover, Ttl,
};

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
/// - [`Open::Recover`] raises the epoch atomically and durably before it returns. Of recoveries at
///   the same time with [`Takeover::IfFree`] exactly one succeeds.
/// - An id that is used again starts in an epoch above all of the stream before it, for at least
///   [`TOMBSTONE_TTL`](crate::TOMBSTONE_TTL) after that is gone.
/// - A stream that has expired is not there, whether or not it was swept.
/// - A failed write or sync is never repeated: from then on every call gives
///   [`ErrorKind::Poisoned`]. A network that is down is [`ErrorKind::Unavailable`] instead; the
///   committer repeats such a commit, and [`Applied::Duplicate`] answers what had its effect.
/// - Damage of one stream is that stream's: calls for it give [`ErrorKind::Corrupt`], commits and
///   sweeps go on with the others, and only [`delete`](Self::delete) removes it.
/// - A future that is dropped early may or may not have had its effect, all of it or nothing. The
///   lease of an [`open`](Self::open) that was dropped before its answer ends by itself: at once, or
///   where [`Caps::lease`] is a time, within that.
pub trait Backend: Send + Sync + 'static {
    /// What this backend can do; constant over its life.
    fn caps(&self) -> Caps;

    /// Creates a stream or takes one over, to write to it.
    fn open<'a>(
        &'a self,
        id: &'a StreamId,
        open: Open<'a>,
    ) -> BoxFuture<'a, Result<Head, StoreError>>;

    /// The writer of this epoch is gone: its lease ends. Never waits; may take effect later.
    ///
    /// A stored [`Ending::Close`] ends the lease by itself.
    fn release(&self, stream: StreamNo, epoch: Epoch);

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

    /// Where a stream stands.
    fn stat<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<StreamInfo, StoreError>>;

    /// Reads durable records strictly after a position, at most `bytes_max` bytes or one record.
    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>>;

    /// Ready when there may be records after this position, and when the stream has ended or is
    /// gone. No change is missed between two calls; being early is allowed. A stream that expires is
    /// gone at the latest when a [`sweep`](Self::sweep) removes it; on disk the wait ends when it
    /// expires, on Redis at the next look for changes of others, in memory at the sweep.
    fn wait<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Lists streams by id, strictly after one, at most `streams_max`. A damaged one is listed as
    /// such ([`StreamInfo::damage`]) and hides no other.
    fn list<'a>(
        &'a self,
        after: Option<&'a StreamId>,
        streams_max: usize,
    ) -> BoxFuture<'a, Result<Listing, StoreError>>;

    /// Keeps a stream at least as long as `ttl` says; never shorter than before.
    fn extend<'a>(&'a self, id: &'a StreamId, ttl: Ttl) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Replaces the records of a closed stream by `snapshot`, in one durable step.
    ///
    /// Afterwards [`Head::first`] is [`Head::next`]: a reader who is not at the end gets
    /// [`ErrorKind::CursorTrimmed`]. [`ErrorKind::StillOpen`] for a stream that takes more. A
    /// second snapshot replaces the first.
    fn compact<'a>(
        &'a self,
        id: &'a StreamId,
        snapshot: Arc<[u8]>,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The snapshot that took the place of a stream's records, if one did.
    fn snapshot<'a>(
        &'a self,
        id: &'a StreamId,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// Removes a stream, also a damaged one; durable when it returns.
    fn delete<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Removes at most `streams_max` of what has expired, and says how many.
    fn sweep(&self, streams_max: usize) -> BoxFuture<'_, Result<usize, StoreError>>;
}

/// What a backend can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// The level that every commit reaches.
    pub level: Level,
    /// How records get to it.
    pub path: CommitPath,
    /// Time after which the lease of a writer that died lapses; `None` when it ends with its
    /// process.
    pub lease: Option<Duration>,
}

/// How records get from a writer to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitPath {
    /// Each append is a commit of its own that never waits.
    Inline,
    /// A thread gathers the appends of all streams into batches.
    Grouped,
}

/// Why a stream is opened, and by whom.
#[derive(Clone, Copy, Debug)]
pub enum Open<'a> {
    /// To write a new stream; [`ErrorKind::Exists`] when there is one.
    Create {
        /// Who will write.
        holder: &'a Holder,
        /// How long to keep it; `None` until it is deleted.
        ttl: Option<Ttl>,
    },
    /// To go on writing under the next epoch; [`ErrorKind::Closed`] when it has ended.
    Recover {
        /// Who will write.
        holder: &'a Holder,
        /// Whether to respect a writer that may be alive.
        takeover: Takeover,
    },
}

/// The end of a stream: where it stands and who may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the stream.
    pub stream: StreamNo,
    /// The epoch that may write.
    pub epoch: Epoch,
    /// The first position that can be read.
    pub first: Seq,
    /// Position of the next record.
    pub next: Seq,
    /// Bytes of its records, framing included.
    pub bytes: u64,
    /// Whether it takes more.
    pub state: StreamState,
    /// Until when it is kept.
    pub expiry: Expiry,
}

impl Head {
    /// The head of a stream that was just created.
    pub fn new(stream: StreamNo, epoch: Epoch, expiry: Expiry) -> Self {
        let state = StreamState::Open;
        Self { stream, epoch, first: Seq::FIRST, next: Seq::FIRST, bytes: 0, state, expiry }
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

    /// The head after its records gave way to a snapshot.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StillOpen`] when the stream takes more.
    pub fn compacted(self) -> Result<Self, StoreError> {
        match self.state {
            StreamState::Closed => Ok(Self { first: self.next, ..self }),
            StreamState::Open => Err(ErrorKind::StillOpen.into()),
        }
    }

    /// Whether a reader may go on after this position.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CursorAhead`], [`ErrorKind::CursorTrimmed`].
    pub fn check_cursor(&self, after: Option<Seq>) -> Result<(), StoreError> {
        let last = self.last();
        if after > last {
            return Err(ErrorKind::CursorAhead { last }.into());
        }
        if Seq::after(after) < self.first {
            return Err(ErrorKind::CursorTrimmed { first: self.first }.into());
        }
        Ok(())
    }

    /// Whether a reader who has seen everything up to `after` has nothing to do but wait.
    pub fn is_quiet_after(&self, after: Option<Seq>) -> bool {
        self.state == StreamState::Open && self.next <= Seq::after(after)
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

    /// The head with the name and the lease of its stream.
    pub fn info(&self, id: StreamId, lease: Option<Lease>) -> StreamInfo {
        StreamInfo {
            id,
            epoch: self.epoch,
            first: self.first,
            last: self.last(),
            bytes: self.bytes,
            state: self.state,
            lease,
            expires: self.expiry.at,
            damage: None,
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
    /// What is stored of the stream cannot be read, so nothing is added to it. Other streams go on.
    Unreadable {
        /// [`ErrorKind::Corrupt`] or [`ErrorKind::Version`].
        kind: ErrorKind,
    },
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
            Self::Unreadable { kind } => Err(kind),
        }
    }
}
