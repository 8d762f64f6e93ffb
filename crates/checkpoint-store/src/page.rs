//! `Page`: records that were read back, in one buffer, and the builder that backends fill it with.
//! A page is a run without gaps; the position of its last record is the cursor for the next one.

use crate::backend::Head;
use crate::chunk::Frames;
use crate::limits::PAGE_BYTES;
use crate::stream_info::StreamState;
use crate::{Seq, StreamNo};

/// One record and its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its position.
    pub seq: Seq,
    /// Its bytes as they were appended.
    pub bytes: &'a [u8],
}

/// Consecutive records of one stream, strictly after the position that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    stream: StreamNo,
    first: Seq,
    ends: Vec<usize>,
    bytes: Vec<u8>,
    more: bool,
    closed: bool,
}

impl Page {
    /// The records in order.
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> + '_ {
        let mut start = 0;
        let mut seq = self.first;
        self.ends.iter().map(move |&end| {
            let record = Record { seq, bytes: &self.bytes[start..end] };
            (start, seq) = (end, seq.next());
            record
        })
    }

    /// The stream that it is from: another one than before when the id was used again.
    pub fn stream(&self) -> StreamNo {
        self.stream
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether nothing is after the position that was asked for.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Position of the last record: read on after it.
    pub fn last(&self) -> Option<Seq> {
        let count = u64::try_from(self.ends.len()).ok()?.checked_sub(1)?;
        Seq::new(self.first.value().saturating_add(count))
    }

    /// Whether the store held records after this page when it was read.
    pub fn more(&self) -> bool {
        self.more
    }

    /// Whether the stream ends with this page: it is closed and nothing comes after.
    pub fn ends_stream(&self) -> bool {
        self.closed && !self.more
    }
}

/// Collects a [`Page`] from runs of records, in order.
///
/// ```
/// use checkpoint_store::{Chunk, Ending, Expiry, Epoch, Head, PageBuilder, Seq, StreamNo, Taken};
///
/// let mut head = Head::new(StreamNo::new(1), Epoch::FIRST, Expiry::NEVER);
/// let chunk = Chunk::new(head.stream, head.epoch, head.next, &[b"a", b"bc"], Ending::Open);
/// head.apply(&chunk.frames());
/// let mut builder = PageBuilder::new(Some(Seq::FIRST), 1024);
/// assert_eq!(builder.push(&chunk.frames()), Taken::All);
/// let page = builder.finish(&head);
/// assert_eq!(page.records().next().map(|record| record.bytes), Some(b"bc".as_slice()));
/// assert!(!page.more());
/// ```
#[derive(Debug)]
pub struct PageBuilder {
    page: Page,
    next: Seq,
    bytes_max: usize,
}

/// What a [`PageBuilder`] did with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It took every record after its position; go on with the next run.
    All,
    /// The page is full; stop.
    Full,
    /// The run does not start where the last one ended: records are missing.
    Gap,
}

impl PageBuilder {
    /// A page of the records strictly after `after`, of at most `bytes_max` bytes or one record.
    pub fn new(after: Option<Seq>, bytes_max: usize) -> Self {
        let first = Seq::after(after);
        let page = Page {
            // Told when the page is finished.
            stream: StreamNo::new(0),
            first,
            ends: Vec::new(),
            bytes: Vec::new(),
            more: false,
            closed: false,
        };
        Self { page, next: first, bytes_max }
    }

    /// Makes room at once for the records of this stream that fit, so that filling the page moves
    /// nothing.
    #[must_use]
    pub fn with_room_for(mut self, head: &Head) -> Self {
        let records = head.next.value().saturating_sub(self.next.value());
        let record_bytes = head.bytes / (head.next.value() - 1).max(1);
        let bytes = records.saturating_mul(record_bytes);
        // What a head says is not believed beyond a page.
        let most = self.bytes_max.min(PAGE_BYTES);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(most);
        self.page.bytes.reserve(bytes);
        self.page.ends.reserve(usize::try_from(records).unwrap_or(usize::MAX).min(bytes));
        self
    }

    /// The position of the record that comes next.
    pub fn next(&self) -> Seq {
        self.next
    }

    /// Whether it holds no record yet: what comes next decides what the reader is told.
    #[cfg(any(feature = "sled", feature = "redb", feature = "redis"))]
    pub(crate) fn is_empty(&self) -> bool {
        self.page.is_empty()
    }

    /// Bytes that there is room for.
    #[cfg(feature = "redis")]
    pub(crate) fn room(&self) -> u64 {
        self.bytes_max.saturating_sub(self.page.bytes.len()) as u64
    }

    /// Takes the records of `frames` that are not before the position.
    pub fn push(&mut self, frames: &Frames<'_>) -> Taken {
        if frames.first > self.next {
            return Taken::Gap;
        }
        let from = self.next;
        for record in frames.records().skip_while(|record| record.seq < from) {
            let len = self.page.bytes.len() + record.bytes.len();
            if len > self.bytes_max && !self.page.is_empty() {
                return Taken::Full;
            }
            self.page.bytes.extend_from_slice(record.bytes);
            self.page.ends.push(len);
            self.next = record.seq.next();
        }
        Taken::All
    }

    /// The page, given where the stream stood when it was read.
    pub fn finish(mut self, head: &Head) -> Page {
        self.page.stream = head.stream;
        self.page.more = self.next < head.next;
        self.page.closed = head.state == StreamState::Closed;
        self.page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chunk, Ending, Epoch, Expiry, StreamNo};

    fn chunk(first: u64, records: &[&[u8]]) -> Chunk {
        let first = Seq::new(first).unwrap();
        Chunk::new(StreamNo::new(1), Epoch::FIRST, first, records, Ending::Open)
    }

    fn head(last: u64) -> Head {
        let next = Seq::after(Seq::new(last));
        Head { next, ..Head::new(StreamNo::new(1), Epoch::FIRST, Expiry::NEVER) }
    }

    #[test]
    fn a_page_ends_before_the_record_that_does_not_fit() {
        let mut builder = PageBuilder::new(None, 4);
        assert_eq!(builder.push(&chunk(1, &[b"ab", b"cd", b"e"]).frames()), Taken::Full);
        let page = builder.finish(&head(3));
        assert_eq!((page.len(), page.last(), page.more()), (2, Seq::new(2), true));
    }

    #[test]
    fn a_record_longer_than_the_page_is_a_page_of_its_own() {
        let mut builder = PageBuilder::new(None, 1);
        assert_eq!(builder.push(&chunk(1, &[b"long", b"x"]).frames()), Taken::Full);
        let page = builder.finish(&head(2));
        assert_eq!(page.records().map(|record| record.bytes.len()).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn a_missing_run_is_a_gap() {
        let mut builder = PageBuilder::new(None, 100);
        assert_eq!(builder.push(&chunk(1, &[b"a"]).frames()), Taken::All);
        assert_eq!(builder.push(&chunk(3, &[b"c"]).frames()), Taken::Gap);
    }

    #[test]
    fn an_empty_page_has_no_last_and_no_more() {
        let page = PageBuilder::new(Seq::new(3), 100).finish(&head(3));
        assert_eq!((page.is_empty(), page.last(), page.more()), (true, None, false));
    }

    #[test]
    fn only_the_last_page_of_a_closed_stream_ends_it() {
        let closed = Head { state: StreamState::Closed, ..head(3) };
        let at = |after| PageBuilder::new(Seq::new(after), 100);
        assert!(at(3).finish(&closed).ends_stream());
        assert!(!at(2).finish(&closed).ends_stream());
        assert!(!at(3).finish(&head(3)).ends_stream());
    }
}
