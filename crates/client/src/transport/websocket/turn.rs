//! One response on a socket, as the arrivals of an HTTP exchange: the messages of the server are the
//! events of the stream, so whoever reads them need not know what carried them.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use protocol::SocketMessage;
use resume::{Break, Connection};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use super::opener::{LIMIT_REACHED, Opener, PREVIOUS_LOST, retry_after};
use super::opening::{Opening, has_no_sockets, lasting};
use super::socket::{News, Socket};
use super::{Place, Sockets};
use crate::proxy::ProxyFailure;
use crate::transport::Http;
use crate::transport::exchange::{Arrival, Exchange};

/// A request as it is said on a socket.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    text: Bytes,
    /// The response that it goes on from.
    previous: Option<String>,
}

/// One response.
///
/// Dropping it closes the socket, unless the response is over.
pub(crate) struct Turn {
    sockets: Arc<Sockets>,
    upgrading: Http,
    /// For a server without sockets.
    plain: Http,
    request: Request<Full<Bytes>>,
    message: Message,
    place: Place,
    phase: Phase,
    /// What came and was not told yet.
    arrivals: VecDeque<Arrival>,
    is_connected: bool,
    /// Sockets that were opened beyond the first because a server refused an old one.
    renewals: u8,
    proxy_failure: Option<ProxyFailure>,
}

enum Phase {
    Opening(Opening, Box<Exchange>),
    // For `Sync` alone: it is never locked.
    Upgrading(Mutex<OnUpgrade>),
    Asking(Socket, Option<Bytes>),
    /// Nothing of the response came yet.
    Waiting(Socket),
    Reading(Socket),
    /// The response comes as one of HTTP, or the refusal of a socket does.
    Plain(Box<Exchange>),
    Over,
}

impl Message {
    /// `None` for a body that is no JSON object.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        let text = protocol::socket_request(body)?.into();
        Some(Self { text, previous: protocol::previous_response(body) })
    }
}

impl Turn {
    /// `clients` open sockets and ask plainly; `requests` are the one without and the one with what a
    /// proxy has to know, which a tunnel keeps from the endpoint.
    pub(crate) fn new(
        sockets: Arc<Sockets>,
        clients: (Http, Http),
        requests: (Request<Full<Bytes>>, Request<Full<Bytes>>),
        message: Message,
        on: Connection,
    ) -> Self {
        let ((upgrading, plain), (asked, request)) = (clients, requests);
        let place = Place { uri: asked.uri().clone(), headers: lasting(asked.headers()) };
        let mut turn = Self {
            sockets,
            upgrading,
            plain,
            request,
            message,
            place,
            phase: Phase::Over,
            arrivals: VecDeque::new(),
            is_connected: false,
            renewals: 0,
            proxy_failure: None,
        };
        let previous = turn.message.previous.as_deref();
        let kept = (on == Connection::Any).then(|| turn.sockets.take(&turn.place, previous));
        match kept.flatten() {
            Some(socket) => {
                turn.connected();
                turn.ask(socket);
            }
            None => turn.open(),
        }
        turn
    }

    /// What the proxy did, if it was the proxy that gave no connection.
    pub(crate) const fn proxy_failure(&mut self) -> Option<ProxyFailure> {
        self.proxy_failure.take()
    }

    /// The next arrival. After `End` or `Broke` it is pending forever.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        loop {
            if let Some(arrival) = self.arrivals.pop_front() {
                return Poll::Ready(arrival);
            }
            match &mut self.phase {
                Phase::Opening(_, exchange) => {
                    let arrival = ready!(exchange.poll(cx));
                    self.hear_opening(arrival);
                }
                Phase::Upgrading(upgrading) => {
                    let upgrading = upgrading.get_mut().unwrap_or_else(PoisonError::into_inner);
                    match ready!(Pin::new(upgrading).poll(cx)) {
                        Ok(upgraded) => {
                            self.ask(Socket::new(upgraded, self.sockets.limits()));
                        }
                        Err(_) => self.lose(Break::Handshake),
                    }
                }
                Phase::Asking(socket, said) => {
                    let asked = ready!(socket.poll_say(cx, said));
                    self.wait(asked);
                }
                Phase::Waiting(socket) | Phase::Reading(socket) => {
                    let news = ready!(socket.poll_news(cx));
                    self.hear(news);
                }
                Phase::Plain(exchange) => {
                    let arrival = ready!(exchange.poll(cx));
                    self.hear_plain(arrival);
                }
                Phase::Over => return Poll::Pending,
            }
        }
    }

    // ---- opening

    fn open(&mut self) {
        let Some(opening) = Opening::new() else { return self.lose(Break::NotSent) };
        let request = opening.request(&self.place);
        let exchange = Exchange::new(Arc::clone(&self.upgrading), request);
        self.phase = Phase::Opening(opening, Box::new(exchange));
    }

    fn connected(&mut self) {
        if !std::mem::replace(&mut self.is_connected, true) {
            self.arrivals.push_back(Arrival::Connected);
        }
    }

    fn hear_opening(&mut self, arrival: Arrival) {
        let Phase::Opening(opening, mut exchange) = std::mem::replace(&mut self.phase, Phase::Over)
        else {
            return;
        };
        match arrival {
            Arrival::Connected => {
                self.connected();
                self.phase = Phase::Opening(opening, exchange);
            }
            Arrival::Head { status: 101, headers } => match exchange.take_upgrade() {
                Some(upgrade) if opening.is_accepted_by(&headers) => {
                    self.phase = Phase::Upgrading(Mutex::new(upgrade));
                }
                _ => self.lose(Break::Handshake),
            },
            Arrival::Head { status, .. } if has_no_sockets(status) => {
                tracing::debug!(status, "no WebSocket there");
                self.do_without();
            }
            // A proxy that gives no tunnel to a plain server may still take requests for it.
            Arrival::Broke(Break::ProxyRefused) if self.is_plain() => self.do_without(),
            Arrival::Broke(cause) => {
                self.proxy_failure = exchange.proxy_failure();
                self.lose(cause);
            }
            arrival => {
                self.arrivals.push_back(arrival);
                self.phase = Phase::Plain(exchange);
            }
        }
    }

    /// There are no sockets for this server, now and for a while.
    fn do_without(&mut self) {
        self.sockets.rule_out(&self.place.uri);
        self.go_plain();
    }

    fn is_plain(&self) -> bool {
        self.place.uri.scheme() == Some(&Scheme::HTTP)
    }

    /// The same request over HTTP, which nobody has acted on.
    fn go_plain(&mut self) {
        let exchange = Exchange::new(Arc::clone(&self.plain), self.request.clone());
        self.phase = Phase::Plain(Box::new(exchange));
    }

    fn hear_plain(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Connected => self.connected(),
            arrival => {
                if matches!(arrival, Arrival::End | Arrival::Broke(_))
                    && let Phase::Plain(mut exchange) =
                        std::mem::replace(&mut self.phase, Phase::Over)
                {
                    self.proxy_failure = exchange.proxy_failure();
                }
                self.arrivals.push_back(arrival);
            }
        }
    }

    // ---- a response

    fn ask(&mut self, socket: Socket) {
        self.phase = Phase::Asking(socket, Some(self.message.text.clone()));
    }

    fn wait(&mut self, asked: Result<(), Break>) {
        let Phase::Asking(socket, _) = std::mem::replace(&mut self.phase, Phase::Over) else {
            return;
        };
        match asked {
            Ok(()) => self.phase = Phase::Waiting(socket),
            Err(_) if socket.is_used() => self.lose(Break::Stale),
            Err(cause) => self.lose(cause),
        }
    }

    fn hear(&mut self, news: News) {
        let (socket, is_first) = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Waiting(socket) => (socket, true),
            Phase::Reading(socket) => (socket, false),
            _ => return,
        };
        match news {
            // It may have been closed before the request came, as a kept connection may.
            News::Lost(Break::Reset) if is_first && socket.is_used() => self.lose(Break::Stale),
            News::Lost(cause) => self.lose(cause),
            News::Ping if is_first => self.phase = Phase::Waiting(socket),
            News::Ping => {
                self.arrivals.push_back(Arrival::Chunk(Bytes::from_static(b": ping\n\n")));
                self.phase = Phase::Reading(socket);
            }
            News::Text(text) => self.read(socket, &text, is_first),
        }
    }

    fn read(&mut self, mut socket: Socket, text: &[u8], is_first: bool) {
        let message = SocketMessage::read(text);
        if is_first {
            match Opener::of(message.as_ref(), text, socket.is_used()) {
                Opener::Response => {}
                Opener::Refusal(status) => {
                    let code = message.and_then(|message| message.refusal).map(|one| one.code);
                    return self.hear_refusal(socket, text, status, &code.unwrap_or_default());
                }
                Opener::Doubtful => return self.lose(Break::Stale),
            }
        }
        if is_first {
            self.head(200, HeaderValue::from_static("text/event-stream"), None);
        }
        let name = message.as_ref().map(|message| &*message.name);
        self.arrivals.push_back(Arrival::Chunk(event(name, text)));
        let Some(message) = message.filter(|message| message.ends) else {
            self.phase = Phase::Reading(socket);
            return;
        };
        self.arrivals.push_back(Arrival::End);
        if message.refusal.is_none() {
            socket.rest(message.ended.map(std::borrow::Cow::into_owned));
            self.sockets.succeeded(&self.place.uri);
            self.sockets.put(self.place.clone(), socket);
        }
    }

    /// A refusal is the response that HTTP would have brought, but for those that are the socket's own.
    fn hear_refusal(&mut self, mut socket: Socket, text: &[u8], status: u16, code: &str) {
        // Its words are the peer's, and may quote a key.
        tracing::debug!(status, "refused on a socket");
        match code {
            // What was asked is whole, so a new socket can be asked the same.
            LIMIT_REACHED if self.renewals < RENEWALS_MAX => {
                self.renewals += 1;
                self.open();
            }
            LIMIT_REACHED => self.lose(Break::NotSent),
            // The state of a socket is gone with it; what is stored is found over HTTP.
            PREVIOUS_LOST => self.go_plain(),
            _ => {
                let json = HeaderValue::from_static("application/json");
                self.head(status, json, retry_after(text));
                self.arrivals.push_back(Arrival::Chunk(Bytes::copy_from_slice(text)));
                self.arrivals.push_back(Arrival::End);
                socket.rest(None);
                self.sockets.put(self.place.clone(), socket);
            }
        }
    }

    fn head(
        &mut self,
        status: u16,
        content_type: HeaderValue,
        hint: Option<(HeaderName, HeaderValue)>,
    ) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type);
        headers.extend(hint);
        self.arrivals.push_back(Arrival::Head { status, headers });
    }

    fn lose(&mut self, cause: Break) {
        if cause != Break::Stale {
            self.sockets.failed(&self.place.uri);
        }
        self.phase = Phase::Over;
        self.arrivals.push_back(Arrival::Broke(cause));
    }
}

/// A message as an event of a stream. White space between the tokens of JSON may be line ends.
fn event(name: Option<&str>, text: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(text.len() + 64);
    if let Some(name) = name.filter(|name| !name.contains(['\r', '\n'])) {
        event.extend_from_slice(b"event: ");
        event.extend_from_slice(name.as_bytes());
        event.push(b'\n');
    }
    for line in text.split(|byte| matches!(byte, b'\r' | b'\n')) {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line);
        event.push(b'\n');
    }
    event.push(b'\n');
    event.into()
}

/// New sockets for one request whose old one was refused.
const RENEWALS_MAX: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_event_whose_data_is_the_message() {
        assert_eq!(event(Some("x"), b"{\"a\":1}"), &b"event: x\ndata: {\"a\":1}\n\n"[..]);
        assert_eq!(event(None, b"{\r\n}"), &b"data: {\ndata: \ndata: }\n\n"[..]);
        assert_eq!(event(Some("x\ny"), b"1"), &b"data: 1\n\n"[..]);
    }
}
