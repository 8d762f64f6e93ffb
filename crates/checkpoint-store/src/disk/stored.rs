//! `Stored`: the head of a stream as it is stored, with its tail: the newest records, as long as
//! they are too few for a chunk of their own. A commit rewrites it; every so often the tail turns
//! into one chunk, so small commits never become small values.

use std::time::Duration;

use super::layout::{self, damaged};
use crate::backend::{Applied, Head};
use crate::chunk::{Chunk, Ending, Frames, HEADER_BYTES};
use crate::stream_info::StreamState;
use crate::{Epoch, ErrorKind, Expiry, Seq, StoreError, StreamNo, Timestamp};

/// Bytes of records that stay in the tail at most; more become a chunk.
///
/// Each commit writes the tail again, so it is short; each chunk costs a header and a key, so it is
/// not shorter.
pub(super) const TAIL_BYTES: usize = 1024;

/// Bytes in front of the tail.
const HEAD_BYTES: usize = 76;

const FLAG_EXPIRES: u8 = 1;
const FLAG_SLIDES: u8 = 1 << 1;
const FLAG_SNAPSHOT: u8 = 1 << 2;

/// A head and the records that lie with it.
///
/// | bytes | field |
/// |---|---|
/// | 0 | layout |
/// | 1 | state: 0 open, 1 closed |
/// | 2 | flags: bit 0 expires, bit 1 slides, bit 2 has a snapshot |
/// | 3 | reserved, 0 |
/// | 4..12 | epoch |
/// | 12..20 | first position that can be read |
/// | 20..28 | next position |
/// | 28..36 | bytes of the records |
/// | 36..44 | expiry, milliseconds since the Unix epoch |
/// | 44..52 | how far a change moves it, milliseconds |
/// | 52..60 | bytes of the snapshot |
/// | 60..64 | CRC32C of the snapshot |
/// | 64..68 | number of records in the tail |
/// | 68..72 | CRC32C of the tail |
/// | 72..76 | CRC32C of bytes 0..72 |
/// | 76.. | the tail: its records as in a chunk |
///
/// Integers are little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) head: Head,
    pub(super) snapshot: Option<SnapshotNote>,
    tail_count: u32,
    tail_crc: u32,
    /// Room for the fields, then the tail.
    value: Vec<u8>,
}

/// How the snapshot of a stream can be told from other bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SnapshotNote {
    pub(super) bytes: u64,
    pub(super) crc: u32,
}

impl SnapshotNote {
    pub(super) fn of(snapshot: &[u8]) -> Self {
        Self { bytes: snapshot.len() as u64, crc: crc32c::crc32c(snapshot) }
    }
}

impl Stored {
    pub(super) fn new(head: Head) -> Self {
        let value = vec![0; HEAD_BYTES];
        Self { head, snapshot: None, tail_count: 0, tail_crc: crc32c::crc32c(&[]), value }
    }

    /// Applies the rules of a conditional commit. The second value is the chunk that the tail became
    /// together with the new records.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`] when the tail is not as written; nothing has changed then.
    pub(super) fn apply(
        &mut self,
        frames: &Frames<'_>,
        now: Timestamp,
    ) -> Result<(Applied, Option<Chunk>), StoreError> {
        if self.head.expiry.is_past(now) {
            return Ok((Applied::Deleted, None));
        }
        let mut head = self.head;
        let applied = head.apply(frames);
        if !matches!(applied, Applied::Stored { .. }) {
            return Ok((applied, None));
        }
        // Nothing goes behind records that cannot be read, or gives them a new checksum.
        let first = self.tail()?.first;
        self.head = Head { expiry: head.expiry.touched(now), ..head };
        let len = self.tail_bytes().len() + frames.payload().len();
        if len > TAIL_BYTES || frames.ending == Ending::Close {
            return Ok((applied, self.seal(first, frames)));
        }
        self.value.extend_from_slice(frames.payload());
        self.tail_crc = crc32c::crc32c_append(self.tail_crc, frames.payload());
        self.tail_count += frames.count;
        Ok((applied, None))
    }

    /// The records of the tail.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`] unless they are as written.
    pub(super) fn tail(&self) -> Result<Frames<'_>, StoreError> {
        let first = self.tail_first();
        if crc32c::crc32c(self.tail_bytes()) != self.tail_crc {
            return Err(ErrorKind::Corrupt { good_prefix: first.previous() }.into());
        }
        Ok(Frames {
            stream: self.head.stream,
            epoch: self.head.epoch,
            first,
            count: self.tail_count,
            ending: Ending::Open,
            payload: self.tail_bytes(),
        })
    }

    /// Position of the first record in the tail; of the next record when there is none.
    pub(super) fn tail_first(&self) -> Seq {
        // Decoding has checked that the count is below the position.
        let first = self.head.next.value() - u64::from(self.tail_count);
        Seq::new(first).unwrap_or(Seq::FIRST)
    }

    /// Puts a snapshot in the place of the records.
    pub(super) fn compact(&mut self, snapshot: &[u8]) -> Result<(), StoreError> {
        self.head = self.head.compacted()?;
        self.snapshot = Some(SnapshotNote::of(snapshot));
        self.clear_tail();
        Ok(())
    }

    pub(super) fn into_value(mut self) -> Vec<u8> {
        let (mut flags, mut at, mut slide) = (0, 0, 0);
        if let Some(expires) = self.head.expiry.at {
            (flags, at) = (flags | FLAG_EXPIRES, expires.millis());
        }
        if let Some(time) = self.head.expiry.slide {
            slide = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            flags |= FLAG_SLIDES;
        }
        if self.snapshot.is_some() {
            flags |= FLAG_SNAPSHOT;
        }
        let snapshot = self.snapshot.unwrap_or(SnapshotNote { bytes: 0, crc: 0 });
        let state = match self.head.state {
            StreamState::Open => 0,
            StreamState::Closed => 1,
        };
        self.value[..4].copy_from_slice(&[layout::LAYOUT, state, flags, 0]);
        let Head { epoch, first, next, bytes, .. } = self.head;
        let numbers =
            [epoch.value(), first.value(), next.value(), bytes, at, slide, snapshot.bytes];
        for (field, number) in self.value[4..60].chunks_exact_mut(8).zip(numbers) {
            field.copy_from_slice(&number.to_le_bytes());
        }
        self.value[60..64].copy_from_slice(&snapshot.crc.to_le_bytes());
        self.value[64..68].copy_from_slice(&self.tail_count.to_le_bytes());
        self.value[68..72].copy_from_slice(&self.tail_crc.to_le_bytes());
        let crc = crc32c::crc32c(&self.value[..72]);
        self.value[72..76].copy_from_slice(&crc.to_le_bytes());
        self.value
    }

    pub(super) fn decode(stream: StreamNo, value: Vec<u8>) -> Result<Self, StoreError> {
        let fields = value.first_chunk::<HEAD_BYTES>().ok_or_else(damaged)?;
        if u32_at(fields, 72) != crc32c::crc32c(&fields[..72]) {
            return Err(damaged());
        }
        let [found, state, flags, _] = [fields[0], fields[1], fields[2], fields[3]];
        if found != layout::LAYOUT {
            return Err(ErrorKind::Version { found, max: layout::LAYOUT }.into());
        }
        let has = |flag| flags & flag != 0;
        let at = has(FLAG_EXPIRES).then(|| Timestamp::from_millis(u64_at(fields, 36)));
        let slide = has(FLAG_SLIDES).then(|| Duration::from_millis(u64_at(fields, 44)));
        let snapshot = SnapshotNote { bytes: u64_at(fields, 52), crc: u32_at(fields, 60) };
        let (tail_count, tail_crc) = (u32_at(fields, 64), u32_at(fields, 68));
        let next = Seq::new(u64_at(fields, 20)).ok_or_else(damaged)?;
        if next.value() <= u64::from(tail_count) {
            return Err(damaged());
        }
        let head = Head {
            stream,
            epoch: Epoch::new(u64_at(fields, 4)),
            first: Seq::new(u64_at(fields, 12)).ok_or_else(damaged)?,
            next,
            bytes: u64_at(fields, 28),
            state: state_of(state)?,
            expiry: Expiry { at, slide },
        };
        let snapshot = has(FLAG_SNAPSHOT).then_some(snapshot);
        Ok(Self { head, snapshot, tail_count, tail_crc, value })
    }

    /// The tail and the new records as one chunk of the last epoch; `None` when there are none.
    fn seal(&mut self, first: Seq, frames: &Frames<'_>) -> Option<Chunk> {
        let count = self.tail_count + frames.count;
        let room = HEADER_BYTES + self.tail_bytes().len() + frames.payload().len();
        let mut arena = Vec::with_capacity(room);
        arena.resize(HEADER_BYTES, 0);
        arena.extend_from_slice(self.tail_bytes());
        arena.extend_from_slice(frames.payload());
        self.clear_tail();
        let chunk = Chunk::seal(arena, frames.stream, frames.epoch, first, count, frames.ending);
        (count > 0).then_some(chunk)
    }

    fn clear_tail(&mut self) {
        self.value.truncate(HEAD_BYTES);
        (self.tail_count, self.tail_crc) = (0, crc32c::crc32c(&[]));
    }

    fn tail_bytes(&self) -> &[u8] {
        &self.value[HEAD_BYTES..]
    }
}

fn state_of(state: u8) -> Result<StreamState, StoreError> {
    match state {
        0 => Ok(StreamState::Open),
        1 => Ok(StreamState::Closed),
        _ => Err(damaged()),
    }
}

fn u32_at(fields: &[u8; HEAD_BYTES], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&fields[at..at + 4]);
    u32::from_le_bytes(field)
}

fn u64_at(fields: &[u8; HEAD_BYTES], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&fields[at..at + 8]);
    u64::from_le_bytes(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::golden;

    const GOLDEN: &str = include_str!("../../tests/golden/head-v2.hex");
    const STREAM: StreamNo = StreamNo::new(9);
    const NOW: Timestamp = Timestamp::from_millis(1000);

    fn fresh() -> Stored {
        Stored::new(Head::new(STREAM, Epoch::FIRST, Expiry::NEVER))
    }

    /// A run of records of `len` bytes each, at the end of the stream.
    fn run(stored: &Stored, records: usize, len: usize, ending: Ending) -> Chunk {
        let record = vec![b'r'; len];
        let records = vec![&record[..]; records];
        Chunk::new(STREAM, stored.head.epoch, stored.head.next, &records, ending)
    }

    fn append(stored: &mut Stored, records: usize, len: usize, ending: Ending) -> Option<Chunk> {
        let run = run(stored, records, len, ending);
        let (applied, chunk) = stored.apply(&run.frames(), NOW).unwrap();
        assert_eq!(applied, Applied::Stored { next: stored.head.next });
        chunk
    }

    fn full_of_everything() -> Stored {
        let head = Head {
            stream: STREAM,
            epoch: Epoch::new(4),
            first: Seq::FIRST.plus(2),
            next: Seq::FIRST.plus(300),
            bytes: 70_000,
            state: StreamState::Open,
            expiry: Expiry {
                at: Some(Timestamp::from_millis(0x0102_0304_0506)),
                slide: Some(Duration::from_millis(0x0a0b)),
            },
        };
        let mut stored = Stored::new(head);
        append(&mut stored, 2, 3, Ending::Open);
        stored.snapshot = Some(SnapshotNote::of(b"folded"));
        stored
    }

    #[test]
    fn version_2_is_written_and_read_as_it_always_was() {
        let stored = full_of_everything();
        golden::check(&stored.clone().into_value(), GOLDEN);
        let read = Stored::decode(STREAM, golden::bytes(GOLDEN)).unwrap();
        assert_eq!((read.head, read.snapshot), (stored.head, stored.snapshot));
        assert_eq!(read.tail().unwrap(), stored.tail().unwrap());
    }

    #[test]
    fn every_flip_and_every_cut_is_damage_of_the_head_or_of_the_tail() {
        let value = full_of_everything().into_value();
        let tail = Seq::FIRST.plus(300).previous();
        for at in 0..value.len() {
            let mut flipped = value.clone();
            flipped[at] ^= 0x10;
            for damaged in [flipped, value[..at].to_vec()] {
                let read = Stored::decode(STREAM, damaged);
                let good_prefix = if at < HEAD_BYTES { None } else { tail };
                let error = read.and_then(|stored| stored.tail().map(drop)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt { good_prefix }, "{at}");
            }
        }
    }

    #[test]
    fn another_layout_is_named() {
        let mut value = fresh().into_value();
        value[0] = 3;
        let crc = crc32c::crc32c(&value[..72]);
        value[72..76].copy_from_slice(&crc.to_le_bytes());
        let version = ErrorKind::Version { found: 3, max: layout::LAYOUT };
        assert_eq!(Stored::decode(STREAM, value).unwrap_err().kind(), version);
    }

    #[test]
    fn small_commits_gather_until_they_are_worth_a_chunk() {
        let mut stored = fresh();
        // Each record has one byte of length in front of it.
        for _ in 0..TAIL_BYTES / 128 {
            assert!(append(&mut stored, 1, 127, Ending::Open).is_none());
        }
        let chunk = append(&mut stored, 1, 0, Ending::Open).unwrap();
        let frames = chunk.frames();
        assert_eq!((frames.first, frames.count), (Seq::FIRST, 9));
        assert_eq!(frames.records().map(|record| record.bytes.len()).sum::<usize>(), 8 * 127);
        assert_eq!((stored.tail_first(), stored.tail().unwrap().count), (stored.head.next, 0));
    }

    #[test]
    fn a_close_ends_the_tail_and_an_empty_one_makes_no_chunk() {
        let mut stored = fresh();
        append(&mut stored, 1, 5, Ending::Open);
        let chunk = append(&mut stored, 1, 6, Ending::Close).unwrap();
        assert_eq!((chunk.frames().count, chunk.frames().ending), (2, Ending::Close));
        assert_eq!(append(&mut fresh(), 0, 0, Ending::Close).map(drop), None);
    }

    #[test]
    fn a_chunk_over_several_epochs_has_the_last_one() {
        let mut stored = fresh();
        append(&mut stored, 1, 5, Ending::Open);
        stored.head = stored.head.recovered().unwrap();
        let chunk = append(&mut stored, 1, 5, Ending::Close).unwrap();
        assert_eq!((chunk.frames().first, chunk.frames().epoch.value()), (Seq::FIRST, 2));
    }

    #[test]
    fn a_damaged_tail_takes_nothing_and_does_not_become_a_chunk_that_looks_whole() {
        let mut stored = fresh();
        append(&mut stored, 1, 5, Ending::Open);
        *stored.value.last_mut().unwrap() ^= 1;
        let before = stored.clone();
        for len in [1, TAIL_BYTES] {
            let run = run(&stored, 1, len, Ending::Open);
            let refused = stored.apply(&run.frames(), NOW).map(drop).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Corrupt { good_prefix: None });
            assert_eq!(stored, before);
        }
    }
}
