//! A backend whose commits wait, or fail, as a test says.

use checkpoint_store::{
    Applied, Backend, BoxFuture, Caps, Chunk, CommitPath, ErrorKind, Frames, Head, Level, Listing,
    MemoryBackend, Open, Options, Page, Seq, Store, StoreError, StreamId,
};
use std::sync::Arc;
use tokio::sync::watch;

/// What becomes of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    Shut,
    Broken,
}

/// A store whose commits pass through the gate in `watch`.
pub(crate) fn store(options: Options) -> (Store, watch::Sender<Gate>) {
    let (gate, watched) = watch::channel(Gate::Open);
    let backend = Gated { memory: MemoryBackend::default(), gate: watched };
    (Store::new(Arc::new(backend), options).expect("a memory backend opens"), gate)
}

struct Gated {
    memory: MemoryBackend,
    gate: watch::Receiver<Gate>,
}

impl Backend for Gated {
    fn caps(&self) -> Caps {
        Caps { level: Level::Process, path: CommitPath::Grouped }
    }

    fn open<'a>(&'a self, id: &'a StreamId, open: Open) -> BoxFuture<'a, Result<Head, StoreError>> {
        self.memory.open(id, open)
    }

    fn commit(&self, batch: Arc<[Chunk]>) -> BoxFuture<'_, Result<Vec<Applied>, StoreError>> {
        let mut gate = self.gate.clone();
        Box::pin(async move {
            let state = gate.wait_for(|gate| *gate != Gate::Shut).await.map(|gate| *gate);
            match state {
                Ok(Gate::Open) => self.memory.commit(batch).await,
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
        self.memory.read(id, after, bytes_max)
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
