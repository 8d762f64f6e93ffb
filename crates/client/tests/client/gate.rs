//! A backend whose answers wait, or whose commits fail, as a test says.

use checkpoint_store::{
    Applied, Backend, BoxFuture, Caps, Chunk, CommitPath, Epoch, ErrorKind, Frames, Head, Level,
    Listing, MemoryBackend, Open, Options, Page, Seq, Store, StoreError, StreamId, StreamInfo,
    StreamNo, Ttl,
};
use std::sync::Arc;
use tokio::sync::watch;

/// What becomes of a question to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    /// It has no answer.
    Shut,
    /// A commit fails.
    Broken,
}

/// A store whose answers pass through the gate in `watch`.
pub(crate) fn store(options: Options) -> (Store, watch::Sender<Gate>) {
    let (gate, watched) = watch::channel(Gate::Open);
    let backend = Gated { memory: MemoryBackend::default(), gate: watched };
    (Store::new(Arc::new(backend), options).expect("a memory backend opens"), gate)
}

struct Gated {
    memory: MemoryBackend,
    gate: watch::Receiver<Gate>,
}

impl Gated {
    /// What the gate is once it is not shut; `None` when nobody can open it any more.
    async fn pass(&self) -> Option<Gate> {
        let mut gate = self.gate.clone();
        gate.wait_for(|gate| *gate != Gate::Shut).await.map(|gate| *gate).ok()
    }
}

impl Backend for Gated {
    fn caps(&self) -> Caps {
        Caps { level: Level::Process, path: CommitPath::Grouped, lease: None }
    }

    fn open<'a>(
        &'a self,
        id: &'a StreamId,
        open: Open<'a>,
    ) -> BoxFuture<'a, Result<Head, StoreError>> {
        Box::pin(async move {
            self.pass().await;
            self.memory.open(id, open).await
        })
    }

    fn release(&self, stream: StreamNo, epoch: Epoch) {
        self.memory.release(stream, epoch);
    }

    fn commit(&self, batch: Arc<[Chunk]>) -> BoxFuture<'_, Result<Vec<Applied>, StoreError>> {
        Box::pin(async move {
            match self.pass().await {
                Some(Gate::Open) => self.memory.commit(batch).await,
                _ => Err(ErrorKind::Io.into()),
            }
        })
    }

    fn commit_inline(&self, frames: &Frames<'_>) -> Result<Applied, StoreError> {
        self.memory.commit_inline(frames)
    }

    fn stat<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<StreamInfo, StoreError>> {
        self.memory.stat(id)
    }

    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move {
            self.pass().await;
            self.memory.read(id, after, bytes_max).await
        })
    }

    fn wait<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.memory.wait(id, after)
    }

    fn list<'a>(
        &'a self,
        after: Option<&'a StreamId>,
        streams_max: usize,
    ) -> BoxFuture<'a, Result<Listing, StoreError>> {
        self.memory.list(after, streams_max)
    }

    fn extend<'a>(&'a self, id: &'a StreamId, ttl: Ttl) -> BoxFuture<'a, Result<(), StoreError>> {
        self.memory.extend(id, ttl)
    }

    fn compact<'a>(
        &'a self,
        id: &'a StreamId,
        snapshot: Arc<[u8]>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.memory.compact(id, snapshot)
    }

    fn snapshot<'a>(
        &'a self,
        id: &'a StreamId,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.memory.snapshot(id)
    }

    fn delete<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.memory.delete(id)
    }

    fn sweep(&self, streams_max: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.memory.sweep(streams_max)
    }
}
