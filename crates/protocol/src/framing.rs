//! How the events of an answer lie in the bytes of its body.
//!
//! What is not framed as server-sent events is turned into them, so that one reader, one decoder and
//! one consumer serve every framing. Nothing of a frame is told before all of it was checked.

mod event;
mod lines;
mod message;
mod messages;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use self::event::Writer;
use self::lines::Lines;
use self::messages::Messages;
use crate::Wire;

/// How the events of an answer are framed.
///
/// ```
/// use protocol::{Framing, Reader, Wire};
///
/// let mut reader = Reader::framed(Framing::NdJson, Wire::AnthropicMessages, 1024);
/// reader.feed("{\"type\":\"ping\"}\n".into());
/// let span = reader.scan().unwrap()?;
/// let event = reader.resolve(span);
/// assert_eq!((event.event, event.data), (&b"ping"[..], &b"{\"type\":\"ping\"}"[..]));
/// # Ok::<(), sse_codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    #[default]
    Sse,
    /// One JSON document on each line. Lines of white space alone mean nothing but life.
    NdJson,
    /// Amazon's binary messages, whose payload is an event in base64.
    AwsEventStream,
}

impl Framing {
    /// The media type that is asked for.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::NdJson => "application/x-ndjson",
            Self::AwsEventStream => "application/vnd.amazon.eventstream",
        }
    }

    /// Whether the headers announce such a body; `None` when they leave it open, by naming no
    /// content type or one that says nothing (`text/plain`, `application/octet-stream`).
    #[must_use]
    pub fn is_announced(self, headers: &HeaderMap) -> Option<bool> {
        let value = headers.get(CONTENT_TYPE)?.as_bytes();
        let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let is = |kind: &str| essence.eq_ignore_ascii_case(kind.as_bytes());
        let open = essence.is_empty() || is("text/plain") || is("application/octet-stream");
        let known = is(self.media_type()) || self.other_media_types().iter().any(|kind| is(kind));
        (!open).then_some(known)
    }

    /// Whether a body of no announced type that begins with this byte is a page or a document and
    /// no stream.
    #[must_use]
    pub const fn is_document(self, first: u8) -> bool {
        match self {
            Self::Sse | Self::AwsEventStream => matches!(first, b'<' | b'{'),
            Self::NdJson => first == b'<',
        }
    }

    /// What the same framing is called elsewhere.
    const fn other_media_types(self) -> &'static [&'static str] {
        match self {
            Self::Sse | Self::AwsEventStream => &[],
            Self::NdJson => &["application/ndjson", "application/jsonl", "application/x-jsonlines"],
        }
    }
}

/// Why a body cannot be read on: from here on nobody knows where a frame begins or what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The checksum of the lengths does not match.
    #[error("the checksum of a frame's lengths does not match")]
    LengthsChecksum,
    /// The lengths contradict each other.
    #[error("the lengths of a frame contradict each other")]
    Lengths,
    /// The checksum of the frame does not match.
    #[error("the checksum of a frame does not match")]
    Checksum,
    /// The headers cannot be read, or do not say what the frame is.
    #[error("the headers of a frame cannot be read")]
    Headers,
    /// The payload is not what the headers say.
    #[error("the payload of a frame cannot be read")]
    Payload,
    /// The frame is longer than the limit.
    #[error("a frame is longer than its limit")]
    TooLong,
}

/// Turns the frames of one body into server-sent events.
#[derive(Debug)]
pub(crate) struct Frames {
    form: Form,
    writer: Writer,
    failure: Option<FrameError>,
}

#[derive(Debug)]
enum Form {
    Lines(Lines),
    Messages(Messages),
}

impl Frames {
    /// At the start of a body; `None` where it has server-sent events already.
    pub(crate) fn new(framing: Framing, wire: Wire, frame_bytes_max: usize) -> Option<Self> {
        let form = match framing {
            Framing::Sse => return None,
            Framing::NdJson => Form::Lines(Lines::new(frame_bytes_max)),
            Framing::AwsEventStream => Form::Messages(Messages::new(frame_bytes_max)),
        };
        Some(Self { form, writer: Writer::new(wire), failure: None })
    }

    /// The events that the chunk completes, up to what cannot be read.
    pub(crate) fn take(&mut self, chunk: &[u8]) -> Bytes {
        if self.failure.is_some() {
            return Bytes::new();
        }
        let mut events = Vec::with_capacity(chunk.len());
        let read = match &mut self.form {
            Form::Lines(lines) => lines.take(chunk, |json| self.writer.write(json, &mut events)),
            Form::Messages(messages) => messages.take(chunk, self.writer, &mut events),
        };
        self.failure = read.err();
        events.into()
    }

    /// The event that the end of the body completes, where it completes one.
    pub(crate) fn end(&mut self) -> Bytes {
        let mut events = Vec::new();
        if let (Form::Lines(lines), None) = (&mut self.form, self.failure)
            && let Some(json) = lines.take_last()
        {
            self.writer.write(&json, &mut events);
        }
        events.into()
    }

    /// Whether the chunk ended inside a frame.
    pub(crate) fn is_inside(&self) -> bool {
        match &self.form {
            Form::Lines(lines) => lines.is_inside(),
            Form::Messages(messages) => messages.is_inside(),
        }
    }

    /// Why nothing more comes.
    pub(crate) const fn failure(&self) -> Option<FrameError> {
        self.failure
    }
}
