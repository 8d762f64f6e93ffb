//! The decoder: chunks of bytes in, events out.
//!
//! Lines that lie inside the chunk are read where they are; what straddles two chunks is
//! appended to the carry. It decides nothing about reconnecting and checks no UTF-8.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::time::Duration;
use core::{fmt, mem};

use crate::carry::Carry;
use crate::encoder::check_id;
use crate::error::{Cut, DecodeError, EncodeError};
use crate::event::{Event, Part, Place, Span};
use crate::events::Events;
use crate::limits::Limits;
use crate::tokens::{Field, Tokens};

use block::{Block, Lent, Open, Progress};
use lines::is_id;
use usual::Unusual;

mod block;
mod lines;
mod pieces;
mod usual;

/// Decodes one stream of server-sent events.
///
/// `B` holds what straddles two chunks: a `Vec` that grows (the default, with the feature
/// `alloc`) or memory of fixed size ([`Fixed`](crate::Fixed)).
///
/// [`feed`](Decoder::feed) is the loop that most callers want. [`scan`](Decoder::scan) and
/// [`resolve`](Decoder::resolve) are its two halves, for a loop that skips events or returns
/// from the middle of a chunk.
pub struct Decoder<#[cfg(feature = "alloc")] B = Vec<u8>, #[cfg(not(feature = "alloc"))] B> {
    /// The data of the open event, as far as they are not in the chunk.
    data: B,
    /// The committed id, then the `event` and `id` values of the open event.
    fields: B,
    /// The committed id, in `fields`.
    id: Place,
    tokens: Tokens,
    block: Block,
    /// The value that goes on in the next chunk.
    open: Open,
    limits: Limits,
    /// What any event may hold beside the committed id: the rest of the smallest limit.
    room_bytes: usize,
    retry_millis: Option<u64>,
    comments: u64,
    consumed: u64,
}

#[cfg(feature = "alloc")]
impl Decoder<Vec<u8>> {
    /// A decoder at the start of a stream, with the default limits.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// A decoder at the start of a stream, with other limits.
    ///
    /// ```
    /// use sse_codec::{DecodeError, Decoder, Limits};
    ///
    /// let mut decoder = Decoder::with_limits(Limits { event_bytes_max: 4 });
    /// let mut events = decoder.feed(b"data: 12345\n\ndata: 1234\n\n");
    /// let too_large = DecodeError::EventBytesMax { offset: 0, limit: 4 };
    /// assert_eq!(events.next(), Some(Err(too_large)));
    /// assert_eq!(events.next().expect("the next event")?.data, b"1234");
    /// # Ok::<(), DecodeError>(())
    /// ```
    pub fn with_limits(limits: Limits) -> Self {
        Self::with_carry(Vec::new(), Vec::new(), limits)
    }
}

#[cfg(feature = "alloc")]
impl Default for Decoder<Vec<u8>> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Carry> Decoder<B> {
    /// A decoder at the start of a stream, over carries that the caller chooses.
    ///
    /// `data` takes the data of one event. `fields` takes the committed last event ID and beside
    /// it the `event` and `id` values of one event: room for a name and two ids is enough for
    /// streams that repeat no field. Both are expected to be empty.
    ///
    /// ```
    /// use sse_codec::{Decoder, Fixed, Limits};
    ///
    /// let (mut data, mut fields) = ([0; 256], [0; 64]);
    /// let (data, fields) = (Fixed::new(&mut data[..]), Fixed::new(&mut fields[..]));
    /// let mut decoder = Decoder::with_carry(data, fields, Limits::default());
    ///
    /// assert!(decoder.feed(b"data: no alloc").next().is_none());
    /// assert_eq!(decoder.feed(b"ation\n\n").next().expect("an event")?.data, b"no allocation");
    /// # Ok::<(), sse_codec::DecodeError>(())
    /// ```
    pub fn with_carry(data: B, fields: B, limits: Limits) -> Self {
        let carry_bytes_max = data.bytes_max().min(fields.bytes_max());
        Self {
            room_bytes: limits.event_bytes_max.min(carry_bytes_max),
            data,
            fields,
            id: Place::default(),
            tokens: Tokens::new(),
            block: Block::default(),
            open: Open::default(),
            limits,
            retry_millis: None,
            comments: 0,
            consumed: 0,
        }
    }

    /// Takes a chunk of the stream and lends the events that it completes.
    ///
    /// The chunk may begin and end anywhere. An event is there as soon as the first byte of its
    /// blank line is.
    #[inline]
    pub fn feed<'d, 'c: 'd>(&'d mut self, chunk: &'c [u8]) -> Events<'d, 'c, B> {
        Events::new(self, chunk)
    }

    /// Reads up to the end of the next event.
    ///
    /// Returns how many bytes of `input` were taken, and what was found. An event ends with its
    /// blank line; bytes behind it are not taken, so call again with the rest. `None` means that
    /// all of `input` was taken.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the event is too large. The bytes up to there are taken and
    /// decoding goes on behind the next blank line.
    ///
    /// ```
    /// use sse_codec::Decoder;
    ///
    /// let (mut decoder, mut input) = (Decoder::new(), &b"data: a\n\ndata: b\n\ndata: c"[..]);
    /// let mut data = Vec::new();
    /// loop {
    ///     let (consumed, found) = decoder.scan(input);
    ///     let Some(span) = found else { break };
    ///     data.extend_from_slice(decoder.resolve(span?, input).data);
    ///     input = &input[consumed..];
    /// }
    /// assert_eq!(data, b"ab");
    /// # Ok::<(), sse_codec::DecodeError>(())
    /// ```
    #[inline]
    pub fn scan(&mut self, input: &[u8]) -> (usize, Option<Result<Span, DecodeError>>) {
        if self.takes_byte(input) {
            return (1, None);
        }
        let mut at = 0;
        let found = self.read(input, &mut at);
        (at, found)
    }

    /// Lends the event that [`scan`](Decoder::scan) found in `input`.
    ///
    /// `input` is the slice that was scanned, and nothing changed the decoder since. Otherwise
    /// the event holds other bytes than the stream's; that is never a panic.
    #[inline]
    pub fn resolve<'d, 'c: 'd>(&'d self, span: Span, input: &'c [u8]) -> Event<'d> {
        let last_event_id = self.last_event_id();
        Event {
            event: span.event.bytes(input, self.fields.bytes()),
            data: span.data.bytes(input, self.data.bytes()),
            id: span.sets_id.then_some(last_event_id),
            last_event_id,
            retry: span.retry_millis.map(Duration::from_millis),
            offset: span.offset,
        }
    }

    /// The last event ID: what to send as `Last-Event-ID` when reconnecting. Empty when none.
    ///
    /// An id counts when the blank line of its block has come, with or without data.
    #[inline]
    pub fn last_event_id(&self) -> &[u8] {
        self.id.bytes(self.fields.bytes())
    }

    /// The reconnection time that the stream asked for last; whole milliseconds.
    ///
    /// Known as soon as the line of a `retry` field has ended. Numbers that do not fit 64 bits
    /// are read as the largest that does.
    pub fn retry(&self) -> Option<Duration> {
        self.retry_millis.map(Duration::from_millis)
    }

    /// How many comments have begun.
    ///
    /// Servers send comments to show that they are alive: when this number grows between two
    /// chunks, one came.
    pub const fn comments(&self) -> u64 {
        self.comments
    }

    /// How many bytes of the stream were taken.
    pub const fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Ends the stream: discards an unfinished event and says whether there was one.
    ///
    /// Unfinished is an event of which a field, or the first byte of one, has come, but not the
    /// blank line. Comments alone are none. The decoder is then ready for another stream, as
    /// after [`reset_for_reconnect`](Decoder::reset_for_reconnect).
    ///
    /// ```
    /// use sse_codec::{Cut, Decoder};
    ///
    /// let mut decoder = Decoder::new();
    /// assert!(decoder.feed(b": hi\n\ndata: half\n").next().is_none());
    /// assert_eq!(decoder.finish(), Some(Cut { offset: 6, bytes: 11 }));
    /// ```
    pub fn finish(&mut self) -> Option<Cut> {
        let cut = match self.block.progress {
            Progress::Empty | Progress::Comments | Progress::Spent => None,
            Progress::Fields | Progress::Dropped => {
                Some(Cut { offset: self.block.offset, bytes: self.consumed - self.block.offset })
            }
        };
        self.reset_for_reconnect();
        cut
    }

    /// Gets ready for the first byte of another connection to the same stream.
    ///
    /// Discards an unfinished event and counts offsets from 0 again; a byte order mark may come
    /// again. Keeps [`last_event_id`](Decoder::last_event_id), [`retry`](Decoder::retry) and
    /// [`comments`](Decoder::comments).
    pub fn reset_for_reconnect(&mut self) {
        self.release();
        self.tokens = Tokens::new();
        self.consumed = 0;
    }

    /// Sets the last event ID, as known from an earlier process, and otherwise does what
    /// [`reset_for_reconnect`](Decoder::reset_for_reconnect) does.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when no stream can carry the id, or when it is longer than an event may
    /// be. The last event ID is then as before.
    pub fn seed_last_event_id(&mut self, id: &[u8]) -> Result<(), EncodeError> {
        check_id(id)?;
        if id.len() > self.limits.event_bytes_max.min(self.fields.bytes_max()) {
            return Err(EncodeError::Full);
        }
        self.fields.keep(0..0);
        self.set_id(Place::default());
        self.fields.push(id).map_err(|_| EncodeError::Full)?;
        self.set_id(Place { start: 0, end: id.len() });
        self.reset_for_reconnect();
        Ok(())
    }

    /// Takes a chunk of one byte, when it is neither the first nor the last of anything.
    #[inline(always)]
    pub(crate) fn takes_byte(&mut self, input: &[u8]) -> bool {
        let &[byte] = input else { return false };
        let takes = self.byte(byte);
        self.consumed += u64::from(takes);
        takes
    }

    /// Reads up to the end of the next event, from the start of `input`; `at` is then behind it.
    #[inline(always)]
    pub(crate) fn read(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Option<Result<Span, DecodeError>> {
        if self.block.progress == Progress::Spent {
            self.release();
        }
        let found = if self.is_fresh(input) {
            match self.usual(input, 0) {
                Ok(usual) => {
                    *at = usual.behind;
                    Some(Ok(usual.span(self.consumed)))
                }
                Err(mut unusual) => self.read_unusual(input, &mut unusual, at),
            }
        } else {
            self.read_on(input, at)
        };
        self.consumed += *at as u64;
        found
    }

    /// Goes on where [`usual`](Decoder::usual) found something else.
    #[inline(never)]
    fn read_unusual(
        &mut self,
        input: &[u8],
        unusual: &mut Unusual,
        at: &mut usize,
    ) -> Option<Result<Span, DecodeError>> {
        *at = unusual.at;
        if unusual.is_open {
            return self.end_of_chunk(&unusual.lent, input, at, unusual.begin);
        }
        let found = self.lines(input, at, &mut unusual.lent, unusual.begin);
        if found.is_some() || *at == input.len() {
            return found;
        }
        self.read_on(input, at)
    }

    /// Goes on with an open event, and reads events that may not fit.
    #[inline(never)]
    fn read_on(&mut self, input: &[u8], at: &mut usize) -> Option<Result<Span, DecodeError>> {
        let held = self.block.held_bytes();
        let fits = input.len() <= self.room_bytes.saturating_sub(held)
            && self.block.progress != Progress::Dropped;
        if fits && self.block.is_open && self.tokens.is_in_data() {
            match self.resume_data(input, at) {
                Ok(true) => return self.close(&Lent::default(), input),
                Ok(false) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        if self.tokens.is_unsettled() {
            self.settle(input, at);
        }
        while *at < input.len() {
            let found = if !(fits && self.tokens.at_line_start()) {
                self.piece(input, at)
            } else if self.block.progress == Progress::Empty {
                match self.usual(input, *at) {
                    Ok(usual) => {
                        *at = usual.behind;
                        return Some(Ok(usual.span(self.consumed)));
                    }
                    Err(mut unusual) => return self.read_unusual(input, &mut unusual, at),
                }
            } else {
                self.lines(input, at, &mut Lent::default(), *at)
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Ends the block at its blank line: commits the id, and gives the event if there is one.
    #[inline(never)]
    fn close(&mut self, lent: &Lent, input: &[u8]) -> Option<Result<Span, DecodeError>> {
        let sets_id = match self.commit_id(lent.id, input) {
            Ok(sets_id) => sets_id,
            Err(error) => return Some(Err(error)),
        };
        let block = mem::take(&mut self.block);
        let spends = block.has_data || self.fields.bytes().len() > self.id.len();
        if !block.has_data && lent.data.is_none() {
            if spends {
                self.release();
            }
            return None;
        }
        if spends {
            self.block.progress = Progress::Spent;
        }
        let held = Part::Carry(Place { start: 0, end: self.data.bytes().len() });
        let event = lent.event.map(Part::Chunk).or(block.event.map(Part::Carry));
        Some(Ok(Span {
            data: lent.data.map_or(held, Part::Chunk),
            event: event.unwrap_or(Part::EMPTY),
            sets_id,
            retry_millis: block.retry_millis,
            offset: block.offset,
        }))
    }

    /// Makes the id of the open event the last event ID; says whether there is one.
    fn commit_id(&mut self, lent: Option<Place>, input: &[u8]) -> Result<bool, DecodeError> {
        let lent = lent.map(|id| id.bytes(input)).filter(|id| is_id(id));
        if let Some(id) = lent {
            if self.block.event.is_none() {
                // In the order that loses nothing when the carry has less room than it says.
                self.fields.reserve(id.len()).map_err(|_| self.overflow(Field::Id))?;
                self.fields.keep(0..0);
                self.set_id(Place::default());
            }
            let place = self.add(Field::Id, id)?;
            self.set_id(place);
        } else if let Some(place) = self.block.id {
            self.set_id(place);
        }
        Ok(lent.is_some() || self.block.id.is_some())
    }

    fn set_id(&mut self, place: Place) {
        self.room_bytes = self.room_bytes.saturating_add(self.id.len()).saturating_sub(place.len());
        self.id = place;
    }

    /// Drops from the carry everything but the committed id, and what is known of the event.
    #[inline(never)]
    fn release(&mut self) {
        self.data.keep(0..0);
        self.fields.keep(self.id.start..self.id.end);
        self.id = Place { start: 0, end: self.id.len() };
        self.block = Block::default();
    }
}

impl<B> fmt::Debug for Decoder<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("limits", &self.limits)
            .field("consumed", &self.consumed)
            .field("comments", &self.comments)
            .field("retry_millis", &self.retry_millis)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;
    use crate::line_end::scanned;
    use std::{vec, vec::Vec};

    /// How many bytes were searched for line ends while `stream` was read in chunks of `size`.
    fn bytes_searched(stream: &[u8], size: usize) -> usize {
        let mut decoder = Decoder::new();
        scanned::take();
        for chunk in stream.chunks(size) {
            let mut events = decoder.feed(chunk);
            while events.next().is_some() {}
        }
        scanned::take()
    }

    #[test]
    fn no_byte_is_searched_twice_however_the_stream_is_cut() {
        let line = [b"data: ", &vec![b'x'; 5_000][..], b"\n\n"].concat();
        let blocks =
            [&b"id: 1\nevent: e\ndata: a\ndata: b\n\n"[..], b": c\n\n", b"data: d\r\n\r\n"];
        let mixed: Vec<u8> = [blocks.concat().repeat(50), b"x: y\n".repeat(50)].concat();
        for stream in [line, mixed] {
            for size in [1, 2, 3, 7, 64, 1460, 16 * 1024] {
                let searched = bytes_searched(&stream, size);
                // A line whose CR ends the chunk is the one thing that two loops look at.
                let most = stream.len() + stream.len() / 10;
                assert!(searched <= most, "{searched} of {} in {size}", stream.len());
            }
        }
    }
}
