//! Lines that lie wholly inside the chunk: the path that nearly every byte takes.
//!
//! Values stay in the chunk. Data of more than one line go to the carry, where they are joined,
//! and an id goes there when its event ends. Sizes are not checked line by line: the caller has
//! seen that all of the chunk fits.

use memchr::memchr;

use super::Decoder;
use super::block::{Lent, Progress, Retry};
use super::usual::Head;
use crate::carry::Carry;
use crate::error::DecodeError;
use crate::event::{Part, Place, Span};
use crate::line_end::{LineEnd, is_line_end};
use crate::token::Field;

impl<B: Carry> Decoder<B> {
    /// Reads lines from `at`, the start of one, to the end of a block or of the chunk.
    ///
    /// At the end of the chunk, what the open event has in it is in the carry.
    #[inline(always)]
    pub(super) fn lines(
        &mut self,
        input: &[u8],
        at: &mut usize,
        lent: &mut Lent,
        begin: usize,
    ) -> Option<Result<Span, DecodeError>> {
        let mut fresh = self.block.progress == Progress::Empty;
        while let Some(rest) = input.get(*at..)
            && !rest.is_empty()
        {
            let start = *at;
            let head = Head::of(rest);
            if is_line_end(head.first()) {
                self.pass(input, at, LineEnd::at(rest, 0));
                return self.dispatch(lent, input, begin, fresh);
            } else if head.is(b"data: ") {
                let Some(value) = self.value::<1>(input, at, 6) else { break };
                if lent.data.is_none() && (fresh || !self.block.has_data) {
                    lent.data = Some(value);
                    continue;
                }
                fresh = false;
                self.block.begin_line(b'd', self.consumed + begin as u64);
                if let Err(error) = self.join(lent.data.take(), value, input) {
                    return Some(Err(error));
                }
            } else if head.is(b"event: ") && lent.event.is_none() {
                let Some(value) = self.value::<3>(input, at, 7) else { break };
                lent.event = Some(value);
            } else if head.is(b":") {
                let Some(_) = self.value::<2>(input, at, 1) else { break };
                self.comments += 1;
            } else if head.is(b"id: ") && lent.id.is_none() {
                let Some(value) = self.value::<1>(input, at, 4) else { break };
                lent.id = Some(value);
            } else {
                let Some(line) = self.value::<2>(input, at, 0) else { break };
                fresh = false;
                self.block.begin_line(head.first(), self.consumed + begin as u64);
                if let Err(error) = self.line(lent, input, Place { start, ..line }) {
                    return Some(Err(error));
                }
            }
        }
        self.end_of_chunk(lent, input, at, begin)
    }

    /// Moves `at` behind the line whose value begins `behind` its first byte, if the line ends
    /// here.
    ///
    /// The search for the end looks at `WORDS` words before it takes the line for a long one.
    #[inline(always)]
    fn value<const WORDS: usize>(
        &mut self,
        input: &[u8],
        at: &mut usize,
        behind: usize,
    ) -> Option<Place> {
        let start = *at + behind;
        let rest = input.get(start..)?;
        let end = LineEnd::find::<WORDS>(rest)?;
        *at = start;
        self.pass(input, at, end);
        Some(Place { start, end: start + end.at })
    }

    /// Moves `at` behind a line end that was found in what is behind it.
    #[inline(always)]
    fn pass(&mut self, input: &[u8], at: &mut usize, end: LineEnd) {
        match end.behind {
            Some(behind) => *at += behind,
            None => {
                self.tokens.end_with_cr();
                *at = input.len();
            }
        }
    }

    /// Ends the block at its blank line: commits the id, and gives the event if there is one.
    #[inline(always)]
    fn dispatch(
        &mut self,
        lent: &Lent,
        input: &[u8],
        begin: usize,
        fresh: bool,
    ) -> Option<Result<Span, DecodeError>> {
        let offset = self.consumed + begin as u64;
        if !fresh || lent.id.is_some() {
            if !lent.is_empty() {
                self.block.begin_line(b'd', offset);
            }
            return self.close(lent, input);
        }
        Some(Ok(Span {
            data: Part::Chunk(lent.data?),
            event: lent.event.map_or(Part::EMPTY, Part::Chunk),
            sets_id: false,
            retry_millis: None,
            offset,
        }))
    }

    /// Reads a line by its field's name.
    #[inline(never)]
    fn line(&mut self, lent: &mut Lent, input: &[u8], line: Place) -> Result<(), DecodeError> {
        let Some((field, behind)) = Field::split(line.bytes(input)) else { return Ok(()) };
        let start = line.start + behind;
        let value = Place { start: start + usize::from(input[start] == b' '), ..line };
        match field {
            Field::Data if lent.data.is_none() && !self.block.has_data => lent.data = Some(value),
            Field::Data => self.join(lent.data.take(), value, input)?,
            Field::Event => {
                let unheld = lent.event.replace(value);
                self.block.add_unheld(unheld);
            }
            Field::Id => {
                let is_id = is_id(value.bytes(input));
                let unheld = if is_id { lent.id.replace(value) } else { Some(value) };
                self.block.add_unheld(unheld);
            }
            Field::Retry => self.set_retry(Retry::default().with(value.bytes(input))),
        }
        Ok(())
    }

    /// Takes a line of data that follows `first`, or others that are in the carry.
    #[inline(never)]
    fn join(
        &mut self,
        first: Option<Place>,
        value: Place,
        input: &[u8],
    ) -> Result<(), DecodeError> {
        if let Some(first) = first {
            self.add(Field::Data, first.bytes(input))?;
            self.block.has_data = true;
        }
        // Not with `add`, so that the one byte is a store and not a call.
        self.block.data_bytes = self.block.data_bytes.saturating_add(1);
        self.data.push(b"\n").map_err(|_| self.overflow(Field::Data))?;
        self.add(Field::Data, value.bytes(input))?;
        Ok(())
    }

    /// Keeps what the open event has in the chunk, and takes the line that does not end in it.
    #[inline(never)]
    pub(super) fn end_of_chunk(
        &mut self,
        lent: &Lent,
        input: &[u8],
        at: &mut usize,
        begin: usize,
    ) -> Option<Result<Span, DecodeError>> {
        if *at > begin {
            let first = if lent.is_empty() { b':' } else { b'd' };
            self.block.begin_line(first, self.consumed + begin as u64);
        }
        if let Err(error) = self.keep(lent, input) {
            return Some(Err(error));
        }
        self.open_line(input, at)
    }

    /// Moves what an open event has in the chunk to the carry, because the chunk ends.
    #[inline]
    fn keep(&mut self, lent: &Lent, input: &[u8]) -> Result<(), DecodeError> {
        if let Some(data) = lent.data {
            self.add(Field::Data, data.bytes(input))?;
            self.block.has_data = true;
        }
        if let Some(event) = lent.event {
            self.block.event = Some(self.add(Field::Event, event.bytes(input))?);
        }
        if let Some(id) = lent.id {
            let place = self.add(Field::Id, id.bytes(input))?;
            if is_id(id.bytes(input)) {
                self.block.id = Some(place);
            }
        }
        Ok(())
    }
}

/// Whether a value can be a last event ID.
#[inline]
pub(super) fn is_id(value: &[u8]) -> bool {
    const SHORT_BYTES: usize = 16;
    if value.len() <= SHORT_BYTES { !value.contains(&0) } else { memchr(0, value).is_none() }
}
