//! A response as the body of an HTTP response: the provider's own event stream, out of as many connections
//! as it takes.

use bytes::Bytes;
use hyper::body::{Body, Frame};
use protocol::{Wire, error_event};
use sse_codec::Encoder;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::driver::Driver;
use crate::error::Error;
use crate::event::Event;

/// The events of one response, written as server-sent events.
///
/// What the provider sent comes as it sent it, with the few edits that make one stream out of several.
/// Lines end with LF; comments and event ids are not part of it. A response that cannot be completed ends with the
/// wire's own error event, which names the [checkpoint](Error::checkpoint), and never with an end that
/// the provider did not send. Dropping the body is dropping the stream.
///
/// It is a `http_body::Body`, so what speaks `http` can send it on.
pub struct EventBody {
    driver: Box<Driver>,
    /// What is written and not taken yet.
    written: Vec<u8>,
    events: u64,
    is_over: bool,
}

impl EventBody {
    pub(crate) fn new(mut driver: Box<Driver>) -> Self {
        driver.ask_all();
        Self { driver, written: Vec::new(), events: 0, is_over: false }
    }

    /// Waits for the first event. From then on the response has begun, and nothing of it is lost.
    ///
    /// # Errors
    ///
    /// Why there will be none.
    pub(crate) fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.written.is_empty() {
            match self.driver.poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(event))) => self.take(event),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => break,
            }
            if self.is_over {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes down what comes until there is enough, or nothing more at present.
    fn gather(&mut self, cx: &mut Context<'_>) {
        while !self.is_over && self.written.len() < PIECE_BYTES_MAX {
            match self.driver.poll(cx) {
                Poll::Pending => return,
                Poll::Ready(Some(Ok(event))) => self.take(event),
                Poll::Ready(Some(Err(error))) => self.fail(&error),
                Poll::Ready(None) => self.is_over = true,
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Frame(frame) => self.write(&frame.name, &frame.data),
            Event::End(_) => self.is_over = true,
            _ => {}
        }
    }

    fn fail(&mut self, error: &Error) {
        let wire: Wire = self.driver.wire();
        let message = match error.checkpoint() {
            Some(id) => format!("{error}; checkpoint {id}"),
            None => error.to_string(),
        };
        let (name, data) = error_event(wire, &message, self.events);
        self.write(name.as_bytes(), data.as_bytes());
        self.is_over = true;
    }

    fn write(&mut self, event: &[u8], data: &[u8]) {
        self.events += 1;
        let frame = sse_codec::Frame { event, ..sse_codec::Frame::message(data) };
        if Encoder::new(&mut self.written).event(&frame).is_err() {
            // Other framings may have line ends in their JSON that no event can have.
            let data: Vec<u8> =
                data.iter().map(|it| if *it == b'\r' { b' ' } else { *it }).collect();
            let frame = sse_codec::Frame { event, ..sse_codec::Frame::message(&data) };
            let written = Encoder::new(&mut self.written).event(&frame);
            debug_assert!(written.is_ok(), "the name of an event is one line");
        }
    }
}

impl Body for EventBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.gather(cx);
        match (self.written.is_empty(), self.is_over) {
            (false, _) => {
                let piece = Bytes::from(std::mem::take(&mut self.written));
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            (true, true) => Poll::Ready(None),
            (true, false) => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over && self.written.is_empty()
    }
}

impl fmt::Debug for EventBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBody").field("id", self.driver.id()).finish_non_exhaustive()
    }
}

/// Bytes after which a piece of the body is handed out; one event may exceed it.
const PIECE_BYTES_MAX: usize = 16 << 10;
