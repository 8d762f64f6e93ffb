//! What can be retrieved and what cannot: faults of each call, refusals, expiry, bounds.

use std::time::Duration;

use mock_provider::{Config, Fault, Faults, Limits, Mock};
use serde_json::{Value, json};

use crate::calls::{self, WIRE, asks, call, follow, id, json, last, made, slow};
use crate::client::{End, post, start};

#[tokio::test]
async fn faults_that_come_before_the_first_event_make_no_response() {
    for fault in ["503", "close", "rst", "silent", "empty", "html", "json200"] {
        let limits = Limits { hold_max: Duration::from_millis(50), ..Limits::default() };
        let config = Config { tokens: 9, limits, ..Config::default() };
        let mock = start(vec![fault.parse().unwrap()], config).await;
        post(mock.addr(), WIRE, &asks("never")).await;
        assert_eq!(last(&mock).response.unwrap().id, "", "{fault}");
        assert_eq!(mock.ledger().billed("never"), 0, "{fault}");
    }
}

#[tokio::test]
async fn each_retrieval_meets_the_next_fault() {
    let more = ["503:2", "rst", "html", "ok", "429"];
    let (mock, _, id) = made("ok", &more, Config { tokens: 9, ..Config::default() }).await;
    assert_eq!(follow(&mock, &id, 0).await.header("retry-after"), Some("2"));
    assert_eq!(follow(&mock, &id, 0).await.end, End::Reset);
    let page = call(&mock, "GET", &id).await;
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert_eq!(follow(&mock, "resp_unknown", 0).await.status, 404, "takes no fault");
    assert_eq!(json(&call(&mock, "GET", &id).await)["status"], "completed");
    assert_eq!(call(&mock, "GET", &id).await.status, 429);
}

#[tokio::test]
async fn what_cannot_be_streamed_again_is_400() {
    let config = Config { tokens: 9, ..Config::default() };
    let (mock, whole, id) = made("ok", &[], config).await;
    let beyond = whole.payloads().len() as u64;
    for query in [format!("&starting_after={beyond}"), "&starting_after=x".to_owned()] {
        let response = call(&mock, "GET", &format!("{id}?stream=true{query}")).await;
        let error = &json(&response)["error"];
        assert_eq!((response.status, &error["param"]), (400, &json!("starting_after")));
    }
    for (background, stream) in [(true, false), (false, true), (false, false)] {
        let mut asked = asks("other");
        (asked["background"], asked["stream"]) = (json!(background), json!(stream));
        let made = post(mock.addr(), WIRE, &asked).await;
        let id = if stream { calls::id(&made) } else { json(&made)["id"].as_str().unwrap().into() };
        assert_eq!(follow(&mock, &id, 0).await.status, 400, "{background} {stream}");
        assert_eq!(json(&call(&mock, "GET", &id).await)["status"], "completed");
        let cancelled = call(&mock, "POST", &format!("{id}/cancel")).await.status;
        assert_eq!(cancelled, if background { 200 } else { 400 });
    }
}

#[tokio::test]
async fn a_live_response_has_no_event_that_is_not_made_yet() {
    let (mock, _, id) = made("rst@0", &[], slow(50, 60_000)).await;
    assert_eq!(follow(&mock, &id, 5).await.status, 400);
}

#[tokio::test]
async fn what_is_not_stored_or_expired_is_404() {
    let config = Config { tokens: 9, ..Config::default() };
    let (mock, _, id) = made("ok", &["ok", "expire"], config).await;
    assert_eq!(follow(&mock, &id, 0).await.status, 200);
    let gone = follow(&mock, &id, 0).await;
    assert_eq!(gone.status, 404);
    let message = format!("Response with id '{id}' not found.");
    assert_eq!(json(&gone)["error"]["message"], message);
    assert_eq!(follow(&mock, &id, 0).await.status, 404);
    assert_eq!(call(&mock, "POST", &format!("{id}/cancel")).await.status, 404);
    assert_eq!(mock.ledger().requests[2].fault, Fault::Expired);
    let mut asked = asks("not stored");
    (asked["background"], asked["store"]) = (json!(false), json!(false));
    let made = post(mock.addr(), WIRE, &asked).await;
    assert_eq!(call(&mock, "GET", &calls::id(&made)).await.status, 404);
    let (mock, whole, id) = calls::made("expire", &[], Config::default()).await;
    assert_eq!(whole.text(), mock.text_for("kept"));
    assert_eq!(follow(&mock, &id, 0).await.status, 404);
}

#[tokio::test]
async fn old_responses_lose_their_events_first_and_then_themselves() {
    let limits = Limits { response_streamed_for: Duration::from_nanos(1), ..Limits::default() };
    let (mock, _, id) = made("ok", &[], Config { limits, ..Config::default() }).await;
    let late = follow(&mock, &id, 0).await;
    assert_eq!(late.status, 400);
    let message = json(&late)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("This response can no longer be streamed because"), "{message}");
    assert_eq!(call(&mock, "GET", &id).await.status, 200);
    let limits = Limits { response_kept_for: Duration::from_nanos(1), ..Limits::default() };
    let (mock, _, id) = made("ok", &[], Config { limits, ..Config::default() }).await;
    assert_eq!(call(&mock, "GET", &id).await.status, 404);
}

#[tokio::test]
async fn only_so_many_responses_are_kept() {
    for limits in [
        Limits { responses_max: 2, ..Limits::default() },
        Limits { responses_bytes_max: 800, ..Limits::default() },
    ] {
        let config = Config { limits, ..slow(9, 60_000) };
        let mock = start(Vec::new(), config).await;
        let mut asked = asks("many");
        asked["stream"] = json!(false);
        let mut ids = Vec::new();
        for _ in 0..3 {
            let made = post(mock.addr(), WIRE, &asked).await;
            ids.push(json(&made)["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(call(&mock, "GET", &ids[0]).await.status, 404);
        assert_eq!(call(&mock, "GET", &ids[2]).await.status, 200);
        assert_eq!(mock.ledger().requests[0].billed_tokens, 9, "what is dropped is not stopped");
    }
}

#[tokio::test]
async fn a_script_has_no_place_for_a_prompt_that_is_forgotten() {
    let faults = Faults::PerPrompt("ok,503".parse().unwrap());
    let limits = Limits { ledger_requests_max: 1, ..Limits::default() };
    let mock = Mock::start(Config { faults, limits, ..Config::default() }).await.unwrap();
    let first = id(&post(mock.addr(), WIRE, &asks("first")).await);
    assert_eq!(follow(&mock, &first, 0).await.status, 503);
    post(mock.addr(), WIRE, &asks("second")).await;
    for _ in 0..3 {
        assert_eq!(follow(&mock, &first, 0).await.status, 200);
    }
}

#[tokio::test]
async fn keys_are_checked_for_every_call() {
    let config = Config { api_key: Some("right".into()), ..Config::default() };
    let mock = start(Vec::new(), config).await;
    for (method, target) in [("GET", "resp_1"), ("POST", "resp_1/cancel")] {
        assert_eq!(call(&mock, method, target).await.status, 401);
    }
    assert_eq!(call(&mock, "DELETE", "resp_1").await.status, 401);
    assert_eq!(mock.ledger().requests.len(), 3);
}

#[tokio::test]
async fn another_process_reads_what_was_called() {
    let (mock, _, id) = made("rst@3", &[], Config { tokens: 9, ..Config::default() }).await;
    follow(&mock, &id, 4).await;
    let ledger: Value = serde_json::from_str(&mock.ledger().to_json()).unwrap();
    let (made, read) = (&ledger["requests"][0], &ledger["requests"][1]);
    assert_eq!((&made["wire"], &made["call"]), (&json!("openai-responses"), &json!("create")));
    assert_eq!((&made["response_id"], &made["background"]), (&json!(id), &json!(true)));
    assert_eq!((&made["sequence_first"], &made["sequence_last"]), (&json!(0), &json!(7)));
    assert_eq!((&read["call"], &read["starting_after"]), (&json!("stream"), &json!(4)));
    assert_eq!((&read["sequence_first"], &read["billed_tokens"]), (&json!(5), &json!(0)));
    assert_eq!(read["path"], format!("/v1/responses/{id}"));
}
