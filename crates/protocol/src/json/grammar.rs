//! The grammar of JSON values: stepping over one and saying what kind it is.
//!
//! As strict as `serde_json` about structure, escapes and control characters; says nothing about
//! UTF-8 or surrogates.

use super::{Kind, Scanner};
use crate::Malformed;

impl Scanner<'_> {
    /// Steps over the value that starts here, with at most `depth` levels of nesting.
    pub(super) fn skip(&mut self, depth: u32) -> Result<Kind, Malformed> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{') => self.skip_object(depth),
            Some(b'[') => self.skip_array(depth),
            Some(b't') => self.literal(b"true", Kind::True),
            Some(b'f') => self.literal(b"false", Kind::False),
            Some(b'n') => self.literal(b"null", Kind::Null),
            _ => Err(self.malformed()),
        }
    }

    fn skip_object(&mut self, depth: u32) -> Result<Kind, Malformed> {
        let depth = self.descend(depth)?;
        while self.key()?.is_some() {
            self.space();
            self.skip(depth)?;
        }
        Ok(Kind::Object)
    }

    fn skip_array(&mut self, depth: u32) -> Result<Kind, Malformed> {
        let depth = self.descend(depth)?;
        while self.item()? {
            self.skip(depth)?;
        }
        Ok(Kind::Array)
    }

    fn descend(&mut self, depth: u32) -> Result<u32, Malformed> {
        let depth = depth.checked_sub(1).ok_or_else(|| self.malformed())?;
        self.at += 1;
        self.fresh = true;
        Ok(depth)
    }

    /// Steps over the string whose opening quote is here.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Kind, Malformed> {
        self.at = plain_end(self.data, self.at + 1);
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Kind::Text);
        }
        self.escaped_string()
    }

    /// The rest of a string, from its first byte that is not plain.
    #[inline(never)]
    fn escaped_string(&mut self) -> Result<Kind, Malformed> {
        loop {
            match self.peek() {
                Some(b'\\') => self.escape()?,
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Kind::EscapedText);
                }
                _ => return Err(self.malformed()),
            }
            self.at = plain_end(self.data, self.at);
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.malformed());
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.malformed()),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Kind, Malformed> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Kind::Number)
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.malformed()) } else { Ok(()) }
    }

    fn literal(&mut self, word: &[u8], kind: Kind) -> Result<Kind, Malformed> {
        if self.data.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(kind);
        }
        Err(self.malformed())
    }
}

/// Where the first byte from `at` on lies that needs attention inside a JSON string: a quote, a
/// backslash or a control character; the end where there is none. Looks at eight bytes at a time.
#[inline(always)]
pub(super) fn plain_end(data: &[u8], mut at: usize) -> usize {
    while let Some(word) = data.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let found = special(u64::from_le_bytes(*word));
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let rest = data.get(at..).unwrap_or_default();
    at + rest.iter().position(special).unwrap_or(rest.len())
}

/// The high bit of the first byte that is not plain, and maybe of bytes behind it; 0 for none.
#[inline(always)]
fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // A borrow can only mark bytes above the first real hit.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let quote = below(word ^ (ONES * u64::from(b'"')), 1);
    let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
    (below(word, 0x20) | quote | backslash) & HIGH
}

#[cfg(test)]
mod tests {
    use super::super::DEPTH_MAX;
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    fn accepts(data: &[u8]) -> bool {
        let mut scan = Scanner::new(data).unwrap();
        scan.value().is_ok() && scan.finish().is_ok()
    }

    #[track_caller]
    fn check(data: &[u8]) {
        let theirs = serde_json::from_slice::<IgnoredAny>(data).is_ok();
        assert_eq!(accepts(data), theirs, "{}", data.escape_ascii());
    }

    #[test]
    fn grammar_is_that_of_serde_json() {
        let documents: [&[u8]; 32] = [
            b"{}",
            b"[]",
            b" { \"a\" : [ 1 , 2 ] } ",
            b"{\"a\":1,}",
            b"{,}",
            b"[1,]",
            b"[,1]",
            b"{\"a\"}",
            b"{\"a\":}",
            b"{1:2}",
            b"01",
            b"-",
            b"-0",
            b"1.",
            b"1.5e+10",
            b".5",
            b"1e",
            b"tru",
            b"true",
            b"false",
            b"null",
            b"nulll",
            b"\"\\u12\"",
            b"\"\\ud83d\"",
            b"\"\\x\"",
            b"\"\x1f\"",
            b"\"\xff\"",
            b"\"",
            b"\"\\\"",
            b"",
            b"{\"a\":1}x",
            b"[[{}],[]]",
        ];
        documents.iter().for_each(|document| check(document));
    }

    #[test]
    fn nesting_has_a_limit() {
        let nest = |levels: usize| [vec![b'['; levels], vec![b']'; levels]].concat();
        assert!(accepts(&nest(DEPTH_MAX as usize)));
        assert!(!accepts(&nest(DEPTH_MAX as usize + 1)));
    }

    #[test]
    fn a_special_byte_is_found_at_every_offset() {
        for special in [b'"', b'\\', 0, 0x1f] {
            for offset in 0..40 {
                let mut bytes = vec![0xffu8; 40];
                bytes[offset] = special;
                assert_eq!(plain_end(&bytes, 0), offset);
            }
        }
        assert_eq!(plain_end(&[b' ', 0x7f, 0x80, b'!', b'#', b'[', b']', 0xa2, 0xdc], 0), 9);
    }

    proptest! {
        #[test]
        fn damaged_documents_are_judged_alike(
            mut document in r#"\{"a":\[(1|-2\.5|"x\\n\\u00e9"|null|true|\{\}),"[a-z\\"]{0,9}"\]\}"#
                .prop_map(String::into_bytes),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            check(&document);
            let at = at.index(document.len());
            document[at] = byte;
            check(&document);
            document.truncate(at);
            check(&document);
        }

        #[test]
        fn arbitrary_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..64)) {
            check(&data);
        }
    }
}
