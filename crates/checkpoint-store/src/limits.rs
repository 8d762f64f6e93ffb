//! Every limit of a store: its name, unit and default. Enforced by the writer and the store, not
//! by backends.

use std::fmt;

/// Bytes of records in one page of [`Store::read`](crate::Store::read) by default, 256 KiB.
pub const PAGE_BYTES: usize = 256 * 1024;

/// What a store may hold and hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one record. Default 256 KiB; a caller splits what is longer.
    pub record_bytes: usize,
    /// Bytes of one stream, framing included. Default 64 MiB.
    pub stream_bytes: u64,
    /// Records of one stream. Default 1,000,000.
    pub stream_records: u64,
    /// Bytes of the snapshot of a closed stream. Default 64 MiB.
    pub snapshot_bytes: usize,
    /// Bytes of one stream that are appended and not yet durable. Default 1 MiB.
    pub undurable_stream_bytes: usize,
    /// Bytes of all streams of a store that are appended and not yet durable. Default 64 MiB.
    pub undurable_store_bytes: usize,
    /// Bytes of records in one page. Default [`PAGE_BYTES`]. A page has at least one record.
    pub page_bytes: usize,
    /// Streams in one listing. Default 1000.
    pub listing_streams: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record_bytes: 256 * 1024,
            stream_bytes: 64 * 1024 * 1024,
            stream_records: 1_000_000,
            snapshot_bytes: 64 * 1024 * 1024,
            undurable_stream_bytes: 1024 * 1024,
            undurable_store_bytes: 64 * 1024 * 1024,
            page_bytes: PAGE_BYTES,
            listing_streams: 1000,
        }
    }
}

/// Which limit a call ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::record_bytes`].
    Record,
    /// [`Limits::stream_bytes`].
    Stream,
    /// [`Limits::stream_records`].
    Records,
    /// [`Limits::snapshot_bytes`].
    Snapshot,
    /// [`Limits::undurable_stream_bytes`].
    UndurableStream,
    /// [`Limits::undurable_store_bytes`].
    UndurableStore,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Record => "bytes of a record",
            Self::Stream => "bytes of a stream",
            Self::Records => "records of a stream",
            Self::Snapshot => "bytes of a snapshot",
            Self::UndurableStream => "undurable bytes of a stream",
            Self::UndurableStore => "undurable bytes of the store",
        })
    }
}
