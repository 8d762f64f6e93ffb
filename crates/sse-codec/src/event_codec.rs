//! The codec of `tokio_util`: framed input to owned events, frames to framed output.
//!
//! Each event takes one reference count of the read buffer. It reads and writes nothing itself.

use core::fmt;
use std::io;

use bytes::{Bytes, BytesMut};
use tokio_util::codec;

use crate::decoder::Decoder;
use crate::encoder::{Encoder, Frame};
use crate::error::{Cut, DecodeError, EncodeError};
use crate::event::Span;
use crate::event_bytes::{Draft, EventBytes};

/// Decodes and encodes events over `tokio_util`'s `FramedRead`, `FramedWrite` and `Framed`.
///
/// The end of the input inside an event is [`CodecError::Cut`], never a plain end. An event over
/// the limit is [`CodecError::Decode`]. `FramedRead` gives `None` once after an error, as for
/// every codec: polled again, it goes on behind the event that was dropped.
///
/// An event keeps the read buffer that it came in alive, 8 KiB unless the caller chose another
/// capacity. What straddles two reads is copied, as are data of several lines.
///
/// ```
/// use sse_codec::{CodecError, EventCodec};
/// use tokio_util::codec::Decoder;
///
/// let mut input = bytes::BytesMut::from("data: whole\n\ndata: half\n");
/// let mut codec = EventCodec::new();
/// let event = codec.decode(&mut input)?.expect("an event");
/// assert_eq!(event.as_event().data, b"whole");
/// assert!(codec.decode(&mut input)?.is_none());
/// assert!(matches!(codec.decode_eof(&mut input), Err(CodecError::Cut(_))));
/// # Ok::<(), CodecError>(())
/// ```
#[derive(Debug, Default)]
pub struct EventCodec {
    decoder: Decoder,
    /// That of the last event, shared by all that have the same.
    last_event_id: Bytes,
}

impl EventCodec {
    /// A codec at the start of a stream, with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// A codec over a decoder with other limits or a last event ID.
    pub fn with_decoder(decoder: Decoder) -> Self {
        Self { decoder, last_event_id: Bytes::new() }
    }

    /// The decoder: what it knows of the last event ID, the reconnection time and comments.
    pub const fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The decoder, for example to get it ready for another connection.
    pub const fn decoder_mut(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    fn own(&mut self, span: Span, head: Bytes) -> EventBytes {
        let event = self.decoder.resolve(span, &head);
        if event.last_event_id != self.last_event_id {
            self.last_event_id = Bytes::copy_from_slice(event.last_event_id);
        }
        let draft = Draft::of(&event, &head);
        draft.own(|| head, self.last_event_id.clone())
    }
}

/// The least room for the next read, in bytes; a buffer with less is replaced or used again.
const READ_BYTES_MIN: usize = 4 * 1024;

impl codec::Decoder for EventCodec {
    type Item = EventBytes;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<EventBytes>, CodecError> {
        let (consumed, found) = self.decoder.scan(src);
        let Some(found) = found else {
            // Events split off the front of the buffer, so what is left to read into shrinks.
            src.clear();
            src.reserve(READ_BYTES_MIN);
            return Ok(None);
        };
        let head = src.split_to(consumed);
        Ok(Some(self.own(found?, head.freeze())))
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<EventBytes>, CodecError> {
        if let Some(event) = self.decode(src)? {
            return Ok(Some(event));
        }
        self.decoder.finish().map_or(Ok(None), |cut| Err(CodecError::Cut(cut)))
    }
}

/// Writes one event; after an error nothing of it is in `dst`.
impl codec::Encoder<Frame<'_>> for EventCodec {
    type Error = CodecError;

    fn encode(&mut self, frame: Frame<'_>, dst: &mut BytesMut) -> Result<(), CodecError> {
        Ok(Encoder::new(dst).event(&frame)?)
    }
}

/// Why a framed stream of events failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum CodecError {
    /// An event was dropped because it is too large; those behind it can still be read.
    Decode(DecodeError),
    /// The input ended inside an event, which is lost.
    Cut(Cut),
    /// No stream can carry the frame; nothing was written.
    Encode(EncodeError),
    /// Reading or writing failed.
    Io(io::Error),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(_) => f.write_str("event dropped"),
            Self::Cut(cut) => cut.fmt(f),
            Self::Encode(_) => f.write_str("frame refused"),
            Self::Io(_) => f.write_str("transport failed"),
        }
    }
}

impl core::error::Error for CodecError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Decode(error) => Some(error),
            Self::Cut(_) => None,
            Self::Encode(error) => Some(error),
            Self::Io(error) => Some(error),
        }
    }
}

impl From<DecodeError> for CodecError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<EncodeError> for CodecError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl From<io::Error> for CodecError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
