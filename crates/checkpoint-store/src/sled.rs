//! `SledBackend`: streams on disk in one sled database. A commit is one value per stream, then
//! `flush`, then `sync_data` on the database file, because `flush` alone does not survive a power
//! cut. All of it happens on one thread of its own, never on the caller's.

mod engine;
mod layout;
mod open;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use self::engine::Engine;
use crate::backend::{Applied, Backend, BoxFuture, Caps, CommitPath, Head, Open};
use crate::chunk::Chunk;
use crate::store::Listing;
use crate::{ErrorKind, Level, Page, Seq, StoreError, StreamId};

/// Calls that may wait for the disk thread; more wait for a place.
const JOBS_MAX: usize = 64;

type Job = Box<dyn FnOnce(&mut Engine) + Send>;

/// How a sled database is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SledOptions {
    /// Bytes of pages that sled keeps in memory. Default 64 MiB.
    pub cache_bytes: u64,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self { cache_bytes: 64 * 1024 * 1024 }
    }
}

/// Streams in a directory, durable to [`Level::Disk`].
#[derive(Debug)]
pub struct SledBackend {
    jobs: mpsc::Sender<Job>,
}

impl SledBackend {
    /// Opens the database in the directory `path`, made with mode 0700 when it is missing.
    ///
    /// Blocks while the database recovers, and up to 500 ms while another process holds it.
    ///
    /// # Errors
    ///
    /// [`Locked`](ErrorKind::Locked) when it is still held then; [`Corrupt`](ErrorKind::Corrupt)
    /// when it cannot be recovered: the directory is then renamed, not deleted, and the source
    /// says to what; [`Version`](ErrorKind::Version); [`Io`](ErrorKind::Io).
    pub fn open(path: impl AsRef<Path>, options: SledOptions) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let (jobs, queue) = mpsc::channel(JOBS_MAX);
        let (opened, result) = std::sync::mpsc::sync_channel(1);
        let body = move || match open::open(&path, &options) {
            Ok(engine) => {
                // The opener waits for the answer, so there is someone to take it.
                let _ = opened.send(Ok(()));
                run(engine, queue);
            }
            Err(error) => _ = opened.send(Err(error)),
        };
        std::thread::Builder::new()
            .name("checkpoint-sled".to_owned())
            .spawn(body)
            .map_err(|error| StoreError::with_source(ErrorKind::Io, error))?;
        result.recv().unwrap_or_else(|_| Err(ErrorKind::Poisoned.into()))?;
        Ok(Self { jobs })
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
            // The caller may have gone; the work is done all the same.
            let _ = reply.send(result);
        });
        self.jobs.send(job).await.map_err(|_| ErrorKind::Poisoned)?;
        answer.await.map_err(|_| ErrorKind::Poisoned)?
    }
}

fn run(mut engine: Engine, mut jobs: mpsc::Receiver<Job>) {
    while let Some(job) = jobs.blocking_recv() {
        job(&mut engine);
    }
}

impl Backend for SledBackend {
    fn caps(&self) -> Caps {
        Caps { level: Level::Disk, path: CommitPath::Grouped }
    }

    fn open<'a>(&'a self, id: &'a StreamId, open: Open) -> BoxFuture<'a, Result<Head, StoreError>> {
        let id = id.clone();
        Box::pin(self.run(move |engine| match open {
            Open::Create => engine.create(&id),
            Open::Recover => engine.recover(&id),
            Open::Read => engine.head_of(&id),
        }))
    }

    fn commit(&self, batch: Arc<[Chunk]>) -> BoxFuture<'_, Result<Vec<Applied>, StoreError>> {
        Box::pin(self.run(move |engine| engine.commit(&batch)))
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

    fn list<'a>(
        &'a self,
        after: Option<&'a StreamId>,
        streams_max: usize,
    ) -> BoxFuture<'a, Result<Listing, StoreError>> {
        let after = after.cloned();
        Box::pin(self.run(move |engine| engine.list(after.as_ref(), streams_max)))
    }

    fn delete<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<(), StoreError>> {
        let id = id.clone();
        Box::pin(self.run(move |engine| engine.delete(&id)))
    }
}
