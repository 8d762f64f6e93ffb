//! The bytes that a JSON string with escapes stands for.
//!
//! Takes strings whose grammar was checked; keeps invalid UTF-8 and halves of surrogate pairs.

use super::grammar::plain_end;

/// The bytes of a string, which `raw` is with its quotes. Allocates once.
///
/// A surrogate without its other half becomes its three-byte form.
#[inline(never)]
pub(super) fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.get(1..raw.len() - 1).unwrap_or_default();
    loop {
        let (plain, escape) = rest.split_at(plain_end(rest, 0));
        bytes.extend_from_slice(plain);
        let [_, kind, behind @ ..] = escape else { return bytes };
        rest = behind;
        match kind {
            b'b' => bytes.push(0x08),
            b'f' => bytes.push(0x0c),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'u' => rest = character(rest, &mut bytes),
            itself => bytes.push(*itself),
        }
    }
}

/// Adds the character whose four digits are next, and returns what is behind it.
fn character<'a>(digits: &'a [u8], bytes: &mut Vec<u8>) -> &'a [u8] {
    let (first, rest) = unit(digits);
    if let 0xd800..=0xdbff = first
        && let Some(digits) = rest.strip_prefix(br"\u")
        && let (second @ 0xdc00..=0xdfff, rest) = unit(digits)
    {
        push(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00), bytes);
        return rest;
    }
    push(first, bytes);
    rest
}

/// The UTF-16 unit of four digits, and what is behind them.
fn unit(digits: &[u8]) -> (u32, &[u8]) {
    let (digits, rest) = digits.split_at(digits.len().min(4));
    let value = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or(0);
    (digits.iter().fold(0, |unit, digit| unit * 16 + value(digit)), rest)
}

/// Adds the code point in the form of UTF-8, which a lone surrogate has too.
fn push(code: u32, bytes: &mut Vec<u8>) {
    match char::from_u32(code) {
        Some(character) => {
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        None => {
            let low = |shift: u32| 0x80 | (code >> shift & 0x3f) as u8;
            bytes.extend_from_slice(&[0xe0 | (code >> 12) as u8, low(6), low(0)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserializer as _;
    use serde::de::{Error, Visitor};
    use std::fmt;

    /// What `serde_json` reads of a string.
    struct Theirs;

    impl Visitor<'_> for Theirs {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }

    fn theirs(raw: &[u8]) -> Vec<u8> {
        serde_json::Deserializer::from_slice(raw).deserialize_bytes(Theirs).unwrap()
    }

    proptest! {
        #[test]
        fn strings_are_those_of_serde_json(
            inside in r#"([a\u{e9}\u{1f600}]|\\[bfnrt/"\\]|\\u[0-9a-fA-F]{4}|\\ud[89abcdefABCDEF][0-9a-f]{2}){0,9}"#
        ) {
            let raw = format!("\"{inside}\"");
            prop_assert_eq!(unescape(raw.as_bytes()), theirs(raw.as_bytes()), "{}", raw);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_kept() {
        assert_eq!(unescape(b"\"\xff\\n\xe9\""), b"\xff\n\xe9");
    }
}
