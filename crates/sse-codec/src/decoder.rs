//! The decoder: chunks of bytes in, events out.
//!
//! Lines that lie inside the chunk are read where they are; what straddles two chunks is
//! appended to the carry. It decides nothing about reconnecting and checks no UTF-8.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::carry::Carry;
use crate::encoder::check_id;
use crate::error::{Cut, DecodeError, EncodeError};
use crate::event::{Event, Place, Span};
use crate::events::Events;
use crate::limits::Limits;
use crate::tokens::Tokens;

use block::{Block, Open, Progress};

mod block;
mod close;
mod lines;
mod pieces;
mod read;
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
    /// How often the committed id was set.
    id_changes: u64,
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
            id_changes: 0,
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

    /// Whether a field of an event, or the first byte of one, has come, but not the blank line.
    ///
    /// Known when all of a chunk was scanned. Comments alone are no event.
    pub const fn is_inside_event(&self) -> bool {
        matches!(self.block.progress, Progress::Fields | Progress::Dropped)
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
        let cut = self
            .is_inside_event()
            .then(|| Cut { offset: self.block.offset, bytes: self.consumed - self.block.offset });
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

    /// A number that is another whenever [`last_event_id`](Decoder::last_event_id) may be.
    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(crate) const fn id_changes(&self) -> u64 {
        self.id_changes
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
