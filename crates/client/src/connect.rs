//! Connections that the caller opens in place of TCP. What is said on them is the client's.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// Opens connections: pipes in memory, the sockets of another stack, a network that does not exist.
///
/// TLS, proxies and HTTP stay the client's, and so does the [clock](crate::Timeouts) under which a
/// connection comes about. On pipes in memory a whole client runs in the time of a paused runtime.
///
/// ```
/// use client::{Connect, Connecting};
///
/// /// Every host is the same server.
/// struct Pipes(tokio::sync::mpsc::UnboundedSender<tokio::io::DuplexStream>);
///
/// impl Connect for Pipes {
///     fn connect(&self, _host: &str, _port: u16) -> Connecting {
///         let (here, there) = tokio::io::duplex(64 << 10);
///         let accepted = self.0.send(there).map_err(std::io::Error::other);
///         Box::pin(async move { accepted.map(|()| Box::new(here) as Box<dyn client::Pipe>) })
///     }
/// }
/// ```
pub trait Connect: Send + Sync + 'static {
    /// Opens one to a host, a name or an address without brackets, as the URL of an endpoint or of a
    /// proxy has it.
    ///
    /// # Errors
    ///
    /// The kind says what went wrong, as that of a TCP connection would: `ConnectionRefused` is tried
    /// again like any other.
    ///
    /// # Cancel safety
    ///
    /// What it returns may be gone on with when its request took another connection. It is dropped after
    /// twice the [time to connect](crate::Timeouts::connect) at the latest.
    fn connect(&self, host: &str, port: u16) -> Connecting;
}

/// A connection that is being opened.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Pipe>>> + Send>>;

/// Both directions of a connection.
pub trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// Whoever opens connections; cloning shares it.
#[derive(Clone)]
pub(crate) struct Connector(Arc<dyn Connect>);

impl Connector {
    pub(crate) fn new(connect: impl Connect) -> Self {
        Self(Arc::new(connect))
    }

    pub(crate) fn connect(&self, host: &str, port: u16) -> Connecting {
        self.0.connect(host, port)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}
