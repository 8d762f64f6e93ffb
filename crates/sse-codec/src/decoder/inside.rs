//! Lines that lie wholly inside the chunk.
//!
//! Values stay in the chunk. What goes to the carry: ids, which outlive the event, and data of
//! more than one line, which must be joined.

use memchr::memchr;

use super::Decoder;
use super::block::{Block, Lent, Progress};
use super::line::{Field, Retry};
use crate::carry::Carry;
use crate::error::DecodeError;
use crate::event::Place;

impl<B: Carry> Decoder<B> {
    /// Reads a whole line, which is not blank.
    #[inline]
    pub(super) fn take(
        &mut self,
        lent: &mut Lent,
        input: &[u8],
        line: Place,
    ) -> Result<(), DecodeError> {
        let bytes = line.bytes(input);
        if let Some(value) = bytes.strip_prefix(b"data:") {
            self.take_data(lent, input, behind_space(value, line.end))
        } else if let Some(value) = bytes.strip_prefix(b"event:") {
            self.take_event(lent, behind_space(value, line.end))
        } else {
            self.take_other(lent, input, line)
        }
    }

    #[inline]
    fn take_data(
        &mut self,
        lent: &mut Lent,
        input: &[u8],
        value: Place,
    ) -> Result<(), DecodeError> {
        if self.block.is_dropped() {
            return Ok(());
        }
        if self.block.has_data {
            return self.join_data(lent, input, value);
        }
        self.charge(Field::Data, value.len())?;
        self.block.has_data = true;
        lent.data = Some(value);
        Ok(())
    }

    fn join_data(
        &mut self,
        lent: &mut Lent,
        input: &[u8],
        value: Place,
    ) -> Result<(), DecodeError> {
        self.charge(Field::Data, value.len().saturating_add(1))?;
        if let Some(first) = lent.data.take() {
            self.store(Field::Data, first.bytes(input))?;
        }
        self.store(Field::Data, b"\n")?;
        self.store(Field::Data, value.bytes(input))
    }

    #[inline]
    fn take_event(&mut self, lent: &mut Lent, value: Place) -> Result<(), DecodeError> {
        if self.block.is_dropped() {
            return Ok(());
        }
        self.charge(Field::Event, value.len())?;
        lent.event = Some(value);
        Ok(())
    }

    fn take_other(
        &mut self,
        lent: &mut Lent,
        input: &[u8],
        line: Place,
    ) -> Result<(), DecodeError> {
        let bytes = line.bytes(input);
        // No known name is longer than five bytes.
        let colon = bytes.iter().take(6).position(|&byte| byte == b':');
        if colon == Some(0) {
            self.comments += 1;
            return Ok(());
        }
        let (name, value) = bytes.split_at(colon.unwrap_or(bytes.len()));
        let value = behind_space(value.get(1..).unwrap_or_default(), line.end);
        match Field::of(name) {
            _ if self.block.is_dropped() => Ok(()),
            Some(Field::Data) => self.take_data(lent, input, value),
            Some(Field::Event) => self.take_event(lent, value),
            Some(Field::Id) => self.take_id(value.bytes(input)),
            Some(Field::Retry) => {
                self.set_retry(Retry::default().with(value.bytes(input)));
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn take_id(&mut self, value: &[u8]) -> Result<(), DecodeError> {
        self.charge(Field::Id, value.len())?;
        let start = self.fields.bytes().len();
        if memchr(0, value).is_none() {
            self.store(Field::Id, value)?;
            self.block.id = Some(Place { start, end: start + value.len() });
        }
        Ok(())
    }

    pub(super) fn set_retry(&mut self, value: Retry) {
        if let Some(millis) = value.millis() {
            self.retry_millis = Some(millis);
            self.block.retry_millis = Some(millis);
        }
    }

    /// Counts bytes that are or may be held against the limits.
    #[inline]
    pub(super) fn charge(&mut self, field: Field, bytes: usize) -> Result<(), DecodeError> {
        let (size, carry_bytes_max) = match field {
            Field::Data => (&mut self.block.data_bytes, self.data.bytes_max()),
            _ => (&mut self.block.field_bytes, self.fields.bytes_max()),
        };
        *size = size.saturating_add(bytes);
        let fits_carry = *size <= carry_bytes_max;
        let total = self.block.data_bytes.saturating_add(self.block.field_bytes);
        if fits_carry && total <= self.limits.event_bytes_max {
            return Ok(());
        }
        Err(self.overflow(field))
    }

    /// Appends bytes that were charged to the carry of their field.
    pub(super) fn store(&mut self, field: Field, bytes: &[u8]) -> Result<(), DecodeError> {
        let stored = match field {
            Field::Data => self.data.push(bytes),
            _ => self.fields.push(bytes),
        };
        stored.map_err(|_| self.overflow(field))
    }

    /// Drops the open event, in which `field` went over a limit.
    #[cold]
    fn overflow(&mut self, field: Field) -> DecodeError {
        let offset = self.block.offset;
        let (other, carry_bytes_max) = match field {
            Field::Data => (self.block.field_bytes, self.data.bytes_max()),
            _ => (self.block.data_bytes, self.fields.bytes_max()),
        };
        let limit = self.limits.event_bytes_max;
        self.release();
        self.block = Block { progress: Progress::Dropped, offset, ..Block::new(self.id.len()) };
        // The limit that a byte-by-byte reader meets first, so that chunking cannot choose.
        if carry_bytes_max < limit.saturating_sub(other) {
            DecodeError::CarryBytesMax { offset, limit: carry_bytes_max }
        } else {
            DecodeError::EventBytesMax { offset, limit }
        }
    }
}

/// The place of a value that ends at `end`, behind the one space that may come first.
#[inline]
fn behind_space(value: &[u8], end: usize) -> Place {
    let value = value.strip_prefix(b" ").unwrap_or(value);
    Place { start: end - value.len(), end }
}
