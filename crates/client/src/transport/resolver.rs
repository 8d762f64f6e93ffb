//! Name resolution by the system, with an error that can be told from those of connecting, and a
//! name that does not exist from a resolver that fails.

use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use tokio::task::spawn_blocking;

/// Finds the addresses of names, on a thread of the runtime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolver(Lookup);

/// The addresses of a name; their port is zero.
type Lookup = fn(&str) -> Result<Vec<SocketAddr>, Unresolved>;

/// A name that did not resolve.
#[derive(Debug)]
pub(crate) struct Unresolved {
    /// There is no such name, as far as the system tells.
    pub(super) is_unknown: bool,
    source: io::Error,
}

impl Default for Resolver {
    fn default() -> Self {
        Self(lookup)
    }
}

impl Resolver {
    /// With names of one's own.
    #[cfg(test)]
    pub(super) const fn of(lookup: Lookup) -> Self {
        Self(lookup)
    }

    /// # Cancel safety
    ///
    /// A thread that asks goes on asking when this is dropped.
    pub(crate) async fn resolve(self, name: String) -> Result<Vec<SocketAddr>, Unresolved> {
        let asking = spawn_blocking(move || (self.0)(&name));
        asking.await.unwrap_or_else(|gone| Err(Unresolved::failed(io::Error::other(gone))))
    }
}

/// `getaddrinfo`.
fn lookup(name: &str) -> Result<Vec<SocketAddr>, Unresolved> {
    // One answer for each address, not one for each kind of socket.
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let found = getaddrinfo(Some(name), None, Some(hints)).map_err(Unresolved::from)?;
    found.map(|one| one.map(|one| one.sockaddr).map_err(Unresolved::failed)).collect()
}

impl Unresolved {
    const fn failed(source: io::Error) -> Self {
        Self { is_unknown: false, source }
    }
}

impl From<LookupError> for Unresolved {
    fn from(error: LookupError) -> Self {
        Self { is_unknown: is_unknown(error.kind()), source: error.into() }
    }
}

/// Elsewhere than on Linux a machine without a network says the same of every name.
const fn is_unknown(kind: LookupErrorKind) -> bool {
    cfg!(target_os = "linux") && matches!(kind, LookupErrorKind::NoName | LookupErrorKind::NoData)
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_unknown { "no such name" } else { "name not resolved" })
    }
}

impl StdError for Unresolved {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_machine_is_found_and_no_address_comes_twice() {
        let mut found = lookup("localhost").unwrap();
        assert!(!found.is_empty() && found.iter().all(|one| one.ip().is_loopback()));
        let all = found.len();
        found.sort();
        found.dedup();
        assert_eq!(found.len(), all);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_resolver_that_fails_has_not_said_that_there_is_no_such_name() {
        use LookupErrorKind::{Again, Fail, IO, Memory, NoData, NoName, System, Unknown};
        assert!(is_unknown(NoName) && is_unknown(NoData));
        assert!(![Again, Fail, Memory, System, Unknown, IO].into_iter().any(is_unknown));
    }
}
