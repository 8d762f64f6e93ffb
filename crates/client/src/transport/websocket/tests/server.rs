//! A server of WebSockets on pipes in memory, moved by the test step by step.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use resume::Connection;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use std::future::poll_fn;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::carrier::SocketLimits;
use crate::connect::{Connect, Connecting, Connector, Pipe};
use crate::proxy::Routes;
use crate::transport::{Arrival, Message, Tcp, Traffic, Transport, Way};

pub(super) const URL: &str = "http://a.example/v1/responses";

struct Pipes(UnboundedSender<DuplexStream>);

impl Connect for Pipes {
    fn connect(&self, _: &str, _: u16) -> Connecting {
        let (here, there) = duplex(PIPE_BYTES);
        let sent = self.0.send(there).map_err(io::Error::other);
        Box::pin(async move { sent.map(|()| Box::new(here) as Box<dyn Pipe>) })
    }
}

/// Room in each direction of a connection.
pub(super) const PIPE_BYTES: usize = 4096;

/// The connections that come.
pub(super) struct Server(UnboundedReceiver<DuplexStream>);

/// A transport whose connections all come to a server.
pub(super) fn transport(routes: Routes, limits: SocketLimits) -> (Transport, Server) {
    let (tell, pipes) = unbounded_channel();
    let tcp = Tcp::by(Some(Connector::new(Pipes(tell))));
    let transport = Transport::new(tcp, None, Duration::from_secs(5), routes).unwrap();
    (transport.with_sockets(limits), Server(pipes))
}

/// Asks over a socket; `key` is who asks.
pub(super) fn ask(
    transport: &Transport,
    url: &str,
    key: &str,
    body: &str,
    on: Connection,
) -> Traffic {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let request = http::Request::post(url).header("authorization", key);
    let request = request.body(Full::new(body.clone())).unwrap();
    transport.begin(request, Way::WebSocket(Message::of(&body).unwrap(), on))
}

/// Everything up to the end, as one line: statuses, the number of pieces, and what broke.
pub(super) async fn read(traffic: &mut Traffic) -> String {
    let mut seen = String::new();
    loop {
        match soon(poll_fn(|cx| traffic.poll(cx))).await {
            Arrival::Leaving => panic!("a socket does not say so"),
            Arrival::Connected => {}
            Arrival::Head { status, headers } => {
                seen.push_str(&status.to_string());
                if let Some(after) = headers.get("retry-after") {
                    seen.push_str(&format!(" after {}", after.to_str().unwrap()));
                }
            }
            Arrival::Chunk(_) => seen.push('.'),
            Arrival::End => return seen + "|",
            Arrival::Broke(cause) => return format!("{seen}!{cause:?}"),
        }
    }
}

/// Waits for what comes without the clock, so that a test that fails has an end.
async fn soon<T>(coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(3600), coming).await.expect("it comes")
}

impl Server {
    /// The next connection.
    pub(super) async fn accept(&mut self) -> Peer {
        Peer(soon(self.0.recv()).await.unwrap())
    }

    /// The next connection, with a socket on it.
    pub(super) async fn open(&mut self) -> Peer {
        let mut peer = self.accept().await;
        let head = peer.head().await;
        let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
        let asked = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, asked.as_bytes()));
        let head = "HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: upgrade\r\n";
        peer.raw(format!("{head}sec-websocket-accept: {accept}\r\n\r\n").as_bytes()).await;
        peer
    }

    /// Whether no further connection came so far.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.0.try_recv().is_err()
    }
}

/// The server's end of one connection.
pub(super) struct Peer(pub(super) DuplexStream);

impl Peer {
    /// The head of a request.
    pub(super) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(self.0.read_u8()).await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    /// Reads one short message.
    pub(super) async fn asked(&mut self) {
        assert_eq!(soon(self.0.read_u8()).await.unwrap(), 0x81);
        let length = match self.0.read_u8().await.unwrap() & 0x7f {
            126 => self.0.read_u16().await.unwrap(),
            length => u16::from(length),
        };
        self.0.read_exact(&mut vec![0; usize::from(length) + 4]).await.unwrap();
    }

    /// Says one short message.
    pub(super) async fn say(&mut self, text: &str) {
        let length = u8::try_from(text.len()).ok().filter(|length| *length <= 125).unwrap();
        self.raw(&[&[0x81, length], text.as_bytes()].concat()).await;
    }

    /// Brings a whole response of this id.
    pub(super) async fn answer(&mut self, id: &str) {
        self.asked().await;
        self.say(r#"{"type":"response.created"}"#).await;
        self.say(&format!(r#"{{"type":"response.completed","response":{{"id":"{id}"}}}}"#)).await;
    }

    pub(super) async fn raw(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Waits until the client left.
    pub(super) async fn closed(mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).await.unwrap();
    }
}
