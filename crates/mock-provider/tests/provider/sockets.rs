//! The WebSocket mode of the Responses wire, read by a client that knows the frames from RFC 6455.

use mock_provider::{ApiKey, Config, Mock};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::start;

/// One frame of a server: its first byte and its payload.
type Frame = (u8, Vec<u8>);

struct Socket(TcpStream);

impl Socket {
    /// Asks for a socket; the head of the answer.
    async fn open(mock: &Mock, headers: &str) -> (Self, String) {
        let mut stream = TcpStream::connect(mock.addr()).await.expect("the mock listens");
        let head = format!(
            "GET /v1/responses HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("the mock reads");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("the mock answers"));
        }
        (Self(stream), String::from_utf8(head).expect("a head is text"))
    }

    /// One masked frame.
    async fn send(&mut self, first: u8, payload: &[u8]) {
        let mask = [7, 0, 255, 9];
        let mut frame = vec![first, 0x80 | 126];
        frame
            .extend_from_slice(&u16::try_from(payload.len()).expect("a short frame").to_be_bytes());
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.0.write_all(&frame).await.expect("the mock reads");
    }

    async fn ask(&mut self, message: &Value) {
        self.send(0x81, message.to_string().as_bytes()).await;
    }

    /// The next frame; `None` at the end of the connection or inside a frame.
    async fn frame(&mut self) -> Option<Frame> {
        let first = self.0.read_u8().await.ok()?;
        let length = match self.0.read_u8().await.ok()? {
            126 => u64::from(self.0.read_u16().await.ok()?),
            127 => self.0.read_u64().await.ok()?,
            length => u64::from(length),
        };
        let mut payload = vec![0; usize::try_from(length).expect("a frame fits into memory")];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((first, payload))
    }

    /// The next message, put together from its frames.
    async fn message(&mut self) -> Value {
        let mut text = Vec::new();
        loop {
            let (first, payload) = self.frame().await.expect("a message");
            assert!(matches!(first, 0x81 | 0x80 | 0x01), "{first:x}");
            text.extend(payload);
            if first & 0x80 != 0 {
                return serde_json::from_slice(&text).expect("a message is JSON");
            }
        }
    }

    /// The text of a whole response.
    async fn response(&mut self) -> String {
        let mut text = String::new();
        loop {
            let message = self.message().await;
            text.push_str(message["delta"].as_str().unwrap_or_default());
            if message["type"] == "response.completed" {
                return text;
            }
        }
    }
}

fn create(prompt: &str) -> Value {
    json!({"type": "response.create", "model": "gpt-5", "input": prompt})
}

async fn mock() -> Mock {
    start(Vec::new(), Config { tokens: 30, ..Config::default() }).await
}

async fn with_fault(script: &str) -> Mock {
    let faults = mock_provider::Faults::InOrder(script.parse().expect("a valid script"));
    Mock::start(Config { tokens: 30, faults, ..Config::default() })
        .await
        .expect("loopback has a free port")
}

#[tokio::test]
async fn one_socket_carries_many_responses() {
    let mock = mock().await;
    let (mut socket, head) = Socket::open(&mock, "").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    for prompt in ["one", "two"] {
        socket.ask(&create(prompt)).await;
        assert_eq!(socket.response().await, mock.text_for(prompt));
    }
    socket.send(0x89, b"are you there").await;
    assert_eq!(socket.frame().await, Some((0x8a, b"are you there".to_vec())));
    socket.send(0x88, b"").await;
    assert_eq!(socket.frame().await, Some((0x88, 1000_u16.to_be_bytes().to_vec())));
    let ledger = mock.ledger();
    assert_eq!(ledger.totals.websockets, 1);
    assert!(ledger.requests.iter().all(|request| request.websocket == Some(1)));
}

#[tokio::test]
async fn what_no_socket_takes_is_an_error_with_its_status_and_the_socket_goes_on() {
    let mock = mock().await;
    let (mut socket, _) = Socket::open(&mock, "").await;
    for (member, value, code) in [
        ("previous_response_id", json!("resp_1"), json!("previous_response_not_found")),
        ("background", json!(true), json!(null)),
        ("stream", json!(true), json!(null)),
        ("type", json!("response.steer"), json!(null)),
    ] {
        let mut message = create("x");
        message[member] = value;
        socket.ask(&message).await;
        let error = socket.message().await;
        assert_eq!((&error["type"], &error["status"]), (&json!("error"), &json!(400)), "{member}");
        assert_eq!(error["error"]["code"], code, "{member}");
    }
    socket.ask(&create("x")).await;
    assert_eq!(socket.response().await, mock.text_for("x"));
}

#[tokio::test]
async fn each_fault_of_a_socket_is_played() {
    let mock = with_fault("limit,previous,429:2,ws@5:1012").await;
    let (mut socket, _) = Socket::open(&mock, "").await;
    for code in ["websocket_connection_limit_reached", "previous_response_not_found"] {
        socket.ask(&create("x")).await;
        assert_eq!(socket.message().await["error"]["code"], code);
    }
    socket.ask(&create("x")).await;
    let error = socket.message().await;
    assert_eq!((&error["status"], &error["headers"]["retry-after"]), (&json!(429), &json!("2")));
    socket.ask(&create("x")).await;
    let mut last = None;
    while let Some(frame) = socket.frame().await {
        last = Some(frame);
    }
    assert_eq!(last, Some((0x88, 1012_u16.to_be_bytes().to_vec())));
}

#[tokio::test]
async fn what_breaks_a_body_breaks_a_message() {
    for (script, ends_inside) in [("fin@5", true), ("ws@5:1006", false)] {
        let mock = with_fault(script).await;
        let (mut socket, _) = Socket::open(&mock, "").await;
        socket.ask(&create("x")).await;
        let mut all = Vec::new();
        socket.0.read_to_end(&mut all).await.unwrap();
        let mut rest = &all[..];
        while let [_, length, after @ ..] = rest {
            let (head, length) = match length {
                126 => (2, usize::from(u16::from_be_bytes([after[0], after[1]]))),
                length => (0, usize::from(*length)),
            };
            rest = after.get(head + length..).unwrap_or(b"!");
            if rest == b"!" {
                break;
            }
        }
        assert_eq!(rest == b"!", ends_inside, "{script}");
    }
    let mock = with_fault("chunk@5").await;
    let (mut socket, _) = Socket::open(&mock, "").await;
    socket.ask(&create("x")).await;
    let mut all = Vec::new();
    socket.0.read_to_end(&mut all).await.unwrap();
    assert!(all.ends_with(b"zz\r\n"), "reserved bits of a frame");
}

#[tokio::test]
async fn a_bad_frame_closes_the_socket_and_a_bad_key_opens_none() {
    let mock = mock().await;
    let (mut socket, _) = Socket::open(&mock, "").await;
    socket.send(0x82, b"binary").await;
    assert_eq!(socket.frame().await, Some((0x88, 1002_u16.to_be_bytes().to_vec())));
    assert_eq!(socket.frame().await, None);
    let api_key = Some(ApiKey::from("k"));
    let mock = Mock::start(Config { api_key, ..Config::default() }).await.unwrap();
    assert!(Socket::open(&mock, "").await.1.starts_with("HTTP/1.1 401 "));
    assert!(
        Socket::open(&mock, "authorization: Bearer k\r\n").await.1.starts_with("HTTP/1.1 101 ")
    );
}
