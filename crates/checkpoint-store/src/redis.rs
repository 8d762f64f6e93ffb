//! `RedisBackend`: streams on a Redis server, for writers and readers on many machines. All its
//! input and output happens on one thread of its own, so any executor can drive its futures.
//!
//! A stream is one Redis stream whose entries are chunks under the id `epoch-position`; Redis takes
//! an entry only above the last one, which is what fences. `docs/checkpoint-format.md` has the keys.

mod append;
mod held;
mod keys;
mod link;
mod options;
mod reading;
mod reply;
mod script;
mod server;
mod standing;
mod streams;
mod tails;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

pub use self::options::RedisOptions;
use self::streams::{Granted, Streams};
use crate::backend::{Applied, Backend, BoxFuture, Caps, CommitPath, Head, Open};
use crate::chunk::Chunk;
use crate::expiry::Ttl;
use crate::stream_info::{Listing, StreamInfo};
use crate::{Epoch, ErrorKind, Page, Seq, StoreError, StreamId, StreamNo};

/// Streams on a Redis server, 7.0 or later, or on one that speaks as it does.
///
/// A record survives its writer in any case; the level says which end of the server it survives:
/// [`Level::Disk`](crate::Level::Disk) with `appendonly yes` and `appendfsync always`,
/// [`Level::Process`](crate::Level::Process) with `appendfsync no`, and
/// [`Level::Memory`](crate::Level::Memory) without an append-only file and with `everysec`, under
/// which a server that is killed while a sync runs loses up to 2 s of what it acknowledged. The
/// level is read when a connection is made and at every renewal of a lease; a server that fell
/// below it is [`Unavailable`](ErrorKind::Unavailable).
///
/// Copies on replicas are not counted: a failover can lose what the replica did not have yet, and
/// its writers then get [`Gap`](ErrorKind::Gap), [`Fenced`](ErrorKind::Fenced) or
/// [`NotFound`](ErrorKind::NotFound). That is noticed because connections break; a server that is
/// made a replica and a primary again behind connections that stay, or a proxy that hides it, is
/// noticed at the next renewal, a third of a lease later.
///
/// A writer learns at its next renewal that another program has extended its stream.
pub struct RedisBackend {
    streams: Arc<Streams>,
    runtime: Handle,
    caps: Caps,
}

impl RedisBackend {
    /// Connects to the server that `url` names: `redis://[user[:password]@]host[:port][/db]`, or
    /// `rediss://` over TLS, verified with the system's certificates.
    ///
    /// Blocks until it is connected, at most
    /// [`connect_timeout`](RedisOptions::connect_timeout). The password is in no error.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) when the server cannot be reached, or is a replica;
    /// [`Version`](ErrorKind::Version) when a later version wrote under this prefix;
    /// [`Io`](ErrorKind::Io) when the URL or the options are not valid, when the server refuses
    /// the login, is older than 7.0, or may evict keys (`maxmemory` with a policy other than
    /// `noeviction`).
    pub fn connect(url: &str, options: RedisOptions) -> Result<Self, StoreError> {
        let lease = options.lease;
        let streams = Arc::new(Streams::new(url, options)?);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (connected, result) = std::sync::mpsc::sync_channel(1);
        let engine = Arc::clone(&streams);
        let body = move || runtime.block_on(serve(engine, connected));
        thread::Builder::new().name("checkpoint-redis".to_owned()).spawn(body).map_err(failed)?;
        let level = result.recv().unwrap_or_else(|_| Err(ErrorKind::Poisoned.into()))?;
        let caps = Caps { level, path: CommitPath::Grouped, lease: Some(lease) };
        Ok(Self { streams, runtime: handle, caps })
    }

    /// Runs `work` on the thread of the backend, to its end also when the future is dropped.
    fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let task = self.runtime.spawn(work);
        // Only a panic ends a task while the backend lives.
        Box::pin(async { task.await.unwrap_or_else(|_| Err(gone())) })
    }
}

/// A task that ends when nobody wants its answer any more.
struct Dropped<T>(JoinHandle<T>);

impl<T> Drop for Dropped<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn gone() -> StoreError {
    ErrorKind::Poisoned.into()
}

impl Drop for RedisBackend {
    /// The thread ends what was released and then itself, in the background.
    fn drop(&mut self) {
        self.streams.held.stop();
    }
}

/// The body of the thread: connects, then keeps leases and tails until the backend is dropped.
async fn serve(
    streams: Arc<Streams>,
    connected: std::sync::mpsc::SyncSender<Result<crate::Level, StoreError>>,
) {
    let level = streams.connect().await;
    let is_connected = level.is_ok();
    // The opener waits for the answer, so there is someone to take it.
    let _ = connected.send(level);
    if is_connected {
        let tails = tokio::spawn(Arc::clone(&streams).watch_tails());
        streams.keep_leases().await;
        tails.abort();
    }
}

fn failed(error: std::io::Error) -> StoreError {
    StoreError::with_source(ErrorKind::Io, error)
}

impl Backend for RedisBackend {
    fn caps(&self) -> Caps {
        self.caps
    }

    fn open<'a>(
        &'a self,
        id: &'a StreamId,
        open: Open<'a>,
    ) -> BoxFuture<'a, Result<Head, StoreError>> {
        let (streams, name) = (Arc::clone(&self.streams), id.clone());
        let opened = match open {
            Open::Create { holder, ttl } => {
                let holder = holder.clone();
                self.run(async move { streams.create(&name, &holder, ttl).await })
            }
            Open::Recover { holder, takeover } => {
                let holder = holder.clone();
                self.run(async move { streams.recover(&name, &holder, takeover).await })
            }
        };
        Box::pin(async move {
            let Granted { head, token, generation } = opened.await?;
            // Here and not on the thread: whoever left meanwhile has no writer to renew for.
            self.streams.held.grant(id, &head, token, generation);
            Ok(head)
        })
    }

    fn release(&self, stream: StreamNo, epoch: Epoch) {
        self.streams.held.release(stream, epoch);
    }

    fn commit(&self, batch: Arc<[Chunk]>) -> BoxFuture<'_, Result<Vec<Applied>, StoreError>> {
        let streams = Arc::clone(&self.streams);
        self.run(async move { streams.commit(&batch).await })
    }

    fn stat<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<StreamInfo, StoreError>> {
        let (streams, id) = (Arc::clone(&self.streams), id.clone());
        self.run(async move { streams.stat(&id).await })
    }

    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        let (streams, id) = (Arc::clone(&self.streams), id.clone());
        self.run(async move { streams.read(&id, after, bytes_max).await })
    }

    fn wait<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let (streams, id) = (Arc::clone(&self.streams), id.clone());
        let mut task = Dropped(self.runtime.spawn(async move { streams.wait(&id, after).await }));
        Box::pin(async move { (&mut task.0).await.unwrap_or_else(|_| Err(gone())) })
    }

    fn list<'a>(
        &'a self,
        after: Option<&'a StreamId>,
        streams_max: usize,
    ) -> BoxFuture<'a, Result<Listing, StoreError>> {
        let (streams, after) = (Arc::clone(&self.streams), after.cloned());
        self.run(async move { streams.list(after, streams_max).await })
    }

    fn extend<'a>(&'a self, id: &'a StreamId, ttl: Ttl) -> BoxFuture<'a, Result<(), StoreError>> {
        let (streams, id) = (Arc::clone(&self.streams), id.clone());
        self.run(async move { streams.extend(&id, ttl).await })
    }

    fn compact<'a>(
        &'a self,
        id: &'a StreamId,
        snapshot: Arc<[u8]>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let (streams, id) = (Arc::clone(&self.streams), id.clone());
        self.run(async move { streams.compact(&id, &snapshot).await })
    }

    fn snapshot<'a>(
        &'a self,
        id: &'a StreamId,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        let (streams, id) = (Arc::clone(&self.streams), id.clone());
        self.run(async move { streams.snapshot(&id).await })
    }

    fn delete<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<(), StoreError>> {
        let (streams, id) = (Arc::clone(&self.streams), id.clone());
        self.run(async move { streams.delete(&id).await })
    }

    fn sweep(&self, streams_max: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        let streams = Arc::clone(&self.streams);
        self.run(async move { streams.sweep(streams_max).await })
    }
}

impl fmt::Debug for RedisBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBackend").field("caps", &self.caps).finish_non_exhaustive()
    }
}
