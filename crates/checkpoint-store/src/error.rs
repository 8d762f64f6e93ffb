//! `StoreError`, the one error of this crate: a kind to act on and a source that explains it.
//! It never carries record bytes.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{Epoch, Level, Limit, Seq};

/// Why a store refused or failed.
///
/// Cloning copies a pointer: one failure is reported to every waiter of a stream.
#[derive(Clone, Debug)]
pub struct StoreError {
    kind: ErrorKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error of this kind whose cause is `source`.
    pub fn with_source(
        kind: ErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync + 'static>>,
    ) -> Self {
        Self { kind, source: Some(Arc::from(source.into())) }
    }

    /// What happened.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the same call can succeed later without anything else being changed.
    pub fn is_retryable(&self) -> bool {
        use ErrorKind::{Full, Held, Locked, Unavailable};
        matches!(self.kind, Full { .. } | Held { .. } | Locked | Unavailable)
    }

    /// Whether it is about stored bytes of one stream, and not about the store.
    #[cfg(any(feature = "sled", feature = "redb", feature = "redis"))]
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self.kind, ErrorKind::Corrupt { .. } | ErrorKind::Version { .. })
    }

    /// Whether it is certain that the call changed nothing.
    ///
    /// Where it is not, a commit may be repeated: what is there already is not stored twice.
    pub fn outcome_known(&self) -> bool {
        !matches!(self.kind, ErrorKind::Unavailable | ErrorKind::Io | ErrorKind::Poisoned)
    }
}

impl From<ErrorKind> for StoreError {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

/// What happened, with the facts that a caller acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No stream has this id, it was deleted, or it has expired.
    #[error("no such stream")]
    NotFound,
    /// A stream has this id already.
    #[error("the stream exists")]
    Exists,
    /// Another writer took the stream over; this one can never write again.
    #[error("another writer holds the stream, in epoch {current}")]
    Fenced {
        /// Epoch of the writer that may write.
        current: Epoch,
    },
    /// Somebody writes to the stream, or did so a moment ago; the source says who.
    #[error("another writer holds the stream")]
    Held {
        /// Epoch of that writer.
        epoch: Epoch,
        /// Time until its lease lapses unless it is renewed; `None` when it ends with its process.
        left: Option<Duration>,
    },
    /// The records do not start where the stream ends.
    #[error("the stream goes on at record {expected}")]
    Gap {
        /// The only position at which the stream takes a record.
        expected: Seq,
    },
    /// The stream was closed; nothing can be added.
    #[error("the stream is closed")]
    Closed {
        /// Its last record.
        last: Option<Seq>,
    },
    /// The reader is ahead of what the store holds.
    #[error("the position is beyond the last durable record")]
    CursorAhead {
        /// The last durable record.
        last: Option<Seq>,
    },
    /// The records after the position gave way to a snapshot.
    #[error("the records before {first} are gone, a snapshot has their place")]
    CursorTrimmed {
        /// The first position that can be read.
        first: Seq,
    },
    /// Only the records of a closed stream can give way to a snapshot.
    #[error("the stream is still open")]
    StillOpen,
    /// A limit that waiting cannot help.
    #[error("{limit}: {found} is over the limit of {max}")]
    TooLarge {
        /// Which one.
        limit: Limit,
        /// Its value, in the unit of the limit.
        max: u64,
        /// What was asked for.
        found: u64,
    },
    /// Too many bytes wait to become durable; nothing was taken.
    #[error("{limit}: no room until earlier records are durable")]
    Full {
        /// Which one.
        limit: Limit,
    },
    /// Another process or handle has the store open.
    #[error("the store is open elsewhere")]
    Locked,
    /// The store cannot be reached at present. What was asked may or may not have been done.
    #[error("the store cannot be reached")]
    Unavailable,
    /// The operating system refused.
    #[error("input or output failed")]
    Io,
    /// Stored bytes are not what was written.
    #[error("the stored bytes are damaged")]
    Corrupt {
        /// The last record before the damage that reads back whole.
        good_prefix: Option<Seq>,
    },
    /// An earlier failure left open what is durable; the store must be opened again.
    #[error("the store stopped after a failure and must be opened again")]
    Poisoned,
    /// The bytes have a format that this program does not read.
    #[error("the stored format is {found}, and this program reads {max}")]
    Version {
        /// Format of the bytes.
        found: u8,
        /// The newest format that this program reads.
        max: u8,
    },
    /// The backend cannot survive what was asked for.
    #[error("the backend is durable to the level {max}, not {asked}")]
    Unsupported {
        /// The level that was asked for.
        asked: Level,
        /// The level that the backend reaches.
        max: Level,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_prints_one_level_and_source_carries_the_rest() {
        let cause = std::io::Error::other("disk on fire");
        let error = StoreError::with_source(ErrorKind::Io, cause);
        assert_eq!(error.to_string(), "input or output failed");
        assert_eq!(error.source().map(ToString::to_string), Some("disk on fire".to_owned()));
        assert!(StoreError::from(ErrorKind::Exists).source().is_none());
    }

    #[test]
    fn what_waiting_can_mend_is_retryable() {
        let full = ErrorKind::Full { limit: Limit::UndurableStore };
        assert!(StoreError::from(full).is_retryable());
        assert!(StoreError::from(ErrorKind::Locked).is_retryable());
        assert!(StoreError::from(ErrorKind::Unavailable).is_retryable());
        assert!(!StoreError::from(ErrorKind::Poisoned).is_retryable());
        assert!(!StoreError::from(ErrorKind::Fenced { current: Epoch::FIRST }).is_retryable());
    }

    #[test]
    fn only_what_was_refused_is_known_to_have_changed_nothing() {
        assert!(StoreError::from(ErrorKind::Exists).outcome_known());
        assert!(!StoreError::from(ErrorKind::Unavailable).outcome_known());
        assert!(!StoreError::from(ErrorKind::Poisoned).outcome_known());
    }
}
