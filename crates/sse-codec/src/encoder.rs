//! The encoder: events in, bytes of a stream out.
//!
//! What a decoder would not read back as it was is refused. It keeps no state and checks no
//! UTF-8.

use core::time::Duration;

use memchr::{memchr, memchr2};

use crate::carry::Sink;
use crate::error::EncodeError;
use crate::event::Event;

/// An event to be encoded.
///
/// ```
/// use sse_codec::{Encoder, Frame};
///
/// let mut out = Vec::new();
/// let frame = Frame { event: b"delta", id: Some(b"7"), ..Frame::message(b"two\nlines") };
/// Encoder::new(&mut out).event(&frame)?;
/// assert_eq!(out, b"event: delta\nid: 7\ndata: two\ndata: lines\n\n");
/// # Ok::<(), sse_codec::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The event's type; empty for none, which a reader takes for `message`.
    pub event: &'a [u8],
    /// The data; LF separates lines. Empty data are sent as empty data.
    pub data: &'a [u8],
    /// The id to set, if any. An empty id clears the reader's last event ID.
    pub id: Option<&'a [u8]>,
    /// The reconnection time to set, if any; fractions of a millisecond are dropped.
    pub retry: Option<Duration>,
}

impl<'a> Frame<'a> {
    /// An event with nothing but data.
    pub const fn message(data: &'a [u8]) -> Self {
        Self { event: b"", data, id: None, retry: None }
    }
}

impl<'a> From<Event<'a>> for Frame<'a> {
    fn from(event: Event<'a>) -> Self {
        Self { event: event.event, data: event.data, id: event.id, retry: event.retry }
    }
}

/// Writes a stream of events to a [`Sink`], such as a `Vec<u8>` or a `&mut` to one.
///
/// Each method writes all of its bytes or, on an error, none.
#[derive(Clone, Debug)]
pub struct Encoder<S> {
    sink: S,
}

impl<S: Sink> Encoder<S> {
    /// An encoder that appends to `sink`.
    pub const fn new(sink: S) -> Self {
        Self { sink }
    }

    /// The sink, with what was written.
    pub fn into_inner(self) -> S {
        self.sink
    }

    /// Writes an event and its blank line.
    ///
    /// # Errors
    ///
    /// When the type or the id holds CR or LF, the id holds NUL, the data hold CR, or the sink
    /// is full.
    pub fn event(&mut self, frame: &Frame<'_>) -> Result<(), EncodeError> {
        if memchr2(b'\n', b'\r', frame.event).is_some() {
            return Err(EncodeError::LineEndInName);
        }
        if memchr(b'\r', frame.data).is_some() {
            return Err(EncodeError::CrInData);
        }
        if let Some(id) = frame.id {
            check_id(id)?;
        }
        self.write(|out| {
            if !frame.event.is_empty() {
                out.field(b"event", frame.event)?;
            }
            if let Some(id) = frame.id {
                out.field(b"id", id)?;
            }
            if let Some(retry) = frame.retry {
                out.field(b"retry", Digits::of(retry).bytes())?;
            }
            frame
                .data
                .split(|&byte| byte == b'\n')
                .try_for_each(|line| out.field(b"data", line))?;
            out.put(b"\n")
        })
    }

    /// Writes a comment, which readers ignore and which keeps a connection alive.
    ///
    /// Each line of `text`, whatever its line end, becomes a line of its own.
    ///
    /// ```
    /// # use sse_codec::Encoder;
    /// let mut out = Vec::new();
    /// Encoder::new(&mut out).comment(b"ping")?;
    /// assert_eq!(out, b": ping\n");
    /// # Ok::<(), sse_codec::EncodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the sink is full.
    pub fn comment(&mut self, text: &[u8]) -> Result<(), EncodeError> {
        self.write(|out| lines(text).try_for_each(|line| out.field(b"", line)))
    }

    /// Writes a block that sets the last event ID without an event.
    ///
    /// # Errors
    ///
    /// When the id holds CR, LF or NUL, or the sink is full.
    pub fn id(&mut self, id: &[u8]) -> Result<(), EncodeError> {
        check_id(id)?;
        self.write(|out| {
            out.field(b"id", id)?;
            out.put(b"\n")
        })
    }

    /// Writes a block that sets the reconnection time without an event.
    ///
    /// Fractions of a millisecond are dropped.
    ///
    /// # Errors
    ///
    /// When the sink is full.
    pub fn retry(&mut self, retry: Duration) -> Result<(), EncodeError> {
        self.write(|out| {
            out.field(b"retry", Digits::of(retry).bytes())?;
            out.put(b"\n")
        })
    }

    /// Measures, makes room, then writes, so that a full sink gets nothing.
    fn write(
        &mut self,
        write: impl Fn(&mut dyn Put) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mut size = Size(0);
        write(&mut size)?;
        self.sink.reserve(size.0).map_err(|_| EncodeError::Full)?;
        write(&mut Write(&mut self.sink))
    }
}

/// Refuses an id that a decoder would not take as it is.
pub(crate) fn check_id(id: &[u8]) -> Result<(), EncodeError> {
    if memchr2(b'\n', b'\r', id).is_some() {
        return Err(EncodeError::LineEndInId);
    }
    if memchr(0, id).is_some() {
        return Err(EncodeError::NulInId);
    }
    Ok(())
}

/// What takes the pieces of an encoded event: a measure, or the sink.
trait Put {
    fn put(&mut self, bytes: &[u8]) -> Result<(), EncodeError>;
}

impl dyn Put + '_ {
    /// Puts one line; a name of no bytes makes it a comment.
    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), EncodeError> {
        self.put(name)?;
        // The space is what a reader strips, so that one that begins the value stays.
        self.put(if value.is_empty() { b":" } else { b": " })?;
        self.put(value)?;
        self.put(b"\n")
    }
}

/// Counts bytes.
struct Size(usize);

impl Put for Size {
    fn put(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0 = self.0.checked_add(bytes.len()).ok_or(EncodeError::Full)?;
        Ok(())
    }
}

/// Writes bytes to a sink.
struct Write<'s, S>(&'s mut S);

impl<S: Sink> Put for Write<'_, S> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.push(bytes).map_err(|_| EncodeError::Full)
    }
}

/// A number in decimal digits, as many as 64 bits can need.
struct Digits {
    bytes: [u8; 20],
    start: usize,
}

impl Digits {
    /// The whole milliseconds of `time`.
    fn of(time: Duration) -> Self {
        let mut millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut digits = Self { bytes: [b'0'; 20], start: 20 };
        loop {
            digits.start -= 1;
            // The remainder is below ten.
            digits.bytes[digits.start] = b'0' + (millis % 10) as u8;
            millis /= 10;
            if millis == 0 {
                return digits;
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// The lines of `text`, ended by LF, CR or CRLF; at least one.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = memchr2(b'\n', b'\r', text) else {
            rest = None;
            return Some(text);
        };
        let behind = if text[end..].starts_with(b"\r\n") { end + 2 } else { end + 1 };
        rest = text.get(behind..);
        Some(&text[..end])
    })
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;
    use crate::carry::{Carry, Fixed};
    use std::vec::Vec;

    #[track_caller]
    fn check(frame: &Frame<'_>, expected: Result<&str, EncodeError>) {
        let mut out = Vec::new();
        let written = Encoder::new(&mut out).event(frame);
        assert_eq!(written.map(|()| core::str::from_utf8(&out).expect("UTF-8")), expected);
        assert!(written.is_ok() || out.is_empty(), "a refused event leaves nothing");
    }

    #[test]
    fn an_event_is_written_field_by_field() {
        check(&Frame::message(b"x"), Ok("data: x\n\n"));
        check(&Frame::message(b""), Ok("data:\n\n"));
        check(&Frame::message(b" x\n"), Ok("data:  x\ndata:\n\n"));
        check(
            &Frame {
                event: b"e",
                data: b"d",
                id: Some(b""),
                retry: Some(Duration::from_micros(1500)),
            },
            Ok("event: e\nid:\nretry: 1\ndata: d\n\n"),
        );
    }

    #[test]
    fn what_no_stream_can_carry_is_refused() {
        let message = Frame::message(b"x");
        check(&Frame { event: b"a\nb", ..message }, Err(EncodeError::LineEndInName));
        check(&Frame { event: b"a\rb", ..message }, Err(EncodeError::LineEndInName));
        check(&Frame { id: Some(b"a\n"), ..message }, Err(EncodeError::LineEndInId));
        check(&Frame { id: Some(b"\r"), ..message }, Err(EncodeError::LineEndInId));
        check(&Frame { id: Some(b"a\0"), ..message }, Err(EncodeError::NulInId));
        check(&Frame::message(b"a\r\nb"), Err(EncodeError::CrInData));
    }

    #[test]
    fn every_line_end_in_a_comment_begins_another_comment() {
        let mut encoder = Encoder::new(Vec::new());
        encoder.comment(b"a\nb\rc\r\nd\n").unwrap();
        assert_eq!(encoder.into_inner(), b": a\n: b\n: c\n: d\n:\n");
    }

    #[test]
    fn blocks_without_data_set_id_and_retry() {
        let mut encoder = Encoder::new(Vec::new());
        encoder.id(b"9").unwrap();
        encoder.retry(Duration::MAX).unwrap();
        encoder.retry(Duration::ZERO).unwrap();
        assert_eq!(encoder.id(b"\0"), Err(EncodeError::NulInId));
        let expected = b"id: 9\n\nretry: 18446744073709551615\n\nretry: 0\n\n";
        assert_eq!(encoder.into_inner(), expected);
    }

    #[test]
    fn a_full_sink_gets_nothing() {
        let mut out = Fixed::new([0; 9]);
        let mut encoder = Encoder::new(&mut out);
        assert_eq!(encoder.event(&Frame::message(b"xy")), Err(EncodeError::Full));
        assert_eq!(encoder.event(&Frame::message(b"x")), Ok(()));
        assert_eq!(out.bytes(), b"data: x\n\n");
    }
}
