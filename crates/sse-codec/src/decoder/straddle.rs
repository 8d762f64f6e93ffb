//! Lines that begin in one chunk and end in another.
//!
//! Each byte is looked at once: a value is appended to the carry as it comes, whatever does not
//! matter is passed over.

use memchr::{memchr, memchr2};

use super::Decoder;
use super::block::Lent;
use super::line::{Field, Line, MARK, Name, Retry};
use crate::carry::Carry;
use crate::error::DecodeError;
use crate::event::Place;

impl<B: Carry> Decoder<B> {
    /// Moves what an open event has in the chunk to the carry, because the chunk ends.
    #[inline]
    pub(super) fn keep(&mut self, lent: Lent, input: &[u8]) -> Result<(), DecodeError> {
        if let Some(data) = lent.data {
            self.store(Field::Data, data.bytes(input))?;
        }
        if let Some(event) = lent.event {
            let start = self.fields.bytes().len();
            self.store(Field::Event, event.bytes(input))?;
            self.block.event = Some(Place { start, end: start + event.len() });
        }
        Ok(())
    }

    /// Begins a line of which `bytes`, without a line end, are in the chunk.
    pub(super) fn begin(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.line = Line::Name(Name::default());
        self.extend(bytes)
    }

    /// Goes on where the chunk before ended, to the end of the line if it is here.
    pub(super) fn resume(&mut self, input: &[u8], at: &mut usize) -> Result<(), DecodeError> {
        match self.line {
            Line::Mark(seen) => self.pass_mark(seen, input, at),
            Line::AfterCr => {
                if let Some(&first) = input.first() {
                    *at = usize::from(first == b'\n');
                    self.line = Line::Start;
                }
            }
            _ => {}
        }
        if let Line::Mark(_) | Line::AfterCr | Line::Start = self.line {
            return Ok(());
        }
        let rest = &input[*at..];
        let Some(len) = find_line_end(rest) else {
            *at = input.len();
            return self.extend(rest);
        };
        let end = *at + len;
        *at = end;
        self.extend(&rest[..len])?;
        self.end_line()?;
        *at = self.after_line_end(input, end);
        Ok(())
    }

    /// Passes over the byte order mark, of which `seen` bytes have come.
    fn pass_mark(&mut self, mut seen: usize, input: &[u8], at: &mut usize) {
        while let Some(expected) = MARK.get(seen) {
            match input.get(*at) {
                Some(byte) if byte == expected => {
                    *at += 1;
                    seen += 1;
                }
                Some(_) => break,
                None => {
                    self.line = Line::Mark(seen);
                    return;
                }
            }
        }
        self.line = Line::Start;
        if seen > 0 && seen < MARK.len() {
            // Part of a mark opens a field name that no known field has.
            self.block.begin_line(MARK[0], 0);
            self.line = Line::Ignored;
        }
    }

    /// Reads more bytes, without a line end, of an open line.
    fn extend(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let read = self.try_extend(bytes);
        if read.is_err() {
            self.line = Line::Ignored;
        }
        read
    }

    fn try_extend(&mut self, mut bytes: &[u8]) -> Result<(), DecodeError> {
        if let Line::Name(name) = self.line {
            let Some(value) = self.extend_name(name, bytes)? else { return Ok(()) };
            bytes = value;
        }
        match &mut self.line {
            Line::Value { field, at_start, .. } => {
                let (field, value) = (*field, behind_space(bytes, at_start));
                self.charge(field, value.len())?;
                self.store(field, value)
            }
            Line::Retry { value, at_start } => {
                *value = value.with(behind_space(bytes, at_start));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Reads bytes of a field name; gives those behind the colon when it has come.
    fn extend_name<'a>(
        &mut self,
        mut name: Name,
        bytes: &'a [u8],
    ) -> Result<Option<&'a [u8]>, DecodeError> {
        for (at, &byte) in bytes.iter().enumerate() {
            if byte == b':' {
                if name.is_empty() {
                    self.comments += 1;
                }
                self.begin_value(name.field())?;
                return Ok(bytes.get(at + 1..));
            }
            let Some(longer) = name.with(byte) else {
                self.line = Line::Ignored;
                return Ok(None);
            };
            name = longer;
        }
        self.line = Line::Name(name);
        Ok(None)
    }

    fn begin_value(&mut self, field: Option<Field>) -> Result<(), DecodeError> {
        let (field, start) = match field {
            _ if self.block.is_dropped() => (None, 0),
            Some(Field::Data) => {
                if self.block.has_data {
                    self.charge(Field::Data, 1)?;
                    self.store(Field::Data, b"\n")?;
                }
                self.block.has_data = true;
                (field, 0)
            }
            _ => (field, self.fields.bytes().len()),
        };
        self.line = match field {
            None => Line::Ignored,
            Some(Field::Retry) => Line::Retry { value: Retry::default(), at_start: true },
            Some(field) => Line::Value { field, start, at_start: true },
        };
        Ok(())
    }

    /// Ends an open line: its value is whole.
    fn end_line(&mut self) -> Result<(), DecodeError> {
        if let Line::Name(name) = self.line {
            self.line = Line::Ignored;
            self.begin_value(name.field())?;
        }
        match self.line {
            Line::Value { field: Field::Event, start, .. } => {
                self.block.event = Some(Place { start, end: self.fields.bytes().len() });
            }
            Line::Value { field: Field::Id, start, .. } => {
                let id = Place { start, end: self.fields.bytes().len() };
                if memchr(0, id.bytes(self.fields.bytes())).is_none() {
                    self.block.id = Some(id);
                }
            }
            Line::Retry { value, .. } => self.set_retry(value),
            _ => {}
        }
        self.line = Line::Start;
        Ok(())
    }
}

/// Below this many bytes a plain loop is faster than setting up a vector search.
const SHORT_BYTES: usize = 8;

/// The index of the first CR or LF.
#[inline]
fn find_line_end(bytes: &[u8]) -> Option<usize> {
    if bytes.len() < SHORT_BYTES {
        return bytes.iter().position(|&byte| byte == b'\n' || byte == b'\r');
    }
    memchr2(b'\n', b'\r', bytes)
}

/// The bytes of a value without the one space that may come first.
fn behind_space<'a>(bytes: &'a [u8], at_start: &mut bool) -> &'a [u8] {
    if *at_start && let Some((first, rest)) = bytes.split_first() {
        *at_start = false;
        return if *first == b' ' { rest } else { bytes };
    }
    bytes
}
