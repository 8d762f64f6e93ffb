//! One request and its response, as a sequence of arrivals. Dropping it closes an HTTP/1.1
//! connection and resets an HTTP/2 stream.

use bytes::Bytes;
use http::{HeaderMap, Response, header};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::ResponseFuture;
use hyper_util::client::legacy::connect::CaptureConnection;
use resume::Break;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::failure;

/// A request on its way.
pub(crate) struct Exchange(Phase);

/// What came back next.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// A connection stands and the request is on it.
    Connected,
    /// The response began.
    Head {
        /// HTTP status code.
        status: u16,
        /// Response headers.
        headers: HeaderMap,
    },
    /// A piece of the body.
    Chunk(Bytes),
    /// The body ended; nothing follows.
    End,
    /// The exchange failed; nothing follows.
    Broke(Break),
}

enum Phase {
    /// Waiting for a connection, then for the response.
    Asking {
        response: ResponseFuture,
        captured: CaptureConnection,
        connected: bool,
    },
    /// The response came together with the connection, which is reported first.
    Answered(Box<Response<Incoming>>),
    Reading(Incoming),
    Over,
}

impl Exchange {
    pub(crate) const fn new(response: ResponseFuture, captured: CaptureConnection) -> Self {
        Self(Phase::Asking { response, captured, connected: false })
    }

    /// The next arrival. After `End` or `Broke` it is pending forever.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        match &mut self.0 {
            Phase::Reading(body) => {
                let arrival = ready!(poll_body(body, cx));
                if matches!(arrival, Arrival::End | Arrival::Broke(_)) {
                    self.0 = Phase::Over;
                }
                Poll::Ready(arrival)
            }
            Phase::Asking { .. } => self.poll_asking(cx),
            Phase::Answered(_) => {
                let Phase::Answered(response) = std::mem::replace(&mut self.0, Phase::Over) else {
                    return Poll::Pending;
                };
                Poll::Ready(self.answer(*response))
            }
            Phase::Over => Poll::Pending,
        }
    }

    fn poll_asking(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        let Phase::Asking { response, captured, connected } = &mut self.0 else {
            return Poll::Pending;
        };
        // Polling the response is what connects, so the order matters.
        let polled = Pin::new(response).poll(cx);
        let news = !*connected && captured.connection_metadata().is_some();
        *connected |= news;
        match polled {
            Poll::Pending if news => Poll::Ready(Arrival::Connected),
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(response)) if news => {
                self.0 = Phase::Answered(Box::new(response));
                Poll::Ready(Arrival::Connected)
            }
            Poll::Ready(Ok(response)) => Poll::Ready(self.answer(response)),
            Poll::Ready(Err(error)) => {
                self.0 = Phase::Over;
                tracing::debug!(error = &error as &dyn std::error::Error, "exchange failed");
                Poll::Ready(Arrival::Broke(failure::before_head(&error)))
            }
        }
    }

    fn answer(&mut self, response: Response<Incoming>) -> Arrival {
        let (head, body) = response.into_parts();
        if head.status.is_success() && is_encoded(&head.headers) {
            self.0 = Phase::Over;
            return Arrival::Broke(Break::Framing);
        }
        self.0 = Phase::Reading(body);
        Arrival::Head { status: head.status.as_u16(), headers: head.headers }
    }
}

/// A stream that is compressed although `identity` was asked for cannot be read.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn poll_body(body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Arrival> {
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            None => return Poll::Ready(Arrival::End),
            Some(Ok(frame)) => {
                // Trailers say nothing that a wire depends on.
                if let Ok(chunk) = frame.into_data() {
                    return Poll::Ready(Arrival::Chunk(chunk));
                }
            }
            Some(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "body failed");
                return Poll::Ready(Arrival::Broke(failure::in_body(&error)));
            }
        }
    }
}
