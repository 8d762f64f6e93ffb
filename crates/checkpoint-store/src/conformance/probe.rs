//! What the rules ask of a subject in one word. A question that is expected to be answered panics
//! when it is refused; rules about refusals ask the backend itself.

use std::sync::Arc;

use super::executor::run;
use super::subject::Subject;
use crate::{
    Applied, Chunk, Ending, Epoch, ErrorKind, Head, Holder, Listing, Open, PAGE_BYTES, Page, Seq,
    StoreError, StreamId, StreamInfo, Takeover, Ttl,
};

/// A stream id.
pub(super) fn id(name: &str) -> StreamId {
    StreamId::new(name).expect("a valid name")
}

/// A position.
pub(super) fn seq(number: u64) -> Seq {
    Seq::new(number).expect("positions start at 1")
}

/// The kind of the error that a call must give.
#[track_caller]
pub(super) fn kind<T>(result: Result<T, StoreError>) -> ErrorKind {
    result.map(drop).expect_err("the call is refused").kind()
}

/// Records that go on from `first`, written by the writer that `head` belongs to.
pub(super) fn chunk(head: &Head, first: u64, records: &[&[u8]]) -> Chunk {
    Chunk::new(head.stream, head.epoch, seq(first), records, Ending::Open)
}

/// As [`chunk`], and the stream ends.
pub(super) fn last_chunk(head: &Head, first: u64, records: &[&[u8]]) -> Chunk {
    Chunk::new(head.stream, head.epoch, seq(first), records, Ending::Close)
}

impl Subject {
    #[track_caller]
    pub(super) fn create(&self, name: &str) -> Head {
        self.try_create(name, None).expect("created")
    }

    #[track_caller]
    pub(super) fn create_for(&self, name: &str, ttl: Ttl) -> Head {
        self.try_create(name, Some(ttl)).expect("created")
    }

    pub(super) fn try_create(&self, name: &str, ttl: Option<Ttl>) -> Result<Head, StoreError> {
        let holder = Holder::new("creator");
        run(self.backend().open(&id(name), Open::Create { holder: &holder, ttl }))
    }

    pub(super) fn recover(&self, name: &str, takeover: Takeover) -> Result<Head, StoreError> {
        let holder = Holder::new("successor");
        run(self.backend().open(&id(name), Open::Recover { holder: &holder, takeover }))
    }

    /// Takes a stream over from whoever holds it.
    #[track_caller]
    pub(super) fn take_over(&self, name: &str) -> Head {
        let current = self.info(name).epoch;
        self.recover(name, Takeover::Over(current)).expect("taken over")
    }

    #[track_caller]
    pub(super) fn commit(&self, chunks: Vec<Chunk>) -> Vec<Applied> {
        run(self.backend().commit(Arc::from(chunks))).expect("the commit is answered")
    }

    /// Commits one chunk that must be taken.
    #[track_caller]
    pub(super) fn store_chunk(&self, chunk: &Chunk) {
        let next = chunk.frames().next();
        assert_eq!(self.commit(vec![chunk.clone()]), [Applied::Stored { next }]);
    }

    /// A closed stream of these records.
    #[track_caller]
    pub(super) fn close_with(&self, name: &str, records: &[&[u8]]) -> Head {
        let head = self.create(name);
        self.store_chunk(&last_chunk(&head, 1, records));
        head
    }

    #[track_caller]
    pub(super) fn info(&self, name: &str) -> StreamInfo {
        self.stat(name).expect("the stream is there")
    }

    pub(super) fn stat(&self, name: &str) -> Result<StreamInfo, StoreError> {
        run(self.backend().stat(&id(name)))
    }

    pub(super) fn page(&self, name: &str, after: u64, bytes: usize) -> Result<Page, StoreError> {
        run(self.backend().read(&id(name), Seq::new(after), bytes))
    }

    /// Every record of a stream, in pages of `bytes`.
    #[track_caller]
    pub(super) fn records_in_pages(&self, name: &str, bytes: usize) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        loop {
            let after = records.len() as u64;
            let page = self.page(name, after, bytes).expect("the page reads");
            for record in page.records() {
                records.push(record.bytes.to_vec());
                assert_eq!(record.seq, seq(records.len() as u64), "no gap and no repeat");
            }
            let last = if page.is_empty() { None } else { Seq::new(records.len() as u64) };
            assert_eq!(page.last(), last);
            if !page.more() {
                return records;
            }
            assert!(!page.is_empty(), "a page that is not the last one has a record");
        }
    }

    #[track_caller]
    pub(super) fn records(&self, name: &str) -> Vec<Vec<u8>> {
        self.records_in_pages(name, PAGE_BYTES)
    }

    #[track_caller]
    pub(super) fn list(&self, after: Option<&str>, streams_max: usize) -> Listing {
        let after = after.map(id);
        run(self.backend().list(after.as_ref(), streams_max)).expect("listed")
    }

    /// The names of all streams.
    #[track_caller]
    pub(super) fn names(&self) -> Vec<String> {
        let listed = self.list(None, 10_000).streams;
        listed.iter().map(|info| info.id.as_str().to_owned()).collect()
    }

    #[track_caller]
    pub(super) fn delete(&self, name: &str) {
        run(self.backend().delete(&id(name))).expect("deleted");
    }

    pub(super) fn extend(&self, name: &str, ttl: Ttl) -> Result<(), StoreError> {
        run(self.backend().extend(&id(name), ttl))
    }

    pub(super) fn compact(&self, name: &str, snapshot: &[u8]) -> Result<(), StoreError> {
        run(self.backend().compact(&id(name), Arc::from(snapshot)))
    }

    pub(super) fn snapshot(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        run(self.backend().snapshot(&id(name)))
    }

    #[track_caller]
    pub(super) fn sweep(&self, streams_max: usize) -> usize {
        run(self.backend().sweep(streams_max)).expect("swept")
    }

    /// Whether nobody holds a stream any more.
    #[track_caller]
    pub(super) fn is_free(&self, name: &str) -> bool {
        self.info(name).lease.is_none()
    }

    /// The writer of this head is gone.
    pub(super) fn release(&self, head: &Head) {
        self.backend().release(head.stream, head.epoch);
    }
}

/// The second epoch of a stream, the third, and so on.
pub(super) fn epoch(number: u64) -> Epoch {
    Epoch::new(number)
}
