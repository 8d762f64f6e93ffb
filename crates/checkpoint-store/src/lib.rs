//! Append-only journals: what was acknowledged is there, whatever died.
//!
//! A [`Store`] holds streams of opaque records. A [`StreamWriter`] appends without waiting; a
//! committer makes the records of all streams durable in groups; the writer's watermark says how
//! far. A stream that lost its writer is taken over with [`Store::recover`], which fences the old
//! one. Readers see durable records only, strictly after a position, a page at a time.
//!
//! For every stream, every crash inside the declared [`Level`] and any number of concurrent
//! recoveries, the records that a reader collects are a gap-free, repeat-free prefix of one
//! sequence that contains every record acknowledged at that level; otherwise it gets a typed
//! error, never other bytes.
//!
//! Backends are behind the [`Backend`] trait: memory, and with the features of their names sled,
//! redb and Redis. The feature `conformance` has the suite that proves a backend of your own.

mod backend;
mod chunk;
mod committer;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(any(feature = "sled", feature = "redb"))]
mod disk;
mod error;
mod expiry;
mod follow;
mod lane;
mod lease;
mod level;
mod limits;
mod lock;
mod memory;
mod page;
mod progress;
mod queue;
#[cfg(feature = "redis")]
mod redis;
mod seq;
mod store;
mod stream_id;
mod stream_info;
mod tails;
mod unpark;
mod waiters;
mod writer;

pub use crate::backend::{Applied, Backend, BoxFuture, Caps, CommitPath, Head, Open};
pub use crate::chunk::{Chunk, ChunkError, Ending, FORMAT, Frames, HEADER_BYTES, Records, Scan};
pub use crate::committer::{Commits, Turn};
#[cfg(feature = "redb")]
pub use crate::disk::{RedbBackend, RedbOptions};
#[cfg(feature = "sled")]
pub use crate::disk::{SledBackend, SledOptions};
pub use crate::error::{ErrorKind, StoreError};
pub use crate::expiry::{Clock, Expiry, TOMBSTONE_TTL, Timestamp, Ttl};
pub use crate::follow::Follower;
pub use crate::lease::{Holder, Lease, Takeover};
pub use crate::level::Level;
pub use crate::limits::{Limit, Limits, PAGE_BYTES};
pub use crate::memory::MemoryBackend;
pub use crate::page::{Page, PageBuilder, Record, Taken};
pub use crate::progress::Watermark;
#[cfg(feature = "redis")]
pub use crate::redis::{RedisBackend, RedisOptions};
pub use crate::seq::{Epoch, Seq, StreamNo};
pub use crate::store::{Options, Store};
pub use crate::stream_id::{IdError, StreamId};
pub use crate::stream_info::{Listing, StreamInfo, StreamState};
pub use crate::writer::StreamWriter;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
