//! A provider whose WebSockets say literal messages, and whose HTTP brings the same as events. It knows
//! RFC 6455 just far enough to open a socket and to find the end of what it is asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::peer::drain;
use super::wire::named;

/// What the peer says to one request.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    /// These messages; over HTTP they are the events of a stream.
    Messages(Vec<String>),
    /// Pings without end, whose answers nobody reads.
    Pings,
}

/// A server on a free port of loopback; its tasks end with the test's runtime.
pub(crate) struct SocketPeer {
    address: SocketAddr,
    book: Arc<Book>,
}

#[derive(Debug, Default)]
struct Book {
    script: Mutex<Vec<Say>>,
    /// The socket of each request, from 1; none for those over HTTP.
    asked: Mutex<Vec<Option<usize>>>,
    sockets: Mutex<usize>,
}

impl SocketPeer {
    /// Answers requests with these, in order.
    pub(crate) fn start(says: impl IntoIterator<Item = Say>) -> Self {
        let mut script: Vec<_> = says.into_iter().collect();
        script.reverse();
        let book = Arc::new(Book { script: Mutex::new(script), ..Book::default() });
        let socket = TcpSocket::new_v4().expect("a socket");
        // Little room, so that what nobody reads soon waits at its sender.
        socket.set_recv_buffer_size(4096).expect("a size");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let listener = socket.listen(16).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::clone(&book);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&shared)));
            }
        });
        Self { address, book }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The socket of each request, from 1; none for those over HTTP.
    pub(crate) fn asked(&self) -> Vec<Option<usize>> {
        self.book.asked.lock().expect("no panic").clone()
    }
}

impl Book {
    fn next(&self, socket: Option<usize>) -> Say {
        self.asked.lock().expect("no panic").push(socket);
        self.script.lock().expect("no panic").pop().unwrap_or(Say::Messages(Vec::new()))
    }

    fn open(&self) -> usize {
        let mut sockets = self.sockets.lock().expect("no panic");
        *sockets += 1;
        *sockets
    }
}

/// Answers until either side is gone.
async fn converse(mut stream: TcpStream, book: Arc<Book>) -> Option<()> {
    let head = read_head(&mut stream).await?;
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let Some(key) = header("sec-websocket-key") else {
        let length = header("content-length").and_then(|value| value.parse().ok())?;
        stream.read_exact(&mut vec![0; length]).await.ok()?;
        return answer_http(&mut stream, book.next(None)).await;
    };
    let asked = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, asked.as_bytes()));
    let head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n";
    let head = format!("{head}sec-websocket-accept: {accept}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    let socket = book.open();
    loop {
        read_message(&mut stream).await?;
        match book.next(Some(socket)) {
            Say::Messages(messages) => {
                for message in messages {
                    stream.write_all(&frame(TEXT, message.as_bytes())).await.ok()?;
                }
            }
            Say::Pings => loop {
                stream.write_all(&frame(PING, &[b'?'; 125])).await.ok()?;
            },
        }
    }
}

async fn answer_http(stream: &mut TcpStream, say: Say) -> Option<()> {
    let Say::Messages(messages) = say else { panic!("pings are of sockets") };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let events: String = messages.iter().map(|message| event(message)).collect();
    stream.write_all([head, &events].concat().as_bytes()).await.ok()?;
    stream.shutdown().await.ok()?;
    drain(stream).await;
    Some(())
}

/// A message as an event of a stream.
pub(crate) fn event(message: &str) -> String {
    let value: Value = serde_json::from_str(message).expect("a message is JSON");
    named(value["type"].as_str().expect("a message has a type"), message)
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// Reads a message of one frame; what it says is not looked at. `None` at the end.
async fn read_message(stream: &mut TcpStream) -> Option<()> {
    loop {
        let first = stream.read_u8().await.ok()?;
        let length = match stream.read_u8().await.ok()? & 0x7f {
            126 => u64::from(stream.read_u16().await.ok()?),
            127 => stream.read_u64().await.ok()?,
            length => u64::from(length),
        };
        let with_mask = usize::try_from(length).ok()? + 4;
        stream.read_exact(&mut vec![0; with_mask]).await.ok()?;
        match first {
            TEXT => return Some(()),
            PONG => {}
            _ => return None,
        }
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..=125), _) => frame.push(length),
        (_, Ok(length)) => {
            frame.push(126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        _ => panic!("a message of a test is short"),
    }
    frame.extend_from_slice(payload);
    frame
}

const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// The messages of a whole response with this text.
pub(crate) fn response(text: &str) -> Vec<String> {
    let item = r#""item_id":"msg_1","output_index":0,"content_index":0"#;
    let message = |status: &str, content: &str| {
        format!(
            r#"{{"id":"msg_1","type":"message","status":"{status}","role":"assistant","content":[{content}]}}"#
        )
    };
    let part = |text: &str| format!(r#"{{"type":"output_text","text":"{text}","annotations":[]}}"#);
    let done = message("completed", &part(text));
    let response = |status: &str, output: &str, usage: &str| {
        format!(
            r#"{{"id":"resp_1","object":"response","status":"{status}","model":"gpt-5","output":[{output}],"usage":{usage}}}"#
        )
    };
    let usage = r#"{"input_tokens":9,"output_tokens":12,"total_tokens":21}"#;
    let events = [
        ("response.created", format!(r#""response":{}"#, response("in_progress", "", "null"))),
        (
            "response.output_item.added",
            format!(r#""output_index":0,"item":{}"#, message("in_progress", "")),
        ),
        ("response.content_part.added", format!(r#"{item},"part":{}"#, part(""))),
        ("response.output_text.delta", format!(r#"{item},"delta":"{text}""#)),
        ("response.output_text.done", format!(r#"{item},"text":"{text}""#)),
        ("response.content_part.done", format!(r#"{item},"part":{}"#, part(text))),
        ("response.output_item.done", format!(r#""output_index":0,"item":{done}"#)),
        ("response.completed", format!(r#""response":{}"#, response("completed", &done, usage))),
    ];
    let numbered = events.iter().enumerate();
    numbered
        .map(|(number, (name, rest))| {
            format!(r#"{{"type":"{name}","sequence_number":{number},{rest}}}"#)
        })
        .collect()
}

/// What comes before the text of a response is shown whole, and the text.
pub(crate) fn begun(text: &str) -> Vec<String> {
    response(text)[..4].to_vec()
}
