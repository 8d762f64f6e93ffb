//! Lines that begin in one chunk and end in another, and events that may not fit.
//!
//! The tokenizer gives the pieces; each is charged against the limits and appended to the carry.

use super::Decoder;
use super::block::{Block, Lent, Open, Progress, Retry};
use super::lines::is_id;
use crate::carry::Carry;
use crate::error::DecodeError;
use crate::event::{Place, Span};
use crate::line_end::is_line_end;
use crate::token::{Field, Token};
use crate::tokens::Step;

impl<B: Carry> Decoder<B> {
    /// Passes over a byte order mark and the LF of a CR that ended the chunk before.
    pub(super) fn settle(&mut self, input: &[u8], at: &mut usize) {
        let mut rest = &input[*at..];
        if self.tokens.settle(&mut rest) {
            // Part of a mark opens a field name that no known field has.
            self.block.begin_line(b'?', 0);
        }
        *at = input.len() - rest.len();
    }

    /// Takes a chunk of one byte, unless much follows from it; says whether it did.
    ///
    /// Chunks may come that small, and then whatever is done for each is done for each byte.
    #[inline(never)]
    pub(super) fn byte(&mut self, byte: u8) -> bool {
        if self.tokens.at_line_start() {
            return self.first_byte(byte);
        }
        match self.tokens.step(byte) {
            Step::Value(field) => self.value_byte(field, byte),
            Step::Passed => true,
            Step::Colon(field) => self.begins(field),
            Step::EndOfLine => {
                self.block.is_open = false;
                true
            }
            Step::Refused => false,
        }
    }

    #[inline(always)]
    fn first_byte(&mut self, byte: u8) -> bool {
        if is_line_end(byte) {
            // A blank line behind nothing but comments needs no more than this.
            let is_blank = matches!(self.block.progress, Progress::Empty | Progress::Comments);
            if is_blank && byte == b'\n' {
                self.block = Block::default();
                return true;
            }
            return false;
        }
        if self.block.progress == Progress::Spent {
            self.release();
        }
        self.block.begin_line(byte, self.consumed);
        if byte == b':' {
            return self.begins(None);
        }
        self.tokens.begin_name(byte);
        true
    }

    #[inline(always)]
    fn value_byte(&mut self, field: Field, byte: u8) -> bool {
        if !self.block.is_open || self.block.held_bytes() >= self.room_bytes {
            return false;
        }
        let (carry, size) = match field {
            Field::Data => (&mut self.data, &mut self.block.data_bytes),
            Field::Event | Field::Id => (&mut self.fields, &mut self.block.field_bytes),
            Field::Retry => return false,
        };
        let kept = carry.push(&[byte]).is_ok();
        *size += usize::from(kept);
        kept
    }

    /// Begins a comment, or a value that can be taken byte by byte.
    #[inline(always)]
    fn begins(&mut self, field: Option<Field>) -> bool {
        let is_kept = self.block.progress != Progress::Dropped;
        match field {
            None => self.comments += 1,
            Some(Field::Data) if is_kept && !self.block.has_data => self.block.has_data = true,
            Some(Field::Event | Field::Id) if is_kept => {
                self.open.start = self.fields.bytes().len();
            }
            Some(_) => return false,
        }
        self.block.is_open = true;
        self.tokens.pass_colon(field);
        true
    }

    /// Takes one piece of a line.
    #[inline]
    pub(super) fn piece(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Option<Result<Span, DecodeError>> {
        let mut rest = &input[*at..];
        if self.tokens.at_line_start() && !is_line_end(rest[0]) {
            self.block.begin_line(rest[0], self.consumed + *at as u64);
        }
        let token = self.tokens.next(&mut rest);
        *at = input.len() - rest.len();
        self.take(token?, input)
    }

    /// Takes the beginning of a line whose end is not in the chunk.
    #[inline(always)]
    pub(super) fn open_line(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Option<Result<Span, DecodeError>> {
        let mut rest = &input[*at..];
        let first = *rest.first()?;
        self.block.begin_line(first, self.consumed + *at as u64);
        *at = input.len();
        if let Some(fragment) = self.tokens.next_data(&mut rest) {
            return self.take_value(Field::Data, fragment, true).err().map(Err);
        }
        let token = self.tokens.next_open(&mut rest);
        self.take(token?, input)
    }

    #[inline(always)]
    fn take(&mut self, token: Token<'_>, input: &[u8]) -> Option<Result<Span, DecodeError>> {
        match token {
            Token::Field { field, fragment, more } => {
                self.take_value(field, fragment, more).err().map(Err)
            }
            Token::Comment { more, .. } => {
                self.comments += u64::from(!self.block.is_open);
                self.block.is_open = more;
                None
            }
            Token::Dispatch => self.close(&Lent::default(), input),
        }
    }

    #[inline(always)]
    fn take_value(&mut self, field: Field, fragment: &[u8], more: bool) -> Result<(), DecodeError> {
        if self.block.progress == Progress::Dropped {
            return Ok(());
        }
        if !self.block.is_open {
            self.begin_value(field)?;
        }
        self.block.is_open = more;
        if field == Field::Retry {
            self.open.retry = self.open.retry.with(fragment);
        } else {
            self.charge(field, fragment.len())?;
            self.store(field, fragment)?;
        }
        if !more && field != Field::Data {
            self.end_value(field);
        }
        Ok(())
    }

    fn begin_value(&mut self, field: Field) -> Result<(), DecodeError> {
        self.open = Open { start: self.fields.bytes().len(), retry: Retry::Empty };
        if field == Field::Data {
            if self.block.has_data {
                self.charge(Field::Data, 1)?;
                self.store(Field::Data, b"\n")?;
            }
            self.block.has_data = true;
        }
        Ok(())
    }

    fn end_value(&mut self, field: Field) {
        let place = Place { start: self.open.start, end: self.fields.bytes().len() };
        match field {
            Field::Data => {}
            Field::Event => self.block.event = Some(place),
            Field::Id => {
                if is_id(place.bytes(self.fields.bytes())) {
                    self.block.id = Some(place);
                }
            }
            Field::Retry => self.set_retry(self.open.retry),
        }
    }

    pub(super) fn set_retry(&mut self, value: Retry) {
        if let Some(millis) = value.millis() {
            self.retry_millis = Some(millis);
            self.block.retry_millis = Some(millis);
        }
    }

    /// Counts bytes that are or may be held against the limits.
    #[inline]
    fn charge(&mut self, field: Field, bytes: usize) -> Result<(), DecodeError> {
        let id_bytes = self.id.len();
        let (size, held, carry_bytes_max) = match field {
            Field::Data => (&mut self.block.data_bytes, 0, self.data.bytes_max()),
            _ => (&mut self.block.field_bytes, id_bytes, self.fields.bytes_max()),
        };
        *size = size.saturating_add(bytes);
        let fits_carry = size.saturating_add(held) <= carry_bytes_max;
        let total = self.block.held_bytes().saturating_add(id_bytes);
        if fits_carry && total <= self.limits.event_bytes_max {
            return Ok(());
        }
        Err(self.overflow(field))
    }

    /// Appends bytes that are known to fit, and counts them; says where they are.
    pub(super) fn add(&mut self, field: Field, bytes: &[u8]) -> Result<Place, DecodeError> {
        let (size, start) = match field {
            Field::Data => (&mut self.block.data_bytes, self.data.bytes().len()),
            _ => (&mut self.block.field_bytes, self.fields.bytes().len()),
        };
        *size = size.saturating_add(bytes.len());
        self.store(field, bytes)?;
        Ok(Place { start, end: start + bytes.len() })
    }

    /// Appends bytes that were counted to the carry of their field.
    #[inline]
    pub(super) fn store(&mut self, field: Field, bytes: &[u8]) -> Result<(), DecodeError> {
        let stored = match field {
            Field::Data => self.data.push(bytes),
            _ => self.fields.push(bytes),
        };
        stored.map_err(|_| self.overflow(field))
    }

    /// Drops the open event, in which `field` went over a limit.
    #[cold]
    pub(super) fn overflow(&mut self, field: Field) -> DecodeError {
        let offset = self.block.offset;
        let (other, carry_bytes_max) = match field {
            Field::Data => {
                (self.block.field_bytes.saturating_add(self.id.len()), self.data.bytes_max())
            }
            _ => (self.block.data_bytes, self.fields.bytes_max()),
        };
        let limit = self.limits.event_bytes_max;
        self.release();
        self.block = Block { progress: Progress::Dropped, offset, ..Block::default() };
        // The limit that a byte-by-byte reader meets first, so that chunking cannot choose.
        if carry_bytes_max < limit.saturating_sub(other) {
            DecodeError::CarryBytesMax { offset, limit: carry_bytes_max }
        } else {
            DecodeError::EventBytesMax { offset, limit }
        }
    }
}
