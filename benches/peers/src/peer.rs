//! The peers, each in its fastest form and with the cheapest input that it takes.
//!
//! Streams are polled with a waker that does nothing; their input is always ready.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use eventsource_stream::Eventsource;
use futures_util::{AsyncBufRead, AsyncRead, Stream, stream};

use crate::cell::Input;
use crate::entry::Codec;
use crate::sink::Sink;

/// `SseDecoder` of `sse-core`.
#[derive(Debug)]
pub struct SseCore;

impl Codec for SseCore {
    #[inline(always)]
    fn run(input: &Input, sink: &mut impl Sink) -> Result<(), String> {
        let mut decoder = sse_core::SseDecoder::new();
        for mut chunk in input.slices() {
            while let Some(event) = decoder.next(&mut chunk) {
                match event.map_err(|error| error.to_string())? {
                    sse_core::SseEvent::Message(message) => {
                        sink.event(message.event.as_bytes(), message.data.as_bytes());
                    }
                    sse_core::SseEvent::Retry(_) => {}
                }
            }
        }
        Ok(())
    }
}

/// `SseByteStream` of `sse-stream`.
#[derive(Debug)]
pub struct SseStream;

impl Codec for SseStream {
    #[inline(always)]
    fn run(input: &Input, sink: &mut impl Sink) -> Result<(), String> {
        let chunks = stream::iter(input.slices().map(Ok::<_, Infallible>));
        drain(sse_stream::SseByteStream::new(chunks), |event| {
            let event = event.map_err(|error| error.to_string())?;
            // A block without data is no event.
            if let Some(data) = event.data {
                sink.event(event.event.unwrap_or_default().as_bytes(), data.as_bytes());
            }
            Ok(())
        })
    }
}

/// `EventStream` of `sseer`.
#[derive(Debug)]
pub struct Sseer;

impl Codec for Sseer {
    #[inline(always)]
    fn run(input: &Input, sink: &mut impl Sink) -> Result<(), String> {
        let chunks = stream::iter(input.counted().map(Ok::<_, Infallible>));
        drain(sseer::EventStream::new(chunks), |event| {
            let event = event.map_err(|error| error.to_string())?;
            sink.event(event.event.as_bytes(), event.data.as_bytes());
            Ok(())
        })
    }
}

/// `SseParser` of `sse-parse`.
#[derive(Debug)]
pub struct SseParse;

impl Codec for SseParse {
    #[inline(always)]
    fn run(input: &Input, sink: &mut impl Sink) -> Result<(), String> {
        let mut parser = sse_parse::SseParser::new();
        for chunk in input.slices() {
            parser.feed(chunk);
            while let Some(event) = parser.next_event() {
                sink.event(event.event.as_bytes(), event.data.as_bytes());
            }
        }
        Ok(())
    }
}

/// The stream of `eventsource-stream`.
#[derive(Debug)]
pub struct EventsourceStream;

impl Codec for EventsourceStream {
    #[inline(always)]
    fn run(input: &Input, sink: &mut impl Sink) -> Result<(), String> {
        let chunks = stream::iter(input.slices().map(Ok::<_, Infallible>));
        drain(chunks.eventsource(), |event| {
            let event = event.map_err(|error| error.to_string())?;
            sink.event(event.event.as_bytes(), event.data.as_bytes());
            Ok(())
        })
    }
}

/// The decoder of `async-sse`.
#[derive(Debug)]
pub struct AsyncSse;

impl Codec for AsyncSse {
    #[inline(always)]
    fn run(input: &Input, sink: &mut impl Sink) -> Result<(), String> {
        let reader = Reader { chunk: &[], chunks: input.slices() };
        drain(async_sse::decode(reader), |event| {
            match event.map_err(|error| error.to_string())? {
                async_sse::Event::Message(message) => {
                    sink.event(message.name().as_bytes(), message.data());
                }
                async_sse::Event::Retry(_) => {}
            }
            Ok(())
        })
    }
}

/// Takes everything from a stream that never has to wait.
#[inline(always)]
fn drain<T>(
    stream: impl Stream<Item = T>,
    mut take: impl FnMut(T) -> Result<(), String>,
) -> Result<(), String> {
    let mut stream = std::pin::pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match stream.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(item)) => take(item)?,
            Poll::Ready(None) => return Ok(()),
            Poll::Pending => return Err("waits for input that is there".to_owned()),
        }
    }
}

/// Chunks as a reader that lends them.
struct Reader<'a, I> {
    chunk: &'a [u8],
    chunks: I,
}

impl<'a, I: Iterator<Item = &'a [u8]> + Unpin> AsyncBufRead for Reader<'a, I> {
    #[inline]
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.chunk.is_empty() {
            this.chunk = this.chunks.next().unwrap_or_default();
        }
        Poll::Ready(Ok(this.chunk))
    }

    #[inline]
    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.get_mut();
        this.chunk = &this.chunk[amount..];
    }
}

impl<'a, I: Iterator<Item = &'a [u8]> + Unpin> AsyncRead for Reader<'a, I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Poll::Ready(Ok(chunk)) = self.as_mut().poll_fill_buf(context) else {
            return Poll::Ready(Ok(0));
        };
        let len = chunk.len().min(to.len());
        to[..len].copy_from_slice(&chunk[..len]);
        self.consume(len);
        Poll::Ready(Ok(len))
    }
}
