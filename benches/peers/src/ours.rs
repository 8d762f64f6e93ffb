//! Our decoder in the forms in which callers use it.

use std::hint::black_box;

use sse_codec::{DecodeError, Decoder, TextDecoder};

use crate::sink::Sink;

/// What the caller takes from the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Borrowed bytes.
    Bytes,
    /// Borrowed text.
    Text,
    /// Text, copied into strings of the caller.
    Owned,
}

impl Form {
    /// Every form, by the name that programs take.
    pub const ALL: [(&str, Self); 3] =
        [("bytes", Self::Bytes), ("text", Self::Text), ("owned", Self::Owned)];
}

/// Decodes `chunks` as borrowed bytes.
///
/// # Errors
///
/// The decoder's.
#[inline(always)]
pub fn decode_bytes<'a>(
    chunks: impl Iterator<Item = &'a [u8]>,
    sink: &mut impl Sink,
) -> Result<(), DecodeError> {
    let mut decoder = Decoder::new();
    for chunk in chunks {
        let mut events = decoder.feed(chunk);
        while let Some(event) = events.next() {
            let event = event?;
            sink.event(event.event, event.data);
        }
    }
    Ok(())
}

/// Decodes `chunks` as borrowed text.
///
/// # Errors
///
/// The decoder's.
#[inline(always)]
pub fn decode_text<'a>(
    chunks: impl Iterator<Item = &'a [u8]>,
    sink: &mut impl Sink,
) -> Result<(), DecodeError> {
    each_text(chunks, |event, data| sink.event(event.as_bytes(), data.as_bytes()))
}

/// Decodes `chunks` as text and copies name and data of each event.
///
/// # Errors
///
/// The decoder's.
#[inline(always)]
pub fn decode_owned<'a>(
    chunks: impl Iterator<Item = &'a [u8]>,
    sink: &mut impl Sink,
) -> Result<(), DecodeError> {
    each_text(chunks, |event, data| {
        let (event, data) = black_box((String::from(event), String::from(data)));
        sink.event(event.as_bytes(), data.as_bytes());
    })
}

#[inline(always)]
fn each_text<'a>(
    chunks: impl Iterator<Item = &'a [u8]>,
    mut take: impl FnMut(&str, &str),
) -> Result<(), DecodeError> {
    let mut decoder = TextDecoder::new();
    for chunk in chunks {
        let mut events = decoder.feed(chunk);
        while let Some(event) = events.next() {
            let event = event?;
            take(event.event, event.data);
        }
    }
    Ok(())
}
