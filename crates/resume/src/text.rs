//! Text out of decoded JSON strings, which may end inside a character.
//!
//! Some servers escape or cut per token, so that a surrogate pair or a UTF-8 sequence is
//! split over two deltas. The halves are joined here; what never gets its other half becomes
//! U+FFFD when more text comes.

use std::borrow::Cow;

/// Joins the text of consecutive deltas of one attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joiner {
    /// An incomplete sequence at the end of the last delta; at most 3 bytes.
    tail: Vec<u8>,
}

impl Joiner {
    /// Appends the text of one delta, less an incomplete end, which the next delta completes.
    /// Returns how often U+FFFD stands for what is no text.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut String) -> u64 {
        if self.tail.is_empty() {
            if let Ok(text) = std::str::from_utf8(bytes) {
                out.push_str(text);
                return 0;
            }
            return self.push_broken(bytes, out);
        }
        let mut joined = std::mem::take(&mut self.tail);
        joined.extend_from_slice(bytes);
        self.push_broken(&joined, out)
    }

    /// Whether half a character waits for the other half.
    pub(crate) const fn is_open(&self) -> bool {
        !self.tail.is_empty()
    }

    /// Gives up waiting for the other half.
    pub(crate) fn finish(&mut self, out: &mut String) {
        if !self.tail.is_empty() {
            self.tail.clear();
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }

    fn push_broken(&mut self, bytes: &[u8], out: &mut String) -> u64 {
        let (mut rest, mut replaced) = (bytes, 0);
        loop {
            let error = match std::str::from_utf8(rest) {
                Ok(text) => {
                    out.push_str(text);
                    return replaced;
                }
                Err(error) => error,
            };
            let (valid, broken) = rest.split_at(error.valid_up_to());
            out.push_str(std::str::from_utf8(valid).unwrap_or_default());
            rest = match Broken::read(broken, error.error_len()) {
                Broken::Incomplete => {
                    self.tail = broken.to_vec();
                    return replaced;
                }
                Broken::Character(character, len) => {
                    // One that the text really has is valid.
                    replaced += u64::from(character == char::REPLACEMENT_CHARACTER);
                    out.push(character);
                    &broken[len..]
                }
            };
        }
    }
}

/// The text of a JSON string that is whole: no half of a character in it meets another one.
pub(crate) fn whole(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let (mut joiner, mut text) = (Joiner::default(), String::new());
    joiner.push(bytes, &mut text);
    joiner.finish(&mut text);
    Cow::Owned(text)
}

/// Whether it begins inside a character.
pub(crate) fn is_rest_of_character(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80..=0xBF, ..]) || matches!(surrogate(bytes), Some(0xDC00..0xE000))
}

/// What stands where UTF-8 is not valid.
enum Broken {
    /// The rest is the beginning of something.
    Incomplete,
    /// This character is meant, and this many bytes stand for it.
    Character(char, usize),
}

impl Broken {
    fn read(bytes: &[u8], error_len: Option<usize>) -> Self {
        match (surrogate(bytes), error_len) {
            (Some(high @ 0xD800..0xDC00), _) if bytes.len() < 6 => {
                let cut = bytes.len() == 3 || b"\xED".starts_with(&bytes[3..4]);
                if cut { Self::Incomplete } else { Self::lone(high) }
            }
            (Some(high @ 0xD800..0xDC00), _) => match surrogate(&bytes[3..]) {
                Some(low @ 0xDC00..0xE000) => {
                    let scalar = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    let character = char::from_u32(scalar);
                    Self::Character(character.unwrap_or(char::REPLACEMENT_CHARACTER), 6)
                }
                _ => Self::lone(high),
            },
            (Some(low), _) => Self::lone(low),
            (None, None) => Self::Incomplete,
            (None, Some(_)) if bytes.len() < 3 && bytes[0] == 0xED => Self::Incomplete,
            (None, Some(len)) => Self::Character(char::REPLACEMENT_CHARACTER, len),
        }
    }

    const fn lone(_surrogate: u32) -> Self {
        Self::Character(char::REPLACEMENT_CHARACTER, 3)
    }
}

/// The surrogate that the first three bytes encode in the generalised UTF-8 way (WTF-8).
fn surrogate(bytes: &[u8]) -> Option<u32> {
    match bytes {
        [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, ..] => {
            Some(0xD000 | (u32::from(second & 0x3F) << 6) | u32::from(third & 0x3F))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(deltas: &[&[u8]], expected: &str) {
        let mut joiner = Joiner::default();
        let mut out = String::new();
        for delta in deltas {
            joiner.push(delta, &mut out);
        }
        joiner.finish(&mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn plain_text_is_copied_once() {
        check(&[b"Hello, ", "안녕".as_bytes()], "Hello, 안녕");
    }

    #[test]
    fn a_surrogate_pair_over_two_deltas_is_one_character() {
        check(&[b"a\xED\xA0\xBD", b"\xED\xB8\x80b"], "a😀b");
        check(&[b"a\xED\xA0\xBD\xED\xB8\x80b"], "a😀b");
    }

    #[test]
    fn a_lone_surrogate_becomes_a_replacement_character() {
        check(&[b"a\xED\xA0\xBD", b"b"], "a\u{FFFD}b");
        check(&[b"\xED\xB8\x80"], "\u{FFFD}");
        check(&[b"x\xED\xA0\xBD"], "x\u{FFFD}");
    }

    #[test]
    fn a_sequence_cut_anywhere_is_joined() {
        for text in ["é", "한", "👩‍💻"] {
            let bytes = text.as_bytes();
            for cut in 1..bytes.len() {
                check(&[&bytes[..cut], &bytes[cut..]], text);
            }
        }
    }

    #[test]
    fn every_cut_of_a_surrogate_pair_is_joined() {
        let bytes = b"\xED\xA0\xBD\xED\xB8\x80";
        for cut in 1..bytes.len() {
            check(&[&bytes[..cut], &bytes[cut..]], "😀");
        }
    }

    #[test]
    fn garbage_is_replaced_and_nothing_after_it_is_lost() {
        check(&[b"a\xFFb\xC0\xAFc"], "a\u{FFFD}b\u{FFFD}\u{FFFD}c");
    }

    #[test]
    fn what_is_replaced_is_counted_and_what_is_joined_is_not() {
        let mut joiner = Joiner::default();
        let mut counts = |bytes: &[u8]| joiner.push(bytes, &mut String::new());
        assert_eq!(counts(b"a\xFFb\xC0\xAFc"), 3);
        assert_eq!(counts("\u{FFFD}".as_bytes()), 0);
        assert_eq!((counts(b"\xED\xA0\xBD"), counts(b"\xED\xB8\x80")), (0, 0));
        assert_eq!((counts(b"\xED\xA0\xBD"), counts(b"x")), (0, 1));
    }
}
