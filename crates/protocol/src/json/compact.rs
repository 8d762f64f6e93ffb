//! JSON in the compact form in which servers write it, read in a straight line.
//!
//! For the events that nearly all are: what is not in this form, or needs a rule, is `None`, and
//! is read from its beginning by the [`Scanner`], which has all rules.

use super::grammar::plain_end;
use super::{Kind, Scanner, Value};

/// Reads one document front to back: no white space but a single space behind a comma or colon.
pub(crate) struct Compact<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Compact<'a> {
    /// Starts at the beginning of `data`; `None` when an offset would not fit in 32 bits.
    #[inline(always)]
    pub(crate) fn new(data: &'a [u8]) -> Option<Self> {
        u32::try_from(data.len()).is_ok().then_some(Self { data, at: 0 })
    }

    /// The offset of the next byte to read.
    #[inline(always)]
    pub(crate) fn position(&self) -> u32 {
        self.at as u32
    }

    /// Steps over exactly this text.
    #[inline(always)]
    pub(crate) fn eat<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let found = self.data.get(self.at..).and_then(<[u8]>::first_chunk::<N>);
        (found == Some(text)).then(|| self.at += N)
    }

    /// The name of the next member, with the colon behind it.
    #[inline(always)]
    pub(crate) fn key(&mut self) -> Option<&'a [u8]> {
        self.eat(b"\"")?;
        let start = self.at;
        self.at = plain_end(self.data, start);
        let name = self.data.get(start..self.at)?;
        self.eat(b"\":")?;
        self.space();
        Some(name)
    }

    /// Steps over a comma, or over the bracket that closes; whether it was the comma.
    #[inline(always)]
    pub(crate) fn more(&mut self, close: u8) -> Option<bool> {
        let byte = *self.data.get(self.at)?;
        self.at += 1;
        if byte == b',' {
            self.space();
            return Some(true);
        }
        (byte == close).then_some(false)
    }

    /// A string; one with escapes too.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Option<Value> {
        let start = self.position();
        self.eat(b"\"")?;
        self.at = plain_end(self.data, self.at);
        if self.eat(b"\"").is_some() {
            return Some(Value { start, end: self.position(), kind: Kind::Text });
        }
        self.escaped(start)
    }

    /// A whole number without a sign, of at most 19 digits.
    #[inline(always)]
    pub(crate) fn number(&mut self) -> Option<(u64, Value)> {
        let start = self.at;
        let mut number = 0;
        while let Some(digit @ b'0'..=b'9') = self.data.get(self.at) {
            // What overflows is longer than what is let through.
            number = u64::wrapping_add(u64::wrapping_mul(number, 10), u64::from(digit - b'0'));
            self.at += 1;
        }
        let digits = self.at - start;
        let leads = digits > 1 && self.data.get(start) == Some(&b'0');
        let more = matches!(self.data.get(self.at), Some(b'.' | b'e' | b'E'));
        if !(1..=19).contains(&digits) || leads || more {
            return None;
        }
        let value = Value { start: start as u32, end: self.position(), kind: Kind::Number };
        Some((number, value))
    }

    /// Steps over a value that is a string, a whole number, a literal or an empty array.
    #[inline(always)]
    pub(crate) fn skip(&mut self) -> Option<()> {
        match self.data.get(self.at)? {
            b'"' => self.string().map(drop),
            b'n' => self.eat(b"null"),
            b't' => self.eat(b"true"),
            b'f' => self.eat(b"false"),
            b'[' => self.eat(b"[]"),
            _ => self.number().map(drop),
        }
    }

    /// Checks that nothing is left.
    #[inline(always)]
    pub(crate) fn finish(&self) -> Option<()> {
        (self.at == self.data.len()).then_some(())
    }

    #[inline(always)]
    fn space(&mut self) {
        self.at += usize::from(self.data.get(self.at) == Some(&b' '));
    }

    #[inline(never)]
    fn escaped(&mut self, start: u32) -> Option<Value> {
        let place = Value { start, end: start, kind: Kind::EscapedText };
        let mut scan = Scanner::at(self.data, place);
        let value = scan.value().ok()?;
        self.at = value.end as usize;
        Some(value)
    }
}
