//! `Frames`: a borrowed run of records of one stream, each behind its length.
//! Both the stored chunk and the memory backend hold records in this form.

use std::iter::FusedIterator;

use super::header::{self, ChunkError};
use crate::page::Record;
use crate::{Epoch, Seq, StreamNo};

/// Whether a commit also closes the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// More records may follow.
    Open,
    /// The stream ends with these records.
    Close,
}

/// A run of records of one stream: what one commit adds to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frames<'a> {
    /// The stream.
    pub stream: StreamNo,
    /// The epoch of the writer.
    pub epoch: Epoch,
    /// Position of the first record; of the next one when there are none.
    pub first: Seq,
    /// Number of records; 0 only where the run closes the stream.
    pub count: u32,
    /// Whether the stream ends here.
    pub ending: Ending,
    pub(crate) payload: &'a [u8],
}

impl<'a> Frames<'a> {
    /// Reads the chunk at the start of `bytes`, and how many bytes it has.
    ///
    /// # Errors
    ///
    /// [`ChunkError`] unless every byte of the chunk is there and as written.
    pub fn decode(bytes: &'a [u8]) -> Result<(Self, usize), ChunkError> {
        header::decode(bytes)
    }

    /// The records in order.
    pub fn records(&self) -> Records<'a> {
        Records { seq: self.first, left: self.count, payload: self.payload }
    }

    /// The records as stored: each behind its length in LEB128.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The position after the last record.
    pub fn next(&self) -> Seq {
        self.first.plus(self.count)
    }

    /// Whether the payload is exactly `count` records.
    pub(super) fn is_well_formed(&self) -> bool {
        let mut rest = self.payload;
        for _ in 0..self.count {
            match split_frame(rest) {
                Some((_, tail)) => rest = tail,
                None => return false,
            }
        }
        rest.is_empty()
    }
}

/// The records of [`Frames`] in order.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    seq: Seq,
    left: u32,
    payload: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (bytes, rest) = split_frame(self.payload)?;
        self.payload = rest;
        let seq = self.seq;
        self.seq = seq.next();
        Some(Record { seq, bytes })
    }
}

impl FusedIterator for Records<'_> {}

/// Bytes of a record of `len` bytes with its length in front.
pub(crate) fn framed_len(len: usize) -> usize {
    let bits = usize::BITS - (len | 1).leading_zeros();
    bits.div_ceil(7) as usize + len
}

/// Adds one record, whose `len` bytes are the `pieces` joined.
pub(crate) fn push_frame(arena: &mut Vec<u8>, pieces: &[&[u8]], len: usize) {
    arena.reserve(framed_len(len));
    let mut left = len;
    while left >= 0x80 {
        arena.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    arena.push(left as u8);
    for piece in pieces {
        arena.extend_from_slice(piece);
    }
}

/// The first record of a payload and what follows it.
fn split_frame(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut len = 0_u64;
    for (index, byte) in payload.iter().enumerate().take(5) {
        len |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return payload[index + 1..].split_at_checked(usize::try_from(len).ok()?);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_class_round_trip() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 262_144] {
            let record = vec![7; len];
            let mut arena = Vec::new();
            push_frame(&mut arena, &[&record[..len / 2], &record[len / 2..]], len);
            assert_eq!(arena.len(), framed_len(len), "{len}");
            let (bytes, rest) = split_frame(&arena).unwrap();
            assert_eq!((bytes, rest), (record.as_slice(), [].as_slice()));
        }
    }

    #[test]
    fn a_length_that_never_ends_or_points_outside_is_no_frame() {
        assert_eq!(split_frame(&[0x80; 9]), None);
        assert_eq!(split_frame(&[3, 1, 2]), None);
        assert_eq!(split_frame(&[]), None);
    }
}
