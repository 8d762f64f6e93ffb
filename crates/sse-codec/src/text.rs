//! Events as text: UTF-8 is checked for many events of a chunk at once, or once for a value in the
//! carry.
//!
//! What is not UTF-8 is replaced by U+FFFD, as the specification decodes a stream. Only then, and
//! for a new last event ID, is anything copied that a [`Decoder`] would not copy.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::carry::Carry;
use crate::decoder::Decoder;
use crate::error::DecodeError;
use crate::event::{Part, Span};
use crate::limits::Limits;

use checked::Checked;
use owned::Owned;

mod checked;
mod owned;

/// Decodes one stream of server-sent events, as text.
///
/// Everything but the events' type is as in the [`Decoder`] inside.
///
/// ```
/// use sse_codec::TextDecoder;
///
/// let mut decoder = TextDecoder::new();
/// let mut events = decoder.feed("data: 안녕\n\ndata: ".as_bytes());
/// assert_eq!(events.next().expect("an event")?.data, "안녕");
/// assert!(events.next().is_none());
///
/// let mut events = decoder.feed(b"a\xffb\n\n");
/// assert_eq!(events.next().expect("an event")?.data, "a\u{fffd}b");
/// # Ok::<(), sse_codec::DecodeError>(())
/// ```
pub struct TextDecoder<B = Vec<u8>> {
    decoder: Decoder<B>,
    owned: Owned,
}

/// An event as text, lent until the decoder goes on. The fields are those of
/// [`Event`](crate::Event).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextEvent<'a> {
    /// The value of the last `event` field; empty when there is none. See [`TextEvent::name`].
    pub event: &'a str,
    /// The values of the `data` fields, joined by LF.
    pub data: &'a str,
    /// The id that this event set, possibly empty; `None` when it has no valid `id` field.
    pub id: Option<&'a str>,
    /// The last event ID of the stream: `id`, or else what an earlier event set.
    pub last_event_id: &'a str,
    /// The reconnection time that this event set; whole milliseconds.
    pub retry: Option<Duration>,
    /// The offset in the stream of the event's first byte, in bytes from 0.
    pub offset: u64,
}

impl TextDecoder<Vec<u8>> {
    /// A decoder at the start of a stream, with the default limits.
    pub fn new() -> Self {
        Self::with_decoder(Decoder::new())
    }

    /// A decoder at the start of a stream, with other limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self::with_decoder(Decoder::with_limits(limits))
    }
}

impl Default for TextDecoder<Vec<u8>> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Carry> TextDecoder<B> {
    /// A decoder of the stream that `decoder` is reading, or is about to.
    pub fn with_decoder(decoder: Decoder<B>) -> Self {
        Self { decoder, owned: Owned::new() }
    }

    /// The decoder inside: counters, last event ID, reconnection time.
    pub const fn decoder(&self) -> &Decoder<B> {
        &self.decoder
    }

    /// The decoder inside: to end the stream, or to reconnect.
    ///
    /// ```
    /// # use sse_codec::TextDecoder;
    /// let mut decoder = TextDecoder::new();
    /// assert!(decoder.feed(b"data: half").next().is_none());
    /// assert!(decoder.decoder_mut().finish().is_some(), "an event was cut");
    /// ```
    pub const fn decoder_mut(&mut self) -> &mut Decoder<B> {
        // It may be replaced by another, whose changes count from zero.
        self.owned.forget_id();
        &mut self.decoder
    }

    /// Takes a chunk of the stream and lends the events that it completes.
    ///
    /// The chunk may begin and end anywhere, also inside a character.
    #[inline]
    pub fn feed<'d, 'c: 'd>(&'d mut self, chunk: &'c [u8]) -> TextEvents<'d, 'c, B> {
        let Self { decoder, owned } = self;
        TextEvents { decoder, owned, chunk, at: 0, checked: Checked::default() }
    }
}

impl<'a> TextEvent<'a> {
    /// The event's type: `event`, or `message` when that is empty.
    pub const fn name(&self) -> &'a str {
        if self.event.is_empty() { "message" } else { self.event }
    }
}

/// The events that a chunk completes, as text; made by [`TextDecoder::feed`].
///
/// Takes the chunk's bytes as [`Events`](crate::Events) does.
#[must_use = "the decoder takes bytes only as events are asked for"]
pub struct TextEvents<'d, 'c, B> {
    decoder: &'d mut Decoder<B>,
    owned: &'d mut Owned,
    chunk: &'c [u8],
    at: usize,
    checked: Checked<'c>,
}

impl<'c, B: Carry> TextEvents<'_, 'c, B> {
    /// The next event, or `None` when the chunk is used up.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] in place of an event that was too large; the events behind it follow.
    #[expect(clippy::should_implement_trait, reason = "`Iterator` cannot lend")]
    #[inline(always)]
    pub fn next(&mut self) -> Option<Result<TextEvent<'_>, DecodeError>> {
        let start = self.at;
        let scanned = self.rest();
        if scanned.is_empty() || self.decoder.takes_byte(scanned) {
            self.at = self.chunk.len();
            return None;
        }
        self.owned.release();
        let mut taken = 0;
        let found = self.decoder.read(scanned, &mut taken);
        self.at += taken;
        Some(found?.map(|span| self.lend(span, start)))
    }

    /// How many bytes of the chunk the decoder has taken.
    pub const fn consumed(&self) -> usize {
        self.at
    }

    /// The bytes of the chunk that the decoder has not taken.
    #[inline]
    pub fn rest(&self) -> &'c [u8] {
        self.chunk.get(self.at..).unwrap_or_default()
    }

    /// The event of which the lines were scanned from `start` on.
    #[inline(always)]
    fn lend(&mut self, span: Span, start: usize) -> TextEvent<'_> {
        let lies_in_chunk = |part| matches!(part, Part::Chunk(place) if place.len() > 0);
        if !self.checked.covers(self.at) && (lies_in_chunk(span.data) || lies_in_chunk(span.event))
        {
            self.checked = Checked::of(self.chunk, start, self.at);
        }
        let Self { decoder, owned, chunk, checked, .. } = self;
        let event = decoder.resolve(span, &chunk[start..]);
        let Owned { event: event_text, data: data_text, id } = &mut **owned;
        let last_event_id = id.text(decoder.id_changes(), event.last_event_id);
        TextEvent {
            event: match checked.text(span.event, start) {
                Some(text) => text,
                None => owned::utf8(event.event, event_text),
            },
            data: match checked.text(span.data, start) {
                Some(text) => text,
                None => owned::utf8(event.data, data_text),
            },
            id: event.id.map(|_| last_event_id),
            last_event_id,
            retry: event.retry,
            offset: event.offset,
        }
    }
}

impl<B> fmt::Debug for TextDecoder<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextDecoder").field("decoder", &self.decoder).finish_non_exhaustive()
    }
}

impl<B> fmt::Debug for TextEvents<'_, '_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextEvents")
            .field("chunk_bytes", &self.chunk.len())
            .field("consumed", &self.at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carry::RETAINED_BYTES_MAX;
    use std::string::String;
    use std::vec;

    /// The data of all events of `stream`, in chunks of `size` bytes.
    fn data(stream: &[u8], size: usize) -> Vec<String> {
        let mut decoder = TextDecoder::new();
        let mut found = Vec::new();
        for chunk in stream.chunks(size) {
            let mut events = decoder.feed(chunk);
            while let Some(event) = events.next() {
                let event = event.unwrap();
                found.push(std::format!("{}|{}|{}", event.event, event.data, event.last_event_id));
            }
            assert!(events.rest().is_empty());
        }
        found
    }

    #[test]
    fn text_is_that_of_the_specification_at_every_cut() {
        let stream =
            b"data: \xed\x95\x9cx\n\nid: \xff\nevent: \xf0\x9f\ndata: a\xe2\x82\ndata: b\n\n\
            data: \xf0\x9f\xa6\x80\n\nid\ndata: \xf0\x9f\n\ndata: ok\n\n";
        let expected = [
            "|\u{d55c}x|",
            "\u{fffd}|a\u{fffd}\nb|\u{fffd}",
            "|\u{1f980}|\u{fffd}",
            "|\u{fffd}|",
            "|ok|",
        ];
        for size in 1..=stream.len() {
            assert_eq!(data(stream, size), expected, "in chunks of {size}");
        }
    }

    #[test]
    fn events_behind_one_that_is_not_text_are_text() {
        let stream = b"data: \xff\n\ndata: a\n\n".repeat(500);
        let found = data(&stream, stream.len());
        assert_eq!(found.len(), 1_000);
        assert!(found.chunks(2).all(|pair| pair == ["|\u{fffd}|", "|a|"]));
    }

    #[test]
    fn a_chunk_that_is_left_at_every_event_is_checked_in_linear_time() {
        let stream = b"data: \xed\x95\x9c\n\n".repeat(5_000);
        for events_max in [1, 2, 3] {
            let (mut decoder, mut rest, mut count) = (TextDecoder::new(), &stream[..], 0);
            checked::taken::take();
            while !rest.is_empty() {
                let mut events = decoder.feed(rest);
                for _ in 0..events_max {
                    count += usize::from(events.next().is_some());
                }
                rest = events.rest();
            }
            assert_eq!(count, 5_000);
            let bytes = checked::taken::take();
            assert!(bytes <= 5_000 * 5 * 1_024, "{bytes} bytes for {}", stream.len());
        }
    }

    #[test]
    fn a_long_id_is_checked_once_and_not_with_every_event() {
        let id_bytes = 10_000;
        let mut decoder = TextDecoder::new();
        let id = [b"id: ", &vec![0xff; id_bytes][..], b"\n\n"].concat();
        assert!(decoder.feed(&id).next().is_none());
        let stream = b"data: a\n\n".repeat(100);
        let mut events = decoder.feed(&stream);
        checked::taken::take();
        while let Some(event) = events.next() {
            assert_eq!(event.unwrap().last_event_id.len(), 3 * id_bytes);
        }
        assert_eq!(checked::taken::take(), id_bytes + stream.len());
    }

    #[test]
    fn the_id_is_that_of_the_decoder_that_replaces_another() {
        let mut decoder = TextDecoder::new();
        for id in ["1", "2"] {
            let mut other = Decoder::new();
            other.seed_last_event_id(id.as_bytes()).unwrap();
            *decoder.decoder_mut() = other;
            let mut events = decoder.feed(b"data: a\n\n");
            assert_eq!(events.next().unwrap().unwrap().last_event_id, id);
        }
    }

    #[test]
    fn a_giant_replaced_value_leaves_no_memory_behind() {
        let giant = vec![0xff; RETAINED_BYTES_MAX];
        for name in ["data", "event", "id"] {
            let mut decoder = TextDecoder::new();
            let large = [name.as_bytes(), b": ", &giant, b"\ndata\n\n"].concat();
            let mut events = decoder.feed(&large);
            let event = events.next().unwrap().unwrap();
            let bytes = event.event.len() + event.data.len() + event.last_event_id.len();
            assert!(bytes >= 3 * RETAINED_BYTES_MAX, "{name}");
            assert!(decoder.feed(b"id\ndata\n\n").next().is_some());
            assert!(decoder.owned.capacity() <= RETAINED_BYTES_MAX, "{name}");
        }
    }
}
