//! Requests as they are checked and recorded: keys, fields that must be kept, control pages.

use mock_provider::{Authorization, Config, Ending, Wire};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::client::{assistant, body, exchange, post, post_with, start, user};

const WIRES: [Wire; 2] = [Wire::AnthropicMessages, Wire::OpenAiChat];

#[tokio::test]
async fn a_wrong_key_is_refused_and_never_kept() {
    let config = Config { api_key: Some("right-key".into()), ..Config::default() };
    let mock = start(Vec::new(), config).await;
    let asked = body("m", json!([user("key")]));
    for wire in WIRES {
        let cases = [
            ("", 401, Authorization::Absent),
            ("x-api-key: wrong-key\r\n", 401, Authorization::Rejected),
            ("Authorization: Bearer wrong-key\r\n", 401, Authorization::Rejected),
            ("x-api-key: right-key\r\n", 200, Authorization::Accepted),
            ("Authorization: Bearer right-key\r\n", 200, Authorization::Accepted),
        ];
        for (headers, status, authorization) in cases {
            let response = post_with(mock.addr(), wire, headers, &asked).await;
            assert_eq!(response.status, status);
            assert!(!String::from_utf8_lossy(&response.body).contains("-key\""));
            let ledger = mock.ledger();
            assert_eq!(ledger.requests.last().unwrap().authorization, authorization);
        }
    }
    let printed = format!("{:?}{}", mock.ledger(), mock.ledger().to_json());
    assert!(!printed.contains("right-key") && !printed.contains("wrong-key"));
}

#[tokio::test]
async fn invalid_requests_are_refused_and_recorded() {
    let mock = start(Vec::new(), Config::default()).await;
    let mut quiet = body("m", json!([user("q")]));
    quiet["stream"] = json!(false);
    let no_model = json!({"stream": true, "max_tokens": 1, "messages": [user("q")]});
    for wire in WIRES {
        for invalid in [&quiet, &no_model, &json!([])] {
            assert_eq!(post(mock.addr(), wire, invalid).await.status, 400);
        }
    }
    let ledger = mock.ledger();
    assert_eq!(ledger.requests.len(), 6);
    assert!(ledger.requests.iter().all(|record| record.ending == Ending::Rejected));
    assert_eq!(ledger.totals.billed_tokens, 0);
}

#[tokio::test]
async fn the_record_holds_what_the_request_said() {
    let mock = start(Vec::new(), Config { tokens: 4, ..Config::default() }).await;
    let asked = body("claude-x", json!([user("what")]));
    post_with(mock.addr(), WIRES[0], "Idempotency-Key: \"k-1\"\r\n", &asked).await;
    let ledger = mock.ledger();
    let record = &ledger.requests[0];
    assert_eq!((record.number, record.wire, record.status), (1, WIRES[0], 200));
    assert_eq!((record.path.as_str(), record.model.as_str()), ("/v1/messages", "claude-x"));
    assert_eq!(record.idempotency_key.as_deref(), Some("\"k-1\""));
    assert_eq!(record.authorization, Authorization::Absent);
    assert_eq!(record.body_bytes, asked.to_string().len());
    assert_eq!(record.max_tokens, Some(4096));
    assert_eq!(record.text, mock.text_for("what"));
    assert!(record.ended_at.is_some_and(|ended| ended >= record.at));
    assert_eq!((ledger.billed("what"), ledger.needed("what")), (4, 4));
    assert_eq!(ledger.needed("never asked"), 0);
}

#[tokio::test]
async fn continuations_must_keep_what_the_caller_wrote() {
    let mock = start(Vec::new(), Config::default()).await;
    let mut first = body("claude-opus-5-5", json!([user("kept")]));
    first["system"] = json!("be brief");
    first["tools"] = json!([{"name": "t"}]);
    first["temperature"] = json!(0.5);
    post(mock.addr(), WIRES[0], &first).await;
    let mut rest = first.clone();
    let begun = mock.text_for("kept");
    let begun = begun.chars().take(30).collect::<String>();
    rest["messages"] = json!([user("kept"), assistant(&begun), user("go on")]);
    rest["max_tokens"] = json!(100);
    post(mock.addr(), WIRES[0], &rest).await;
    assert!(mock.ledger().requests[1].caller_fields_kept());
    rest["system"] = json!("be long");
    rest.as_object_mut().unwrap().remove("tools");
    rest["top_k"] = json!(1);
    rest["messages"] = json!([user("kept"), user("changed"), assistant(&begun), user("go on")]);
    post(mock.addr(), WIRES[0], &rest).await;
    let ledger = mock.ledger();
    assert!(!ledger.requests[2].caller_fields_kept());
    assert_eq!(ledger.requests[2].lost_fields, ["messages", "system", "tools", "top_k"]);
}

#[tokio::test]
async fn another_process_can_read_ledger_and_oracle() {
    let mock = start(Vec::new(), Config { tokens: 5, ..Config::default() }).await;
    post(mock.addr(), WIRES[1], &body("m", json!([user("한 page")]))).await;
    let get = |target: &'static str| {
        let addr = mock.addr();
        async move {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            exchange(&mut stream, format!("GET {target} HTTP/1.1\r\n\r\n").as_bytes()).await
        }
    };
    let ledger: Value = serde_json::from_slice(&get("/mock/ledger").await.body).unwrap();
    assert_eq!(ledger["totals"]["requests"], 1);
    assert_eq!(ledger["requests"][0]["text"], mock.text_for("한 page"));
    assert_eq!(ledger["requests"][0]["ending"], "complete");
    let text = get("/mock/text?prompt=%ED%95%9C%20page").await;
    assert_eq!(String::from_utf8(text.body).unwrap(), mock.text_for("한 page"));
    assert_eq!(get("/elsewhere").await.status, 404);
    assert_eq!(get("/v1/messages").await.status, 405);
}
