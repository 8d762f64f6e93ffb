//! One request and its response, as a sequence of arrivals. Dropping it closes an HTTP/1.1
//! connection and resets an HTTP/2 stream.

use bytes::Bytes;
use http::{Extensions, HeaderMap, Request, Response, StatusCode, Version, header};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::upgrade::{self, OnUpgrade};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::client::legacy::{self, ResponseFuture};
use resume::Break;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::counted::{Counts, Visit};
use super::{Http, failure, redirect};
use crate::proxy::{Proxy, ProxyFailure, Trouble};

/// A request on its way.
pub(crate) struct Exchange {
    phase: Phase,
    /// The connection was reported.
    connected: bool,
    /// What carries the response, where it is HTTP/2.
    shared: Option<Box<Shared>>,
    /// The proxy that gave no way.
    proxy_failure: Option<ProxyFailure>,
    /// The connection, once the server left HTTP.
    upgrade: Option<OnUpgrade>,
}

/// What came back next.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// A connection stands and the request is on it.
    Connected,
    /// The server takes no further request on the connection, of HTTP/2.
    Leaving,
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
    Asking(Box<Asking>),
    /// The response came together with the connection, which is reported first.
    Answered(Box<Response<Incoming>>),
    Reading(Incoming),
    Over,
}

/// A request that has no answer yet, and what it takes to send it elsewhere.
struct Asking {
    http: Http,
    request: Request<Full<Bytes>>,
    redirects: u8,
    response: ResponseFuture,
    line: Line,
}

/// A connection, as far as one request knows it.
struct Line {
    captured: CaptureConnection,
    visit: Option<Visit>,
}

/// A connection that other requests may share.
struct Shared {
    captured: CaptureConnection,
    visit: Visit,
    /// That its server goes away was reported.
    is_left: bool,
}

impl Asking {
    fn new(http: Http, request: Request<Full<Bytes>>, redirects: u8) -> Self {
        let mut sent = request.clone();
        let captured = capture_connection(&mut sent);
        let response = http.request(sent);
        Self { http, request, redirects, response, line: Line { captured, visit: None } }
    }

    /// What comes first: a connection that is new to this request is noticed on the way.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<Incoming>, legacy::Error>> {
        // Polling the response is what connects, so the order matters.
        let polled = Pin::new(&mut self.response).poll(cx);
        self.line.look();
        polled.map_err(|error| {
            tracing::debug!(error = &error as &dyn std::error::Error, "exchange failed");
            error
        })
    }

    /// The refusal of a proxy that takes requests whole. Others speak for the endpoint there, too, but for
    /// this status.
    fn refused(&self, response: &Response<Incoming>) -> Option<ProxyFailure> {
        let status = response.status();
        let wants_other_credentials = status == StatusCode::PROXY_AUTHENTICATION_REQUIRED;
        let proxy: Proxy = wants_other_credentials.then(|| self.line.extra())??;
        Some(ProxyFailure::new(&proxy, Trouble::Status(status.as_u16())))
    }

    fn failure(&self, error: &legacy::Error) -> Break {
        let stale = self.line.visit.as_ref().is_some_and(Visit::is_stale);
        match failure::before_head(error) {
            Break::Reset if stale => Break::Stale,
            cause => cause,
        }
    }

    /// The same request again, where a redirect of its own origin leads.
    fn redirected(&self, response: &Response<Incoming>) -> Option<Self> {
        let from = self.request.uri();
        let to = redirect::target(from, response.status(), response.headers())?;
        let redirects = self.redirects.checked_sub(1)?;
        tracing::debug!(status = response.status().as_u16(), "redirected");
        let mut request = self.request.clone();
        *request.uri_mut() = to;
        Some(Self::new(Arc::clone(&self.http), request, redirects))
    }
}

impl Line {
    /// Notices the connection once it stands.
    fn look(&mut self) {
        if self.visit.is_none() {
            self.visit = self.extra::<Counts>().as_ref().map(Counts::visit);
        }
    }

    /// What the connection knows of itself.
    fn extra<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        let mut extras = Extensions::new();
        self.captured.connection_metadata().as_ref()?.get_extras(&mut extras);
        extras.remove()
    }

    fn shared(&self) -> Option<Box<Shared>> {
        let (captured, visit) = (self.captured.clone(), self.visit.clone()?);
        Some(Box::new(Shared { captured, visit, is_left: false }))
    }
}

impl Shared {
    /// Whether the server says that it goes away, once.
    fn has_news(&mut self) -> bool {
        let is_left = self.visit.is_leaving();
        is_left && !std::mem::replace(&mut self.is_left, is_left)
    }
}

impl Exchange {
    pub(crate) fn new(http: Http, request: Request<Full<Bytes>>) -> Self {
        let asking = Asking::new(http, request, redirect::REDIRECTS_MAX);
        Self {
            phase: Phase::Asking(Box::new(asking)),
            connected: false,
            shared: None,
            proxy_failure: None,
            upgrade: None,
        }
    }

    /// What the proxy did, if it was the proxy that gave no connection.
    pub(crate) const fn proxy_failure(&mut self) -> Option<ProxyFailure> {
        self.proxy_failure.take()
    }

    /// The connection that follows a head of status 101.
    pub(crate) const fn take_upgrade(&mut self) -> Option<OnUpgrade> {
        self.upgrade.take()
    }

    /// The connection may be dead: no further request is to go on it. HTTP/1.1 has none at the same time.
    pub(crate) fn distrust(&self) {
        let captured = match (&self.phase, &self.shared) {
            (Phase::Asking(asking), _) => &asking.line.captured,
            (_, Some(shared)) => &shared.captured,
            _ => return,
        };
        if let Some(connected) = captured.connection_metadata().as_ref() {
            connected.poison();
        }
    }

    /// The next arrival. After `End` or `Broke` it is pending forever.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        match &mut self.phase {
            Phase::Reading(body) => {
                if self.shared.as_mut().is_some_and(|shared| shared.has_news()) {
                    return Poll::Ready(Arrival::Leaving);
                }
                let arrival = ready!(poll_body(body, cx));
                if matches!(arrival, Arrival::End | Arrival::Broke(_)) {
                    self.phase = Phase::Over;
                }
                Poll::Ready(arrival)
            }
            Phase::Asking(_) => self.poll_asking(cx),
            Phase::Answered(_) => {
                let Phase::Answered(response) = std::mem::replace(&mut self.phase, Phase::Over)
                else {
                    return Poll::Pending;
                };
                Poll::Ready(self.answer(*response))
            }
            Phase::Over => Poll::Pending,
        }
    }

    fn poll_asking(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        let Phase::Asking(asking) = &mut self.phase else { return Poll::Pending };
        let mut polled = asking.poll(cx);
        while let Poll::Ready(Ok(response)) = &polled
            && let Some(next) = asking.redirected(response)
        {
            **asking = next;
            polled = asking.poll(cx);
        }
        if let Poll::Ready(Ok(response)) = &polled
            && let Some(failure) = asking.refused(response)
        {
            tracing::debug!(error = &failure as &dyn std::error::Error, "not let through");
            self.proxy_failure = Some(failure);
            self.phase = Phase::Over;
            return Poll::Ready(Arrival::Broke(Break::ProxyRefused));
        }
        let news = !self.connected && asking.line.visit.is_some();
        self.connected |= news;
        if matches!(&polled, Poll::Ready(Ok(response)) if response.version() == Version::HTTP_2) {
            self.shared = asking.line.shared();
        }
        match polled {
            Poll::Pending if news => Poll::Ready(Arrival::Connected),
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(response)) if news => {
                self.phase = Phase::Answered(Box::new(response));
                Poll::Ready(Arrival::Connected)
            }
            Poll::Ready(Ok(response)) => Poll::Ready(self.answer(response)),
            Poll::Ready(Err(error)) => {
                let cause = asking.failure(&error);
                self.proxy_failure = failure::of_proxy(&error);
                self.phase = Phase::Over;
                Poll::Ready(Arrival::Broke(cause))
            }
        }
    }

    fn answer(&mut self, mut response: Response<Incoming>) -> Arrival {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            self.upgrade = Some(upgrade::on(&mut response));
        }
        let (head, body) = response.into_parts();
        if head.status.is_success() && is_encoded(&head.headers) {
            self.phase = Phase::Over;
            return Arrival::Broke(Break::Framing);
        }
        self.phase = Phase::Reading(body);
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
