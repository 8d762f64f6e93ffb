//! `DiskBackend`: streams in an embedded database on disk, on sled or on redb. All its work happens
//! on one thread of its own, never on the caller's; one engine does it over either database.

mod database;
mod engine;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod golden;
mod layout;
mod opening;
mod quarantine;
#[cfg(feature = "redb")]
mod redb;
#[cfg(feature = "sled")]
mod sled;
mod stored;
mod tombstone;

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use self::engine::{Engine, Granted, Watch};
use self::opening::Opener;
#[cfg(feature = "redb")]
pub use self::redb::RedbOptions;
#[cfg(feature = "sled")]
pub use self::sled::SledOptions;
use crate::backend::{Applied, Backend, BoxFuture, Caps, CommitPath, Head, Open};
use crate::chunk::Chunk;
use crate::expiry::{Clock, Ttl};
use crate::stream_info::{Listing, StreamInfo};
use crate::{Epoch, ErrorKind, Level, Page, Seq, StoreError, StreamId, StreamNo, unpark};

/// Calls that may wait for the disk thread; more wait for a place.
const JOBS_MAX: usize = 64;

/// The clock may be set while a stream is waited for that expires later than this.
const CLOCK_LOOK: Duration = Duration::from_secs(60);

type Job = Box<dyn FnOnce(&mut Engine) + Send>;

/// Streams in a directory, durable to [`Level::Disk`]; `O` says in which database.
pub struct DiskBackend<O> {
    jobs: mpsc::Sender<Job>,
    watch: Arc<Watch>,
    options: PhantomData<fn(O)>,
}

/// Streams in a sled database.
#[cfg(feature = "sled")]
pub type SledBackend = DiskBackend<SledOptions>;

/// Streams in a redb database.
#[cfg(feature = "redb")]
pub type RedbBackend = DiskBackend<RedbOptions>;

#[cfg(feature = "sled")]
impl DiskBackend<SledOptions> {
    /// Opens the sled database in the directory `path`, made with mode 0700 when it is missing.
    ///
    /// Blocks while the database recovers, and up to 500 ms while another process holds it.
    ///
    /// # Errors
    ///
    /// [`Locked`](ErrorKind::Locked) when it is still held then; [`Corrupt`](ErrorKind::Corrupt)
    /// when it cannot be recovered: its files, and nothing else, are then in a new directory
    /// `quarantine-*` in `path`, which the source names; [`Version`](ErrorKind::Version);
    /// [`Io`](ErrorKind::Io), which moves nothing.
    pub fn open(path: impl AsRef<Path>, options: SledOptions) -> Result<Self, StoreError> {
        Self::start(path.as_ref(), options.clock.clone(), options)
    }
}

#[cfg(feature = "redb")]
impl DiskBackend<RedbOptions> {
    /// Opens the redb database in the directory `path`, made with mode 0700 when it is missing.
    ///
    /// Blocks while every page is checked, and up to 500 ms while another process holds it.
    ///
    /// # Errors
    ///
    /// [`Locked`](ErrorKind::Locked) when it is still held then; [`Corrupt`](ErrorKind::Corrupt)
    /// when it cannot be recovered: its files, and nothing else, are then in a new directory
    /// `quarantine-*` in `path`, which the source names; [`Version`](ErrorKind::Version);
    /// [`Io`](ErrorKind::Io), which moves nothing.
    pub fn open(path: impl AsRef<Path>, options: RedbOptions) -> Result<Self, StoreError> {
        Self::start(path.as_ref(), options.clock.clone(), options)
    }
}

impl<O> DiskBackend<O> {
    fn start(
        path: &Path,
        clock: Clock,
        opener: impl Opener + Send + 'static,
    ) -> Result<Self, StoreError> {
        let path = path.to_owned();
        let watch = Arc::new(Watch::default());
        let engine_watch = Arc::clone(&watch);
        let (jobs, queue) = mpsc::channel(JOBS_MAX);
        let (opened, result) = std::sync::mpsc::sync_channel(1);
        let body = move || {
            let database = opening::open(&path, &opener);
            match database.and_then(|database| Engine::new(database, clock, engine_watch)) {
                Ok(engine) => {
                    // The opener waits for the answer, so there is someone to take it.
                    let _ = opened.send(Ok(()));
                    run(engine, queue);
                }
                Err(error) => _ = opened.send(Err(error)),
            }
        };
        thread::Builder::new()
            .name("checkpoint-disk".to_owned())
            .spawn(body)
            .map_err(opening::io_error)?;
        result.recv().unwrap_or_else(|_| Err(ErrorKind::Poisoned.into()))?;
        Ok(Self { jobs, watch, options: PhantomData })
    }

    /// Runs `work` on the disk thread. A panic there ends the thread: everything after is
    /// `Poisoned`.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |engine| {
            let result = work(engine);
            // The caller may have gone; the work is done all the same, and what it granted ends here.
            let _ = reply.send(result);
        });
        self.jobs.send(job).await.map_err(|_| ErrorKind::Poisoned)?;
        answer.await.map_err(|_| ErrorKind::Poisoned)?
    }

    /// A granted head is taken in the same poll as its answer, so a future that is dropped before
    /// that leaves no lease.
    async fn open_with(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<Granted, StoreError> + Send + 'static,
    ) -> Result<Head, StoreError> {
        Ok(self.run(work).await?.take())
    }

    /// Others get their turn between two rounds.
    async fn sweep_rounds(&self, streams_max: usize) -> Result<usize, StoreError> {
        loop {
            let swept = self.run(move |engine| engine.sweep(streams_max)).await?;
            if swept.removed > 0 || !swept.more {
                return Ok(swept.removed);
            }
        }
    }

    async fn wait_for(&self, id: StreamId, after: Option<Seq>) -> Result<(), StoreError> {
        let stream = self.run(move |engine| engine.head_of(&id)).await?.stream;
        let tail = self.watch.tails.tail(stream);
        loop {
            // Parked before the look, so that no change falls between them.
            poll_fn(|cx| {
                tail.park(cx.waker());
                Poll::Ready(())
            })
            .await;
            if !self.run(move |engine| engine.is_quiet(stream, after)).await? {
                return Ok(());
            }
            poll_fn(|cx| match tail.is_still_parked(cx.waker()) {
                true => Poll::Pending,
                false => Poll::Ready(()),
            })
            .await;
        }
    }
}

fn run(mut engine: Engine, mut jobs: mpsc::Receiver<Job>) {
    let waker = unpark::waker();
    let mut cx = Context::from_waker(&waker);
    while let Some(job) = next_job(&mut engine, &mut jobs, &mut cx) {
        job(&mut engine);
    }
}

/// The next job, `None` when the backend is gone. Waits for streams that expire end meanwhile.
fn next_job(
    engine: &mut Engine,
    jobs: &mut mpsc::Receiver<Job>,
    cx: &mut Context<'_>,
) -> Option<Job> {
    loop {
        let Some(left) = engine.wake_expired() else { return jobs.blocking_recv() };
        if let Poll::Ready(job) = jobs.poll_recv(cx) {
            return job;
        }
        thread::park_timeout(left.min(CLOCK_LOOK));
    }
}

impl<O: 'static> Backend for DiskBackend<O> {
    fn caps(&self) -> Caps {
        Caps { level: Level::Disk, path: CommitPath::Grouped, lease: None }
    }

    fn open<'a>(
        &'a self,
        id: &'a StreamId,
        open: Open<'a>,
    ) -> BoxFuture<'a, Result<Head, StoreError>> {
        let id = id.clone();
        match open {
            Open::Create { holder, ttl } => {
                let holder = holder.clone();
                Box::pin(self.open_with(move |engine| engine.create(&id, &holder, ttl)))
            }
            Open::Recover { holder, takeover } => {
                let holder = holder.clone();
                Box::pin(self.open_with(move |engine| engine.recover(&id, &holder, takeover)))
            }
        }
    }

    fn release(&self, stream: StreamNo, epoch: Epoch) {
        self.watch.leases.release(stream, epoch);
    }

    fn commit(&self, batch: Arc<[Chunk]>) -> BoxFuture<'_, Result<Vec<Applied>, StoreError>> {
        Box::pin(self.run(move |engine| engine.commit(&batch)))
    }

    fn stat<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<StreamInfo, StoreError>> {
        let id = id.clone();
        Box::pin(self.run(move |engine| engine.stat(&id)))
    }

    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        let id = id.clone();
        Box::pin(self.run(move |engine| engine.read(&id, after, bytes_max)))
    }

    fn wait<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.wait_for(id.clone(), after))
    }

    fn list<'a>(
        &'a self,
        after: Option<&'a StreamId>,
        streams_max: usize,
    ) -> BoxFuture<'a, Result<Listing, StoreError>> {
        let after = after.cloned();
        Box::pin(self.run(move |engine| engine.list(after.as_ref(), streams_max)))
    }

    fn extend<'a>(&'a self, id: &'a StreamId, ttl: Ttl) -> BoxFuture<'a, Result<(), StoreError>> {
        let id = id.clone();
        Box::pin(self.run(move |engine| engine.extend(&id, ttl)))
    }

    fn compact<'a>(
        &'a self,
        id: &'a StreamId,
        snapshot: Arc<[u8]>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let id = id.clone();
        Box::pin(self.run(move |engine| engine.compact(&id, &snapshot)))
    }

    fn snapshot<'a>(
        &'a self,
        id: &'a StreamId,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        let id = id.clone();
        Box::pin(self.run(move |engine| engine.snapshot(&id)))
    }

    fn delete<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<(), StoreError>> {
        let id = id.clone();
        Box::pin(self.run(move |engine| engine.delete(&id)))
    }

    fn sweep(&self, streams_max: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(self.sweep_rounds(streams_max))
    }
}

impl<O> fmt::Debug for DiskBackend<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskBackend").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::database::Database;
    use super::fake::{Disk, Fake};
    use super::opening::Failure;
    use super::*;
    use crate::{Holder, Timestamp};

    struct FakeOpener(Disk);

    impl Opener for FakeOpener {
        fn open_once(&self, _: &Path) -> Result<Box<dyn Database>, Failure> {
            Ok(Box::new(Fake::new(&self.0, None)))
        }

        fn owns(&self, _: &str) -> bool {
            false
        }
    }

    #[test]
    fn a_sweep_finds_what_expired_behind_many_that_are_kept_longer() {
        const KEPT: u64 = 3000;
        let until = |millis| Ttl::Until(Timestamp::from_millis(millis));
        let directory = tempfile::tempdir().unwrap();
        let (disk, holder) = (Disk::default(), Holder::new("h"));
        let open = |millis| {
            let clock = Clock::new(move || Timestamp::from_millis(millis));
            let opener = FakeOpener(Arc::clone(&disk));
            DiskBackend::<()>::start(directory.path(), clock, opener).unwrap()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let backend = open(0);
            for number in 1..=KEPT + 1 {
                let id = StreamId::new(number.to_string()).unwrap();
                let ttl = Some(until(number));
                backend.open(&id, Open::Create { holder: &holder, ttl }).await.unwrap();
                if number <= KEPT {
                    backend.extend(&id, until(1_000_000)).await.unwrap();
                }
            }
            let backend = open(10_000);
            assert_eq!(backend.sweep(0).await.unwrap(), 0);
            assert_eq!(backend.sweep(10).await.unwrap(), 1);
            assert_eq!(backend.sweep(10).await.unwrap(), 0);
        });
    }
}
