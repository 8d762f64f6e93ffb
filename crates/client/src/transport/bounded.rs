//! A connector with a clock of its own. hyper goes on with a connection whose request took another one,
//! and nobody would end a tunnel or a handshake there that its peer leaves open.

use hyper::Uri;
use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;
use tower_service::Service;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Connects as the connector in it does, or fails.
#[derive(Clone, Debug)]
pub(crate) struct Bounded<C> {
    connector: C,
    within: Duration,
}

impl<C> Bounded<C> {
    /// `within` is for all of it: name, addresses, tunnel and TLS.
    pub(crate) const fn new(connector: C, within: Duration) -> Self {
        Self { connector, within }
    }
}

impl<C> Service<Uri> for Bounded<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = timeout(self.within, self.connector.call(uri));
        Box::pin(async {
            connecting
                .await
                .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
        })
    }
}
