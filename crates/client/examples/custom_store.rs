//! Checkpoints in a store of one's own: here the store in memory, which says what happens to it. The
//! feature `conformance` of `checkpoint-store` has the tests that a store must pass.
//!
//! `OPENAI_API_KEY=... cargo run -p client --example custom_store [BASE_URL]`

use checkpoint_store::{
    Applied, Backend, BoxFuture, Caps, Chunk, Epoch, Frames, Head, Listing, MemoryBackend, Open,
    Options, Page, Seq, StoreError, StreamInfo, StreamNo, Ttl,
};
use client::{Client, Endpoint, Event, Profile, Request, Secret, Store, StreamId};
use std::error::Error;
use std::sync::Arc;

/// Says what is opened, committed and closed.
#[derive(Default)]
struct Talking(MemoryBackend);

impl Backend for Talking {
    fn caps(&self) -> Caps {
        self.0.caps()
    }

    fn open<'a>(
        &'a self,
        id: &'a StreamId,
        open: Open<'a>,
    ) -> BoxFuture<'a, Result<Head, StoreError>> {
        eprintln!("[store: {id} opened]");
        self.0.open(id, open)
    }

    fn release(&self, stream: StreamNo, epoch: Epoch) {
        eprintln!("[store: let go]");
        self.0.release(stream, epoch);
    }

    fn commit(&self, batch: Arc<[Chunk]>) -> BoxFuture<'_, Result<Vec<Applied>, StoreError>> {
        self.0.commit(batch)
    }

    fn commit_inline(&self, frames: &Frames<'_>) -> Result<Applied, StoreError> {
        eprintln!("[store: {} records from {}]", frames.count, frames.first);
        self.0.commit_inline(frames)
    }

    fn stat<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<StreamInfo, StoreError>> {
        self.0.stat(id)
    }

    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        self.0.read(id, after, bytes_max)
    }

    fn wait<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.wait(id, after)
    }

    fn list<'a>(
        &'a self,
        after: Option<&'a StreamId>,
        streams_max: usize,
    ) -> BoxFuture<'a, Result<Listing, StoreError>> {
        self.0.list(after, streams_max)
    }

    fn extend<'a>(&'a self, id: &'a StreamId, ttl: Ttl) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.extend(id, ttl)
    }

    fn compact<'a>(
        &'a self,
        id: &'a StreamId,
        snapshot: Arc<[u8]>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.compact(id, snapshot)
    }

    fn snapshot<'a>(
        &'a self,
        id: &'a StreamId,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.0.snapshot(id)
    }

    fn delete<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.delete(id)
    }

    fn sweep(&self, streams_max: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.0.sweep(streams_max)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let base_url = std::env::args().nth(1);
    let base_url = base_url.unwrap_or_else(|| "https://api.openai.com/v1".to_owned());
    let key = Secret::new(std::env::var("OPENAI_API_KEY")?);
    let client = Client::builder()
        .endpoint(Endpoint::new(&base_url, Profile::OPENAI)?.key(key))
        .checkpoints(Store::new(Arc::new(Talking::default()), Options::default())?)
        .build()?;
    let request = Request::prompt("gpt-4.1", "Tell me about lighthouses.");
    let mut stream = client.stream(request.id(StreamId::new("lighthouses")?)).await?;
    while let Some(event) = stream.next().await {
        if let Event::Text(text) = event? {
            print!("{text}");
        }
    }
    println!();
    Ok(())
}
