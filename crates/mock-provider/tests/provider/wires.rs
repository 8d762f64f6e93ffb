//! Whole answers: the oracle's text on all wires, ids, usage, keep-alive, pace.

use std::time::{Duration, Instant};

use mock_provider::{Config, Ending, Fault, Mock, Pace, Split, Wire, text_for};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{End, Response, body, exchange, post, request, start, user};

const WIRES: [Wire; 4] =
    [Wire::AnthropicMessages, Wire::OpenAiChat, Wire::OpenAiResponses, Wire::Gemini];

async fn ask(mock: &Mock, wire: Wire, prompt: &str) -> Response {
    post(mock.addr(), wire, &body("m", json!([user(prompt)]))).await
}

#[tokio::test]
async fn every_kind_of_text_arrives_whole_token_by_token() {
    let mock = start(Vec::new(), Config::default()).await;
    for wire in WIRES {
        for kind in ["multilingual", "ha", "rows", "braces", "intro+ha", "intro+rows"] {
            let prompt = format!("mock:{kind} mock:tokens=200");
            let response = ask(&mock, wire, &prompt).await;
            assert_eq!(response.end, End::Whole);
            assert_eq!(response.text(), mock.text_for(&prompt));
            assert_eq!(response.tokens().len(), 200);
            assert!(response.has_sentinel());
        }
    }
    assert_eq!(
        text_for("mock:ha", 9),
        Config { tokens: 9, ..Config::default() }.text_for("mock:ha")
    );
}

#[tokio::test]
async fn the_answer_to_a_prompt_does_not_depend_on_pieces() {
    for (split, tokens_per_write) in [(Split::Whole, 1), (Split::Odd, 7), (Split::Whole, 1000)] {
        let pace = Pace { split, tokens_per_write, ..Pace::default() };
        let mock = start(Vec::new(), Config { pace, ..Config::default() }).await;
        let response = ask(&mock, Wire::OpenAiChat, "pieces").await;
        assert_eq!(response.text(), Config::default().text_for("pieces"));
    }
}

#[tokio::test]
async fn a_messages_answer_has_its_events_in_order() {
    let mock = start(Vec::new(), Config { tokens: 3, ..Config::default() }).await;
    let response = ask(&mock, Wire::AnthropicMessages, "order").await;
    assert_eq!(response.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert!(response.header("request-id").is_some_and(|id| id.starts_with("req_")));
    assert!(response.header("date").is_some_and(|date| date.ends_with(" GMT")));
    let mut names: Vec<_> = response.events().into_iter().map(|event| event.name).collect();
    names.retain(|name| name != "ping");
    names.dedup();
    let expected = [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(names, expected);
    let usage = response.payloads().iter().find_map(|p| p["usage"]["output_tokens"].as_u64());
    assert_eq!(usage, Some(3));
    assert_eq!(response.stop_reason().as_deref(), Some("end_turn"));
}

#[tokio::test]
async fn a_chat_has_usage_only_when_asked() {
    let mock = start(Vec::new(), Config { tokens: 3, ..Config::default() }).await;
    let mut asked = body("m", json!([user("usage")]));
    let plain = post(mock.addr(), Wire::OpenAiChat, &asked).await;
    assert!(plain.payloads().iter().all(|payload| payload.get("usage").is_none()));
    asked["stream_options"] = json!({"include_usage": true});
    let response = post(mock.addr(), Wire::OpenAiChat, &asked).await;
    let payloads = response.payloads();
    let (last, others) = payloads.split_last().expect("chunks");
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], 3);
    assert!(others.iter().all(|payload| payload["usage"] == Value::Null));
    assert_eq!(payloads[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(response.stop_reason().as_deref(), Some("stop"));
}

#[tokio::test]
async fn ids_differ_from_request_to_request() {
    let mock = start(Vec::new(), Config { tokens: 1, ..Config::default() }).await;
    let first = ask(&mock, Wire::OpenAiChat, "ids").await;
    let second = ask(&mock, Wire::OpenAiChat, "ids").await;
    for name in ["id", "created"] {
        assert_ne!(first.payloads()[0][name], second.payloads()[0][name]);
    }
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    let messages = ask(&mock, Wire::AnthropicMessages, "ids").await;
    assert!(
        messages.payloads()[0]["message"]["id"].as_str().is_some_and(|id| id.starts_with("msg_"))
    );
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let faults = ["ok", "429", "end@1", "json200", "ok"];
    let faults = faults.map(|fault| fault.parse::<Fault>().unwrap()).to_vec();
    let mock = start(faults, Config { tokens: 5, ..Config::default() }).await;
    let mut stream = TcpStream::connect(mock.addr()).await.unwrap();
    let bytes = request(Wire::OpenAiChat, "", &body("m", json!([user("again")])).to_string());
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(exchange(&mut stream, &bytes).await.status);
    }
    assert_eq!(statuses, [200, 429, 200, 200, 200]);
    assert_eq!(mock.ledger().totals.connections, 1);
}

#[tokio::test]
async fn a_client_that_asks_for_it_is_closed_after_its_answer() {
    let mock = start(Vec::new(), Config { tokens: 1, ..Config::default() }).await;
    let mut stream = TcpStream::connect(mock.addr()).await.unwrap();
    let body = body("m", json!([user("bye")])).to_string();
    let bytes = request(Wire::OpenAiChat, "Connection: close\r\n", &body);
    assert_eq!(exchange(&mut stream, &bytes).await.end, End::Whole);
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_chunked_body_after_100_continue_is_read() {
    let mock = start(Vec::new(), Config { tokens: 1, ..Config::default() }).await;
    let mut stream = TcpStream::connect(mock.addr()).await.unwrap();
    let head = "POST /beta/chat/completions HTTP/1.1\r\nExpect: 100-continue\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    let body = body("m", json!([user("chunks")])).to_string();
    let (first, second) = body.split_at(10);
    let chunks =
        format!("{:x}\r\n{first}\r\n{:X}\r\n{second}\r\n0\r\n\r\n", first.len(), second.len());
    let response = exchange(&mut stream, chunks.as_bytes()).await;
    assert_eq!(response.text(), mock.text_for("chunks"));
}

#[tokio::test]
async fn a_delay_per_token_is_kept() {
    let pace = Pace { delay_per_token: Duration::from_millis(5), ..Pace::default() };
    let mock = start(Vec::new(), Config { tokens: 10, pace, ..Config::default() }).await;
    let begun = Instant::now();
    ask(&mock, Wire::OpenAiChat, "slow").await;
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_delay_before_the_first_token_is_kept_once() {
    let lead = Duration::from_millis(120);
    let pace = Pace { delay_before_first: lead, ..Pace::default() };
    let mock = start(Vec::new(), Config { tokens: 10, pace, ..Config::default() }).await;
    let begun = Instant::now();
    ask(&mock, Wire::AnthropicMessages, "slow to begin").await;
    assert!(begun.elapsed() >= lead && begun.elapsed() < 10 * lead, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn tokens_after_the_client_left_are_not_billed() {
    let pace = Pace { delay_per_token: Duration::from_millis(2), ..Pace::default() };
    let mock = start(Vec::new(), Config { tokens: 100_000, pace, ..Config::default() }).await;
    let mut stream = TcpStream::connect(mock.addr()).await.unwrap();
    let body = body("m", json!([user("left")])).to_string();
    stream.write_all(&request(Wire::OpenAiChat, "", &body)).await.unwrap();
    stream.read_exact(&mut [0; 2000]).await.unwrap();
    drop(stream);
    mock.settled().await;
    let ledger = mock.ledger();
    assert_eq!(ledger.requests[0].ending, Ending::ClientGone);
    assert!(ledger.requests[0].billed_tokens < 1000);
}

#[tokio::test]
async fn max_tokens_ends_the_answer() {
    let mock = start(Vec::new(), Config::default()).await;
    let reasons = ["max_tokens", "length", "incomplete", "MAX_TOKENS"];
    for (wire, reason) in WIRES.into_iter().zip(reasons) {
        let prompt = format!("short {reason}");
        let mut asked = body("m", json!([user(&prompt)]));
        asked["max_tokens"] = json!(16);
        let response = post(mock.addr(), wire, &asked).await;
        assert_eq!(response.stop_reason().as_deref(), Some(reason));
        assert_eq!(response.tokens().len(), 16);
        assert!(mock.text_for(&prompt).starts_with(&response.text()));
        assert_eq!(mock.ledger().needed(&prompt), 16);
    }
}
