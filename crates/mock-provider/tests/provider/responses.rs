//! The Responses wire: its events in order, its objects, what it refuses, how it goes on.

use mock_provider::{CallKind, Config, Continuation, Ending, Fault, Mock, Wire};
use serde_json::{Value, json};

use crate::client::{End, Response, post, start};

const WIRE: Wire = Wire::OpenAiResponses;

async fn server(tokens: u32) -> Mock {
    start(Vec::new(), Config { tokens, ..Config::default() }).await
}

fn asks(prompt: &str) -> Value {
    json!({"model": "gpt-5", "input": prompt, "stream": true})
}

/// The payloads without those that only keep the connection.
fn payloads(response: &Response) -> Vec<Value> {
    let mut payloads = response.payloads();
    payloads.retain(|payload| payload["type"] != "keepalive");
    payloads
}

#[tokio::test]
async fn every_event_has_its_name_and_the_next_number() {
    let mock = server(400).await;
    let response = post(mock.addr(), WIRE, &asks("numbers")).await;
    let payloads = response.payloads();
    let kinds: Vec<_> = payloads.iter().map(|payload| payload["type"].clone()).collect();
    assert!(kinds.contains(&json!("keepalive")), "400 tokens have one");
    for (number, (event, payload)) in response.events().iter().zip(&payloads).enumerate() {
        assert_eq!(payload["sequence_number"], number);
        assert_eq!(payload["type"], event.name);
    }
    assert!(response.events().iter().all(|event| event.data != "[DONE]"));
}

#[tokio::test]
async fn the_events_come_in_order_and_repeat_the_text() {
    let mock = server(3).await;
    let response = post(mock.addr(), WIRE, &asks("order")).await;
    let payloads = payloads(&response);
    let kinds: Vec<_> = payloads.iter().map(|payload| payload["type"].as_str().unwrap()).collect();
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(kinds, expected);
    let text = mock.text_for("order");
    let part = json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text});
    let id = payloads[0]["response"]["id"].as_str().unwrap();
    let item_id = id.replace("resp_", "msg_");
    assert_eq!(payloads[0]["response"]["status"], "in_progress");
    assert_eq!((&payloads[0]["response"]["output"]), &json!([]));
    assert_eq!(payloads[2]["item"]["content"], json!([]));
    assert_eq!(payloads[3]["part"]["text"], "");
    for payload in &payloads[3..9] {
        let place = (&payload["item_id"], &payload["output_index"], &payload["content_index"]);
        assert_eq!(place, (&json!(item_id), &json!(0), &json!(0)));
    }
    assert_eq!(payloads[4]["logprobs"], json!([]));
    assert!(payloads[4]["obfuscation"].is_string());
    assert_eq!(payloads[7]["text"], text);
    assert_eq!(payloads[8]["part"], part);
    assert_eq!(payloads[9]["item"]["content"], json!([part]));
    let whole = &payloads[10]["response"];
    assert_eq!((&whole["id"], &whole["status"]), (&json!(id), &json!("completed")));
    assert_eq!(whole["output"], json!([payloads[9]["item"]]));
    let usage = json!({
        "input_tokens": 2, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 5,
    });
    assert_eq!(whole["usage"], usage);
}

#[tokio::test]
async fn a_bound_makes_the_response_incomplete() {
    let mock = server(60).await;
    let mut asked = asks("bound");
    asked["max_output_tokens"] = json!(16);
    let response = post(mock.addr(), WIRE, &asked).await;
    let last = response.payloads().pop().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    let details = &last["response"]["incomplete_details"];
    assert_eq!(details, &json!({"reason": "max_output_tokens"}));
    assert_eq!(last["response"]["usage"]["output_tokens"], 16);
    assert_eq!(last["response"]["max_output_tokens"], 16);
    assert_eq!(last["response"]["output"][0]["status"], "incomplete");
    assert_eq!(mock.ledger().requests[0].ending, Ending::Complete);
}

#[tokio::test]
async fn failures_have_the_form_of_the_wire() {
    let kinds = [
        ("overloaded", "response.failed", "/response/error/code", "server_is_overloaded"),
        ("api", "response.failed", "/response/error/code", "server_error"),
        ("rate-limit", "response.failed", "/response/error/code", "rate_limit_exceeded"),
        ("invalid", "response.failed", "/response/error/code", "invalid_prompt"),
        ("timeout", "error", "/code", "server_error"),
        ("openrouter", "error", "/error/code", "server_error"),
    ];
    for (kind, name, place, code) in kinds {
        let fault: Fault = format!("error@3:{kind}").parse().unwrap();
        let mock = start(vec![fault], Config::default()).await;
        let response = post(mock.addr(), WIRE, &asks("failure")).await;
        assert_eq!((response.tokens().len(), response.end), (3, End::Whole));
        let last = response.payloads().pop().unwrap();
        assert_eq!(last["type"], name, "{kind}");
        assert_eq!(last.pointer(place).unwrap(), code, "{kind}");
        let count = response.payloads().len();
        assert_eq!(last["sequence_number"], count - 1);
        let sequence = mock.ledger().requests[0].response.clone().unwrap().sequence;
        assert_eq!(sequence, Some((0, count as u64 - 1)));
    }
}

#[tokio::test]
async fn the_stream_can_end_without_a_terminal_event() {
    let mock = start(vec![Fault::EndAfterStop], Config::default()).await;
    let response = post(mock.addr(), WIRE, &asks("no terminal")).await;
    let last = response.payloads().pop().unwrap();
    assert_eq!(last["type"], "response.output_item.done");
    assert_eq!(response.text(), mock.text_for("no terminal"));
}

#[tokio::test]
async fn obfuscation_is_left_out_where_that_is_asked_for() {
    let mock = server(30).await;
    let mut asked = asks("bare");
    asked["stream_options"] = json!({"include_obfuscation": false});
    let response = post(mock.addr(), WIRE, &asked).await;
    assert!(response.payloads().iter().all(|payload| payload.get("obfuscation").is_none()));
    assert_eq!(response.text(), mock.text_for("bare"));
}

#[tokio::test]
async fn what_the_wire_does_not_take_is_400_with_parameter_and_code() {
    let mock = server(3).await;
    let part = json!([{"role": "user", "content": [{"type": "text", "text": "x"}]}]);
    let cases = [
        (json!({"model": "m"}), "input", "missing_required_parameter"),
        (json!({"input": "q"}), "model", "missing_required_parameter"),
        (json!({"model": "m", "input": part}), "input[0].content[0].type", "invalid_value"),
        (
            json!({"model": "m", "input": "q", "max_output_tokens": 15}),
            "max_output_tokens",
            "integer_below_min_value",
        ),
    ];
    for (asked, param, code) in &cases {
        let response = post(mock.addr(), WIRE, asked).await;
        assert_eq!(response.status, 400);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        let error = &body["error"];
        assert_eq!(error["type"], "invalid_request_error");
        assert_eq!((&error["param"], &error["code"]), (&json!(param), &json!(code)));
    }
    let ledger = mock.ledger();
    assert_eq!(ledger.requests.len(), cases.len());
    let unmade = ledger.requests.iter().filter_map(|record| record.response.as_ref());
    assert!(unmade.into_iter().all(|made| made.call == CallKind::Create && made.id.is_empty()));
}

#[tokio::test]
async fn a_string_and_the_items_of_its_continuation_are_one_conversation() {
    let mock = server(300).await;
    let mut first = asks("one");
    first["instructions"] = json!("be brief");
    post(mock.addr(), WIRE, &first).await;
    let text = mock.text_for("one");
    let at = text.char_indices().nth(40).map_or(0, |(at, _)| at);
    let told = format!("I received it up to: «{}». Please go on.", &text[..at]);
    let mut rest = first.clone();
    rest["input"] = json!([
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "one"}]},
        {"type": "message", "role": "assistant",
         "content": [{"type": "output_text", "text": &text[..at]}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": told}]},
    ]);
    let response = post(mock.addr(), WIRE, &rest).await;
    assert_eq!(response.text(), text[at..]);
    let record = mock.ledger().requests.pop().unwrap();
    assert_eq!(record.continuation, Continuation::Instructed);
    assert!(record.caller_fields_kept(), "{:?}", record.lost_fields);
    rest["instructions"] = json!("be long");
    post(mock.addr(), WIRE, &rest).await;
    assert_eq!(mock.ledger().requests.pop().unwrap().lost_fields, ["instructions"]);
}

#[tokio::test]
async fn an_input_that_ends_with_the_assistant_gets_another_answer() {
    let mock = server(60).await;
    let text = mock.text_for("prefill");
    let mut asked = asks("");
    asked["input"] = json!([
        {"role": "user", "content": "prefill"}, {"role": "assistant", "content": &text[..1]},
    ]);
    let response = post(mock.addr(), WIRE, &asked).await;
    assert_eq!(response.status, 200);
    assert_ne!(response.text(), text[1..]);
    assert!(mock.ledger().requests[0].flags.prefill_ignored);
}
