//! A connection that counts the requests that it was given and the bytes that came on it. That
//! tells a kept connection that died unnoticed from a server that fails. It notices, too, when its server
//! takes no further ones.

use hyper::Uri;
use hyper::rt;
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower_service::Service;

use super::goaway::Lookout;
use super::layered::Layered;

/// Connects as the connector in it does, and counts.
#[derive(Clone, Debug)]
pub(crate) struct Counting<C>(pub(crate) C);

/// A connection and its counts. What TLS says for itself is below it and not counted.
#[derive(Debug)]
pub(crate) struct Counted<S> {
    stream: TokioIo<S>,
    counts: Counts,
    /// Where it is HTTP/2.
    lookout: Option<Lookout>,
    /// What was said while nobody used it.
    said: Vec<u8>,
}

/// A connection that can stand before it is asked for.
pub(crate) trait Kept {
    /// Whether its server still holds it. It counts as one that was used before.
    fn still_stands(&mut self) -> bool;
}

/// What one connection has done; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requests: AtomicU64,
    received: AtomicU64,
    is_leaving: AtomicBool,
}

/// A connection as one request found it.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    counts: Counts,
    earlier: u64,
    received: u64,
}

impl Counts {
    /// A request begins on this connection.
    pub(crate) fn visit(&self) -> Visit {
        let received = self.0.received.load(Ordering::Relaxed);
        let earlier = self.0.requests.fetch_add(1, Ordering::Relaxed);
        Visit { counts: self.clone(), earlier, received }
    }
}

impl Visit {
    /// Whether the server takes no further request on the connection.
    pub(crate) fn is_leaving(&self) -> bool {
        self.counts.0.is_leaving.load(Ordering::Relaxed)
    }

    /// Whether the connection had stood or served others before and no byte came on it since.
    pub(crate) fn is_stale(&self) -> bool {
        self.earlier > 0 && self.counts.0.received.load(Ordering::Relaxed) == self.received
    }
}

impl<C, T> Service<Uri> for Counting<C>
where
    C: Service<Uri, Response = MaybeHttpsStream<T>>,
    C::Future: Send + 'static,
    T: rt::Read + rt::Write + Connection + Unpin,
{
    type Response = TokioIo<Counted<Layered<T>>>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, C::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async {
            let stream = Layered::from(connecting.await?);
            let lookout = stream.connected().is_negotiated_h2().then(Lookout::default);
            let stream = TokioIo::new(stream);
            Ok(TokioIo::new(Counted {
                stream,
                counts: Counts::default(),
                lookout,
                said: Vec::new(),
            }))
        })
    }
}

impl<S: rt::Read + Unpin> Kept for TokioIo<Counted<S>> {
    fn still_stands(&mut self) -> bool {
        let line = self.inner_mut();
        line.counts.0.requests.fetch_add(1, Ordering::Relaxed);
        let mut cx = Context::from_waker(Waker::noop());
        let mut said = [0; SAID_BYTES_MAX];
        let mut buf = ReadBuf::new(&mut said);
        // Until nothing more is there: a server speaks first on HTTP/2, also when it closes.
        loop {
            let before = buf.filled().len();
            let polled = Pin::new(&mut line.stream).poll_read(&mut cx, &mut buf);
            let is_end = buf.filled().len() == before;
            if polled.is_pending() {
                line.said = buf.filled().to_vec();
                return true;
            }
            if is_end || matches!(polled, Poll::Ready(Err(_))) {
                return false;
            }
        }
    }
}

impl<S: Connection> Connection for Counted<S> {
    fn connected(&self) -> Connected {
        self.stream.inner().connected().extra(self.counts.clone())
    }
}

impl<S: rt::Read + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = self.as_mut().poll_said(cx, buf);
        let came = buf.filled().get(before..).unwrap_or_default();
        self.counts.0.received.fetch_add(came.len() as u64, Ordering::Relaxed);
        if self.lookout.as_mut().is_some_and(|lookout| lookout.sees(came)) {
            self.counts.0.is_leaving.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl<S: rt::Write + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }
}

impl<S: rt::Read + Unpin> Counted<S> {
    /// What was said before comes first.
    fn poll_said(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.said.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let bytes = self.said.len().min(buf.remaining());
        buf.put_slice(&self.said[..bytes]);
        self.said.drain(..bytes);
        Poll::Ready(Ok(()))
    }
}

/// Bytes that a server may say on a connection that nobody uses; one that says more is left.
const SAID_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_stale_that_served_before_and_is_silent_now() {
        let counts = Counts::default();
        let first = counts.visit();
        assert!(!first.is_stale(), "nobody was there before");
        let second = counts.visit();
        assert!(second.is_stale());
        counts.0.received.fetch_add(1, Ordering::Relaxed);
        assert!(!second.is_stale(), "somebody is there");
    }
}
