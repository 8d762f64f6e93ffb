//! One open WebSocket, and what its messages and its end are to a stream.

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use resume::Break;
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use tokio::task::coop::has_budget_remaining;
use tokio_websockets::{ClientBuilder, CloseCode, Error, Limits, Message, WebSocketStream};

use super::lease::Lease;
use crate::carrier::SocketLimits;

/// A socket with its history. Dropping it closes the connection, which is how a server learns that
/// nobody wants the rest of a response.
pub(crate) struct Socket {
    // For `Sync` alone: it is never locked.
    stream: Mutex<WebSocketStream<TokioIo<Upgraded>>>,
    lease: Lease,
    /// The id of the response that it carried last.
    carried: Option<String>,
    /// Answers to signs of life that the peer did not take yet, since it took all of them.
    untaken: u32,
}

/// What came on a socket.
#[derive(Debug)]
pub(crate) enum News {
    Text(Bytes),
    /// A sign of life without content.
    Ping,
    /// It is over.
    Lost(Break),
}

impl Socket {
    pub(crate) fn new(upgraded: Upgraded, limits: &SocketLimits) -> Self {
        let limits = Limits::default().max_payload_len(Some(limits.message_bytes));
        let builder = ClientBuilder::new().limits(limits);
        Self {
            stream: Mutex::new(builder.take_over(TokioIo::new(upgraded))),
            lease: Lease::new(),
            carried: None,
            untaken: 0,
        }
    }

    /// For how long and for how much it may be used.
    pub(super) const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether it carried a response of this id last.
    pub(crate) fn carried(&self, id: Option<&str>) -> bool {
        id.is_some() && self.carried.as_deref() == id
    }

    /// Whether it served before: what fails first then may be its age.
    pub(crate) const fn is_used(&self) -> bool {
        self.lease.is_used()
    }

    /// Whether it is there and nothing waits on it but signs of life.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match self.poll_news(&mut cx) {
                Poll::Pending => return true,
                Poll::Ready(News::Ping) => {}
                Poll::Ready(News::Text(_) | News::Lost(_)) => return false,
            }
        }
    }

    /// A response is over; `id` is its own.
    pub(crate) fn rest(&mut self, id: Option<String>) {
        self.lease.rest();
        self.carried = id;
    }

    /// Says something; `said` is taken when the socket has room for it.
    pub(crate) fn poll_say(
        &mut self,
        cx: &mut Context<'_>,
        said: &mut Option<Bytes>,
    ) -> Poll<Result<(), Break>> {
        if said.is_some() {
            let ready = ready!(Pin::new(self.stream()).poll_ready(cx));
            ready.map_err(|error| broken(&error))?;
            let text = said.take().unwrap_or_default();
            self.lease.ask();
            let sent = Pin::new(self.stream()).start_send(Message::text(text));
            sent.map_err(|error| broken(&error))?;
        }
        Pin::new(self.stream()).poll_flush(cx).map_err(|error| broken(&error))
    }

    /// The next thing that comes. After `Lost` it must not be asked again.
    pub(crate) fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<News> {
        loop {
            let message = match ready!(Pin::new(self.stream()).poll_next(cx)) {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Poll::Ready(News::Lost(broken(&error))),
                None => return Poll::Ready(News::Lost(Break::Reset)),
            };
            if let Some((code, _)) = message.as_close() {
                tracing::debug!(code = u16::from(code), "socket closed");
                return Poll::Ready(News::Lost(closed(code)));
            }
            if message.is_ping() {
                return Poll::Ready(self.hear_ping(cx));
            }
            if message.is_text() {
                return Poll::Ready(News::Text(Bytes::from(message.into_payload())));
            }
            if message.is_binary() {
                return Poll::Ready(News::Lost(Break::Framing));
            }
        }
    }

    /// The answer to a ping is queued already. A peer that asks on and takes no answers would fill memory.
    fn hear_ping(&mut self, cx: &mut Context<'_>) -> News {
        match Pin::new(self.stream()).poll_flush(cx) {
            Poll::Ready(Ok(())) => self.untaken = 0,
            Poll::Ready(Err(error)) => return News::Lost(broken(&error)),
            Poll::Pending if has_budget_remaining() => self.untaken += 1,
            // This task had its share of the thread; that says nothing of the peer.
            Poll::Pending => {}
        }
        if self.untaken > PONGS_UNTAKEN_MAX {
            tracing::debug!("pings whose answers are not read");
            return News::Lost(Break::Framing);
        }
        News::Ping
    }

    fn stream(&mut self) -> &mut WebSocketStream<TokioIo<Upgraded>> {
        self.stream.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("lease", &self.lease).finish_non_exhaustive()
    }
}

/// What a close code means (RFC 6455, 7.4.1): the response is lost with every one of them.
///
/// 1013 asks for a pause. A side that says that the other broke the protocol, or sent what it cannot
/// take, names a defect of the bytes. All others are ends of the connection: 1000 and 1001 (the server
/// goes away), 1005 (no code), 1011 (an error of the server), 1012 (it restarts), 1008 and the codes of
/// applications (3000 to 4999), which nobody has written down for this wire.
fn closed(code: CloseCode) -> Break {
    match u16::from(code) {
        1013 => Break::Calm,
        1002 | 1003 | 1007 | 1009 | 1010 => Break::Framing,
        _ => Break::Reset,
    }
}

fn broken(error: &Error) -> Break {
    tracing::debug!(error = error as &dyn std::error::Error, "socket failed");
    match error {
        Error::Protocol(_) | Error::PayloadTooLong { .. } => Break::Framing,
        _ => Break::Reset,
    }
}

/// Answers to pings that wait for their peer to read; each has 139 bytes at most.
const PONGS_UNTAKEN_MAX: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_close_code_has_its_meaning() {
        let meaning = |code: u16| closed(CloseCode::try_from(code).unwrap());
        for code in [1000, 1001, 1008, 1011, 1012, 3000, 4000, 4429, 4999] {
            assert_eq!(meaning(code), Break::Reset, "{code}");
        }
        assert_eq!(meaning(1013), Break::Calm);
        for code in [1002, 1003, 1007, 1009, 1010] {
            assert_eq!(meaning(code), Break::Framing, "{code}");
        }
    }
}
