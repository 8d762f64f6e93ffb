//! A base URL that cannot be wrong. It does not resolve or filter addresses.

use http::Uri;
use http::uri::{PathAndQuery, Scheme};

use crate::error::Error;

/// `http` or `https`, a host, and a path without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    text: String,
    uri: Uri,
}

impl BaseUrl {
    pub(crate) const ANTHROPIC: &'static str = "https://api.anthropic.com/v1";
    pub(crate) const GEMINI: &'static str = "https://generativelanguage.googleapis.com/v1beta";
    pub(crate) const OPENAI: &'static str = "https://api.openai.com/v1";

    /// Reads a base URL; a bare host gets the path `bare`, which may be empty.
    pub(crate) fn parse(text: &str, bare: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.len() > BASE_URL_BYTES_MAX {
            return Err(Error::config("the base URL is longer than 2048 bytes"));
        }
        if text.contains('#') {
            return Err(Error::config("a base URL has no fragment"));
        }
        let uri: Uri = text.parse().map_err(|_| Error::config("the base URL is not a URL"))?;
        let scheme = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => scheme.as_str(),
            _ => return Err(Error::config("a base URL begins with http:// or https://")),
        };
        if uri.query().is_some() {
            return Err(Error::config("a base URL has no query"));
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err(Error::config("a base URL has no user name or password"));
        }
        let host = uri.host().unwrap_or("");
        if host.is_empty() {
            return Err(Error::config("a base URL has a host"));
        }
        if authority.len() > host.len() && uri.port_u16().is_none() {
            return Err(Error::config("the port of a base URL is a number up to 65535"));
        }
        let path = match uri.path().trim_end_matches('/') {
            "" => bare,
            path => path,
        };
        let text = format!("{scheme}://{}{path}", authority.to_ascii_lowercase());
        let uri = text.parse().map_err(|_| Error::config("the base URL is not a URL"))?;
        Ok(Self { text, uri })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL of `path` below this one.
    pub(crate) fn join(&self, path: &str) -> Uri {
        let mut parts = self.uri.clone().into_parts();
        // The path of a bare host is `/`.
        let base = self.uri.path().trim_end_matches('/');
        let whole = match (base, path) {
            ("", "") => Ok(PathAndQuery::from_static("/")),
            _ => PathAndQuery::try_from(format!("{base}{path}")),
        };
        parts.path_and_query = Some(whole.expect("two valid paths of bounded length are one"));
        Uri::from_parts(parts).expect("a URL with another path is a URL")
    }

    /// Same scheme, host and port.
    pub(crate) fn is_same_server(&self, other: &Self) -> bool {
        self.uri.scheme() == other.uri.scheme()
            && self.uri.host() == other.uri.host()
            && self.port() == other.port()
    }

    fn port(&self) -> u16 {
        let default = if self.uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
        self.uri.port_u16().unwrap_or(default)
    }
}

/// Bytes of the longest base URL.
const BASE_URL_BYTES_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(BaseUrl::parse(text, "/v1").unwrap().as_str(), expected);
    }

    #[track_caller]
    fn refuse(text: &str) {
        let error = BaseUrl::parse(text, "/v1").unwrap_err();
        assert!(!format!("{error}").contains("s3cret"));
    }

    #[test]
    fn a_bare_host_gets_v1_and_a_path_is_kept() {
        check("https://api.example.com", "https://api.example.com/v1");
        check("https://API.example.com/", "https://api.example.com/v1");
        check("http://[::1]:8080", "http://[::1]:8080/v1");
        check("https://host/api/v3/", "https://host/api/v3");
        check(" http://127.0.0.1:9/v1 ", "http://127.0.0.1:9/v1");
    }

    #[test]
    fn what_is_not_a_plain_base_url_is_refused() {
        refuse("api.example.com");
        refuse("localhost:8080");
        refuse("ftp://host/");
        refuse("https://");
        refuse("https:///v1");
        refuse("http://127.0.0.1:99999");
        refuse("https://user:s3cret@host");
        refuse("https://host/v1?key=s3cret");
        refuse("https://host/v1#s3cret");
        refuse("");
        refuse(&format!("https://host/{}", "x".repeat(BASE_URL_BYTES_MAX)));
    }

    #[test]
    fn a_path_is_joined() {
        let base = BaseUrl::parse("https://host/api", "/v1").unwrap();
        assert_eq!(base.join("/messages"), "https://host/api/messages");
        let bare = BaseUrl::parse("https://host/", "").unwrap();
        assert_eq!(bare.as_str(), "https://host");
        assert_eq!(bare.join("/m"), "https://host/m");
        assert_eq!(bare.join(""), "https://host/");
    }

    #[test]
    fn servers_are_compared_with_their_default_ports() {
        let parse = |text| BaseUrl::parse(text, "/v1").unwrap();
        let base = parse("https://host");
        assert!(base.is_same_server(&parse("https://HOST:443/other")));
        assert!(!base.is_same_server(&parse("https://host:444")));
        assert!(!base.is_same_server(&parse("http://host:443")));
        assert!(!base.is_same_server(&parse("https://host.example")));
    }
}
