//! UTF-8 checked for many events of a chunk at once.
//!
//! How far ahead is checked grows with how much of the chunk was taken, so that a caller who leaves
//! a chunk early and feeds the rest pays for little that it does not read.

use core::str;

use crate::event::Part;

/// The least that is checked beyond an event, in bytes.
const AHEAD_BYTES_MIN: usize = 4 * 1024;

/// A part of a chunk that was checked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Checked<'c> {
    /// Where it begins in the chunk.
    start: usize,
    /// Where it ends in the chunk.
    end: usize,
    /// Its text, up to what is not UTF-8.
    text: &'c str,
}

impl<'c> Checked<'c> {
    /// Checks the event from `start` to `end`, and about as much behind it as lies before.
    pub(super) fn of(chunk: &'c [u8], start: usize, end: usize) -> Self {
        let end = end.saturating_add(end.max(AHEAD_BYTES_MIN)).min(chunk.len());
        let bytes = without_cut_character(&chunk[start..end]);
        #[cfg(test)]
        taken::add(bytes);
        let text = str::from_utf8(bytes).or_else(|error| {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            str::from_utf8(valid)
        });
        Self { start, end, text: text.unwrap_or_default() }
    }

    /// Whether everything before `end` was checked.
    #[inline(always)]
    pub(super) const fn covers(&self, end: usize) -> bool {
        end <= self.end
    }

    /// A value in the chunk, in lines that were scanned from `start` on; `None` unless it is known
    /// to be text.
    #[inline(always)]
    pub(super) fn text(&self, part: Part, start: usize) -> Option<&'c str> {
        let Part::Chunk(place) = part else { return None };
        let behind = start.checked_sub(self.start)?;
        self.text.get(behind + place.start..behind + place.end)
    }
}

/// `bytes` without the character at their end of which some bytes are behind them, if there is
/// one. It belongs to a later event.
fn without_cut_character(bytes: &[u8]) -> &[u8] {
    for (behind, &byte) in bytes.iter().rev().take(3).enumerate() {
        let width = match byte {
            0x80..0xc0 => continue,
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0.. => 4,
            _ => 1,
        };
        let cut = if width > behind + 1 { behind + 1 } else { 0 };
        return &bytes[..bytes.len() - cut];
    }
    bytes
}

/// Counts the bytes that are checked, so that a test can show that they are not many more than
/// those of the stream.
#[cfg(test)]
pub(super) mod taken {
    use core::cell::Cell;

    std::thread_local! {
        static BYTES: Cell<usize> = const { Cell::new(0) };
    }

    pub(in crate::text) fn add(bytes: &[u8]) {
        BYTES.set(BYTES.get() + bytes.len());
    }

    /// The bytes checked by this thread since the last call.
    pub(in crate::text) fn take() -> usize {
        BYTES.replace(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_at_the_edge_is_left_to_the_next_chunk() {
        let check = |bytes: &[u8], kept| assert_eq!(without_cut_character(bytes).len(), kept);
        check(b"", 0);
        check(b"ab", 2);
        check("a\u{d55c}".as_bytes(), 4);
        check(b"a\xed", 1);
        check(b"a\xed\x95", 1);
        check(b"\xf0\x9f\xa6", 0);
        check("\u{1f980}".as_bytes(), 4);
        check(b"a\x80\x80\x80\x80", 5);
    }
}
