//! A connection with TLS or without. The state of TLS takes kilobytes, for which a plain connection
//! keeps no room.

use hyper::rt;
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What `hyper-rustls` connects, in a box where it has TLS.
pub(crate) enum Layered<T> {
    Plain(T),
    Tls(Box<MaybeHttpsStream<T>>),
}

/// Both directions of it.
trait Line: rt::Read + rt::Write + Unpin {}

impl<T: rt::Read + rt::Write + Unpin> Line for T {}

impl<T: rt::Read + rt::Write + Unpin> Layered<T> {
    fn line(&mut self) -> Pin<&mut dyn Line> {
        match self {
            Self::Plain(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(&mut **stream),
        }
    }
}

impl<T> From<MaybeHttpsStream<T>> for Layered<T> {
    fn from(stream: MaybeHttpsStream<T>) -> Self {
        match stream {
            MaybeHttpsStream::Http(stream) => Self::Plain(stream),
            MaybeHttpsStream::Https(_) => Self::Tls(Box::new(stream)),
        }
    }
}

impl<T: rt::Read + rt::Write + Connection + Unpin> Connection for Layered<T> {
    fn connected(&self) -> Connected {
        match self {
            Self::Plain(stream) => stream.connected(),
            Self::Tls(stream) => stream.connected(),
        }
    }
}

impl<T: rt::Read + rt::Write + Unpin> rt::Read for Layered<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.line().poll_read(cx, buf)
    }
}

impl<T: rt::Read + rt::Write + Unpin> rt::Write for Layered<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.line().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.line().poll_write_vectored(cx, pieces)
    }
}
