//! A provider that answers one request after the other with literal bytes, and remembers what it
//! was asked. It knows HTTP/1.1 just far enough to find the end of a request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::cue::Cue;

/// What the peer does with one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// Bytes of the request after which it is answered; all of it when `None`.
    reads: Option<usize>,
    acts: Vec<Act>,
}

#[derive(Clone, Debug)]
enum Act {
    Send(Vec<u8>),
    /// Nothing for so long.
    Pause(Duration),
    /// Nothing until the consumer has so many bytes of text.
    Until(usize),
    /// Nothing until the client leaves.
    Hold,
    /// RST.
    Reset,
    /// FIN.
    Close,
}

/// The head of an event stream whose end is the connection's.
const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

impl Answer {
    /// An event stream that begins with `body`; what becomes of it is said next.
    pub(crate) fn stream(body: impl AsRef<[u8]>) -> Self {
        Self::raw(STREAM).then(body)
    }

    /// A whole event stream: `body` and a clean end.
    pub(crate) fn whole(body: impl AsRef<[u8]>) -> Self {
        Self::stream(body).close()
    }

    /// A status line such as `503 Busy`, headers each with its line end, and a body.
    pub(crate) fn status(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n");
        Self::raw(format!("{head}connection: close\r\n\r\n{body}")).close()
    }

    /// These bytes, whatever they are.
    pub(crate) fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self::default().then(bytes)
    }

    /// Nothing at all.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// Begins when so many bytes of the request are there, and reads no more.
    pub(crate) fn after(bytes: usize) -> Self {
        Self { reads: Some(bytes), acts: Vec::new() }
    }

    /// Sends these bytes in a write of their own.
    pub(crate) fn then(self, bytes: impl AsRef<[u8]>) -> Self {
        self.act(Act::Send(bytes.as_ref().to_vec()))
    }

    pub(crate) fn pause(self, span: Duration) -> Self {
        self.act(Act::Pause(span))
    }

    /// Goes on when the consumer has so many bytes of text.
    pub(crate) fn until(self, bytes: usize) -> Self {
        self.act(Act::Until(bytes))
    }

    pub(crate) fn hold(self) -> Self {
        self.act(Act::Hold)
    }

    pub(crate) fn reset(self) -> Self {
        self.act(Act::Reset)
    }

    pub(crate) fn close(self) -> Self {
        self.act(Act::Close)
    }

    fn act(mut self, act: Act) -> Self {
        self.acts.push(act);
        self
    }
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The request line and the headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Which connection it came on, from 1.
    pub(crate) connection: usize,
}

impl Asked {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body is JSON")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The role and the text of the last message.
    pub(crate) fn last_message(&self) -> (String, String) {
        let body = self.json();
        let message = body["messages"].as_array().and_then(|all| all.last()).expect("a message");
        let content = &message["content"];
        let text = content.as_str().or_else(|| content[0]["text"].as_str()).expect("a text");
        (message["role"].as_str().expect("a role").to_owned(), text.to_owned())
    }
}

/// A server on a free port of loopback; its tasks end with the test's runtime.
pub(crate) struct Peer {
    address: SocketAddr,
    book: Arc<Book>,
}

/// What is left to do, and what came.
#[derive(Debug, Default)]
struct Book {
    script: Mutex<Vec<Answer>>,
    asked: Mutex<Vec<Asked>>,
    connections: Mutex<usize>,
    cue: Cue,
}

impl Peer {
    /// Answers requests with these, in order, then with a status that nobody retries.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self::at(listener, answers)
    }

    /// The same behind a listener that is there already.
    pub(crate) fn at(listener: TcpListener, answers: impl IntoIterator<Item = Answer>) -> Self {
        let address = listener.local_addr().expect("an address");
        let mut script: Vec<_> = answers.into_iter().collect();
        script.reverse();
        let book = Arc::new(Book { script: Mutex::new(script), ..Book::default() });
        tokio::spawn(accept(listener, Arc::clone(&book)));
        Self { address, book }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What its answers wait for; to be given to whoever reads them.
    pub(crate) fn cue(&self) -> &Cue {
        &self.book.cue
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.book.asked.lock().expect("no panic").clone()
    }
}

async fn accept(listener: TcpListener, book: Arc<Book>) {
    while let Ok((stream, _)) = listener.accept().await {
        let connection = {
            let mut connections = book.connections.lock().expect("no panic");
            *connections += 1;
            *connections
        };
        tokio::spawn(converse(stream, connection, Arc::clone(&book)));
    }
}

/// Answers requests of one connection until it is over.
async fn converse(mut stream: TcpStream, connection: usize, book: Arc<Book>) {
    // Small writes are the point; where it fails they are merely fewer.
    let _ = stream.set_nodelay(true);
    loop {
        let answer = book.script.lock().expect("no panic").last().cloned();
        let answer = answer.unwrap_or_else(|| Answer::status("418 No More", "", ""));
        let Some((head, body)) = read_request(&mut stream, answer.reads).await else { return };
        book.asked.lock().expect("no panic").push(Asked { head, body, connection });
        book.script.lock().expect("no panic").pop();
        if !perform(&mut stream, answer.acts, &book.cue).await {
            return;
        }
    }
}

/// Whether the connection goes on.
async fn perform(stream: &mut TcpStream, acts: Vec<Act>, cue: &Cue) -> bool {
    for act in acts {
        match act {
            Act::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return false;
                }
            }
            Act::Pause(span) => tokio::time::sleep(span).await,
            Act::Until(bytes) => cue.until(bytes).await,
            Act::Hold => {
                drain(stream).await;
                return false;
            }
            Act::Reset => {
                stream.set_zero_linger().expect("a socket can be reset");
                return false;
            }
            Act::Close => {
                let _ = stream.shutdown().await;
                drain(stream).await;
                return false;
            }
        }
    }
    true
}

/// Reads a request to its end, or until there are so many bytes of it; `None` when it never comes.
async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    enough: Option<usize>,
) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let body = bytes[end + 4..].to_vec();
            if enough.is_some_and(|enough| bytes.len() >= enough) || body.len() >= length(&head) {
                return Some((head, body));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// Waits until the other side is gone.
pub(crate) async fn drain(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

fn length(head: &str) -> usize {
    let of = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    head.lines().find_map(of).unwrap_or(0)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
