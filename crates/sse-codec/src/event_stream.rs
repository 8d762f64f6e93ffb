//! Events as an asynchronous stream, over any stream of chunks.
//!
//! Holds one chunk at a time and what straddles two; it knows no runtime and does not reconnect.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::stream::{FusedStream, Stream, TryStream};

use crate::decoder::Decoder;
use crate::error::{Cut, DecodeError};
use crate::event_buf::EventBuf;

/// The events of a stream of chunks, such as the body of a response.
///
/// It ends with `None` only when the chunks end between two events; their end inside one is
/// [`StreamError::Cut`]. After that, or after an error of the chunks, the stream is over: what
/// follows a gap is not joined to what came before. Behind an event that was too large it goes on.
///
/// `S` must be `Unpin`: wrap it in `Box::pin` or `core::pin::pin!` if it is not.
///
/// # Cancel safety
///
/// All state is in this value: dropping a future that waits for the next event loses nothing.
///
/// ```
/// # use core::pin::Pin;
/// # use core::task::{Context, Poll, Waker};
/// # use futures_core::Stream;
/// use sse_codec::{EventStream, StreamError};
///
/// # struct Iter<I>(I);
/// # impl<I: Iterator + Unpin> Stream for Iter<I> {
/// #     type Item = I::Item;
/// #     fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
/// #         Poll::Ready(self.0.next())
/// #     }
/// # }
/// # fn iter<I: IntoIterator>(items: I) -> Iter<I::IntoIter> { Iter(items.into_iter()) }
/// # fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
/// #     match Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop())) {
/// #         Poll::Ready(item) => item,
/// #         Poll::Pending => None,
/// #     }
/// # }
/// // `iter` makes a stream of its items, and `next` gives the next one.
/// let body = iter([Ok::<_, std::io::Error>("data: who"), Ok("le\n\ndata: half\n")]);
/// let mut events = EventStream::new(body);
/// assert_eq!(next(&mut events).expect("an event")?.data, "whole");
/// assert!(matches!(next(&mut events), Some(Err(StreamError::Cut(_)))));
/// assert!(next(&mut events).is_none());
/// # Ok::<(), StreamError<std::io::Error>>(())
/// ```
pub struct EventStream<S: TryStream> {
    chunks: S,
    decoder: Decoder,
    state: State<S::Ok>,
}

/// What the next poll does first.
enum State<C> {
    /// Goes on in a chunk, of which the first bytes were read.
    Chunk { chunk: C, read: usize },
    /// Asks for a chunk.
    NextChunk,
    /// Nothing: the stream is over.
    Ended,
}

impl<S: TryStream> EventStream<S> {
    /// The events of `chunks`, with the default limits.
    pub fn new(chunks: S) -> Self {
        Self::with_decoder(chunks, Decoder::new())
    }

    /// The events of `chunks`, over a decoder with other limits or a last event ID.
    pub const fn with_decoder(chunks: S, decoder: Decoder) -> Self {
        Self { chunks, decoder, state: State::NextChunk }
    }

    /// The decoder: what it knows of the last event ID, the reconnection time and comments.
    pub const fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The decoder, for the next connection. What is left of the chunks is dropped.
    pub fn into_decoder(self) -> Decoder {
        let mut decoder = self.decoder;
        decoder.reset_for_reconnect();
        decoder
    }

    /// Reads on in the open chunk, which is done with when it completes no event.
    fn read(&mut self) -> Option<Result<EventBuf, DecodeError>>
    where
        S::Ok: AsRef<[u8]>,
    {
        let State::Chunk { chunk, read } = &mut self.state else { return None };
        let rest = chunk.as_ref().get(*read..).unwrap_or_default();
        let (consumed, found) = self.decoder.scan(rest);
        *read += consumed;
        let Some(found) = found else {
            self.state = State::NextChunk;
            return None;
        };
        Some(found.map(|span| self.decoder.resolve(span, rest).into()))
    }
}

impl<S> Stream for EventStream<S>
where
    S: TryStream + Unpin,
    S::Ok: AsRef<[u8]>,
{
    type Item = Result<EventBuf, StreamError<S::Error>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(found) = this.read() {
                return Poll::Ready(Some(found.map_err(StreamError::Decode)));
            }
            if this.is_terminated() {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut this.chunks).try_poll_next(cx)) {
                Some(Ok(chunk)) => this.state = State::Chunk { chunk, read: 0 },
                Some(Err(error)) => {
                    this.state = State::Ended;
                    return Poll::Ready(Some(Err(StreamError::Chunks(error))));
                }
                None => {
                    this.state = State::Ended;
                    let cut = this.decoder.finish();
                    return Poll::Ready(cut.map(|cut| Err(StreamError::Cut(cut))));
                }
            }
        }
    }
}

impl<S> FusedStream for EventStream<S>
where
    S: TryStream + Unpin,
    S::Ok: AsRef<[u8]>,
{
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

/// Chunks are not pinned, so only the stream of them matters.
impl<S: TryStream + Unpin> Unpin for EventStream<S> {}

impl<S: TryStream> fmt::Debug for EventStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("decoder", &self.decoder).finish_non_exhaustive()
    }
}

/// Why a stream of events failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError<E> {
    /// An event was dropped because it is too large; those behind it follow.
    Decode(DecodeError),
    /// The chunks ended inside an event, which is lost. The stream is over.
    Cut(Cut),
    /// The stream of chunks failed. The stream is over, whatever the chunks would do.
    Chunks(E),
}

impl<E> fmt::Display for StreamError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(_) => f.write_str("event dropped"),
            Self::Cut(cut) => cut.fmt(f),
            Self::Chunks(_) => f.write_str("transport failed"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for StreamError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Decode(error) => Some(error),
            Self::Cut(_) => None,
            Self::Chunks(error) => Some(error),
        }
    }
}
