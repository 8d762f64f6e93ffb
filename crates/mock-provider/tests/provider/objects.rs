//! Responses that are not streamed: the object, and every fault inside it.

use std::time::Duration;

use mock_provider::{Config, Ending, Limits, Mock, Wire};
use serde_json::{Value, json};

use crate::client::{End, Response, post, start};

async fn meet(fault: &str, prompt: &str) -> (Response, Mock) {
    let limits = Limits { hold_max: Duration::from_millis(60), ..Limits::default() };
    let config = Config { tokens: 60, limits, ..Config::default() };
    let mock = start(vec![fault.parse().expect("a fault")], config).await;
    let asked = json!({"model": "gpt-5", "input": prompt});
    let response = post(mock.addr(), Wire::OpenAiResponses, &asked).await;
    mock.settled().await;
    (response, mock)
}

#[tokio::test]
async fn the_whole_object_comes_at_once() {
    for fault in ["ok", "bom", "crlf", "expire", "end@stop"] {
        let (response, mock) = meet(fault, "object").await;
        assert_eq!(response.header("content-type"), Some("application/json"));
        let body = response.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&response.body);
        assert_eq!(body.len() < response.body.len(), fault == "bom");
        let object: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(
            (&object["object"], &object["status"]),
            (&json!("response"), &json!("completed"))
        );
        assert_eq!(object["output"][0]["content"][0]["text"], mock.text_for("object"));
        assert_eq!(object["usage"]["output_tokens"], 60);
        let ledger = mock.ledger();
        assert_eq!(ledger.requests[0].text, mock.text_for("object"));
        assert_eq!((ledger.billed("object"), ledger.requests[0].ending), (60, Ending::Complete));
    }
}

#[tokio::test]
async fn a_body_breaks_after_so_many_tokens_of_its_text() {
    let faults = [
        ("stall@7", End::Reset),
        ("pings@7", End::Reset),
        ("rst@7", End::Reset),
        ("fin@7", End::Closed),
        ("end@7", End::Whole),
        ("chunk@7", End::BadChunk),
    ];
    for (fault, end) in faults {
        let (response, mock) = meet(fault, "mock:ha").await;
        assert_eq!((response.status, response.end), (200, end), "{fault}");
        let answer = Config { tokens: 60, ..Config::default() }.answer_for("mock:ha");
        let begun: String = answer.iter().take(7).collect();
        let body = String::from_utf8(response.body.clone()).unwrap();
        assert!(body.ends_with(&format!(r#""text":"{begun}"#)), "{fault}: {body}");
        let ledger = mock.ledger();
        let record = &ledger.requests[0];
        assert_eq!((record.ending, record.billed_tokens), (Ending::Cut, 60), "{fault}");
        assert_eq!(record.text, "", "nobody reads half an object");
    }
}

#[tokio::test]
async fn a_body_can_be_no_json_and_no_text() {
    let (response, _) = meet("json@7", "broken").await;
    assert_eq!(response.end, End::Whole);
    assert!(serde_json::from_slice::<Value>(&response.body).is_err());
    for prompt in ["multilingual", "mock:ha"] {
        let (response, _) = meet("utf8@5", prompt).await;
        let error = std::str::from_utf8(&response.body).unwrap_err();
        assert_eq!((error.error_len(), response.end), (None, End::Whole));
    }
    for (fault, end) in [("silent", End::Reset), ("empty", End::Whole)] {
        let (response, mock) = meet(fault, "nothing").await;
        assert_eq!((response.body.len(), response.end), (0, end), "{fault}");
        assert_eq!(mock.ledger().totals.billed_tokens, 0, "{fault}");
    }
}

#[tokio::test]
async fn a_failure_is_an_object_that_says_so() {
    let (response, mock) = meet("error@7:rate-limit", "failed").await;
    let object: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((response.status, &object["status"]), (200, &json!("failed")));
    assert_eq!(object["error"]["code"], "rate_limit_exceeded");
    assert_eq!((&object["output"], &object["usage"]), (&json!([]), &json!(null)));
    let ledger = mock.ledger();
    assert_eq!((ledger.billed("failed"), ledger.requests[0].ending), (7, Ending::Cut));
}

#[tokio::test]
async fn statuses_and_resets_come_before_the_object() {
    let (response, _) = meet("503:2", "status").await;
    assert_eq!((response.status, response.header("retry-after")), (503, Some("2")));
    let (response, _) = meet("rst", "status").await;
    assert_eq!((response.status, response.end), (0, End::Reset));
}
