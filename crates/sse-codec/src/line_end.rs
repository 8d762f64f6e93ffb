//! The search for the end of a line: the one loop that sees every byte.
//!
//! The lines of a token stream are short, so the first bytes are looked at eight at a time
//! without a call; what is longer goes to `memchr`.

use memchr::memchr2;

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH_BITS: u64 = ONES << 7;

/// A line end that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineEnd {
    /// The index of its first byte.
    pub(crate) at: usize,
    /// The index behind it; `None` when it is a CR and the last byte, so that a LF may follow.
    pub(crate) behind: Option<usize>,
}

impl LineEnd {
    /// The first one in `bytes`.
    ///
    /// Looks at `WORDS` words of eight bytes before it calls `memchr`.
    #[inline(always)]
    pub(crate) fn find<const WORDS: usize>(bytes: &[u8]) -> Option<Self> {
        #[cfg(test)]
        scanned::add(bytes);
        let (words, _) = bytes.as_chunks();
        let mut at = 0;
        for &word in words.iter().take(WORDS) {
            let word = u64::from_le_bytes(word);
            let below = at_most_cr(word);
            if below != 0 {
                let bits = below.trailing_zeros() & !7;
                at += (bits / 8) as usize;
                match (word >> bits) as u8 {
                    b'\n' => return Some(Self { at, behind: Some(at + 1) }),
                    b'\r' => return Some(Self::of_cr(bytes, at)),
                    // Another control character: rare, so the rest is not searched for speed.
                    _ => break,
                }
            }
            at += 8;
        }
        let at = at + memchr2(b'\n', b'\r', &bytes[at..])?;
        Some(Self::at(bytes, at))
    }

    /// The one at an index where one is.
    #[inline(always)]
    pub(crate) fn at(bytes: &[u8], at: usize) -> Self {
        if bytes[at] == b'\n' { Self { at, behind: Some(at + 1) } } else { Self::of_cr(bytes, at) }
    }

    #[inline]
    fn of_cr(bytes: &[u8], at: usize) -> Self {
        let follows = bytes.get(at + 1);
        Self { at, behind: follows.map(|&byte| at + 1 + usize::from(byte == b'\n')) }
    }
}

#[inline(always)]
pub(crate) const fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// Sets the high bit of each byte that is CR or below, as LF is. The lowest one is exact; those
/// above it may be set by a borrow.
#[inline(always)]
const fn at_most_cr(word: u64) -> u64 {
    word.wrapping_sub(ONES * (b'\r' as u64 + 1)) & !word & HIGH_BITS
}

/// Counts the bytes that searches look at, so that a test can show that no byte is searched
/// twice.
#[cfg(test)]
pub(crate) mod scanned {
    use core::cell::Cell;

    std::thread_local! {
        static BYTES: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn add(bytes: &[u8]) {
        let end = bytes.iter().position(|&byte| super::is_line_end(byte));
        BYTES.set(BYTES.get() + end.map_or(bytes.len(), |end| end + 1));
    }

    /// The bytes searched by this thread since the last call.
    pub(crate) fn take() -> usize {
        BYTES.replace(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn finds_what_a_plain_loop_finds() {
        for length in 0..80 {
            for at in 0..=length {
                for (end, other) in [(b'\n', b'x'), (b'\r', 0x8d), (b'\n', b'\t'), (b'\r', 0)] {
                    let mut bytes = vec![other; length];
                    bytes[at..].fill(end);
                    let found = LineEnd::find::<3>(&bytes).map(|end| end.at);
                    assert_eq!(found, (at < length).then_some(at), "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn a_cr_takes_the_lf_behind_it() {
        let behind = |bytes: &[u8]| LineEnd::find::<1>(bytes).map(|end| end.behind);
        for pad in ["", "1234567", "12345678901234"] {
            let at = pad.len();
            let found = |end: &str| behind(std::format!("{pad}{end}").as_bytes());
            assert_eq!(found("\n\n"), Some(Some(at + 1)));
            assert_eq!(found("\r\n\n"), Some(Some(at + 2)));
            assert_eq!(found("\rx"), Some(Some(at + 1)));
            assert_eq!(found("\r"), Some(None));
        }
    }

    #[test]
    fn no_byte_but_cr_and_lf_ends_a_line() {
        for byte in 0..=u8::MAX {
            let bytes = [b'x', byte, b'x', b'x', b'x', b'x', b'x', b'x', b'x'];
            let found = LineEnd::find::<3>(&bytes);
            assert_eq!(found.is_some(), byte == b'\n' || byte == b'\r', "{byte}");
        }
    }
}
