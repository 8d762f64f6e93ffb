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
//! Backends are behind the [`Backend`] trait: memory, and sled with the feature `sled`.

mod backend;
mod chunk;
mod committer;
mod error;
mod lane;
mod level;
mod limits;
mod lock;
mod memory;
mod page;
mod progress;
mod queue;
mod seq;
#[cfg(feature = "sled")]
mod sled;
mod store;
mod stream_id;
mod waiters;
mod writer;

pub use crate::backend::{Applied, Backend, BoxFuture, Caps, CommitPath, Head, Open};
pub use crate::chunk::{Chunk, ChunkError, Ending, FORMAT, Frames, HEADER_BYTES, Records, Scan};
pub use crate::error::{ErrorKind, StoreError};
pub use crate::level::Level;
pub use crate::limits::{Limit, Limits, PAGE_BYTES};
pub use crate::memory::MemoryBackend;
pub use crate::page::{Page, PageBuilder, Record, Taken};
pub use crate::progress::Watermark;
pub use crate::seq::{Epoch, Seq, StreamNo};
#[cfg(feature = "sled")]
pub use crate::sled::{SledBackend, SledOptions};
pub use crate::store::{Listing, Options, Store, StreamInfo, StreamState};
pub use crate::stream_id::{IdError, StreamId};
pub use crate::writer::StreamWriter;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
