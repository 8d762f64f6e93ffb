//! The events of one response body, out of its chunks.
//!
//! Bytes only: what an event says is [`decode`](crate::decode)'s. An event that lies inside a
//! chunk is lent from it and can be kept as a counted slice of it.

use crate::Wire;
use crate::framing::{FrameError, Frames, Framing};
use bytes::Bytes;
use sse_codec::{DecodeError, Decoder, Event, Limits, Span};

/// Reads events from the chunks of one body, as server-sent events whatever its framing is.
///
/// ```
/// use protocol::Reader;
///
/// let mut reader = Reader::new(1024);
/// reader.feed("data: one\n\ndata: tw".into());
/// let span = reader.scan().unwrap()?;
/// let data = reader.keep(reader.resolve(span).data);
/// assert_eq!(&data[..], b"one");
///
/// assert!(reader.scan().is_none());
/// reader.feed("o\n\n".into());
/// let span = reader.scan().unwrap()?;
/// assert_eq!(reader.resolve(span).data, b"two");
/// # Ok::<(), sse_codec::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    decoder: Decoder,
    /// What turns the body into server-sent events, where it has other frames.
    frames: Option<Box<Frames>>,
    /// The chunk that was fed last, as server-sent events.
    chunk: Bytes,
    /// Where the unread part of the chunk begins.
    at: usize,
    /// Where the slice that was scanned last begins.
    scanned: usize,
    /// Bytes of the chunks before.
    before: u64,
}

impl Reader {
    /// A reader at the start of a body of server-sent events, with a limit of bytes for one event.
    #[must_use]
    pub fn new(event_bytes_max: usize) -> Self {
        Self::of(None, event_bytes_max)
    }

    /// A reader at the start of a body of this framing. The limit is that of a frame, too; the wire
    /// says whether the events have names.
    #[must_use]
    pub fn framed(framing: Framing, wire: Wire, event_bytes_max: usize) -> Self {
        let frames = Frames::new(framing, wire, event_bytes_max);
        Self::of(frames.map(Box::new), event_bytes_max)
    }

    fn of(frames: Option<Box<Frames>>, event_bytes_max: usize) -> Self {
        let decoder = Decoder::with_limits(Limits { event_bytes_max });
        Self { decoder, frames, chunk: Bytes::new(), at: 0, scanned: 0, before: 0 }
    }

    /// Takes the next chunk. The one before must be read to its end; what is left of it is lost
    /// (debug builds panic).
    pub fn feed(&mut self, chunk: Bytes) {
        let events = match &mut self.frames {
            None => chunk,
            Some(frames) => frames.take(&chunk),
        };
        self.read_next(events);
    }

    /// The body ended cleanly: what it completes by that is there to be read. The chunk before must
    /// be read to its end, as for [`Reader::feed`].
    pub fn end(&mut self) {
        if let Some(frames) = &mut self.frames {
            let events = frames.end();
            self.read_next(events);
        }
    }

    /// Why nothing more comes, once all that came before is read.
    #[must_use]
    pub fn failure(&self) -> Option<FrameError> {
        self.frames.as_ref()?.failure()
    }

    fn read_next(&mut self, events: Bytes) {
        debug_assert_eq!(self.at, self.chunk.len(), "read one chunk to its end before the next");
        self.before += self.chunk.len() as u64;
        self.chunk = events;
        self.at = 0;
    }

    /// Finds the next whole event.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] in the place of an event that is over its limit; reading goes on behind it.
    pub fn scan(&mut self) -> Option<Result<Span, DecodeError>> {
        self.scanned = self.at;
        let (consumed, span) = self.decoder.scan(&self.chunk[self.at..]);
        self.at += consumed;
        if span.is_none() {
            self.let_go();
        }
        span
    }

    /// Gives the chunk back once it is read, so that the transport can read into its memory again.
    fn let_go(&mut self) {
        self.before += self.at as u64;
        (self.chunk, self.at, self.scanned) = (Bytes::new(), 0, 0);
    }

    /// Whether the chunk ended inside an event or the frame of one; comments are none.
    #[must_use]
    pub fn is_inside_event(&self) -> bool {
        self.decoder.is_inside_event()
            || self.frames.as_ref().is_some_and(|frames| frames.is_inside())
    }

    /// Bytes of a body of server-sent events up to the end of what was scanned.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.before + self.at as u64
    }

    /// The event that was found last.
    #[must_use]
    pub fn resolve(&self, span: Span) -> Event<'_> {
        self.decoder.resolve(span, &self.chunk[self.scanned..])
    }

    /// The same bytes as a counted slice of the chunk, copied only where they straddle chunks.
    #[must_use]
    pub fn keep(&self, bytes: &[u8]) -> Bytes {
        let start = (bytes.as_ptr() as usize).wrapping_sub(self.chunk.as_ptr() as usize);
        match start.checked_add(bytes.len()) {
            Some(end) if end <= self.chunk.len() => self.chunk.slice(start..end),
            _ => Bytes::copy_from_slice(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_inside_the_chunk_is_kept_without_a_copy() {
        let chunk = Bytes::from_static(b"data: inside\n\n");
        let mut reader = Reader::new(1024);
        reader.feed(chunk.clone());
        let span = reader.scan().unwrap().unwrap();
        let kept = reader.keep(reader.resolve(span).data);
        assert_eq!(kept.as_ptr(), chunk[6..].as_ptr());
        assert!(reader.scan().is_none());
    }

    #[test]
    fn a_chunk_that_was_read_is_given_back() {
        let chunk = Bytes::from(b"data: one\n\ndata: t".to_vec());
        let mut reader = Reader::new(1024);
        reader.feed(chunk.clone());
        assert!(reader.scan().is_some());
        assert!(!chunk.is_unique(), "the rest is to be read");
        assert!(reader.scan().is_none());
        assert!(chunk.is_unique());
        assert_eq!(reader.position(), chunk.len() as u64);
    }

    #[test]
    fn a_chunk_that_ends_inside_an_event_is_told_from_one_that_does_not() {
        for (chunk, inside) in [
            ("data: one\n\n", false),
            (": alive\n\n", false),
            (": alive\n", false),
            ("", false),
            ("d", true),
            ("data: two\n", true),
            ("\n", false),
            ("event: e\n", true),
            (": alive\n", true),
            ("\n: alive\n\n", false),
        ]
        .into_iter()
        .scan(Reader::new(1024), |reader, (chunk, inside)| {
            reader.feed(chunk.into());
            while reader.scan().is_some() {}
            Some(((chunk, reader.is_inside_event()), inside))
        }) {
            assert_eq!(chunk.1, inside, "{:?}", chunk.0);
        }
    }

    #[test]
    fn an_event_over_the_limit_is_an_error_and_the_next_is_read() {
        let mut reader = Reader::new(4);
        reader.feed("data: 12345\n\ndata: 1234\n\n".into());
        assert!(reader.scan().unwrap().is_err());
        let span = reader.scan().unwrap().unwrap();
        assert_eq!(reader.resolve(span).data, b"1234");
    }
}
