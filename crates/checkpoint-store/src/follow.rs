//! `Follower`: a reader that stays: pages as they become durable, until the stream ends.
//! Replay and tail are one cursor, so nothing is missed or repeated between them.

use crate::{ErrorKind, Page, Seq, Store, StoreError, StreamId, StreamNo};

/// Reads a stream from a position on, and waits at its end for more.
///
/// ```
/// use checkpoint_store::{Store, StreamId};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = Store::memory();
/// let id = StreamId::new("answer-7")?;
/// let mut writer = store.create(&id).await?;
/// writer.append(&[b"Hello"])?;
/// writer.close().await?;
///
/// let mut follower = store.follow(&id, None);
/// let page = follower.next_page().await?.expect("one record");
/// assert_eq!(page.records().next().map(|record| record.bytes), Some(b"Hello".as_slice()));
/// assert!(follower.next_page().await?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Follower {
    store: Store,
    id: StreamId,
    after: Option<Seq>,
    /// The stream that was met first: its id may be used again.
    stream: Option<StreamNo>,
    is_ended: bool,
}

impl Follower {
    pub(crate) fn new(store: Store, id: StreamId, after: Option<Seq>) -> Self {
        Self { store, id, after, stream: None, is_ended: false }
    }

    /// The next durable records, as soon as there are any; `None` when the stream has ended.
    ///
    /// # Errors
    ///
    /// Those of [`Store::read`]; [`NotFound`](ErrorKind::NotFound) also when another stream has the
    /// id by now. After a retryable one the follower goes on where it was.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next_page(&mut self) -> Result<Option<Page>, StoreError> {
        while !self.is_ended {
            let page = self.store.read(&self.id, self.after, usize::MAX).await?;
            if *self.stream.get_or_insert(page.stream()) != page.stream() {
                return Err(ErrorKind::NotFound.into());
            }
            self.is_ended = page.ends_stream();
            if !page.is_empty() {
                self.after = page.last();
                return Ok(Some(page));
            }
            if !self.is_ended {
                self.store.wait(&self.id, self.after).await?;
            }
        }
        Ok(None)
    }

    /// The last record that was handed out.
    pub fn position(&self) -> Option<Seq> {
        self.after
    }
}
