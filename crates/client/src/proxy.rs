//! A proxy as its URL names it, and the targets that go past it. It opens no connection; the
//! transport asks it who is in between.

mod bypass;
mod environment;
mod failure;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::uri::Scheme;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use std::fmt;
use std::sync::Arc;

use crate::error::Error;

use bypass::Bypass;
pub(crate) use environment::Routes;
pub use failure::ProxyFailure;
pub(crate) use failure::Trouble;

/// A server that stands between this machine and the endpoints.
///
/// For an `https` endpoint it is asked for a tunnel (`CONNECT`), so it sees the name of the target
/// and nothing else. A request for an `http` endpoint is handed to it whole, as other programs do.
///
/// ```
/// let proxy = client::Proxy::new("http://user:s3cret@proxy.example:3128")?.except("10.0.0.0/8")?;
/// assert_eq!(format!("{proxy:?}"), "Proxy(http://proxy.example:3128)");
/// # Ok::<(), client::Error>(())
/// ```
#[derive(Clone)]
pub struct Proxy(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    /// `http` or `https`, host and port.
    uri: Uri,
    /// Who asks, marked sensitive.
    authorization: Option<HeaderValue>,
    bypass: Bypass,
}

impl Proxy {
    /// The proxy at a URL: `http` or `https` (without a scheme `http`), a host, a port (80 or 443
    /// unless given), and before the host a user name and a password, percent-encoded, for those
    /// that ask for them (`Basic`).
    ///
    /// # Errors
    ///
    /// `InvalidConfig` for any other URL. The error quotes nothing of it.
    pub fn new(url: &str) -> Result<Self, Error> {
        let inner = Inner::parse(url).map_err(Error::config)?;
        Ok(Self(Arc::new(inner)))
    }

    /// Targets that are reached without it, after those that were given before: host names, which
    /// stand for their subdomains too, addresses, networks (`10.0.0.0/8`), each but a network with a
    /// port or without, separated by commas or blanks; `*` is every target.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` for more than 1024 targets.
    pub fn except(mut self, targets: &str) -> Result<Self, Error> {
        Arc::make_mut(&mut self.0).bypass.add(targets).map_err(Error::config)?;
        Ok(self)
    }

    /// Where it is: scheme, host and port.
    pub(crate) fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// What the transport tells it of who asks.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.0.authorization.as_ref()
    }

    /// Scheme, host and port as text, for logs and errors.
    pub(crate) fn name(&self) -> String {
        let authority = self.0.uri.authority().map_or("", |authority| authority.as_str());
        format!("{}://{authority}", self.0.uri.scheme_str().unwrap_or("http"))
    }

    /// Whether a target is reached through it.
    fn serves(&self, target: &Uri) -> bool {
        let Some(host) = target.host() else { return false };
        !self.0.bypass.has(host, port(target))
    }
}

impl Inner {
    fn parse(url: &str) -> Result<Self, &'static str> {
        let url = url.trim();
        if url.len() > PROXY_URL_BYTES_MAX {
            return Err("the proxy's URL is longer than 2048 bytes");
        }
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None => ("http".to_owned(), url),
        };
        if scheme != "http" && scheme != "https" {
            return Err("a proxy's URL begins with http:// or https://");
        }
        let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if behind.contains('@') {
            // Else a part of the password would be taken for the host, which texts name.
            return Err("a '/', '?' or '#' in the password for a proxy is written in percent");
        }
        let (user_info, place) = match authority.rsplit_once('@') {
            Some((user_info, place)) => (Some(user_info), place),
            None => (None, authority),
        };
        let uri = format!("{scheme}://{}/", place.to_ascii_lowercase());
        let uri: Uri = uri.parse().map_err(|_| "the proxy's URL is not a URL")?;
        let host = uri.host().unwrap_or("");
        if host.is_empty() {
            return Err("a proxy's URL has a host");
        }
        if place.len() > host.len() && uri.port_u16().is_none() {
            return Err("the port of a proxy is a number up to 65535");
        }
        let authorization = user_info.map(basic).transpose()?;
        Ok(Self { uri, authorization, bypass: Bypass::default() })
    }
}

/// Names the proxy without who asks.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.name())
    }
}

/// The port that a URL means.
pub(crate) fn port(uri: &Uri) -> u16 {
    let default = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    uri.port_u16().unwrap_or(default)
}

/// RFC 7617. A colon ends the user name, so there is none in it.
fn basic(user_info: &str) -> Result<HeaderValue, &'static str> {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let mut pair: Vec<u8> = percent_decode_str(user).collect();
    if pair.contains(&b':') {
        return Err("the user name for a proxy has no colon");
    }
    pair.push(b':');
    pair.extend(percent_decode_str(password));
    let value = format!("Basic {}", STANDARD.encode(pair));
    let mut value = HeaderValue::try_from(value).expect("base64 is visible ASCII");
    value.set_sensitive(true);
    Ok(value)
}

/// Bytes of the longest URL of a proxy.
const PROXY_URL_BYTES_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, name: &str, authorization: Option<&str>) {
        let proxy = Proxy::new(url).unwrap();
        assert_eq!((proxy.name().as_str(), port(proxy.uri())), (name, port(proxy.uri())));
        let shown = proxy.authorization().map(|value| value.to_str().unwrap());
        assert_eq!(shown, authorization);
        assert!(proxy.authorization().is_none_or(HeaderValue::is_sensitive));
    }

    #[test]
    fn a_url_names_the_proxy_and_who_asks() {
        check("proxy.example", "http://proxy.example", None);
        check(" HTTP://Proxy.Example:3128/x?y#z ", "http://proxy.example:3128", None);
        check("https://[::1]:8443", "https://[::1]:8443", None);
        // `printf 'Aladdin:open sesame' | base64`
        let aladdin = Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        check("http://Aladdin:open%20sesame@p:1", "http://p:1", aladdin);
        // `printf 'u:p@ss:w' | base64`
        check("u:p@ss:w@p:1", "http://p:1", Some("Basic dTpwQHNzOnc="));
        // `printf 'u:' | base64`
        check("u@p:1", "http://p:1", Some("Basic dTo="));
    }

    #[test]
    fn the_port_is_that_of_the_scheme_unless_given() {
        assert_eq!(port(Proxy::new("http://p").unwrap().uri()), 80);
        assert_eq!(port(Proxy::new("https://p").unwrap().uri()), 443);
        assert_eq!(port(Proxy::new("p:3128").unwrap().uri()), 3128);
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_password() {
        let long = format!("http://u:s3cret@{}", "p".repeat(PROXY_URL_BYTES_MAX));
        for url in [
            "http://user:s3cret/x@p:3128",
            "http://user#s3cret@p",
            "",
            "http://",
            "http://u:s3cret@",
            "socks5://u:s3cret@p:1",
            "http://u:s3cret@p:99999",
            "http://u:s3cret@p:x",
            "http://u:s3cret@p p",
            "http://u%3as3cret:x@p",
            &long,
        ] {
            let error = Proxy::new(url).unwrap_err();
            let said = format!("{error} {error:?}");
            assert_eq!(error.kind(), crate::ErrorKind::InvalidConfig, "{url}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn no_text_of_a_proxy_shows_who_asks() {
        let proxy = Proxy::new("http://u53r:s3cret@p:1").unwrap();
        let shown = format!("{proxy:?} {:?} {}", proxy.authorization(), proxy.name());
        let encoded = STANDARD.encode("u53r:s3cret");
        for secret in ["u53r", "s3cret", encoded.as_str()] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
