//! A client as most are: it takes what comes until the body ends, and the end of the body is the end
//! of the answer. Its own HTTP and its own event stream; it goes on with nothing.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How official SDKs try again: twice, after half a second and one second, less up to a quarter.
const RETRIES: u32 = 2;
const DELAY: Duration = Duration::from_millis(500);

/// Where an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failed {
    /// Before a response that is worth reading.
    Early,
    /// After the head of a response with status 200, or for good.
    Late,
}

/// Asks once, and `retries` times again for what fails early. The text of an answer that the client
/// takes for whole; nothing when it reports an error.
pub(crate) async fn ask(
    addr: SocketAddr,
    model: &str,
    prompt: &str,
    retry: Retry,
) -> Option<String> {
    let retries = if retry == Retry::Early { RETRIES } else { 0 };
    for number in 0..=retries {
        match attempt(addr, model, prompt).await {
            Ok(text) => return Some(text),
            Err(Failed::Late) => return None,
            Err(Failed::Early) if number < retries => {
                tokio::time::sleep(delay(number, prompt)).await;
            }
            Err(Failed::Early) => {}
        }
    }
    None
}

/// Whether what fails early is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Never,
    Early,
}

fn delay(number: u32, prompt: &str) -> Duration {
    // Differs between streams and not between runs.
    let jitter: u32 = prompt.bytes().map(u32::from).sum::<u32>() % 25;
    DELAY * 2_u32.pow(number) * (100 - jitter) / 100
}

async fn attempt(addr: SocketAddr, model: &str, prompt: &str) -> Result<String, Failed> {
    let (bytes, is_cut) = exchange(addr, model, prompt).await.map_err(|_| Failed::Early)?;
    let Some(head) = find(&bytes, b"\r\n\r\n") else { return Err(Failed::Early) };
    let status = bytes.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
    match status.and_then(|digits| digits.parse::<u16>().ok()) {
        Some(200) => {}
        Some(408 | 409 | 429 | 500..) | None => return Err(Failed::Early),
        Some(_) => return Err(Failed::Late),
    }
    let body = unchunk(&bytes[head + 4..]).filter(|_| !is_cut).ok_or(Failed::Late)?;
    read(&body).ok_or(Failed::Late)
}

/// All that comes, and whether an error ended it.
async fn exchange(addr: SocketAddr, model: &str, prompt: &str) -> std::io::Result<(Vec<u8>, bool)> {
    let body = json!({
        "model": model,
        "max_tokens": 4096,
        "stream": true,
        "messages": [{ "role": "user", "content": prompt }],
    });
    let body = body.to_string();
    let request = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nanthropic-version: 2023-06-01\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(addr).await?;
    socket.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    loop {
        match socket.read_buf(&mut bytes).await {
            Ok(0) => return Ok((bytes, false)),
            Ok(_) => {}
            Err(_) => return Ok((bytes, true)),
        }
    }
}

/// The body of a response in chunks, if all of them came.
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = find(rest, b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(line + 2..line + 2 + size)?);
        rest = rest.get(line + 4 + size..)?;
    }
}

/// The text of the events that came whole; nothing when one of them is an error or no JSON.
fn read(body: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut rest = body;
    while let Some(end) = find(rest, b"\n\n") {
        let (event, more) = rest.split_at(end);
        rest = &more[2..];
        for line in event.split(|byte| *byte == b'\n') {
            let Some(data) = line.strip_prefix(b"data:") else { continue };
            let event: Value = serde_json::from_slice(data).ok()?;
            if event["type"] == "error" || !event["error"].is_null() {
                return None;
            }
            text.push_str(event["delta"]["text"].as_str().unwrap_or_default());
        }
    }
    Some(text)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::{Retry, ask, delay, read, unchunk};
    use mock_provider::{Config, Faults, Mock};
    use std::time::Duration;

    async fn told(script: &str, retry: Retry) -> (Option<String>, String, usize) {
        let faults = Faults::InOrder(script.parse().expect("a valid script"));
        let mock = Mock::start(Config { faults, tokens: 40, ..Config::default() });
        let mock = mock.await.expect("a loopback port is free");
        let text = ask(mock.addr(), "claude-haiku-4-5", "plain", retry).await;
        mock.settled().await;
        (text, mock.text_for("plain"), mock.ledger().requests.len())
    }

    #[tokio::test]
    async fn a_whole_answer_is_read_whole() {
        let (text, whole, requests) = told("ok", Retry::Never).await;
        assert_eq!((text, requests), (Some(whole), 1));
    }

    #[tokio::test]
    async fn what_fails_early_is_tried_again_only_where_that_is_the_policy() {
        for fault in ["close", "rst", "503"] {
            let (text, whole, requests) = told(fault, Retry::Early).await;
            assert_eq!((text, requests), (Some(whole), 2), "{fault}");
            assert_eq!(told(fault, Retry::Never).await.0, None, "{fault}");
        }
        assert_eq!(told("503*3", Retry::Early).await.2, 3);
    }

    #[tokio::test]
    async fn what_breaks_later_is_an_error_or_taken_for_whole() {
        for fault in ["rst@20", "fin@20", "chunk@20", "json@20", "error@20"] {
            let (text, _, requests) = told(fault, Retry::Early).await;
            assert_eq!((text, requests), (None, 1), "{fault}");
        }
        let (text, whole, _) = told("end@20", Retry::Early).await;
        let text = text.expect("it says that this is an answer");
        assert!(whole.starts_with(&text) && text.len() < whole.len());
    }

    #[test]
    fn chunks_and_events_are_taken_apart() {
        assert_eq!(unchunk(b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"), Some(b"abcd".to_vec()));
        assert_eq!(unchunk(b"3\r\nab"), None);
        assert_eq!(unchunk(b"zz\r\n"), None);
        let event = |text: &str| format!("data: {{\"delta\":{{\"text\":\"{text}\"}}}}\n\n");
        assert_eq!(read((event("a") + &event("b") + "data: {").as_bytes()), Some("ab".to_owned()));
        assert_eq!(read(b"data: {\"type\":\"error\"}\n\n"), None);
    }

    #[test]
    fn delays_double_and_differ() {
        assert!(delay(0, "a") > Duration::from_millis(374));
        assert_eq!(delay(1, "a"), 2 * delay(0, "a"));
        assert_ne!(delay(0, "a"), delay(0, "b"));
    }
}
