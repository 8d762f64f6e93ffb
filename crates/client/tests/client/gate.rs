//! A backend whose answers wait, or whose commits fail, as a test says.

use checkpoint_store::{
    Applied, Backend, BoxFuture, Caps, Chunk, CommitPath, ErrorKind, Frames, Head, Level, Listing,
    MemoryBackend, Open, Options, Page, Seq, Store, StoreError, StreamId,
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
        Caps { level: Level::Process, path: CommitPath::Grouped }
    }

    fn open<'a>(&'a self, id: &'a StreamId, open: Open) -> BoxFuture<'a, Result<Head, StoreError>> {
        Box::pin(async move {
            self.pass().await;
            self.memory.open(id, open).await
        })
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

    fn list<'a>(
        &'a self,
        after: Option<&'a StreamId>,
        streams_max: usize,
    ) -> BoxFuture<'a, Result<Listing, StoreError>> {
        self.memory.list(after, streams_max)
    }

    fn delete<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.memory.delete(id)
    }
}
