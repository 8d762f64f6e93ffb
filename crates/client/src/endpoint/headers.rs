//! Which headers a request has, which are secret and which belong to the transport.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::error::Error;

/// What every request has, whatever the endpoint.
pub(crate) fn defaults() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers
}

/// A header of the caller; a value that is secret is marked so.
pub(crate) fn parse(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    let name = HeaderName::try_from(name).map_err(|_| Error::config("not a header name"))?;
    if TRANSPORT_OWNED.contains(&name.as_str()) {
        return Err(Error::config("the transport sets this header itself"));
    }
    let mut value = HeaderValue::try_from(value)
        .map_err(|_| Error::config("a header value has characters that no header can carry"))?;
    value.set_sensitive(is_secret(&name));
    Ok((name, value))
}

/// The headers that a checkpoint may hold.
pub(crate) fn keepable(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(_, value)| !value.is_sensitive())
        .filter_map(|(name, value)| {
            let value = std::str::from_utf8(value.as_bytes()).ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        })
        .collect()
}

/// Errs on the safe side: a header that is wrongly taken for a secret is only missing from
/// checkpoints.
fn is_secret(name: &HeaderName) -> bool {
    let name = name.as_str();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

const USER_AGENT: &str = concat!("unbroken/", env!("CARGO_PKG_VERSION"));

const SECRET_WORDS: [&str; 9] =
    ["auth", "key", "token", "secret", "cookie", "password", "credential", "signature", "session"];

/// Set by this crate or by hyper. `accept` and `accept-encoding` belong here because nothing
/// else than an uncompressed event stream can be resumed.
const TRANSPORT_OWNED: [&str; 15] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_transport_are_refused() {
        for name in TRANSPORT_OWNED {
            assert!(parse(name, "x").is_err(), "{name}");
            assert!(parse(&name.to_uppercase(), "x").is_err(), "{name}");
        }
        assert!(parse("two words", "x").is_err());
        assert!(parse("x-ok", "line\nbreak").is_err());
    }

    #[test]
    fn credentials_are_marked_and_the_rest_is_not() {
        let secret = |name| parse(name, "x").unwrap().1.is_sensitive();
        for name in
            ["Authorization", "x-api-key", "api-key", "Cookie", "X-Goog-Api-Key", "cf-access-token"]
        {
            assert!(secret(name), "{name}");
        }
        for name in ["anthropic-beta", "anthropic-version", "openai-organization", "x-title"] {
            assert!(!secret(name), "{name}");
        }
    }
}
