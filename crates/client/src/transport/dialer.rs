//! The way to an endpoint: straight, through a tunnel, or to a proxy that takes requests whole.
//! What goes over it, TLS with the endpoint included, is the business of those above.

use hyper::Uri;
use hyper::rt;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use std::error::Error as StdError;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

use super::failure;
use super::layered::Layered;
use super::tcp::Tcp;
use super::tunnel::tunnel;
use super::wire::Wire;
use crate::proxy::{self, Proxy, ProxyFailure, Routes, Trouble};

/// Connects to endpoints as [`Routes`] says.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    tcp: Tcp,
    /// To proxies, over TLS where their URLs say so.
    to_proxy: HttpsConnector<Tcp>,
    routes: Arc<Routes>,
    tunnels: Tunnels,
}

/// For which targets a proxy is asked for a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tunnels {
    /// Those of TLS; the requests of others are handed to it whole.
    Tls,
    All,
}

/// A connection to an endpoint, or to a proxy that takes whole requests for it.
pub(crate) struct Line {
    stream: Stream,
    whole_to: Option<Proxy>,
}

type Stream = Layered<TokioIo<Wire>>;
type BoxError = Box<dyn StdError + Send + Sync>;

impl Dialer {
    pub(crate) const fn new(tcp: Tcp, to_proxy: HttpsConnector<Tcp>, routes: Arc<Routes>) -> Self {
        Self { tcp, to_proxy, routes, tunnels: Tunnels::Tls }
    }

    /// The same with a tunnel to every target: for connections that do not stay HTTP.
    pub(crate) fn tunnelling(self) -> Self {
        Self { tunnels: Tunnels::All, ..self }
    }
}

impl Service<Uri> for Dialer {
    type Response = Line;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Line, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.to_proxy.poll_ready(cx)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let Some(proxy) = self.routes.through(&target).cloned() else {
            let reaching = self.tcp.call(target);
            return Box::pin(async {
                Ok(Line { stream: Stream::Plain(reaching.await?), whole_to: None })
            });
        };
        let reaching = self.to_proxy.call(proxy.uri().clone());
        let is_tunnelled = self.tunnels == Tunnels::All || target.scheme_str() == Some("https");
        Box::pin(async move {
            let reached = reaching.await.map_err(|error| unreached(&proxy, error))?;
            let mut stream = Stream::from(reached);
            if is_tunnelled {
                let authority = format!("{}:{}", target.host().unwrap_or(""), proxy::port(&target));
                stream = tunnel(stream, &authority, &proxy).await?;
            }
            // Through a tunnel it is the endpoint that is spoken to.
            Ok(Line { stream, whole_to: (!is_tunnelled).then_some(proxy) })
        })
    }
}

/// A name that does not resolve and a certificate that is not valid have their own names; the rest
/// is told as the proxy's.
fn unreached(proxy: &Proxy, error: BoxError) -> BoxError {
    tracing::debug!(proxy = proxy.name(), error = &*error as &dyn StdError, "proxy not reached");
    if failure::has_own_name(&*error) {
        return error;
    }
    ProxyFailure::new(proxy, Trouble::Io(io::Error::other(error))).into()
}

impl Connection for Line {
    /// hyper writes the target's whole URL into a plain request to a proxy, and only there. Such a
    /// connection knows its proxy.
    fn connected(&self) -> Connected {
        match &self.whole_to {
            Some(proxy) => Connected::new().proxy(true).extra(proxy.clone()),
            None => Connected::new(),
        }
    }
}

impl rt::Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl rt::Write for Line {
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
