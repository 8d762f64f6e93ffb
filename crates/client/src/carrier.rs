//! What a response comes over. It opens no connection.

use retry_policy::Nanos;

/// What carries the responses of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Carrier {
    /// An HTTP response with server-sent events, one for each request.
    #[default]
    Http,
    /// A WebSocket that carries many responses, one after the other: OpenAI's Responses alone.
    ///
    /// A response that is lost on a socket goes on over HTTP, and one that is lost there and is not kept by
    /// its provider goes on over a socket again. An endpoint whose sockets fail five times in a row, or that
    /// has none, is asked over HTTP for a minute.
    WebSocket,
}

/// Bounds of the WebSockets of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketLimits {
    /// Age at which a socket takes no more responses. Default 55 minutes: OpenAI ends them at 60.
    pub age: Nanos,
    /// Time without a response after which a socket is closed. Default 20 s.
    pub idle: Nanos,
    /// Responses that one socket carries. Default 1000.
    pub responses: u32,
    /// Sockets that wait for their next response, of all endpoints. Default 32.
    pub waiting: usize,
    /// Bytes of one message. Default 16 MiB.
    pub message_bytes: usize,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            age: Nanos::from_secs(55 * 60),
            idle: Nanos::from_secs(20),
            responses: 1000,
            waiting: 32,
            message_bytes: 16 << 20,
        }
    }
}
