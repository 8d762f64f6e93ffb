//! A pull scanner over JSON text that says where each value lies.
//!
//! It checks the grammar and yields spans, also where a string holds invalid UTF-8 (a borrowed
//! raw value of `serde_json` does not). It decides nothing about meaning.

mod compact;
mod grammar;
mod unescape;
mod value;

pub(crate) use compact::Compact;
pub(crate) use value::{Kind, Value};

use crate::Malformed;

/// Levels of nesting that a skipped value may have.
pub(crate) const DEPTH_MAX: u32 = 128;

/// Reads one JSON document front to back.
///
/// A value is either taken whole with [`Scanner::value`] or entered with [`Scanner::object`] or
/// [`Scanner::array`] and then walked to its end with [`Scanner::key`] or [`Scanner::item`].
pub(crate) struct Scanner<'a> {
    data: &'a [u8],
    at: usize,
    /// True right after an opening bracket, where no comma is due.
    fresh: bool,
}

impl<'a> Scanner<'a> {
    /// Starts at the beginning of `data`.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when an offset would not fit in 32 bits.
    pub(crate) fn new(data: &'a [u8]) -> Result<Self, Malformed> {
        match u32::try_from(data.len()) {
            Ok(_) => Ok(Self { data, at: 0, fresh: true }),
            Err(_) => Err(Malformed { offset: 0 }),
        }
    }

    /// Starts at a value of a document that was scanned before.
    pub(crate) fn at(data: &'a [u8], value: Value) -> Self {
        Self { data, at: value.start as usize, fresh: true }
    }

    /// A scanner of the same document at the same place, to look ahead.
    pub(crate) fn fork(&self) -> Self {
        Self { data: self.data, at: self.at, fresh: self.fresh }
    }

    /// The offset of the next byte to read.
    pub(crate) fn position(&self) -> u32 {
        narrow(self.at)
    }

    /// The offset at which the next value starts.
    pub(crate) fn next_start(&mut self) -> u32 {
        self.space();
        self.position()
    }

    /// Enters the next value when it is an object; skips it otherwise.
    pub(crate) fn object(&mut self) -> Result<bool, Malformed> {
        self.enter(b'{')
    }

    /// Enters the next value when it is an array; skips it otherwise.
    pub(crate) fn array(&mut self) -> Result<bool, Malformed> {
        self.enter(b'[')
    }

    /// Calls `each` with the name of every member of the next value and says where the value
    /// lies; skips a value that is no object. `each` takes the member's value.
    #[inline]
    pub(crate) fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, &[u8]) -> Result<(), Malformed>,
    ) -> Result<Option<Value>, Malformed> {
        let start = self.next_start();
        if !self.object()? {
            return Ok(None);
        }
        while let Some(key) = self.key()? {
            match key.plain_text(self.data) {
                Some(name) => each(self, name)?,
                None => each(self, &key.text(self.data).unwrap_or_default())?,
            }
        }
        Ok(Some(Value { start, end: self.position(), kind: Kind::Object }))
    }

    /// The next key of the object that was entered; `None` once the object has ended.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Option<Value>, Malformed> {
        if !self.more(b'}')? {
            return Ok(None);
        }
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.malformed());
        }
        let kind = self.string()?;
        let key = Value { start: narrow(start), end: self.position(), kind };
        self.space();
        self.expect(b':')?;
        Ok(Some(key))
    }

    /// Whether the array that was entered has another item; false once it has ended.
    pub(crate) fn item(&mut self) -> Result<bool, Malformed> {
        self.more(b']')
    }

    /// Takes the next value whole.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Value, Malformed> {
        let start = self.next_start();
        let kind = match self.peek() {
            Some(b'"') => self.string()?,
            _ => self.skip(DEPTH_MAX)?,
        };
        Ok(Value { start, end: self.position(), kind })
    }

    /// Checks that nothing but white space is left.
    pub(crate) fn finish(mut self) -> Result<(), Malformed> {
        self.space();
        if self.at == self.data.len() { Ok(()) } else { Err(self.malformed()) }
    }

    #[inline]
    fn enter(&mut self, bracket: u8) -> Result<bool, Malformed> {
        self.space();
        if self.peek() == Some(bracket) {
            self.at += 1;
            self.fresh = true;
            return Ok(true);
        }
        self.skip(DEPTH_MAX)?;
        Ok(false)
    }

    /// Steps over the comma or the closing bracket; false at the bracket.
    #[inline]
    fn more(&mut self, close: u8) -> Result<bool, Malformed> {
        self.space();
        let fresh = std::mem::take(&mut self.fresh);
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        if !fresh {
            self.expect(b',')?;
            self.space();
        }
        Ok(true)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.malformed())
    }

    #[inline]
    fn space(&mut self) {
        // Nearly always there is none, which one comparison tells.
        while let Some(byte @ ..=b' ') = self.peek() {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return;
            }
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    #[cold]
    fn malformed(&self) -> Malformed {
        Malformed { offset: self.at }
    }
}

/// An offset as it is kept; [`Scanner::new`] refuses documents in which one would not fit.
#[inline]
fn narrow(offset: usize) -> u32 {
    debug_assert!(u32::try_from(offset).is_ok());
    offset as u32
}
