//! One scanned JSON value: where it lies, what kind it is, and how to read it.
//!
//! Reading is lenient: a value of another kind than asked for reads as absent.

use crate::json::Scanner;
use crate::json::unescape::unescape;
use crate::{Malformed, Span};
use std::borrow::Cow;
use std::ops::Range;

/// The kind of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    /// A string whose bytes stand for themselves.
    Text,
    /// A string with at least one escape.
    EscapedText,
    Number,
    True,
    False,
    Null,
}

/// Where a value lies in its document. The methods take that document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) kind: Kind,
}

impl Value {
    pub(crate) fn range(&self) -> Range<u32> {
        self.start..self.end
    }

    /// Where it lies; a value has at least one byte.
    #[inline]
    pub(crate) fn span(self) -> Option<Span> {
        Span::new(self.start, self.end)
    }

    #[inline]
    pub(crate) fn raw<'a>(&self, data: &'a [u8]) -> &'a [u8] {
        data.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The bytes of a string whose bytes stand for themselves.
    #[inline]
    pub(crate) fn plain_text<'a>(&self, data: &'a [u8]) -> Option<&'a [u8]> {
        let inside = self.start as usize + 1..(self.end as usize).saturating_sub(1);
        if self.kind == Kind::Text { data.get(inside) } else { None }
    }

    /// The string's bytes, unescaped; a lone surrogate becomes its three-byte form.
    #[inline]
    pub(crate) fn text<'a>(&self, data: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        match self.kind {
            Kind::Text => self.plain_text(data).map(Cow::Borrowed),
            Kind::EscapedText => Some(Cow::Owned(unescape(self.raw(data)))),
            _ => None,
        }
    }

    /// The string as text; what is not UTF-8 becomes U+FFFD.
    pub(crate) fn str<'a>(&self, data: &'a [u8]) -> Option<Cow<'a, str>> {
        let bytes = self.text(data)?;
        // The lossy reading is slow, also where nothing is lost.
        if let Cow::Borrowed(bytes) = bytes
            && let Ok(text) = str::from_utf8(bytes)
        {
            return Some(Cow::Borrowed(text));
        }
        Some(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The number, when it is whole and not negative.
    pub(crate) fn u64(&self, data: &[u8]) -> Option<u64> {
        if self.kind != Kind::Number {
            return None;
        }
        plain_number(self.raw(data)).or_else(|| {
            let digits = str::from_utf8(self.raw(data)).ok()?;
            digits.parse().ok().or_else(|| whole(digits.parse().ok()?))
        })
    }

    /// The number, when it is written as plain digits that fit in 32 bits.
    #[inline]
    pub(crate) fn index(&self, data: &[u8]) -> Option<u32> {
        if self.kind != Kind::Number {
            return None;
        }
        plain_number(self.raw(data))?.try_into().ok()
    }

    /// The member of that name, the last where there are several.
    pub(crate) fn member(&self, data: &[u8], wanted: &str) -> Option<Self> {
        let mut found = None;
        let walked = Scanner::at(data, *self).members(|scan, name| {
            let value = scan.value()?;
            if name == wanted.as_bytes() {
                found = Some(value);
            }
            Ok(())
        });
        walked.ok().and(found)
    }

    /// Where the members of these names lie, with the commas that go when they go.
    pub(crate) fn member_ranges(&self, data: &[u8], wanted: &[&str]) -> Vec<Range<u32>> {
        let mut ranges = Vec::new();
        // Nothing is left out of what cannot be read.
        if self.find_members(data, wanted, &mut ranges).is_err() {
            ranges.clear();
        }
        ranges
    }

    fn find_members(
        &self,
        data: &[u8],
        wanted: &[&str],
        ranges: &mut Vec<Range<u32>>,
    ) -> Result<(), Malformed> {
        let mut scan = Scanner::at(data, *self);
        if !scan.object()? {
            return Ok(());
        }
        // Where the wanted members begin that were seen last, and where the others end before them.
        let (mut run, mut before) = (None, scan.position());
        let mut end = before;
        while let Some(key) = scan.key()? {
            let is_wanted = wanted.iter().any(|name| key.says(data, name));
            match run {
                None if is_wanted => run = Some(key.start),
                Some(start) if !is_wanted => {
                    ranges.push(start..key.start);
                    run = None;
                }
                _ => {}
            }
            scan.value()?;
            end = scan.position();
            if !is_wanted {
                before = end;
            }
        }
        ranges.extend(run.map(|_| before..end));
        Ok(())
    }

    /// The last item, when the value is an array that has one.
    pub(crate) fn last_item(&self, data: &[u8]) -> Option<Self> {
        let mut last = None;
        self.each_item(data, |item| last = Some(item));
        last
    }

    /// Calls `each` with every item, when the value is an array.
    pub(crate) fn each_item(&self, data: &[u8], mut each: impl FnMut(Self)) {
        let mut scan = Scanner::at(data, *self);
        if !matches!(scan.array(), Ok(true)) {
            return;
        }
        while let (Ok(true), Ok(item)) = (scan.item(), scan.value()) {
            each(item);
        }
    }

    /// Whether the string is exactly that text.
    pub(crate) fn says(&self, data: &[u8], text: &str) -> bool {
        self.text(data).is_some_and(|bytes| &*bytes == text.as_bytes())
    }

    /// Where one more member or item goes, for an object or an array.
    pub(crate) fn inner_end(&self) -> u32 {
        self.end.saturating_sub(1)
    }

    /// Whether an object or an array has nothing in it.
    pub(crate) fn is_empty(&self, data: &[u8]) -> bool {
        data.get(self.start as usize + 1..self.inner_end() as usize)
            .is_none_or(|inside| inside.trim_ascii().is_empty())
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::EscapedText)
    }

    pub(crate) fn is_object(&self) -> bool {
        self.kind == Kind::Object
    }

    pub(crate) fn is_true(&self) -> bool {
        self.kind == Kind::True
    }

    pub(crate) fn is_false(&self) -> bool {
        self.kind == Kind::False
    }

    pub(crate) fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }
}

/// A number written as digits alone, so few that they fit in 64 bits.
#[inline]
fn plain_number(digits: &[u8]) -> Option<u64> {
    if digits.len() > 19 {
        return None;
    }
    digits.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
    })
}

/// A number such as `1e3` or `20.0` as an integer.
fn whole(number: f64) -> Option<u64> {
    // Every whole number up to 2^53 has an exact `f64`.
    let exact = number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number);
    exact.then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Scanner;

    fn value(data: &[u8]) -> Value {
        Scanner::new(data).unwrap().value().unwrap()
    }

    #[test]
    fn text_without_escapes_is_borrowed() {
        let data = "\"né\"".as_bytes();
        assert!(matches!(value(data).text(data), Some(Cow::Borrowed(b"n\xc3\xa9"))));
    }

    #[test]
    fn a_lone_surrogate_keeps_its_three_byte_form() {
        let data = br#""a\ud83d""#;
        assert_eq!(value(data).text(data).unwrap(), &b"a\xed\xa0\xbd"[..]);
        let data = br#""\ude00b""#;
        assert_eq!(value(data).text(data).unwrap(), &b"\xed\xb8\x80b"[..]);
    }

    #[test]
    fn escapes_beside_invalid_utf8_are_read() {
        let data = b"\"\\n\xff\\u00e9\"";
        assert_eq!(value(data).text(data).unwrap(), &b"\n\xff\xc3\xa9"[..]);
        assert_eq!(value(data).str(data).unwrap(), "\n\u{fffd}é");
    }

    #[test]
    fn a_member_goes_with_one_comma() {
        for (json, rest) in [
            (r#"{"a":1, "b":2,"c":3}"#, r#"{"a":1, "c":3}"#),
            (r#"{"b":2 , "c":3}"#, r#"{"c":3}"#),
            (r#"{"a":1 ,"b":{"b":1}}"#, r#"{"a":1}"#),
            (r#"{ "b":2 }"#, "{ }"),
        ] {
            assert_eq!(without(json, &["b"]), rest);
        }
        assert_eq!(value(b"{\"a\":1}").member_ranges(b"{\"a\":1}", &["b"]), []);
    }

    #[test]
    fn members_side_by_side_go_with_their_commas() {
        for (json, rest) in [
            (r#"{"b":1,"c":2, "a":3}"#, r#"{"a":3}"#),
            (r#"{"a":3 ,"b":1 , "c":2 }"#, r#"{"a":3 }"#),
            (r#"{"b":1,"a":3,"c":2}"#, r#"{"a":3}"#),
            (r#"{"a":3,"c":1,"d":4,"b":2,"e":5}"#, r#"{"a":3,"d":4,"e":5}"#),
            (r#"{"b":1,"c":2}"#, "{}"),
        ] {
            assert_eq!(without(json, &["b", "c"]), rest);
        }
    }

    fn without(json: &str, names: &[&str]) -> String {
        let mut rest = json.to_owned();
        for range in value(json.as_bytes()).member_ranges(json.as_bytes(), names).iter().rev() {
            rest.replace_range(range.start as usize..range.end as usize, "");
        }
        rest
    }

    #[test]
    fn numbers_of_other_forms_read_when_whole() {
        let read = |data: &[u8]| value(data).u64(data);
        assert_eq!(read(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(read(b"1.5e3"), Some(1_500));
        assert_eq!(
            (read(b"-1"), read(b"0.5"), read(b"1e300"), read(b"\"1\"")),
            (None, None, None, None)
        );
        assert_eq!(value(b"12").index(b"12"), Some(12));
        assert_eq!(value(b"4294967296").index(b"4294967296"), None);
        assert_eq!(value(b"1.0").index(b"1.0"), None);
    }
}
