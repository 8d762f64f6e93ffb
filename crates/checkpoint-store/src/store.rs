//! `Store`: the handle that programs hold: it opens writers, reads, lists and deletes over any
//! backend. It owns the limits and, where the backend wants batches, the committer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::{Backend, CommitPath, Open};
use crate::committer::thread;
use crate::memory::MemoryBackend;
use crate::queue::Queue;
use crate::writer::{Path, StreamWriter};
use crate::{Epoch, ErrorKind, Level, Limits, Page, Seq, StoreError, StreamId};

/// A set of streams in one backend.
///
/// Cloning copies a pointer. When the last handle and the last writer are gone, what was appended
/// is still committed and the backend is released, both in the background.
///
/// ```
/// use checkpoint_store::{PAGE_BYTES, Store, StreamId};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = Store::memory();
/// let id = StreamId::new("answer-7")?;
/// let mut writer = store.create(&id).await?;
/// let seq = writer.append(&[b"data: ", b"Hello"])?;
/// writer.durable_at_least(seq).await?;
///
/// let page = store.read(&id, None, PAGE_BYTES).await?;
/// assert_eq!(page.records().next().map(|record| record.bytes), Some(b"data: Hello".as_slice()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    backend: Arc<dyn Backend>,
    level: Level,
    limits: Limits,
    path: Path,
}

impl Store {
    /// A store in memory: an append is as durable as it gets when it returns, and nothing waits.
    pub fn memory() -> Self {
        Self::new(Arc::new(MemoryBackend::default()), Options::default())
            .expect("the lowest level needs nothing and inline commits need no thread")
    }

    /// A store on disk in the directory `path`, made with mode 0700 when it is missing.
    ///
    /// Blocks while the store recovers, and up to 500 ms while another process holds it.
    ///
    /// # Errors
    ///
    /// [`Locked`](ErrorKind::Locked), [`Corrupt`](ErrorKind::Corrupt) (the directory was renamed,
    /// the source says to what), [`Version`](ErrorKind::Version), [`Io`](ErrorKind::Io).
    #[cfg(feature = "sled")]
    pub fn sled(path: impl AsRef<std::path::Path>) -> Result<Self, StoreError> {
        let backend = crate::SledBackend::open(path, crate::SledOptions::default())?;
        Self::new(Arc::new(backend), Options::default())
    }

    /// A store on `backend`.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) when the backend does not reach
    /// [`Options::level_min`]; [`Io`](ErrorKind::Io) when the system gives no thread.
    pub fn new(backend: Arc<dyn Backend>, options: Options) -> Result<Self, StoreError> {
        let caps = backend.caps();
        if options.level_min > caps.level {
            let (asked, max) = (options.level_min, caps.level);
            return Err(ErrorKind::Unsupported { asked, max }.into());
        }
        let Options { level_min: _, limits, group_window, group_bytes } = options;
        let path = match caps.path {
            CommitPath::Inline => Path::Inline(Arc::clone(&backend)),
            CommitPath::Grouped => {
                let queue = Arc::new(Queue::new(group_bytes, limits.clone()));
                thread::spawn(Arc::clone(&backend), Arc::clone(&queue), group_window)?;
                Path::Grouped(queue)
            }
        };
        Ok(Self { inner: Arc::new(Inner { backend, level: caps.level, limits, path }) })
    }

    /// The level that every acknowledged record reaches.
    pub fn level(&self) -> Level {
        self.inner.level
    }

    /// The limits of this store.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Creates a stream and its first writer; durable when it returns.
    ///
    /// # Errors
    ///
    /// [`Exists`](ErrorKind::Exists) when the id is taken.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the stream may exist; [`recover`](Self::recover) takes it.
    pub async fn create(&self, id: &StreamId) -> Result<StreamWriter, StoreError> {
        self.writer(id, Open::Create).await
    }

    /// Takes a stream over: the writer goes on after the last durable record, and whatever
    /// earlier writers still have on the way is refused with [`Fenced`](ErrorKind::Fenced).
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound), and [`Closed`](ErrorKind::Closed) when the stream ended.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the earlier writers may be fenced.
    pub async fn recover(&self, id: &StreamId) -> Result<StreamWriter, StoreError> {
        self.writer(id, Open::Recover).await
    }

    /// Where a stream stands.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound).
    pub async fn info(&self, id: &StreamId) -> Result<StreamInfo, StoreError> {
        Ok(self.inner.backend.open(id, Open::Read).await?.info(id.clone()))
    }

    /// Reads durable records strictly after `after`, at most `bytes_max` bytes (clamped to
    /// [`Limits::page_bytes`]) but at least one record when there is one.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound), [`CursorAhead`](ErrorKind::CursorAhead) when `after` is
    /// not durable here, [`Corrupt`](ErrorKind::Corrupt) when the next record is damaged.
    pub async fn read(
        &self,
        id: &StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> Result<Page, StoreError> {
        let bytes_max = bytes_max.min(self.inner.limits.page_bytes);
        self.inner.backend.read(id, after, bytes_max).await
    }

    /// Lists streams in the order of their ids, strictly after one, at most
    /// [`Limits::listing_streams`] at a time.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn list(&self, after: Option<&StreamId>) -> Result<Listing, StoreError> {
        self.inner.backend.list(after, self.inner.limits.listing_streams).await
    }

    /// Removes a stream; durable when it returns. Its writers are refused from then on.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound).
    pub async fn delete(&self, id: &StreamId) -> Result<(), StoreError> {
        self.inner.backend.delete(id).await
    }

    async fn writer(&self, id: &StreamId, open: Open) -> Result<StreamWriter, StoreError> {
        let head = self.inner.backend.open(id, open).await?;
        Ok(StreamWriter::new(self.clone(), id.clone(), &head))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.inner.path
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("level", &self.inner.level).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Path::Grouped(queue) = &self.path {
            queue.close();
        }
    }
}

/// How a store commits, and what it refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The weakest level that will do. Default [`Level::Memory`]: take what the backend gives.
    pub level_min: Level,
    /// Limits of sizes and counts.
    pub limits: Limits,
    /// Shortest time between the starts of two batches. Default 5 ms.
    pub group_window: Duration,
    /// Bytes that start a batch before the window ends. Default 256 KiB.
    pub group_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level_min: Level::Memory,
            limits: Limits::default(),
            group_window: Duration::from_millis(5),
            group_bytes: 256 * 1024,
        }
    }
}

/// Where a stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Its name.
    pub id: StreamId,
    /// The epoch that may write.
    pub epoch: Epoch,
    /// Its last durable record.
    pub last: Option<Seq>,
    /// Bytes of its records, framing included.
    pub bytes: u64,
    /// Whether it takes more.
    pub state: StreamState,
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
