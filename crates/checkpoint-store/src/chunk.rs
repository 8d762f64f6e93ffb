//! `Chunk`: the records of one stream in one commit, encoded once and shared from then on.
//! It holds opaque bytes; what a record means is the caller's affair.

mod frames;
mod header;
mod scan;

use std::sync::Arc;

pub use self::frames::{Ending, Frames, Records};
pub(crate) use self::frames::{framed_len, push_frame};
pub use self::header::{ChunkError, FORMAT, HEADER_BYTES};
pub use self::scan::Scan;

use crate::{Epoch, Seq, StreamNo};

/// The records of one stream in one commit, in their stored encoding.
///
/// Cloning copies a pointer. The encoding is a header of [`HEADER_BYTES`] bytes, then each record
/// behind its length (LEB128); integers are little-endian:
///
/// | bytes | field |
/// |---|---|
/// | 0..4 | magic `UBCK` |
/// | 4 | format, 1 |
/// | 5 | flags: bit 0 and 1 reserved (compression, encryption), bit 2 closes the stream |
/// | 6..8 | key id, reserved, 0 |
/// | 8..16 | stream number |
/// | 16..24 | epoch of the writer |
/// | 24..32 | position of the first record |
/// | 32..36 | number of records |
/// | 36..40 | bytes of the payload |
/// | 40..44 | CRC32C of the payload |
/// | 44..48 | CRC32C of bytes 0..44 |
#[derive(Clone, Debug)]
pub struct Chunk {
    bytes: Arc<Vec<u8>>,
    stream: StreamNo,
    epoch: Epoch,
    first: Seq,
    count: u32,
    ending: Ending,
}

impl Chunk {
    /// Encodes `records` of one stream, the first of which has the position `first`.
    ///
    /// # Panics
    ///
    /// When the records have 4 GiB or more together.
    ///
    /// ```
    /// use checkpoint_store::{Chunk, Ending, Epoch, Frames, Seq, StreamNo};
    ///
    /// let chunk =
    ///     Chunk::new(StreamNo::new(1), Epoch::FIRST, Seq::FIRST, &[b"a", b"bc"], Ending::Open);
    /// let (frames, len) = Frames::decode(chunk.bytes())?;
    /// assert_eq!(len, chunk.bytes().len());
    /// let records: Vec<&[u8]> = frames.records().map(|record| record.bytes).collect();
    /// assert_eq!(records, [b"a".as_slice(), b"bc"]);
    /// # Ok::<(), checkpoint_store::ChunkError>(())
    /// ```
    pub fn new(
        stream: StreamNo,
        epoch: Epoch,
        first: Seq,
        records: &[&[u8]],
        ending: Ending,
    ) -> Self {
        let mut arena = vec![0; HEADER_BYTES];
        for record in records {
            push_frame(&mut arena, &[record], record.len());
        }
        let count = u32::try_from(records.len()).expect("fewer records than bytes");
        Self::seal(arena, stream, epoch, first, count, ending)
    }

    /// Fills in the header of an arena: `HEADER_BYTES` of room, then `count` frames.
    pub(crate) fn seal(
        mut arena: Vec<u8>,
        stream: StreamNo,
        epoch: Epoch,
        first: Seq,
        count: u32,
        ending: Ending,
    ) -> Self {
        let (room, payload) = arena.split_at_mut(HEADER_BYTES);
        let frames = Frames { stream, epoch, first, count, ending, payload };
        room.copy_from_slice(&header::encode(&frames));
        Self { bytes: Arc::new(arena), stream, epoch, first, count, ending }
    }

    /// The stored encoding, header included.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The records, borrowed.
    pub fn frames(&self) -> Frames<'_> {
        Frames {
            stream: self.stream,
            epoch: self.epoch,
            first: self.first,
            count: self.count,
            ending: self.ending,
            payload: &self.bytes[HEADER_BYTES..],
        }
    }

    /// The buffer, when no one else holds the chunk any more.
    pub(crate) fn into_arena(self) -> Option<Vec<u8>> {
        Arc::into_inner(self.bytes)
    }
}
