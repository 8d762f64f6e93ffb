//! Which headers a request has, which are secret and which belong to the transport.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use protocol::Framing;

use crate::error::Error;
use crate::secret::Secret;

/// What every request for a stream of this framing has, whatever the endpoint.
pub(crate) fn defaults(framing: Framing) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(header::ACCEPT, HeaderValue::from_static(framing.media_type()));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers
}

/// A header of the caller; a value that is secret is marked so.
pub(crate) fn parse(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    let name = HeaderName::try_from(name).map_err(|_| Error::config("not a header name"))?;
    if is_of_transport(name.as_str()) {
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

/// What a peer that quotes secret headers may show of them: the values, and what follows the
/// scheme in those that have one.
pub(crate) fn secrets(headers: &HeaderMap) -> impl Iterator<Item = Secret> {
    headers
        .values()
        .filter(|value| value.is_sensitive())
        .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
        .flat_map(|value| [value.split_once(' ').map(|(_, rest)| rest), Some(value)])
        .flatten()
        .filter(|shown| shown.trim().len() >= SECRET_BYTES_MIN)
        .map(Secret::new)
}

fn is_of_transport(name: &str) -> bool {
    TRANSPORT_OWNED.contains(&name) || name.starts_with(TRANSPORT_PREFIX)
}

/// Errs on the safe side: a header that is wrongly taken for a secret is only missing from
/// checkpoints.
fn is_secret(name: &HeaderName) -> bool {
    let name = name.as_str();
    let known = KEPT_NAMES.contains(&name) || KEPT_PREFIXES.iter().any(|p| name.starts_with(p));
    !known || SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Headers of which it is known that they say who asks, or for what, and not by what right.
const KEPT_NAMES: [&str; 3] = ["http-referer", "user-agent", "x-title"];
const KEPT_PREFIXES: [&str; 2] = ["anthropic-", "openai-"];

/// A shorter value of a header is an ordinary word, not a credential.
const SECRET_BYTES_MIN: usize = 6;

const USER_AGENT: &str = concat!("unbroken/", env!("CARGO_PKG_VERSION"));

const SECRET_WORDS: [&str; 9] =
    ["auth", "key", "token", "secret", "cookie", "password", "credential", "signature", "session"];

/// Set by this crate or by hyper. `accept` and `accept-encoding` belong here because nothing
/// else than an uncompressed event stream can be resumed.
const TRANSPORT_OWNED: [&str; 16] = [
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
    // A proxy is told who asks, and an endpoint behind it is not.
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that open a WebSocket.
const TRANSPORT_PREFIX: &str = "sec-websocket-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_transport_are_refused() {
        for name in TRANSPORT_OWNED {
            assert!(parse(name, "x").is_err(), "{name}");
            assert!(parse(&name.to_uppercase(), "x").is_err(), "{name}");
        }
        for rest in ["key", "version", "accept", "protocol", "extensions", "x"] {
            assert!(parse(&format!("Sec-WebSocket-{rest}"), "x").is_err(), "{rest}");
        }
        assert!(parse("two words", "x").is_err());
        assert!(parse("x-ok", "line\nbreak").is_err());
    }

    #[test]
    fn all_but_known_headers_are_taken_for_secrets() {
        let secret = |name| parse(name, "x").unwrap().1.is_sensitive();
        for name in ["Authorization", "x-api-key", "Cookie", "x-jwt", "x-pass", "x-team", "x-sid"] {
            assert!(secret(name), "{name}");
        }
        for name in ["openai-api-key", "anthropic-auth-token"] {
            assert!(secret(name), "{name}");
        }
        for name in ["anthropic-beta", "OpenAI-Organization", "x-title", "HTTP-Referer"] {
            assert!(!secret(name), "{name}");
        }
    }
}
