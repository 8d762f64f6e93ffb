//! Our store on its two databases, with its own committer and its default window.

use std::fs::{self, File, TryLockError};
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::thread;

use checkpoint_store::{PAGE_BYTES, Seq, Store, StoreError, StreamId, StreamWriter};
use tokio::runtime::{Builder, Runtime};

use super::journal::{Journal, Reader, Visit, text};
use super::record::Record;

/// On sled.
pub(super) type Sled = Streams<OnSled>;

/// On redb.
pub(super) type Redb = Streams<OnRedb>;

/// A database below our store.
pub(super) trait Below: Sized {
    fn open(path: &Path) -> Result<Store, StoreError>;
}

#[derive(Debug)]
pub(super) struct OnSled;

impl Below for OnSled {
    fn open(path: &Path) -> Result<Store, StoreError> {
        Store::sled(path)
    }
}

#[derive(Debug)]
pub(super) struct OnRedb;

impl Below for OnRedb {
    fn open(path: &Path) -> Result<Store, StoreError> {
        Store::redb(path)
    }
}

/// The writers of a store.
#[derive(Debug)]
pub(super) struct Streams<B> {
    opened: Opened<B>,
    writers: Vec<StreamWriter>,
}

/// A store and what waits for it.
#[derive(Debug)]
pub(super) struct Opened<B> {
    store: Store,
    runtime: Runtime,
    path: PathBuf,
    below: PhantomData<B>,
}

impl<B: Below> Journal for Streams<B> {
    type Reader = Opened<B>;

    fn create(path: &Path, streams: u32) -> Result<Self, String> {
        let opened = Opened::<B>::open(path)?;
        let writers = (0..streams).map(|stream| opened.run(opened.store.create(&id(stream)?)));
        let writers = writers.collect::<Result<_, _>>()?;
        Ok(Self { opened, writers })
    }

    fn append(&mut self, stream: u32, record: &Record) -> Result<(), String> {
        self.writers[stream as usize].append(&[record]).map(drop).map_err(text)
    }

    fn durable(&self, stream: u32) -> Result<u64, String> {
        Ok(self.writers[stream as usize].durable().map_or(0, Seq::value))
    }

    /// All at once, so that they share their barriers.
    fn close(self) -> Result<(), String> {
        let mut closing: Vec<_> =
            self.writers.into_iter().map(|writer| Box::pin(writer.close())).collect();
        let mut result = Ok(());
        let all = poll_fn(|context| {
            closing.retain_mut(|close| match close.as_mut().poll(context) {
                Poll::Ready(closed) => {
                    result = closed.and(result.clone());
                    false
                }
                Poll::Pending => true,
            });
            if closing.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        });
        self.opened.runtime.block_on(all);
        result.map_err(text)?;
        let Opened { store, path, .. } = self.opened;
        drop(store);
        wait_until_free(&path)
    }
}

impl<B: Below> Reader for Opened<B> {
    fn open(path: &Path) -> Result<Self, String> {
        let runtime = Builder::new_current_thread().build().map_err(text)?;
        let store = B::open(path).map_err(text)?;
        Ok(Self { store, runtime, path: path.to_owned(), below: PhantomData })
    }

    fn read(&self, stream: u32, after: u64, visit: &mut Visit<'_>) -> Result<(), String> {
        let (id, mut after) = (id(stream)?, Seq::new(after));
        loop {
            let page = self.run(self.store.read(&id, after, PAGE_BYTES))?;
            page.records().for_each(|record| visit(record.bytes));
            if !page.more() {
                return Ok(());
            }
            after = page.last();
        }
    }
}

impl<B> Opened<B> {
    fn run<T>(&self, future: impl Future<Output = Result<T, StoreError>>) -> Result<T, String> {
        self.runtime.block_on(future).map_err(text)
    }
}

fn id(stream: u32) -> Result<StreamId, String> {
    StreamId::new(format!("stream-{stream}")).map_err(text)
}

/// A store closes in the background; it holds its files until it has.
fn wait_until_free(directory: &Path) -> Result<(), String> {
    for entry in fs::read_dir(directory).map_err(text)? {
        let path = entry.map_err(text)?.path();
        // Some files are replaced while it closes.
        while let Ok(file) = File::open(&path)
            && path.is_file()
        {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => thread::yield_now(),
                Err(TryLockError::Error(error)) => return Err(text(error)),
            }
        }
    }
    Ok(())
}
