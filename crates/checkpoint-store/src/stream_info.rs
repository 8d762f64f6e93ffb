//! `StreamInfo`, what is known about a stream without reading it, and lists of that.

use crate::{Epoch, ErrorKind, Lease, Seq, StreamId, Timestamp};

/// Where a stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Its name.
    pub id: StreamId,
    /// The epoch that may write.
    pub epoch: Epoch,
    /// The first position that can be read; later than 1 once a snapshot took its records' place.
    pub first: Seq,
    /// Its last durable record.
    pub last: Option<Seq>,
    /// Bytes of its records, framing included.
    pub bytes: u64,
    /// Whether it takes more.
    pub state: StreamState,
    /// Who writes to it at present.
    pub lease: Option<Lease>,
    /// When it expires unless something is added; `None` is never.
    pub expires: Option<Timestamp>,
    /// Why nothing of it can be read, in a list: [`ErrorKind::Corrupt`] or [`ErrorKind::Version`].
    /// All but the name is then as of a new stream. `None` for a stream that is whole.
    pub damage: Option<ErrorKind>,
}

impl StreamInfo {
    /// A stream of which only the name is known.
    #[cfg(any(feature = "sled", feature = "redb", feature = "redis"))]
    pub(crate) fn damaged(id: StreamId, damage: ErrorKind) -> Self {
        Self {
            id,
            epoch: Epoch::FIRST,
            first: Seq::FIRST,
            last: None,
            bytes: 0,
            state: StreamState::Open,
            lease: None,
            expires: None,
            damage: Some(damage),
        }
    }
}

/// Whether a stream takes more records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// It does, from the writer of the current epoch.
    Open,
    /// It was closed by its writer.
    Closed,
}

/// Streams in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The streams.
    pub streams: Vec<StreamInfo>,
    /// Whether there are streams after the last one.
    pub more: bool,
}
