//! The same answers in other frames: lines of JSON, and Bedrock's messages.

use mock_provider::{Config, Fault, Mock, Wire};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::client::{End, Response, body, exchange, request, start, user};

const LINES: &str = "Accept: application/x-ndjson\r\n";

async fn send(mock: &Mock, bytes: &[u8]) -> Response {
    let mut stream = TcpStream::connect(mock.addr()).await.expect("it listens");
    exchange(&mut stream, bytes).await
}

fn lines(response: &Response) -> Vec<Value> {
    let text = std::str::from_utf8(&response.body).expect("lines are text");
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[tokio::test]
async fn lines_are_asked_for_by_their_media_type() {
    let mock = start(Vec::new(), Config { tokens: 9, ..Config::default() }).await;
    for (wire, last) in [(Wire::AnthropicMessages, "message_stop"), (Wire::OpenAiChat, "")] {
        let body = body("m", json!([user("lines")])).to_string();
        let response = send(&mock, &request(wire, LINES, &body)).await;
        let media = response.header("content-type").expect("a type");
        assert!(media.starts_with("application/x-ndjson"), "{media}");
        assert!(response.body.ends_with(b"}\n") && response.end == End::Whole);
        let events = lines(&response);
        let kind = events.last().and_then(|event| event["type"].as_str());
        assert_eq!(kind.unwrap_or_default(), last);
    }
}

#[tokio::test]
async fn a_torn_line_lacks_more_than_its_end() {
    for after in 0..20 {
        let mock = start(vec![Fault::EndInEvent { after }], Config::default()).await;
        let body = body("m", json!([user("torn")])).to_string();
        let response = send(&mock, &request(Wire::AnthropicMessages, LINES, &body)).await;
        assert_eq!(response.end, End::Whole);
        let (_, last) = std::str::from_utf8(&response.body)
            .map_or((None, ""), |text| (Some(()), text.rsplit('\n').next().unwrap_or("")));
        assert!(serde_json::from_str::<Value>(last).is_err(), "{last}");
    }
}

fn bedrock(model: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let head = format!("POST /model/{model}/invoke-with-response-stream HTTP/1.1\r\nHost: x\r\n");
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The messages of a body, by the lengths that they begin with.
fn messages(mut body: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while let Some((length, _)) = body.split_first_chunk() {
        let (message, rest) = body.split_at(u32::from_be_bytes(*length) as usize);
        messages.push(message);
        body = rest;
    }
    messages
}

fn contains(message: &[u8], what: &str) -> bool {
    message.windows(what.len()).any(|window| window == what.as_bytes())
}

#[tokio::test]
async fn bedrock_answers_in_messages() {
    let asked = json!({
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 99,
        "messages": [user("messages")],
    });
    let faults = vec![Fault::Healthy, Fault::UnknownException { after: 2 }];
    let mock = start(faults, Config { tokens: 5, ..Config::default() }).await;
    let response = send(&mock, &bedrock("claude%3A0", &asked)).await;
    assert_eq!(response.header("content-type"), Some("application/vnd.amazon.eventstream"));
    let whole = messages(&response.body);
    assert!(whole.len() > 9 && whole.iter().all(|message| contains(message, ":message-type")));
    let response = send(&mock, &bedrock("claude%3A0", &asked)).await;
    let last = *messages(&response.body).last().expect("a message");
    assert!(contains(last, "exceptionOfTomorrow") && contains(last, ":exception-type"));
}

#[tokio::test]
async fn bedrock_reads_a_body_strictly() {
    let mock = start(Vec::new(), Config::default()).await;
    let good = json!({
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [user("strict")],
    });
    for (name, value, message) in [
        ("model", json!("m"), "model: Extra inputs are not permitted"),
        ("stream", json!(true), "stream: Extra inputs are not permitted"),
        ("anthropic_version", json!("2023-06-01"), "anthropic_version: must be bedrock-2023-05-31"),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        let response = send(&mock, &bedrock("m", &bad)).await;
        let told: Value = serde_json::from_slice(&response.body).expect("JSON");
        assert_eq!((response.status, told["error"]["message"].as_str()), (400, Some(message)));
    }
}
