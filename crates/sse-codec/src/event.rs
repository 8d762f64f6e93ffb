//! One event: borrowed from the chunk or the carry, and the span that finds it again.
//!
//! Values are the stream's bytes. Text is made on demand; nothing here checks UTF-8 unasked.

use core::str::{self, Utf8Error};
use core::time::Duration;

#[cfg(feature = "alloc")]
use alloc::{borrow::Cow, string::String};

/// An event, lent until the decoder goes on.
///
/// `data` borrows from the chunk when its value is a single line that lies wholly inside;
/// otherwise from the decoder's carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The value of the last `event` field; empty when there is none. See [`Event::name`].
    pub event: &'a [u8],
    /// The values of the `data` fields, joined by LF.
    pub data: &'a [u8],
    /// The id that this event set, possibly empty; `None` when it has no valid `id` field.
    pub id: Option<&'a [u8]>,
    /// The last event ID of the stream: `id`, or else what an earlier event set.
    pub last_event_id: &'a [u8],
    /// The reconnection time that this event set; whole milliseconds.
    pub retry: Option<Duration>,
    /// The offset in the stream of the event's first byte, in bytes from 0.
    ///
    /// The first byte is that of the first line, comments included, behind the blank line (or
    /// byte order mark) before it.
    pub offset: u64,
}

impl<'a> Event<'a> {
    /// The event's type: `event`, or `message` when that is empty.
    pub const fn name(&self) -> &'a [u8] {
        if self.event.is_empty() { b"message" } else { self.event }
    }

    /// The type as text.
    ///
    /// # Errors
    ///
    /// When it is not UTF-8.
    pub const fn name_str(&self) -> Result<&'a str, Utf8Error> {
        str::from_utf8(self.name())
    }

    /// The data as text.
    ///
    /// # Errors
    ///
    /// When they are not UTF-8. Without `alloc`, [`slice::utf8_chunks`] of `data` gives the
    /// pieces between which the specification puts U+FFFD.
    ///
    /// [`slice::utf8_chunks`]: https://doc.rust-lang.org/core/primitive.slice.html#method.utf8_chunks
    pub const fn data_str(&self) -> Result<&'a str, Utf8Error> {
        str::from_utf8(self.data)
    }

    /// The last event ID as text.
    ///
    /// # Errors
    ///
    /// When it is not UTF-8.
    pub const fn last_event_id_str(&self) -> Result<&'a str, Utf8Error> {
        str::from_utf8(self.last_event_id)
    }

    /// The type as text, invalid bytes replaced by U+FFFD as the specification decodes them.
    #[cfg(feature = "alloc")]
    pub fn name_lossy(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.name())
    }

    /// The data as text, invalid bytes replaced by U+FFFD as the specification decodes them.
    ///
    /// ```
    /// # use sse_codec::Decoder;
    /// let mut decoder = Decoder::new();
    /// let mut events = decoder.feed(b"data: a\xffb\n\n");
    /// assert_eq!(events.next().expect("an event")?.data_lossy(), "a\u{fffd}b");
    /// # Ok::<(), sse_codec::DecodeError>(())
    /// ```
    #[cfg(feature = "alloc")]
    pub fn data_lossy(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.data)
    }

    /// The last event ID as text, invalid bytes replaced by U+FFFD.
    #[cfg(feature = "alloc")]
    pub fn last_event_id_lossy(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.last_event_id)
    }
}

/// Where an event that [`Decoder::scan`](crate::Decoder::scan) found lies.
///
/// Holds no borrow. It is good until the next call that changes the decoder, and only together
/// with the slice that was scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub(crate) data: Part,
    pub(crate) event: Part,
    pub(crate) sets_id: bool,
    pub(crate) retry_millis: Option<u64>,
    pub(crate) offset: u64,
}

impl Span {
    /// The offset in the stream of the event's first byte, as in [`Event::offset`].
    pub const fn offset(&self) -> u64 {
        self.offset
    }
}

/// A value, by where its bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// In the scanned slice.
    Chunk(Place),
    /// In the carry.
    Carry(Place),
}

impl Part {
    /// No bytes.
    pub(crate) const EMPTY: Self = Self::Chunk(Place { start: 0, end: 0 });

    #[inline]
    pub(crate) fn bytes<'a>(self, chunk: &'a [u8], carry: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Chunk(place) => place.bytes(chunk),
            Self::Carry(place) => place.bytes(carry),
        }
    }
}

/// A range of bytes that is `Copy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Place {
    #[inline]
    pub(crate) const fn len(self) -> usize {
        self.end - self.start
    }

    /// The bytes at this place; none when `bytes` is not what the place was made for.
    #[inline]
    pub(crate) fn bytes(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: Event<'static> = Event {
        event: b"",
        data: b"\xf0\x9f\x98",
        id: None,
        last_event_id: b"7",
        retry: None,
        offset: 0,
    };

    #[test]
    fn an_event_without_a_type_is_a_message() {
        assert_eq!(EVENT.name(), b"message");
        assert_eq!(EVENT.name_str(), Ok("message"));
        assert_eq!(Event { event: b"ping", ..EVENT }.name(), b"ping");
    }

    #[test]
    fn text_is_strict_or_replaced() {
        assert!(EVENT.data_str().is_err());
        assert_eq!(EVENT.last_event_id_str(), Ok("7"));
        #[cfg(feature = "alloc")]
        assert_eq!(EVENT.data_lossy(), "\u{fffd}", "one sign for the whole broken sequence");
    }
}
