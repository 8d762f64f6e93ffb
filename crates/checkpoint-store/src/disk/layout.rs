//! Keys of the database and its small values. Heads and chunks have encodings of their own.
//!
//! | table | key | value |
//! |---|---|---|
//! | names | `format` | the layout, one byte |
//! | names | `created` | streams ever created, u64 BE |
//! | names | `id/NAME` | number of the stream, u64 BE |
//! | names | `gone/NAME` | [`Tombstone`](super::tombstone::Tombstone) |
//! | names | `due/` time u64 BE, stream u64 BE | name to look at then: it may have expired |
//! | chunks | 0 u64, stream u64 BE | [`Stored`](super::stored::Stored) head |
//! | chunks | stream u64 BE, first position u64 BE | start of a chunk |
//! | chunks | stream, first position, part u32 BE | a further part of it |
//! | chunks | stream, 0 u64, part u32 BE | a part of the snapshot |
//!
//! Heads lie side by side and apart from the chunks, because they change with every commit and a
//! database writes whole pages.

use std::ops::Range;

use crate::{ErrorKind, Seq, StoreError, StreamId, StreamNo, Timestamp};

/// The layout that this version reads and writes.
pub(super) const LAYOUT: u8 = 2;

/// Longest value in bytes. With its key it fits a page of 4 KiB of redb. sled writes pages of up to
/// 16 values, and those over 128 KiB into files that no sync of ours covers.
pub(super) const VALUE_BYTES: usize = 4032;

pub(super) const FORMAT_KEY: &[u8] = b"format";
pub(super) const CREATED_KEY: &[u8] = b"created";
pub(super) const ID_PREFIX: &[u8] = b"id/";
pub(super) const DUE_PREFIX: &[u8] = b"due/";
const GONE_PREFIX: &[u8] = b"gone/";

/// Bytes of the key of a head or of the first part of a chunk.
const KEY_BYTES: usize = 16;

pub(super) fn id_key(id: &StreamId) -> Vec<u8> {
    [ID_PREFIX, id.as_str().as_bytes()].concat()
}

pub(super) fn gone_key(id: &StreamId) -> Vec<u8> {
    [GONE_PREFIX, id.as_str().as_bytes()].concat()
}

pub(super) fn due_key(at: Timestamp, stream: StreamNo) -> Vec<u8> {
    [DUE_PREFIX, &at.millis().to_be_bytes(), &stream.value().to_be_bytes()].concat()
}

/// The stream in the key of something due.
pub(super) fn due_stream(key: &[u8]) -> Result<StreamNo, StoreError> {
    stream_number(key.get(DUE_PREFIX.len() + 8..).unwrap_or_default())
}

/// The keys of everything due up to and including `now`.
pub(super) fn due_range(now: Timestamp) -> Range<Vec<u8>> {
    DUE_PREFIX.to_vec()..due_key(now, StreamNo::new(u64::MAX))
}

/// The keys of all names, strictly after one.
pub(super) fn id_range(after: Option<&StreamId>) -> Range<Vec<u8>> {
    let mut end = ID_PREFIX.to_vec();
    end.push(0xff);
    // No name has the byte 0, so this is the first key that can follow.
    after.map_or(ID_PREFIX.to_vec(), |id| [&id_key(id)[..], &[0]].concat())..end
}

/// The name in the bytes after a prefix, or in a value.
pub(super) fn name(bytes: &[u8]) -> Result<StreamId, StoreError> {
    let text = str::from_utf8(bytes).map_err(|_| damaged())?;
    StreamId::new(text).map_err(|_| damaged())
}

/// Streams are numbered from 1, so no chunk has such a key.
pub(super) fn head_key(stream: StreamNo) -> [u8; KEY_BYTES] {
    key(0, stream.value())
}

pub(super) fn chunk_key(stream: StreamNo, first: Seq) -> [u8; KEY_BYTES] {
    key(stream.value(), first.value())
}

/// The key of a part after the first one, which is part 0.
pub(super) fn part_key(stream: StreamNo, first: Seq, part: u32) -> Vec<u8> {
    [&chunk_key(stream, first)[..], &part.to_be_bytes()].concat()
}

pub(super) fn snapshot_key(stream: StreamNo, part: u32) -> Vec<u8> {
    [&key(stream.value(), 0)[..], &part.to_be_bytes()].concat()
}

/// The keys of the parts of a snapshot.
pub(super) fn snapshot_range(stream: StreamNo) -> Range<[u8; KEY_BYTES]> {
    key(stream.value(), 0)..key(stream.value(), 1)
}

/// The keys of everything that a stream has but its head.
pub(super) fn stream_range(stream: StreamNo) -> Range<[u8; KEY_BYTES]> {
    key(stream.value(), 0)..key(stream.value().saturating_add(1), 0)
}

/// Whether the key starts a chunk, rather than going on with one.
pub(super) fn starts_chunk(key: &[u8]) -> bool {
    key.len() == KEY_BYTES
}

/// The position in a key of this stream.
pub(super) fn first_of(stream: StreamNo, key: &[u8]) -> Option<Seq> {
    let (number, rest) = key.split_first_chunk()?;
    let first = rest.first_chunk()?;
    (u64::from_be_bytes(*number) == stream.value()).then_some(())?;
    Seq::new(u64::from_be_bytes(*first))
}

pub(super) fn number(value: &[u8]) -> Result<u64, StoreError> {
    let bytes = <[u8; 8]>::try_from(value).map_err(|_| damaged())?;
    Ok(u64::from_be_bytes(bytes))
}

/// The number of a stream; no stream has the number 0, whose chunks would be the heads of all.
pub(super) fn stream_number(value: &[u8]) -> Result<StreamNo, StoreError> {
    match number(value)? {
        0 => Err(damaged()),
        stream => Ok(StreamNo::new(stream)),
    }
}

/// Something that is not what was written: nothing of the stream can be believed.
pub(super) fn damaged() -> StoreError {
    ErrorKind::Corrupt { good_prefix: None }.into()
}

fn key(high: u64, low: u64) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key[..8].copy_from_slice(&high.to_be_bytes());
    key[8..].copy_from_slice(&low.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_stream_then_position_then_part() {
        let stream = StreamNo::new(255);
        let seq = |number| Seq::new(number).unwrap();
        let keys = [
            head_key(StreamNo::new(u64::MAX)).to_vec(),
            snapshot_range(stream).start.to_vec(),
            snapshot_key(stream, 0),
            snapshot_key(stream, 256),
            chunk_key(stream, seq(1)).to_vec(),
            part_key(stream, seq(1), 1),
            part_key(stream, seq(1), 256),
            chunk_key(stream, seq(256)).to_vec(),
            stream_range(stream).end.to_vec(),
        ];
        assert!(keys.is_sorted());
        assert_eq!(snapshot_range(stream).end.to_vec(), keys[4]);
        assert_eq!(first_of(stream, &keys[5]), Some(seq(1)));
        assert_eq!(first_of(stream, &keys[2]), None);
        assert_eq!(first_of(StreamNo::new(254), &keys[5]), None);
    }

    #[test]
    fn names_range_strictly_after_one_and_never_into_other_keys() {
        let id = |text| StreamId::new(text).unwrap();
        let range = id_range(Some(&id("b")));
        assert!(!range.contains(&id_key(&id("b"))));
        assert!(range.contains(&id_key(&id("b."))));
        assert!(range.contains(&id_key(&id("c"))));
        let all = id_range(None);
        assert!(all.contains(&id_key(&id("."))) && all.contains(&id_key(&id("zz"))));
        for other in [FORMAT_KEY.to_vec(), CREATED_KEY.to_vec(), gone_key(&id("a"))] {
            assert!(!all.contains(&other));
        }
    }

    #[test]
    fn what_is_due_sorts_by_time() {
        let at = Timestamp::from_millis;
        let stream = StreamNo::new(7);
        let range = due_range(at(256));
        assert!(range.contains(&due_key(at(0), stream)));
        assert!(range.contains(&due_key(at(256), stream)));
        assert!(!range.contains(&due_key(at(257), StreamNo::new(0))));
        assert_eq!(due_stream(&due_key(at(9), stream)).unwrap(), stream);
        assert!(due_stream(DUE_PREFIX).is_err());
    }
}
