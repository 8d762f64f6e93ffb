//! Events as text: UTF-8 is checked once for each chunk, or once for a value that straddles.
//!
//! What is not UTF-8 is replaced by U+FFFD, as the specification decodes a stream. Only then is
//! anything copied that a [`Decoder`] would not copy.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str;
use core::time::Duration;

use crate::carry::{Carry, RETAINED_BYTES_MAX};
use crate::decoder::Decoder;
use crate::error::DecodeError;
use crate::event::{Part, Span};
use crate::limits::Limits;

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
    replaced: Replaced,
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

/// The events that a chunk completes, as text; made by [`TextDecoder::feed`].
///
/// Takes the chunk's bytes as [`Events`](crate::Events) does.
#[must_use = "the decoder takes bytes only as events are asked for"]
pub struct TextEvents<'d, 'c, B> {
    decoder: &'d mut Decoder<B>,
    replaced: &'d mut Replaced,
    chunk: &'c [u8],
    at: usize,
    checked: Option<Checked<'c>>,
}

/// Values of the event that is lent, as far as they had to be replaced.
#[derive(Debug, Default)]
struct Replaced {
    event: String,
    data: String,
    id: String,
}

/// The part of a chunk that is known to be text.
#[derive(Clone, Copy, Debug)]
struct Checked<'c> {
    /// Where it begins in the chunk.
    start: usize,
    text: &'c str,
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
        Self { decoder, replaced: Replaced::default() }
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
        &mut self.decoder
    }

    /// Takes a chunk of the stream and lends the events that it completes.
    ///
    /// The chunk may begin and end anywhere, also inside a character.
    #[inline]
    pub fn feed<'d, 'c: 'd>(&'d mut self, chunk: &'c [u8]) -> TextEvents<'d, 'c, B> {
        let Self { decoder, replaced } = self;
        TextEvents { decoder, replaced, chunk, at: 0, checked: None }
    }
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
        if self.checked.is_none() && (lies_in_chunk(span.data) || lies_in_chunk(span.event)) {
            self.checked = Some(Checked::of(self.chunk, start));
        }
        let Self { decoder, replaced, chunk, checked, .. } = self;
        if replaced.data.capacity() > RETAINED_BYTES_MAX {
            **replaced = Replaced::default();
        }
        let event = decoder.resolve(span, &chunk[start..]);
        let text = |part| checked.and_then(|checked| checked.text(part, start));
        let last_event_id = utf8(event.last_event_id, &mut replaced.id);
        TextEvent {
            event: match text(span.event) {
                Some(text) => text,
                None => utf8(event.event, &mut replaced.event),
            },
            data: match text(span.data) {
                Some(text) => text,
                None => utf8(event.data, &mut replaced.data),
            },
            id: event.id.map(|_| last_event_id),
            last_event_id,
            retry: event.retry,
            offset: event.offset,
        }
    }
}

impl<'c> Checked<'c> {
    /// The text from `start` on, up to what is not UTF-8.
    fn of(chunk: &'c [u8], start: usize) -> Self {
        let bytes = without_cut_character(&chunk[start..]);
        let text = str::from_utf8(bytes).or_else(|error| {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            str::from_utf8(valid)
        });
        Self { start, text: text.unwrap_or_default() }
    }

    /// A value in the chunk, which was scanned from `start` on.
    #[inline(always)]
    fn text(self, part: Part, start: usize) -> Option<&'c str> {
        let Part::Chunk(place) = part else { return None };
        let behind = start - self.start;
        self.text.get(behind + place.start..behind + place.end)
    }
}

/// `bytes` without the character at their end of which some bytes are in the next chunk, if there
/// is one. It belongs to an unfinished line, so no event of this chunk needs it.
fn without_cut_character(bytes: &[u8]) -> &[u8] {
    for (behind, &byte) in bytes.iter().rev().take(3).enumerate() {
        let width = match byte {
            0x80..0xc0 => continue,
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0.. => 4,
            _ => 1,
        };
        let cut = if width > behind + 1 { behind + 1 } else { 0 };
        return &bytes[..bytes.len() - cut];
    }
    bytes
}

/// `bytes` as text, in `replaced` if need be.
#[inline]
fn utf8<'a>(bytes: &'a [u8], replaced: &'a mut String) -> &'a str {
    if bytes.is_empty() {
        return "";
    }
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => replace(bytes, replaced),
    }
}

#[cold]
fn replace<'a>(bytes: &[u8], replaced: &'a mut String) -> &'a str {
    replaced.clear();
    for chunk in bytes.utf8_chunks() {
        replaced.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            replaced.push(char::REPLACEMENT_CHARACTER);
        }
    }
    replaced
}

impl<'a> TextEvent<'a> {
    /// The event's type: `event`, or `message` when that is empty.
    pub const fn name(&self) -> &'a str {
        if self.event.is_empty() { "message" } else { self.event }
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
    fn a_character_at_the_edge_is_left_to_the_next_chunk() {
        let check = |bytes: &[u8], kept| assert_eq!(without_cut_character(bytes).len(), kept);
        check(b"", 0);
        check(b"ab", 2);
        check("a\u{d55c}".as_bytes(), 4);
        check(b"a\xed", 1);
        check(b"a\xed\x95", 1);
        check(b"\xf0\x9f\xa6", 0);
        check("\u{1f980}".as_bytes(), 4);
        check(b"a\x80\x80\x80\x80", 5);
    }

    #[test]
    fn a_giant_replaced_value_leaves_no_memory_behind() {
        let mut decoder = TextDecoder::new();
        let giant = [b"data: ", &vec![0xff; RETAINED_BYTES_MAX][..], b"\n\ndata: x\n\n"].concat();
        let mut events = decoder.feed(&giant);
        assert_eq!(events.next().unwrap().unwrap().data.len(), 3 * RETAINED_BYTES_MAX);
        assert_eq!(events.next().unwrap().unwrap().data, "x");
        assert!(decoder.replaced.data.capacity() <= RETAINED_BYTES_MAX);
    }
}
