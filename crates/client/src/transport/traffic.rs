//! A request with its response, over whatever carries them.

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use resume::Connection;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Transport;
use super::exchange::{Arrival, Exchange};
use super::websocket::{Message, Turn};
use crate::proxy::ProxyFailure;

/// How a request is sent.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Http(Connection),
    WebSocket(Message, Connection),
}

/// A request on its way. Dropping it gives its response up.
pub(crate) enum Traffic {
    Http(Box<Exchange>),
    WebSocket(Box<Turn>),
}

impl Traffic {
    /// The next arrival. After `End` or `Broke` it is pending forever.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        match self {
            Self::Http(exchange) => exchange.poll(cx),
            Self::WebSocket(turn) => turn.poll(cx),
        }
    }

    /// The connection may be dead: no further request is to go on it. A socket carries one at a time.
    pub(crate) fn distrust(&self) {
        if let Self::Http(exchange) = self {
            exchange.distrust();
        }
    }

    /// What the proxy did, if it was the proxy that gave no connection.
    pub(crate) const fn proxy_failure(&mut self) -> Option<ProxyFailure> {
        match self {
            Self::Http(exchange) => exchange.proxy_failure(),
            Self::WebSocket(turn) => turn.proxy_failure(),
        }
    }
}

impl Transport {
    /// Begins to send; nothing happens until the traffic is polled.
    pub(crate) fn begin(&self, mut request: Request<Full<Bytes>>, way: Way) -> Traffic {
        match way {
            Way::Http(on) => Traffic::Http(Box::new(self.send(request, on))),
            Way::WebSocket(message, on) => {
                let asked = request.clone();
                self.introduce(&mut request);
                let sockets = Arc::clone(&self.sockets);
                let plain = self.http(on);
                let clients = (Arc::clone(&self.upgrading), plain);
                let turn = Turn::new(sockets, clients, (asked, request), message, on);
                Traffic::WebSocket(Box::new(turn))
            }
        }
    }

    /// Whether a server is asked over a WebSocket now.
    pub(crate) fn has_sockets(&self, uri: &Uri) -> bool {
        self.sockets.serve(uri)
    }
}
