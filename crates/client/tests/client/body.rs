//! Responses as bodies of HTTP: what a program that wraps requests sends on.

use client::{Client, ErrorKind, Profile, STREAM_ID_HEADER, Service, Wire};
use http_body_util::{BodyExt, Full};
use mock_provider::Mock;
use std::io::{Read, Write};
use std::net::TcpStream;
use tower_service::Service as _;

use crate::rig::{PROMPT, client, mock};

/// A wire, where it is asked for an answer, and with what.
struct Way {
    profile: Profile,
    path: &'static str,
    body: String,
}

fn ways() -> [Way; 4] {
    let way =
        |profile, path, body: &str| Way { profile, path, body: body.replace("PROMPT", PROMPT) };
    [
        way(
            Profile::ANTHROPIC,
            "/v1/messages",
            r#"{"model":"claude-haiku-4-5","max_tokens":1000,"stream":true,"messages":[{"role":"user","content":"PROMPT"}]}"#,
        ),
        way(
            Profile::OPENAI,
            "/v1/chat/completions",
            r#"{"model":"gpt-4.1","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"PROMPT"}]}"#,
        ),
        way(
            Profile::OPENAI_RESPONSES,
            "/v1/responses",
            r#"{"model":"gpt-5","stream":true,"input":"PROMPT"}"#,
        ),
        way(
            Profile::GEMINI,
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
            r#"{"model":"gemini-2.5-flash","contents":[{"role":"user","parts":[{"text":"PROMPT"}]}]}"#,
        ),
    ]
}

/// What the provider itself sends.
async fn direct(mock: &Mock, way: &Way) -> String {
    // Gemini's own API has the model in the URL alone.
    let body = way.body.replace(r#""model":"gemini-2.5-flash","#, "");
    let (address, path) = (mock.addr(), way.path);
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).expect("it listens");
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: mock\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01\r\n\
             connection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes()).expect("it reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it answers");
        answer
    });
    let answer = asked.await.expect("no panic");
    let at = answer.windows(4).position(|it| it == b"\r\n\r\n").expect("a head") + 4;
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    unchunked(&answer[at..])
}

/// The content of a chunked body (RFC 9112, 7.1).
fn unchunked(mut body: &[u8]) -> String {
    let mut content = Vec::new();
    loop {
        let end = body.windows(2).position(|it| it == b"\r\n").expect("the size of a chunk");
        let size = std::str::from_utf8(&body[..end]).expect("a number");
        let size = usize::from_str_radix(size, 16).expect("a number");
        if size == 0 {
            return String::from_utf8(content).expect("text");
        }
        content.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 2 + size + 2..];
    }
}

/// What comes through the client.
async fn wrapped(client: Client, way: &Way) -> Result<String, client::Error> {
    let request = http::Request::post(way.path).body(Full::<client::Bytes>::from(way.body.clone()));
    let response = Service::new(client).call(request.expect("a request")).await?;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert!(!response.headers()[STREAM_ID_HEADER].is_empty());
    let body = response.into_body().collect().await.expect("it cannot fail").to_bytes();
    Ok(String::from_utf8(body.to_vec()).expect("text"))
}

/// The events of a body, decoded.
fn events(way: &Way, body: &str) -> Vec<(String, String)> {
    let event = |block: &str| {
        let field = |name| block.lines().find_map(|line| line.strip_prefix(name));
        (field("event: ").unwrap_or("").to_owned(), field("data: ").unwrap_or("").to_owned())
    };
    assert!(body.ends_with("\n\n"), "{:?}", way.profile.wire);
    body.trim_end().split("\n\n").map(event).collect()
}

fn text(wire: Wire, body: &[(String, String)]) -> String {
    let of = |(name, data): &(String, String)| {
        let decoded = protocol::decode(wire, name.as_bytes(), data.as_bytes()).expect("an event");
        let delta = decoded.delta.filter(|delta| delta.part == protocol::Part::Text);
        delta.map_or_else(Vec::new, |delta| delta.text.into_owned())
    };
    String::from_utf8(body.iter().flat_map(of).collect()).expect("text")
}

#[tokio::test]
async fn what_a_provider_sends_is_what_comes_to_the_byte() {
    for way in ways() {
        let (one, other) = (mock("").await, mock("").await);
        let through = wrapped(client(&one, way.profile), &way).await.expect("it is whole");
        // Lines end with LF, and comments are signs of life and no events.
        let direct = direct(&other, &way).await.replace("\r\n", "\n");
        let events = direct.split_inclusive("\n\n").filter(|block| !block.starts_with(':'));
        assert_eq!(through, events.collect::<String>());
        assert!(through.len() > 1000);
    }
}

#[tokio::test]
async fn what_breaks_is_one_stream_all_the_same() {
    for way in ways() {
        let mock = mock("rst@20,fin@20").await;
        let through = wrapped(client(&mock, way.profile), &way).await.expect("it is whole");
        let (wire, events) = (way.profile.wire, events(&way, &through));
        assert_eq!(text(wire, &events), mock.text_for(PROMPT), "{wire:?}");
        let ends = |(name, data): &&(String, String)| {
            let decoded = protocol::decode(wire, name.as_bytes(), data.as_bytes());
            decoded.expect("an event").stop.is_some()
        };
        assert_eq!(events.iter().filter(ends).count(), 1, "{wire:?}");
        assert_eq!(mock.ledger().requests.len(), 3);
    }
}

#[tokio::test]
async fn what_cannot_be_completed_ends_with_the_error_of_its_wire() {
    for way in ways() {
        let mock = mock("rst@20,401").await;
        let through = wrapped(client(&mock, way.profile), &way).await.expect("it begins");
        let (wire, events) = (way.profile.wire, events(&way, &through));
        let decoded = |(name, data): &(String, String)| {
            let decoded = protocol::decode(wire, name.as_bytes(), data.as_bytes());
            let decoded = decoded.expect("an event");
            (decoded.error.map(|error| error.message), decoded.stop)
        };
        let (last, before) = events.split_last().expect("it began");
        let message = decoded(last).0.expect("an error");
        assert!(message.contains("; checkpoint "), "{message}");
        assert!(before.iter().all(|event| decoded(event) == (None, None)), "{wire:?}");
        assert!(mock.text_for(PROMPT).starts_with(&text(wire, before)));
    }
}

#[tokio::test]
async fn what_does_not_begin_is_no_response() {
    for way in ways() {
        let mock = mock("401").await;
        let error = wrapped(client(&mock, way.profile), &way).await.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::Refused);
    }
    let [mut way, ..] = ways();
    let mock = mock("").await;
    let client = client(&mock, way.profile);
    way.body = "{".to_owned();
    let error = wrapped(client.clone(), &way).await.expect_err("it is no JSON");
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    way.body = format!("{{\"model\":\"{}\"}}", "m".repeat(32 << 20));
    let error = wrapped(client, &way).await.expect_err("it is too long");
    assert_eq!(error.to_string(), "invalid request: its body is longer than it may be");
    assert!(mock.ledger().requests.is_empty());
}
