//! The opening handshake of a WebSocket (RFC 6455, 4.1): a request of HTTP/1.1 whose answer turns
//! the connection into one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ACCEPT, CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::Full;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::Place;

/// One handshake.
pub(crate) struct Opening {
    key: String,
}

impl Opening {
    /// A handshake with a key of its own; `None` when the system has no random bytes.
    pub(crate) fn new() -> Option<Self> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).ok()?;
        Some(Self { key: STANDARD.encode(nonce) })
    }

    pub(crate) fn request(&self, place: &Place) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = Method::GET;
        *request.uri_mut() = place.uri.clone();
        let headers = request.headers_mut();
        headers.clone_from(&place.headers);
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        let key = HeaderValue::from_str(&self.key).expect("base64 is visible ASCII");
        headers.insert(SEC_WEBSOCKET_KEY, key);
        request
    }

    /// Whether the answer is to this handshake.
    pub(crate) fn is_accepted_by(&self, headers: &HeaderMap) -> bool {
        let asked = format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", self.key);
        let expected = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, asked.as_bytes()));
        headers.get(SEC_WEBSOCKET_ACCEPT).is_some_and(|accept| accept == expected.as_str())
    }
}

/// Whether a status is that of a server, or of somebody before it, that gives no WebSocket here while it
/// may answer a request. What a key, a proxy, haste or load is refused with, HTTP would be refused with too.
pub(crate) const fn has_no_sockets(status: u16) -> bool {
    matches!(status, 200..=499 | 501) && !matches!(status, 401 | 407 | 408 | 429)
}

/// What every request of an endpoint has, of which nothing is about one request.
pub(crate) fn lasting(headers: &HeaderMap) -> HeaderMap {
    let mut lasting = headers.clone();
    lasting.remove(ACCEPT);
    lasting.remove(CONTENT_TYPE);
    lasting.remove("idempotency-key");
    lasting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_the_standard_is_accepted_and_no_other() {
        let opening = Opening { key: "dGhlIHNhbXBsZSBub25jZQ==".to_owned() };
        let mut headers = HeaderMap::new();
        assert!(!opening.is_accepted_by(&headers));
        headers.insert(SEC_WEBSOCKET_ACCEPT, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".parse().unwrap());
        assert!(opening.is_accepted_by(&headers));
        assert!(!Opening::new().unwrap().is_accepted_by(&headers));
    }

    #[test]
    fn a_refusal_that_http_would_meet_too_says_nothing_of_sockets() {
        for status in [200, 302, 400, 403, 404, 405, 409, 410, 421, 426, 451, 499, 501] {
            assert!(has_no_sockets(status), "{status}");
        }
        for status in [101, 401, 407, 408, 429, 500, 502, 503, 529] {
            assert!(!has_no_sockets(status), "{status}");
        }
    }
}
