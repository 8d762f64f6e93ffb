//! Connections: TCP, TLS and HTTP. It sends one request and reports what comes back; it knows
//! no provider, no deadline and no retry beyond a pooled connection that was closed before the
//! request left.

mod bounded;
mod counted;
mod dialer;
mod exchange;
mod failure;
mod goaway;
mod layered;
mod race;
mod redirect;
mod resolver;
mod shelf;
mod tcp;
mod tls;
mod traffic;
mod tunnel;
mod websocket;
mod wire;

use bytes::Bytes;
use http::header::PROXY_AUTHORIZATION;
use http::uri::Scheme;
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use resume::Connection;
use rustls::ClientConfig;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::task::JoinHandle;

use crate::carrier::SocketLimits;
use crate::error::Error;
use crate::proxy::{Proxy, Routes};

use bounded::Bounded;
use counted::Counting;
use dialer::Dialer;
pub(crate) use exchange::{Arrival, Exchange};
use shelf::Shelved;
pub(crate) use tcp::Tcp;
pub(crate) use traffic::{Traffic, Way};
pub(crate) use websocket::Message;
use websocket::Sockets;

/// A pool of connections. Cloning shares it.
///
/// hyper retries a request by itself when a pooled connection turns out to be closed before
/// the request left. A redirect of the same request within its origin is followed, a few times;
/// nothing else is ever sent twice from here.
#[derive(Clone)]
pub(crate) struct Transport {
    /// Keeps connections and shares them.
    keeping: Http,
    /// Opens one for each request.
    opening: Http,
    /// Opens them beforehand, for both.
    shelved: Arc<Connector>,
    /// Opens those that become WebSockets.
    upgrading: Http,
    sockets: Arc<Sockets>,
    routes: Arc<Routes>,
}

type Connector = Shelved<Counting<Bounded<HttpsConnector<Dialer>>>>;
/// Shared, because a clone of hyper's own client takes half a kilobyte, and each stream has several.
type Http = Arc<Client<Connector, Full<Bytes>>>;

impl Transport {
    /// `tls` replaces the default trust; `connect` is the time after which nobody waits for a connection.
    pub(crate) fn new(
        tcp: Tcp,
        tls: Option<ClientConfig>,
        connect: Duration,
        routes: Routes,
    ) -> Result<Self, Error> {
        Self::pinging(tcp, tls, connect, routes, Pings::default())
    }

    fn pinging(
        tcp: Tcp,
        tls: Option<ClientConfig>,
        connect: Duration,
        routes: Routes,
        pings: Pings,
    ) -> Result<Self, Error> {
        let tls = tls.map_or_else(tls::default_config, Ok)?;
        let routes = Arc::new(routes);
        let to_proxy = tls::connector_of_http1(tls.clone(), tcp.clone());
        let dialer = Dialer::new(tcp, to_proxy, Arc::clone(&routes));
        let upgrading = dialer.clone().tunnelling();
        // Whoever waits for a connection gives it up before.
        let bounded = |connector| Bounded::new(connector, connect.saturating_mul(2));
        let shelved = |connector| Shelved::new(Counting(bounded(connector)));
        let upgrading = shelved(tls::connector_of_http1(tls.clone(), upgrading));
        let upgrading = Arc::new(http(pings).pool_max_idle_per_host(0).build(upgrading));
        let shelved = shelved(tls::connector(tls, dialer));
        let keeping = Arc::new(http(pings).build(shelved.clone()));
        let opening = Arc::new(http(pings).pool_max_idle_per_host(0).build(shelved.clone()));
        let shelved = Arc::new(shelved);
        let sockets = Arc::new(Sockets::new(SocketLimits::default()));
        Ok(Self { keeping, opening, shelved, upgrading, sockets, routes })
    }

    /// Bounds its WebSockets otherwise than by default.
    pub(crate) fn with_sockets(self, limits: SocketLimits) -> Self {
        Self { sockets: Arc::new(Sockets::new(limits)), ..self }
    }

    /// Begins to send; nothing happens until the exchange is polled.
    pub(crate) fn send(&self, mut request: http::Request<Full<Bytes>>, on: Connection) -> Exchange {
        self.introduce(&mut request);
        Exchange::new(self.http(on), request)
    }

    fn http(&self, on: Connection) -> Http {
        Arc::clone(match on {
            Connection::Any => &self.keeping,
            Connection::New => &self.opening,
        })
    }

    /// Opens a connection to the origin of this URL before a request needs it.
    pub(crate) fn warm(&self, uri: &http::Uri) {
        self.shelved.warm(uri);
    }

    /// Whether a connection stands that nobody uses.
    #[cfg(test)]
    fn is_warm(&self) -> bool {
        self.shelved.has_one()
    }

    /// Says to a proxy that takes the request whole who asks. Through a tunnel the endpoint would
    /// read it.
    fn introduce(&self, request: &mut http::Request<Full<Bytes>>) {
        let is_plain = request.uri().scheme() == Some(&Scheme::HTTP);
        let proxy = self.routes.through(request.uri()).filter(|_| is_plain);
        if let Some(authorization) = proxy.and_then(Proxy::authorization) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }
    }
}

impl Transport {
    /// Sends what nobody waits for. It is given up after [`FORGOTTEN_MAX`], or with its runtime.
    pub(crate) fn send_and_forget(&self, request: http::Request<Full<Bytes>>) -> JoinHandle<()> {
        let mut exchange = self.send(request, Connection::Any);
        let answered = poll_fn(move |cx| {
            while matches!(ready!(exchange.poll(cx)), Arrival::Connected) {}
            Poll::Ready(())
        });
        tokio::spawn(async move {
            let answered = tokio::time::timeout(FORGOTTEN_MAX, answered).await;
            tracing::debug!(answered = answered.is_ok(), "told");
        })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

/// When an HTTP/2 connection with open streams is asked for a sign of life.
#[derive(Clone, Copy)]
struct Pings {
    /// Silence before it.
    after: Duration,
    /// Time for the answer.
    timeout: Duration,
}

impl Default for Pings {
    fn default() -> Self {
        Self { after: Duration::from_secs(30), timeout: Duration::from_secs(20) }
    }
}

fn http(pings: Pings) -> Builder {
    let mut http = Client::builder(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE_MAX)
        .pool_max_idle_per_host(POOL_IDLE_CONNECTIONS_MAX)
        .retry_canceled_requests(true)
        .http1_max_headers(HEADERS_MAX)
        .http1_max_buf_size(HEAD_BYTES_MAX)
        .http2_max_header_list_size(H2_HEAD_BYTES_MAX)
        .http2_initial_stream_window_size(H2_STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(H2_CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(pings.after)
        .http2_keep_alive_timeout(pings.timeout);
    http
}

/// Time for the answer to a request that nobody waits for.
const FORGOTTEN_MAX: Duration = Duration::from_secs(10);
/// An idle connection is closed after this: before common servers and proxies close theirs,
/// so that a request seldom meets a dead one.
const POOL_IDLE_MAX: Duration = Duration::from_secs(20);
/// Idle connections kept for one host.
const POOL_IDLE_CONNECTIONS_MAX: usize = 32;
/// Headers of one response.
const HEADERS_MAX: usize = 100;
/// Bytes of the head of an HTTP/1.1 response, and of one read of its body.
const HEAD_BYTES_MAX: usize = 128 << 10;
/// Bytes of the head of an HTTP/2 response, as RFC 9113, 6.5.2 counts them.
const H2_HEAD_BYTES_MAX: u32 = 16 << 10;
/// Bytes of one HTTP/2 response that the peer may send ahead of its reader.
const H2_STREAM_WINDOW_BYTES: u32 = 128 << 10;
/// Bytes of all responses of one HTTP/2 connection ahead of their readers.
const H2_CONNECTION_WINDOW_BYTES: u32 = 2 << 20;
#[cfg(test)]
mod tests;
