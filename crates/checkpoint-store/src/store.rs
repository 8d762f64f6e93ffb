//! `Store`: the handle that programs hold: it opens writers, reads, lists and deletes over any
//! backend. It owns the limits and, where the backend wants batches, the committer.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::backend::{Backend, CommitPath, Open};
use crate::committer::{Commits, Committer, thread};
use crate::follow::Follower;
use crate::memory::MemoryBackend;
use crate::queue::Queue;
use crate::stream_info::{Listing, StreamInfo};
use crate::writer::{Path, StreamWriter};
use crate::{
    Epoch, ErrorKind, Holder, Level, Limit, Limits, Page, Seq, StoreError, StreamId, Takeover, Ttl,
};

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
    holder: Holder,
    ttl: Option<Ttl>,
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

    /// A store on disk in the directory `path`, made with mode 0700 when it is missing, in a redb
    /// database.
    ///
    /// Blocks while the store recovers, and up to 500 ms while another process holds it.
    ///
    /// # Errors
    ///
    /// [`Locked`](ErrorKind::Locked), [`Corrupt`](ErrorKind::Corrupt) (the directory was renamed,
    /// the source says to what), [`Version`](ErrorKind::Version), [`Io`](ErrorKind::Io).
    #[cfg(feature = "redb")]
    pub fn redb(path: impl AsRef<std::path::Path>) -> Result<Self, StoreError> {
        let backend = crate::RedbBackend::open(path, crate::RedbOptions::default())?;
        Self::new(Arc::new(backend), Options::default())
    }

    /// A store on the Redis server that `url` names, for writers on many machines; see
    /// [`RedisBackend::connect`](crate::RedisBackend::connect).
    ///
    /// Blocks until it is connected, 2 s at most.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable), [`Io`](ErrorKind::Io) when the URL is not valid or
    /// the server cannot be trusted with streams.
    #[cfg(feature = "redis")]
    pub fn redis(url: &str) -> Result<Self, StoreError> {
        let backend = crate::RedisBackend::connect(url, crate::RedisOptions::default())?;
        Self::new(Arc::new(backend), Options::default())
    }

    /// A store on `backend`.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) when the backend does not reach
    /// [`Options::level_min`]; [`Io`](ErrorKind::Io) when the system gives no thread.
    pub fn new(backend: Arc<dyn Backend>, options: Options) -> Result<Self, StoreError> {
        if backend.caps().path == CommitPath::Inline {
            let path = Path::Inline(Arc::clone(&backend));
            return Self::with_path(backend, options, path);
        }
        let (store, commits) = Self::driven(backend, options)?;
        thread::spawn(commits)?;
        Ok(store)
    }

    /// A store without a thread: nothing is committed but by polling the [`Commits`], with
    /// whatever time they are told. For simulations: an append wakes nobody, so whoever appends
    /// polls.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) when the backend does not reach
    /// [`Options::level_min`].
    pub fn driven(
        backend: Arc<dyn Backend>,
        options: Options,
    ) -> Result<(Self, Commits), StoreError> {
        let queue = Arc::new(Queue::new(options.group_bytes, options.limits.clone()));
        let committer =
            Committer::new(Arc::clone(&queue), options.group_window, options.outage_max);
        let commits = Commits::new(Arc::clone(&backend), Arc::clone(&queue), committer);
        Ok((Self::with_path(backend, options, Path::Grouped(queue))?, commits))
    }

    fn with_path(
        backend: Arc<dyn Backend>,
        options: Options,
        path: Path,
    ) -> Result<Self, StoreError> {
        let level = backend.caps().level;
        if options.level_min > level {
            let (asked, max) = (options.level_min, level);
            return Err(ErrorKind::Unsupported { asked, max }.into());
        }
        let Options { limits, holder, ttl, .. } = options;
        Ok(Self { inner: Arc::new(Inner { backend, level, limits, holder, ttl, path }) })
    }

    /// The level that every acknowledged record reaches.
    pub fn level(&self) -> Level {
        self.inner.level
    }

    /// The limits of this store.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Creates a stream, kept as long as [`Options::ttl`] says, and its first writer; durable when
    /// it returns.
    ///
    /// # Errors
    ///
    /// [`Exists`](ErrorKind::Exists) when the id is taken, [`Corrupt`](ErrorKind::Corrupt) when it is
    /// by a damaged stream: [`delete`](Self::delete) frees it.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the stream may exist, held by nobody; where a lease lapses with
    /// time ([`Caps::lease`](crate::Caps::lease)), it may be held until then.
    pub async fn create(&self, id: &StreamId) -> Result<StreamWriter, StoreError> {
        self.create_for(id, self.inner.ttl).await
    }

    /// [`create`](Self::create), kept as long as `ttl` says; `None` until it is deleted.
    ///
    /// # Errors
    ///
    /// Those of [`create`](Self::create).
    ///
    /// # Cancel safety
    ///
    /// That of [`create`](Self::create).
    pub async fn create_for(
        &self,
        id: &StreamId,
        ttl: Option<Ttl>,
    ) -> Result<StreamWriter, StoreError> {
        self.writer(id, Open::Create { holder: &self.inner.holder, ttl }).await
    }

    /// Takes over a stream that nobody holds: the writer goes on after the last durable record,
    /// and whatever earlier writers still have on the way is refused with
    /// [`Fenced`](ErrorKind::Fenced). Of recoveries at the same time exactly one succeeds.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound), [`Closed`](ErrorKind::Closed) when the stream ended,
    /// [`Held`](ErrorKind::Held) while another writer may be alive, [`Corrupt`](ErrorKind::Corrupt).
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the stream may be in its next epoch, held by nobody; where a lease
    /// lapses with time ([`Caps::lease`](crate::Caps::lease)), it may be held until then.
    pub async fn recover(&self, id: &StreamId) -> Result<StreamWriter, StoreError> {
        self.settled(id).await;
        self.takeover(id, Takeover::IfFree).await
    }

    /// [`recover`](Self::recover), also when the writer of the epoch `over` holds the stream: that
    /// one is fenced. For a holder that is known to be dead, or is to give way.
    ///
    /// # Errors
    ///
    /// Those of [`recover`](Self::recover); [`Held`](ErrorKind::Held) when somebody else took it
    /// over since.
    ///
    /// # Cancel safety
    ///
    /// That of [`recover`](Self::recover).
    pub async fn take_over(&self, id: &StreamId, over: Epoch) -> Result<StreamWriter, StoreError> {
        self.takeover(id, Takeover::Over(over)).await
    }

    /// Where a stream stands.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound), [`Corrupt`](ErrorKind::Corrupt).
    pub async fn info(&self, id: &StreamId) -> Result<StreamInfo, StoreError> {
        self.inner.backend.stat(id).await
    }

    /// Reads durable records strictly after `after`, at most `bytes_max` bytes (clamped to
    /// [`Limits::page_bytes`]) but at least one record when there is one.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound), [`CursorAhead`](ErrorKind::CursorAhead) when `after` is
    /// not durable here, [`CursorTrimmed`](ErrorKind::CursorTrimmed) when a snapshot has the place
    /// of the records, [`Corrupt`](ErrorKind::Corrupt) when the next record is damaged.
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
    /// [`Limits::listing_streams`] at a time. A damaged one is among them, marked
    /// ([`StreamInfo::damage`]).
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn list(&self, after: Option<&StreamId>) -> Result<Listing, StoreError> {
        self.inner.backend.list(after, self.inner.limits.listing_streams).await
    }

    /// Removes a stream, also a damaged one; durable when it returns. Its writers are refused from
    /// then on.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound).
    pub async fn delete(&self, id: &StreamId) -> Result<(), StoreError> {
        self.inner.backend.delete(id).await
    }

    /// Keeps a stream at least as long as `ttl` says; never shorter than before.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound).
    pub async fn extend(&self, id: &StreamId, ttl: Ttl) -> Result<(), StoreError> {
        self.inner.backend.extend(id, ttl).await
    }

    /// Replaces the records of a closed stream by a snapshot, in one durable step. What it says is
    /// the caller's affair.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound), [`StillOpen`](ErrorKind::StillOpen),
    /// [`TooLarge`](ErrorKind::TooLarge) over [`Limits::snapshot_bytes`].
    pub async fn compact(&self, id: &StreamId, snapshot: &[u8]) -> Result<(), StoreError> {
        let (max, found) = (self.inner.limits.snapshot_bytes, snapshot.len());
        if found > max {
            let (max, found) = (max as u64, found as u64);
            return Err(ErrorKind::TooLarge { limit: Limit::Snapshot, max, found }.into());
        }
        self.inner.backend.compact(id, Arc::from(snapshot)).await
    }

    /// The snapshot that took the place of a stream's records, if one did.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound), [`Corrupt`](ErrorKind::Corrupt).
    pub async fn snapshot(&self, id: &StreamId) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.backend.snapshot(id).await
    }

    /// Reads a stream from a position on, and stays for what comes. A follower of a stream that
    /// expires gets [`NotFound`](ErrorKind::NotFound): on disk and on Redis a moment later, in memory
    /// at the [`sweep`](Self::sweep) that removes it.
    pub fn follow(&self, id: &StreamId, after: Option<Seq>) -> Follower {
        Follower::new(self.clone(), id.clone(), after)
    }

    /// Removes what has expired, at most [`Limits::listing_streams`] streams at a time, and says
    /// how many it removed. A program calls this now and then. A damaged stream stays: nobody knows
    /// when it expires.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        self.inner.backend.sweep(self.inner.limits.listing_streams).await
    }

    async fn takeover(
        &self,
        id: &StreamId,
        takeover: Takeover,
    ) -> Result<StreamWriter, StoreError> {
        self.writer(id, Open::Recover { holder: &self.inner.holder, takeover }).await
    }

    async fn writer(&self, id: &StreamId, open: Open<'_>) -> Result<StreamWriter, StoreError> {
        let head = self.inner.backend.open(id, open).await?;
        Ok(StreamWriter::new(self.clone(), id.clone(), &head))
    }

    /// Waits for what a writer of this store appended before it was dropped.
    async fn settled(&self, id: &StreamId) {
        let Path::Grouped(queue) = self.path() else { return };
        let departures = queue.departures.enroll();
        poll_fn(|cx| {
            departures.park(cx.waker());
            if queue.is_departing(id) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    pub(crate) async fn wait(&self, id: &StreamId, after: Option<Seq>) -> Result<(), StoreError> {
        self.inner.backend.wait(id, after).await
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.inner.backend
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
    /// Who writes here, for those who find a stream held. Default
    /// [`Holder::this_process`].
    pub holder: Holder,
    /// How long streams are kept. Default `None`: until they are deleted.
    pub ttl: Option<Ttl>,
    /// Limits of sizes and counts.
    pub limits: Limits,
    /// Shortest time between the starts of two batches. Default 5 ms.
    pub group_window: Duration,
    /// Bytes that start a batch before the window ends. Default 256 KiB.
    pub group_bytes: usize,
    /// How long a backend may be out of reach before the store stops. Default 30 s.
    pub outage_max: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level_min: Level::Memory,
            holder: Holder::this_process(),
            ttl: None,
            limits: Limits::default(),
            group_window: Duration::from_millis(5),
            group_bytes: 256 * 1024,
            outage_max: Duration::from_secs(30),
        }
    }
}
