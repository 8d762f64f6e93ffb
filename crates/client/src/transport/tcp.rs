//! Connections to a host: TCP to the addresses of its name, or what the caller opens instead.

use hyper::Uri;
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tower_service::Service;

use super::race::{alternating, race};
use super::resolver::Resolver;
use super::wire::Wire;
use crate::connect::Connector;
use crate::proxy;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Opens connections. It has no clock but the one between two addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tcp {
    resolver: Resolver,
    /// Who opens them in its place.
    connector: Option<Connector>,
}

impl Tcp {
    /// By this connector, or by the system.
    pub(crate) fn by(connector: Option<Connector>) -> Self {
        Self { connector, ..Self::default() }
    }

    /// With names of one's own.
    #[cfg(test)]
    pub(super) fn resolving(resolver: Resolver) -> Self {
        Self { resolver, ..Self::default() }
    }

    async fn open(self, host: String, port: u16) -> Result<Wire, BoxError> {
        if let Some(connector) = self.connector {
            return Ok(Wire::Given(connector.connect(&host, port).await?));
        }
        let mut addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => alternating(self.resolver.resolve(host).await?),
        };
        addresses.iter_mut().for_each(|address| address.set_port(port));
        Ok(Wire::Tcp(race(addresses, open).await?))
    }
}

impl Service<Uri> for Tcp {
    type Response = TokioIo<Wire>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let host = target.host().unwrap_or("").trim_matches(['[', ']']).to_owned();
        let opening = self.clone().open(host, proxy::port(&target));
        Box::pin(async { opening.await.map(TokioIo::new) })
    }
}

/// One TCP connection.
async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Without it the cancellation of an HTTP/2 stream waits for a delayed acknowledgement.
    if let Err(error) = socket.set_nodelay(true).and_then(|()| watch(&SockRef::from(&socket))) {
        // Not every system has them. The clocks of an attempt find a dead peer without.
        tracing::debug!(%error, "option of TCP not set");
    }
    socket.connect(address).await
}

/// Has the system notice a peer that is gone while nothing is sent, and one that acknowledges nothing.
fn watch(socket: &SockRef<'_>) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(())
}

/// Silence of a TCP connection before its peer is probed.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;
/// Time for the peer's kernel to acknowledge what was sent.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_connection_has_the_options_that_find_a_dead_peer() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = open(listener.local_addr().unwrap()).await.unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE_AFTER);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), KEEPALIVE_INTERVAL);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), KEEPALIVE_RETRIES);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(USER_TIMEOUT));
    }
}
