//! What the Gemini wire alone has: keys, answers that are not streamed, blocks, thoughts, its errors.

use mock_provider::{Authorization, Config, Ending, Mock, Wire};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::client::{Response, body, exchange, post, start, user, worded};

const STREAM: &str = "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse";
const WHOLE: &str = "/v1beta/models/gemini-2.5-pro:generateContent";

/// Posts a body to any path on a connection of its own.
async fn send(mock: &Mock, path: &str, headers: &str, body: &Value) -> Response {
    let mut stream = TcpStream::connect(mock.addr()).await.expect("the server listens");
    let body = body.to_string();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}");
    exchange(&mut stream, format!("{head}\r\n\r\n{body}").as_bytes()).await
}

fn asked(prompt: &str) -> Value {
    worded(Wire::Gemini, &body("m", json!([user(prompt)])))
}

fn error(response: &Response) -> Value {
    serde_json::from_slice::<Value>(&response.body).expect("an error body")["error"].clone()
}

#[tokio::test]
async fn an_answer_is_one_chunk_for_each_token_and_one_with_the_reason() {
    let mock = start(Vec::new(), Config { tokens: 3, ..Config::default() }).await;
    let response = send(&mock, STREAM, "", &asked("chunks")).await;
    assert_eq!(response.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert!(response.header("x-request-id").is_none() && response.header("request-id").is_none());
    assert!(response.events().iter().all(|event| event.name.is_empty()));
    let payloads = response.payloads();
    assert_eq!(payloads.len(), 4);
    for (payload, tokens) in payloads.iter().zip([1, 2, 3, 3]) {
        assert_eq!(payload["usageMetadata"]["candidatesTokenCount"], tokens);
        assert_eq!(payload["modelVersion"], "gemini-2.5-pro");
        assert_eq!(payload["responseId"], payloads[0]["responseId"]);
    }
    assert_eq!(response.stop_reason().as_deref(), Some("STOP"));
    assert_eq!(response.text(), mock.text_for("chunks"));
    let record = &mock.ledger().requests[0];
    assert_eq!((record.wire, record.model.as_str()), (Wire::Gemini, "gemini-2.5-pro"));
}

#[tokio::test]
async fn a_key_is_taken_from_the_header_or_the_query_and_never_kept() {
    let config = Config { api_key: Some("right-key".into()), ..Config::default() };
    let mock = start(Vec::new(), config).await;
    let cases = [
        ("", "", 400, Authorization::Absent),
        ("x-goog-api-key: wrong-key\r\n", "", 400, Authorization::Rejected),
        ("", "&key=wrong-key", 400, Authorization::Rejected),
        ("x-goog-api-key: right-key\r\n", "", 200, Authorization::Accepted),
        ("", "&key=right-key", 200, Authorization::Accepted),
    ];
    for (header, query, status, authorization) in cases {
        let response = send(&mock, &format!("{STREAM}{query}"), header, &asked("key")).await;
        assert_eq!(response.status, status);
        if status == 400 {
            let details = error(&response)["details"].clone();
            assert_eq!(details[0]["reason"], "API_KEY_INVALID");
        }
        assert_eq!(mock.ledger().requests.last().unwrap().authorization, authorization);
    }
    let printed = format!("{:?}{}", mock.ledger(), mock.ledger().to_json());
    assert!(!printed.contains("right-key") && !printed.contains("wrong-key"));
}

#[tokio::test]
async fn an_answer_can_be_one_document() {
    let mock = start(Vec::new(), Config { tokens: 40, ..Config::default() }).await;
    let mut told = asked("mock:call whole");
    told["generationConfig"]["thinkingConfig"] = json!({"includeThoughts": true});
    told["tools"] = json!([{"functionDeclarations": [{"name": "f"}]}]);
    let response = send(&mock, WHOLE, "", &told).await;
    let whole: Value = serde_json::from_slice(&response.body).expect("a document");
    let parts = &whole["candidates"][0]["content"]["parts"];
    assert_eq!(parts[0]["thought"], true);
    assert_eq!(parts[1]["text"], mock.text_for("mock:call whole"));
    assert_eq!(parts[2]["functionCall"]["name"], "f");
    assert_eq!(whole["candidates"][0]["finishReason"], "STOP");
    assert_eq!(whole["usageMetadata"]["thoughtsTokenCount"], 11);
    let record = &mock.ledger().requests[0];
    assert_eq!((record.billed_tokens, record.ending), (40, Ending::Complete));
    assert_eq!(record.text, mock.text_for("mock:call whole"));
}

#[tokio::test]
async fn a_generation_that_fails_before_its_document_is_a_status() {
    let mock = start(vec!["error@5".parse().unwrap()], Config::default()).await;
    let response = send(&mock, WHOLE, "", &asked("fails")).await;
    assert_eq!((response.status, error(&response)["status"].as_str()), (503, Some("UNAVAILABLE")));
}

#[tokio::test]
async fn a_blocked_prompt_has_a_reason_and_no_candidate() {
    let mock = start(Vec::new(), Config::default()).await;
    let streamed = send(&mock, STREAM, "", &asked("mock:blocked")).await;
    let whole = send(&mock, WHOLE, "", &asked("mock:blocked")).await;
    let mut payloads = streamed.payloads();
    payloads.push(serde_json::from_slice(&whole.body).expect("a document"));
    assert_eq!(payloads.len(), 2);
    for payload in payloads {
        assert_eq!(payload["promptFeedback"]["blockReason"], "SAFETY");
        assert!(payload.get("candidates").is_none());
        assert!(payload["usageMetadata"].get("candidatesTokenCount").is_none());
    }
    let ledger = mock.ledger();
    assert_eq!((ledger.totals.billed_tokens, ledger.needed("mock:blocked")), (0, 0));
    assert_eq!(mock.text_for("mock:blocked"), "");
}

#[tokio::test]
async fn errors_inside_the_stream_are_googles() {
    let kinds = [
        ("overloaded", 503, "UNAVAILABLE"),
        ("api", 500, "INTERNAL"),
        ("rate-limit", 429, "RESOURCE_EXHAUSTED"),
        ("timeout", 504, "DEADLINE_EXCEEDED"),
        ("invalid", 400, "INVALID_ARGUMENT"),
        ("openrouter", 503, "UNAVAILABLE"),
    ];
    for (kind, code, status) in kinds {
        let fault = format!("error@3:{kind}").parse().unwrap();
        let mock = start(vec![fault], Config::default()).await;
        let response = post(mock.addr(), Wire::Gemini, &body("m", json!([user("in band")]))).await;
        let last = response.payloads().pop().unwrap();
        assert_eq!(
            (&last["error"]["code"], &last["error"]["status"]),
            (&json!(code), &json!(status))
        );
        assert_eq!(response.tokens().len(), 3);
    }
}

#[tokio::test]
async fn a_days_quota_says_so_and_also_a_time_that_does_not_help() {
    let mock = start(vec!["quota".parse().unwrap()], Config::default()).await;
    let response = send(&mock, STREAM, "", &asked("quota")).await;
    let details = error(&response)["details"].clone();
    let id = details[0]["violations"][0]["quotaId"].as_str().unwrap();
    assert_eq!((response.status, id.contains("PerDay")), (429, true));
    assert_eq!(details[1]["retryDelay"], "34.074824224s");
}
