//! A proxy for the rows that need one: it answers as it is told, then connects whoever asks with one
//! server, whatever name was asked for, and remembers every head.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::peer::drain;

/// What the proxy does with one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// These bytes, and the end.
    Say(&'static str),
    /// The end at once.
    HangUp,
    /// Nothing.
    Silence,
}

/// A proxy on a free port of loopback; its tasks end with the test's runtime.
pub(crate) struct ProxyServer {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl ProxyServer {
    /// Answers connections with these, in order, then connects them with the server at `target`.
    pub(crate) async fn start(replies: &[Reply], target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heads = Arc::new(Mutex::new(Vec::new()));
        let mut replies: Vec<_> = replies.iter().rev().copied().collect();
        let book = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, replies.pop(), target, Arc::clone(&book)));
            }
        });
        Self { address, heads }
    }

    /// Its URL, with a user name and a password.
    pub(crate) fn url(&self, user_info: &str) -> String {
        format!("http://{user_info}@{}", self.address)
    }

    /// Its URL without who asks.
    pub(crate) fn name(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every head that came so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic").clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    reply: Option<Reply>,
    target: SocketAddr,
    book: Arc<Mutex<Vec<String>>>,
) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
            return;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let is_tunnel = head.starts_with("CONNECT ");
    book.lock().expect("no panic").push(head);
    match reply {
        Some(Reply::Say(answer)) => {
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
            drain(&mut stream).await;
        }
        Some(Reply::HangUp) => {}
        Some(Reply::Silence) => drain(&mut stream).await,
        None => {
            let mut server = TcpStream::connect(target).await.expect("the server is there");
            if is_tunnel {
                bytes.drain(..end);
                stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.expect("it listens");
            }
            let _ = server.write_all(&bytes).await;
            let _ = copy_bidirectional(&mut stream, &mut server).await;
        }
    }
}
