//! Why there is no way through a proxy. It names the proxy and never who asks.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::Proxy;

/// A proxy that gave no way to the endpoint; the source of an [`Error`](crate::Error) whose cause
/// is [`Break::ProxyRefused`](crate::Break) or `ProxyFailed`.
#[derive(Clone, Debug)]
pub struct ProxyFailure(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    proxy: String,
    trouble: Trouble,
}

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It answered with this status.
    Status(u16),
    /// What it answered is no head of HTTP.
    NotHttp,
    /// Its head is longer than it may be.
    LongHead,
    /// It went on after its head, before anything was asked of the endpoint.
    Talkative,
    /// It was not reached, or hung up.
    Io(io::Error),
}

impl ProxyFailure {
    pub(crate) fn new(proxy: &Proxy, trouble: Trouble) -> Self {
        Self(Arc::new(Inner { proxy: proxy.name(), trouble }))
    }

    /// Scheme, host and port of the proxy.
    #[must_use]
    pub fn proxy(&self) -> &str {
        &self.0.proxy
    }

    /// The status that it answered with, if it answered.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.0.trouble {
            Trouble::Status(status) => Some(status),
            _ => None,
        }
    }

    /// Whether it would say the same again: it does not let this client through, or not there.
    pub(crate) fn is_final(&self) -> bool {
        self.status()
            .is_some_and(|status| (400..500).contains(&status) && status != 408 && status != 429)
    }
}

impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = self.proxy();
        match &self.0.trouble {
            Trouble::Status(407) => write!(f, "proxy {proxy} wants other credentials (407)"),
            Trouble::Status(status) => write!(f, "proxy {proxy} answered {status}"),
            Trouble::NotHttp => write!(f, "proxy {proxy} does not speak HTTP"),
            Trouble::LongHead => write!(f, "proxy {proxy} sent a head of more than 16 KiB"),
            Trouble::Talkative => write!(f, "proxy {proxy} spoke before it was asked"),
            Trouble::Io(_) => write!(f, "proxy {proxy} is not to be reached"),
        }
    }
}

impl StdError for ProxyFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.trouble {
            Trouble::Io(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_final_and_a_failure_is_not() {
        let proxy = Proxy::new("http://u:s3cret@p:1").unwrap();
        for (status, is_final) in
            [(407, true), (403, true), (408, false), (429, false), (502, false), (302, false)]
        {
            let failure = ProxyFailure::new(&proxy, Trouble::Status(status));
            assert_eq!((failure.is_final(), failure.status()), (is_final, Some(status)));
            let said = format!("{failure} {failure:?}");
            assert!(said.contains("http://p:1") && said.contains(&status.to_string()), "{said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
}
