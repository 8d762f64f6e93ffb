//! `Lane`: what a writer and the committer share of one stream: the arena of records that are
//! appended and not yet on their way, and the progress of those that are.

use crate::backend::Head;
use crate::chunk::{Chunk, Ending, Frames, HEADER_BYTES, framed_len, push_frame};
use crate::lock::Lock;
use crate::progress::Progress;
use crate::{Epoch, ErrorKind, Limit, Limits, Seq, StoreError, StreamId, StreamNo};

/// A buffer that grew beyond this many bytes is freed after use instead of being kept.
const KEPT_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) id: StreamId,
    pub(crate) stream: StreamNo,
    pub(crate) epoch: Epoch,
    pub(crate) progress: Progress,
    pub(crate) buffer: Lock<Buffer>,
}

impl Lane {
    pub(crate) fn new(id: StreamId, head: &Head) -> Self {
        Self {
            id,
            stream: head.stream,
            epoch: head.epoch,
            progress: Progress::new(head.last()),
            buffer: Lock::new(Buffer::new(head.next, head.bytes)),
        }
    }
}

/// Records on their way, in the stored encoding.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// Room for a chunk header, then frames.
    arena: Vec<u8>,
    spare: Vec<u8>,
    first: Seq,
    count: u32,
    /// Bytes of the stream, those in the arena included.
    stream_bytes: u64,
    /// Payload bytes of the chunk that is being committed.
    in_flight: usize,
    /// Whether a chunk is being committed.
    is_in_flight: bool,
    pub(crate) ending: Ending,
    /// Whether the committer knows that there is something to take.
    pub(crate) queued: bool,
    /// Whether the writer is gone.
    pub(crate) departed: bool,
}

/// An arena on its way to the backend. Sealed outside the lock, so that no append waits for a
/// checksum.
#[derive(Debug)]
pub(crate) struct Parcel {
    arena: Vec<u8>,
    first: Seq,
    count: u32,
    ending: Ending,
}

impl Parcel {
    pub(crate) fn seal(self, lane: &Lane) -> Chunk {
        let Self { arena, first, count, ending } = self;
        Chunk::seal(arena, lane.stream, lane.epoch, first, count, ending)
    }
}

impl Buffer {
    fn new(first: Seq, stream_bytes: u64) -> Self {
        Self {
            arena: vec![0; HEADER_BYTES],
            spare: Vec::new(),
            first,
            count: 0,
            stream_bytes,
            in_flight: 0,
            is_in_flight: false,
            ending: Ending::Open,
            queued: false,
            departed: false,
        }
    }

    /// The last record that was appended.
    pub(crate) fn last(&self) -> Option<Seq> {
        self.first.plus(self.count).previous()
    }

    pub(crate) fn undurable_bytes(&self) -> usize {
        self.arena.len() - HEADER_BYTES + self.in_flight
    }

    /// Whether nothing of the stream waits to be committed.
    pub(crate) fn is_settled(&self) -> bool {
        !self.queued && !self.is_in_flight
    }

    /// Whether the stream may grow by one record of `framed` bytes.
    pub(crate) fn check_stream(&self, framed: usize, limits: &Limits) -> Result<(), StoreError> {
        let (found, max) = (self.first.plus(self.count).value(), limits.stream_records);
        if found > max {
            return Err(ErrorKind::TooLarge { limit: Limit::Records, max, found }.into());
        }
        let found = self.stream_bytes + framed as u64;
        let max = limits.stream_bytes;
        if found > max {
            return Err(ErrorKind::TooLarge { limit: Limit::Stream, max, found }.into());
        }
        Ok(())
    }

    /// Whether `framed` more bytes may wait. A record always may when nothing else waits.
    pub(crate) fn has_room(&self, framed: usize, limits: &Limits) -> bool {
        let waiting = self.undurable_bytes();
        waiting == 0 || waiting + framed <= limits.undurable_stream_bytes
    }

    /// Copies one record into the arena.
    pub(crate) fn push(&mut self, pieces: &[&[u8]], len: usize) -> Seq {
        push_frame(&mut self.arena, pieces, len);
        self.stream_bytes += framed_len(len) as u64;
        let seq = self.first.plus(self.count);
        self.count += 1;
        seq
    }

    /// The arena as a run of `lane`.
    pub(crate) fn frames(&self, lane: &Lane) -> Frames<'_> {
        Frames {
            stream: lane.stream,
            epoch: lane.epoch,
            first: self.first,
            count: self.count,
            ending: self.ending,
            payload: &self.arena[HEADER_BYTES..],
        }
    }

    /// Takes the arena for a chunk; `None` when there is nothing to commit.
    pub(crate) fn take(&mut self) -> Option<Parcel> {
        if self.count == 0 && self.ending == Ending::Open {
            return None;
        }
        self.in_flight = self.arena.len() - HEADER_BYTES;
        self.is_in_flight = true;
        let mut next = std::mem::take(&mut self.spare);
        next.resize(HEADER_BYTES, 0);
        let arena = std::mem::replace(&mut self.arena, next);
        let (first, count) = (self.first, std::mem::take(&mut self.count));
        self.first = first.plus(count);
        Some(Parcel { arena, first, count, ending: self.ending })
    }

    /// The chunk in flight is settled; keeps its buffer for the next one.
    pub(crate) fn settle(&mut self, chunk: Chunk) {
        self.in_flight = 0;
        self.is_in_flight = false;
        if let Some(mut arena) = chunk.into_arena() {
            arena.truncate(HEADER_BYTES);
            if arena.capacity() <= KEPT_BYTES {
                self.spare = arena;
            }
        }
    }

    /// Forgets the arena, because it was stored at once or never will be; says how many bytes.
    pub(crate) fn clear(&mut self) -> usize {
        let cleared = self.arena.len() - HEADER_BYTES;
        self.arena.truncate(HEADER_BYTES);
        self.first = self.first.plus(std::mem::take(&mut self.count));
        cleared
    }

    /// Takes back a record that was refused where it was to be stored at once.
    pub(crate) fn undo(&mut self) {
        self.stream_bytes -= (self.arena.len() - HEADER_BYTES) as u64;
        self.arena.truncate(HEADER_BYTES);
        self.count = 0;
    }
}
