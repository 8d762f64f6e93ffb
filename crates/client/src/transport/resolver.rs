//! Name resolution by the system, with an error that can be told from those of connecting.

use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiFuture, GaiResolver, Name};
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_service::Service;

/// `getaddrinfo` on a thread of the runtime.
#[derive(Clone, Debug)]
pub(crate) struct Resolver(GaiResolver);

/// A name that did not resolve.
#[derive(Debug)]
pub(crate) struct Unresolved(io::Error);

/// One lookup.
#[derive(Debug)]
pub(crate) struct Resolving(GaiFuture);

impl Default for Resolver {
    fn default() -> Self {
        Self(GaiResolver::new())
    }
}

impl Service<Name> for Resolver {
    type Response = GaiAddrs;
    type Error = Unresolved;
    type Future = Resolving;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        self.0.poll_ready(cx).map_err(Unresolved)
    }

    fn call(&mut self, name: Name) -> Resolving {
        Resolving(self.0.call(name))
    }
}

impl Future for Resolving {
    type Output = Result<GaiAddrs, Unresolved>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let addresses = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(addresses.map_err(Unresolved))
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("name not resolved")
    }
}

impl StdError for Unresolved {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}
