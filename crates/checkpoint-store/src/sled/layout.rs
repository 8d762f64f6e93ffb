//! Keys and small values of the database. Chunks have their own encoding; this is the rest.
//!
//! Tree `chunks`: `[stream u64 BE][0 u64]` is the head of a stream, `[stream][first seq u64 BE]`
//! the start of a chunk, `[stream][first seq][part u32 BE]` a further part of it.
//! Tree `meta`: `format`, `created` (streams ever created, u64 BE), `id/NAME` (stream u64 BE).

use crate::backend::Head;
use crate::store::StreamState;
use crate::{Epoch, ErrorKind, Seq, StoreError, StreamId, StreamNo};

/// The layout that this version writes.
pub(super) const LAYOUT: u8 = 1;

/// Longest value. sled writes pages of up to 16 values, and pages over 128 KiB into files of
/// their own that no sync of ours covers.
pub(super) const VALUE_BYTES: usize = 4096;

pub(super) const FORMAT_KEY: &[u8] = b"format";
pub(super) const CREATED_KEY: &[u8] = b"created";
pub(super) const ID_PREFIX: &[u8] = b"id/";

/// Bytes of the key of a head or of the first part of a chunk.
const KEY_BYTES: usize = 16;
const HEAD_BYTES: usize = 30;

pub(super) fn id_key(id: &StreamId) -> Vec<u8> {
    [ID_PREFIX, id.as_str().as_bytes()].concat()
}

pub(super) fn head_key(stream: StreamNo) -> [u8; KEY_BYTES] {
    key(stream, 0)
}

pub(super) fn chunk_key(stream: StreamNo, first: Seq) -> [u8; KEY_BYTES] {
    key(stream, first.value())
}

/// The key of a part after the first one, which is part 0.
pub(super) fn part_key(stream: StreamNo, first: Seq, part: u32) -> Vec<u8> {
    [&chunk_key(stream, first)[..], &part.to_be_bytes()].concat()
}

/// The first key after all chunks of a stream.
pub(super) fn end_key(stream: StreamNo) -> [u8; KEY_BYTES] {
    key(StreamNo::new(stream.value() + 1), 0)
}

/// Whether the key starts a chunk, rather than going on with one.
pub(super) fn starts_chunk(key: &[u8]) -> bool {
    key.len() == KEY_BYTES
}

/// The position in a key; `None` for a head.
pub(super) fn first_of(key: &[u8]) -> Option<Seq> {
    let field = key.get(8..KEY_BYTES)?.first_chunk()?;
    Seq::new(u64::from_be_bytes(*field))
}

pub(super) fn number(value: &[u8]) -> Result<u64, StoreError> {
    let bytes = <[u8; 8]>::try_from(value).map_err(|_| damaged())?;
    Ok(u64::from_be_bytes(bytes))
}

/// Format, state, epoch, next, bytes, CRC32C of all before; little-endian.
pub(super) fn encode_head(head: &Head) -> [u8; HEAD_BYTES] {
    let mut value = [0; HEAD_BYTES];
    value[0] = LAYOUT;
    value[1] = match head.state {
        StreamState::Open => 0,
        StreamState::Closed => 1,
    };
    value[2..10].copy_from_slice(&head.epoch.value().to_le_bytes());
    value[10..18].copy_from_slice(&head.next.value().to_le_bytes());
    value[18..26].copy_from_slice(&head.bytes.to_le_bytes());
    let crc = crc32c::crc32c(&value[..26]);
    value[26..].copy_from_slice(&crc.to_le_bytes());
    value
}

pub(super) fn decode_head(stream: StreamNo, value: &[u8]) -> Result<Head, StoreError> {
    let value = <&[u8; HEAD_BYTES]>::try_from(value).map_err(|_| damaged())?;
    if value[26..] != crc32c::crc32c(&value[..26]).to_le_bytes() {
        return Err(damaged());
    }
    if value[0] > LAYOUT {
        return Err(ErrorKind::Version { found: value[0], max: LAYOUT }.into());
    }
    let state = match value[1] {
        0 => StreamState::Open,
        1 => StreamState::Closed,
        _ => return Err(damaged()),
    };
    let next = Seq::new(field(value, 10)).ok_or_else(damaged)?;
    let epoch = Epoch::new(field(value, 2));
    Ok(Head { stream, epoch, next, bytes: field(value, 18), state })
}

/// A head or a number that is not what was written: nothing of the stream can be believed.
pub(super) fn damaged() -> StoreError {
    ErrorKind::Corrupt { good_prefix: None }.into()
}

fn key(stream: StreamNo, seq: u64) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key[..8].copy_from_slice(&stream.value().to_be_bytes());
    key[8..].copy_from_slice(&seq.to_be_bytes());
    key
}

fn field(value: &[u8; HEAD_BYTES], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&value[at..at + 8]);
    u64::from_le_bytes(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            stream: StreamNo::new(9),
            epoch: Epoch::new(4),
            next: Seq::FIRST.plus(300),
            bytes: 70_000,
            state: StreamState::Closed,
        }
    }

    #[test]
    fn a_head_round_trips_and_every_flip_or_cut_is_damage() {
        let value = encode_head(&head());
        assert_eq!(decode_head(StreamNo::new(9), &value).unwrap(), head());
        for at in 0..value.len() {
            let mut flipped = value;
            flipped[at] ^= 0x10;
            assert!(decode_head(StreamNo::new(9), &flipped).is_err(), "{at}");
            assert!(decode_head(StreamNo::new(9), &value[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn keys_sort_by_stream_then_position_then_part() {
        let stream = StreamNo::new(255);
        let seq = |number| Seq::new(number).unwrap();
        let keys = [
            head_key(stream).to_vec(),
            chunk_key(stream, seq(1)).to_vec(),
            part_key(stream, seq(1), 1),
            part_key(stream, seq(1), 256),
            chunk_key(stream, seq(256)).to_vec(),
            end_key(stream).to_vec(),
        ];
        assert!(keys.is_sorted());
        assert_eq!(first_of(&keys[3]), Some(seq(1)));
        assert_eq!(first_of(&keys[0]), None);
    }
}
