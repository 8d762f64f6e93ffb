//! Every fault on all wires: how the response ends, what text arrives, what the ledger says.

use std::time::Duration;

use mock_provider::{
    Breakdown, Config, Ending, Fault, Faults, Limits, Mock, Pace, RetryHint, Script, Wire,
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{End, Response, body, exchange, post, request, start, user};

const WIRES: [Wire; 4] =
    [Wire::AnthropicMessages, Wire::OpenAiChat, Wire::OpenAiResponses, Wire::Gemini];

/// One request that meets one fault.
async fn meet(fault: &str, wire: Wire, prompt: &str) -> (Response, Mock) {
    let limits = Limits { hold_max: Duration::from_millis(60), ..Limits::default() };
    let config = Config { tokens: 60, limits, ..Config::default() };
    let mock = start(vec![fault.parse().expect("a fault")], config).await;
    let response = post(mock.addr(), wire, &body("m", json!([user(prompt)]))).await;
    mock.settled().await;
    (response, mock)
}

/// Checks a fault that lets exactly `tokens` tokens through.
#[track_caller]
fn check(fault: &str, tokens: usize, end: End, met: &(Response, Mock), prompt: &str) {
    let (response, mock) = met;
    assert_eq!(response.end, end, "{fault}");
    assert_eq!(response.status, 200, "{fault}");
    assert_eq!(response.tokens().len(), tokens, "{fault}");
    let text = response.text();
    assert!(mock.text_for(prompt).starts_with(&text), "{fault}");
    assert_eq!(response.stop_reason(), None, "{fault}");
    let ledger = mock.ledger();
    let record = &ledger.requests[0];
    assert_eq!(record.text, text, "{fault}");
    assert_eq!(record.fault.to_string(), full_form(fault));
    assert_eq!(record.ending, Ending::Cut, "{fault}");
    let torn = record.billed_tokens - tokens as u64;
    assert!(torn <= 1, "{fault}");
    assert_eq!(ledger.totals.billed_tokens, record.billed_tokens);
}

/// A fault as the ledger writes it.
fn full_form(fault: &str) -> String {
    if fault.starts_with("error@") { format!("{fault}:overloaded") } else { fault.to_owned() }
}

#[tokio::test]
async fn breaks_inside_the_text_let_exactly_the_tokens_before_them_through() {
    let faults = [
        ("stall@7", 7, End::Reset),
        ("pings@7", 7, End::Reset),
        ("rst@7", 7, End::Reset),
        ("fin@7", 7, End::Closed),
        ("end@7", 7, End::Whole),
        ("chunk@7", 7, End::BadChunk),
        ("error@7", 7, End::Whole),
        ("rst@0", 0, End::Reset),
        ("end@0", 0, End::Whole),
        ("stall@0", 0, End::Reset),
        ("silent", 0, End::Reset),
        ("empty", 0, End::Whole),
        ("rst@999", 60, End::Reset),
        ("fin@60", 60, End::Closed),
        ("end@60", 60, End::Whole),
        ("error@60", 60, End::Whole),
    ];
    for wire in WIRES {
        for (fault, tokens, end) in faults {
            check(fault, tokens, end, &meet(fault, wire, "cut").await, "cut");
        }
    }
}

#[tokio::test]
async fn resets_arrive_after_the_tokens_at_every_place() {
    for after in 0..60 {
        let fault = format!("rst@{after}");
        check(&fault, after, End::Reset, &meet(&fault, WIRES[after % 4], "place").await, "place");
    }
}

#[tokio::test]
async fn a_body_can_end_inside_a_utf8_sequence() {
    for wire in WIRES {
        for prompt in ["multilingual", "mock:ha"] {
            let met = meet("utf8@5", wire, prompt).await;
            let (response, mock) = &met;
            assert_eq!(response.end, End::Whole);
            let error = std::str::from_utf8(&response.body).unwrap_err();
            assert_eq!(error.error_len(), None, "the body ends inside a sequence");
            assert!(response.tokens().len() >= 5 && !response.has_sentinel());
            assert_eq!(response.text(), mock.ledger().requests[0].text);
        }
    }
}

#[tokio::test]
async fn a_malformed_event_loses_one_token_and_the_rest_follows() {
    for wire in WIRES {
        let (response, mock) = meet("json@5", wire, "malformed").await;
        assert_eq!(response.end, End::Whole);
        let broken = |data: &str| {
            data != "[DONE]" && serde_json::from_str::<serde_json::Value>(data).is_err()
        };
        assert_eq!(response.events().iter().filter(|event| broken(&event.data)).count(), 1);
        let answer = Config { tokens: 60, ..Config::default() }.answer_for("malformed");
        let kept: String =
            answer.iter().enumerate().filter(|(at, _)| *at != 5).map(|(_, token)| token).collect();
        assert_eq!(response.text(), kept);
        assert!(response.has_sentinel());
        assert_eq!(mock.ledger().requests[0].billed_tokens, 60);
    }
}

#[tokio::test]
async fn connections_break_before_the_head() {
    for wire in WIRES {
        for (fault, end) in [("close", End::Closed), ("rst", End::Reset)] {
            let (response, mock) = meet(fault, wire, "early").await;
            assert_eq!((response.status, response.end), (0, end));
            let record = &mock.ledger().requests[0];
            assert_eq!((record.status, record.ending, record.billed_tokens), (0, Ending::Cut, 0));
        }
    }
}

#[tokio::test]
async fn harmless_variations_are_whole_answers() {
    for wire in WIRES {
        for fault in ["ok", "bom", "crlf", "expire", "end@stop"] {
            let (response, mock) = meet(fault, wire, "variation").await;
            assert_eq!(response.text(), mock.text_for("variation"), "{fault}");
            assert!(response.stop_reason().is_some(), "{fault}");
            // The reason is the last that the Gemini wire has.
            let ends = fault != "end@stop" || wire == Wire::Gemini;
            assert_eq!(response.has_sentinel(), ends, "{fault}");
            assert_eq!(response.body.starts_with(b"\xEF\xBB\xBF"), fault == "bom");
            let crlf = fault == "crlf" || wire == Wire::Gemini;
            assert_eq!(response.body.windows(4).any(|w| w == b"\r\n\r\n"), crlf);
            assert_eq!(mock.ledger().requests[0].ending, Ending::Complete);
            assert!(fault.parse::<Fault>().unwrap().is_harmless());
        }
    }
}

#[tokio::test]
async fn a_turn_is_paused_on_the_messages_wire_and_whole_elsewhere() {
    for wire in WIRES {
        let (response, mock) = meet("pause@5", wire, "pause").await;
        assert_eq!(response.end, End::Whole);
        assert!(response.has_sentinel());
        let is_paused = wire == Wire::AnthropicMessages;
        assert_eq!(response.text() != mock.text_for("pause"), is_paused);
        assert_eq!(response.stop_reason().as_deref() == Some("pause_turn"), is_paused);
        let body = String::from_utf8(response.body.clone()).unwrap();
        assert_eq!(body.contains(r#""container":{"id":"#), is_paused);
        let billed = if is_paused { 5 } else { 60 };
        assert_eq!(mock.ledger().requests[0].billed_tokens, billed);
    }
}

#[tokio::test]
async fn heartbeats_go_on_after_the_text() {
    let limits = Limits { hold_max: Duration::from_millis(300), ..Limits::default() };
    let pace = Pace { heartbeat_every: Duration::from_millis(10), ..Pace::default() };
    let beats = [
        ("event: ping\n", "\"text_delta\""),
        (": keep-alive\n", "\"content\""),
        ("event: keepalive\n", "\"response.output_text.delta\""),
        (": keep-alive\r\n", "\"candidates\""),
    ];
    for (wire, (beat, text)) in WIRES.into_iter().zip(beats) {
        let config = Config { tokens: 60, limits, pace, ..Config::default() };
        let mock = start(vec![Fault::Heartbeats { after: 2 }], config).await;
        let response = post(mock.addr(), wire, &body("m", json!([user("beat")]))).await;
        let body = String::from_utf8(response.body.clone()).unwrap();
        let after_text = &body[body.rfind(text).unwrap()..];
        assert!(after_text.matches(beat).count() >= 3, "{after_text}");
        assert_eq!((response.tokens().len(), response.end), (2, End::Reset));
    }
}

#[tokio::test]
async fn statuses_say_when_to_come_back_in_each_form() {
    let hints = [
        ("429", None, None),
        ("429:2", Some("2"), None),
        ("503:raw=-1", Some("-1"), None),
        ("529:ms=250", None, Some("250")),
        ("500:absurd", Some("9999999999"), None),
    ];
    for wire in WIRES {
        for (fault, retry_after, millis) in hints {
            let (response, mock) = meet(fault, wire, "status").await;
            assert_eq!(response.status.to_string(), fault[..3]);
            let error: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            if wire == Wire::Gemini {
                check_delay(&error, retry_after, millis);
                assert_eq!(response.header("retry-after"), None, "{fault}");
                continue;
            }
            assert_eq!(response.header("retry-after"), retry_after, "{fault}");
            assert_eq!(response.header("retry-after-ms"), millis, "{fault}");
            assert!(error["error"]["message"].is_string());
            assert_eq!(mock.ledger().requests[0].ending, Ending::Rejected);
        }
    }
}

/// Google says in the body when to come back.
#[track_caller]
fn check_delay(error: &serde_json::Value, retry_after: Option<&str>, millis: Option<&str>) {
    let details = error["error"]["details"].as_array().cloned().unwrap_or_default();
    let told = details.iter().find_map(|detail| detail["retryDelay"].as_str());
    let expected = match (retry_after, millis) {
        (_, Some(_)) => Some("0.250s".to_owned()),
        (seconds, None) => seconds.map(|seconds| format!("{seconds}s")),
    };
    assert_eq!(told, expected.as_deref(), "{error}");
}

#[tokio::test]
async fn a_date_is_counted_from_the_servers_own_clock() {
    let faults = vec!["503:date=3".parse().unwrap()];
    let config = Config { clock_skew_seconds: 4_000_000_000, ..Config::default() };
    let mock = start(faults, config).await;
    let response = post(mock.addr(), WIRES[0], &body("m", json!([user("date")]))).await;
    let seconds = |name| {
        let clock = response.header(name).unwrap().split(' ').nth(4).unwrap().to_owned();
        let parts: Vec<i64> = clock.split(':').map(|part| part.parse().unwrap()).collect();
        parts[0] * 3600 + parts[1] * 60 + parts[2]
    };
    assert_eq!((seconds("retry-after") - seconds("date")).rem_euclid(86_400), 3);
    let year: i32 = response.header("date").unwrap().split(' ').nth(3).unwrap().parse().unwrap();
    assert!(year > 2140);
}

#[tokio::test]
async fn final_errors_have_their_codes() {
    let (response, _) = meet("quota", Wire::OpenAiChat, "quota").await;
    let error: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((response.status, &error["error"]["code"]), (429, &json!("insufficient_quota")));
    let (response, _) = meet("401", Wire::OpenAiChat, "key").await;
    let error: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((response.status, &error["error"]["code"]), (401, &json!("invalid_api_key")));
    let (response, _) = meet("401", Wire::AnthropicMessages, "key").await;
    let error: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(error["error"]["type"], "authentication_error");
    assert!(error["request_id"].is_string());
}

#[tokio::test]
async fn bodies_that_are_no_stream_have_status_200() {
    for wire in WIRES {
        let (html, _) = meet("html", wire, "page").await;
        assert_eq!((html.status, html.header("content-type")), (200, Some("text/html")));
        assert!(html.body.starts_with(b"<!DOCTYPE html>"));
        let (json, mock) = meet("json200", wire, "page").await;
        assert_eq!((json.status, json.header("content-type")), (200, Some("application/json")));
        let body: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
        assert!(body["error"]["message"].is_string());
        assert_eq!(mock.ledger().totals.billed_tokens, 0);
    }
}

#[tokio::test]
async fn errors_inside_the_stream_have_the_form_of_their_wire() {
    let kinds = [
        ("overloaded", "overloaded_error", "server_error"),
        ("api", "api_error", "server_error"),
        ("rate-limit", "rate_limit_error", "requests"),
        ("timeout", "timeout_error", "timeout"),
        ("invalid", "invalid_request_error", "invalid_request_error"),
    ];
    for (kind, messages, chat) in kinds {
        for (wire, expected) in [(WIRES[0], messages), (WIRES[1], chat)] {
            let (response, _) = meet(&format!("error@3:{kind}"), wire, "in band").await;
            let last = response.payloads().pop().unwrap();
            assert_eq!(last["error"]["type"], expected);
        }
    }
    let (response, _) = meet("error@3:openrouter", Wire::OpenAiChat, "in band").await;
    let last = response.payloads().pop().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "error");
    assert_eq!(last["error"]["code"], 502);
}

#[tokio::test]
async fn nothing_listens_during_an_outage_and_idle_connections_end() {
    let faults = vec!["ok".parse().unwrap(), "refused:400ms".parse().unwrap()];
    let mock = start(faults, Config { tokens: 3, ..Config::default() }).await;
    let mut idle = TcpStream::connect(mock.addr()).await.unwrap();
    let bytes = request(WIRES[1], "", &body("m", json!([user("outage")])).to_string());
    let mut used = TcpStream::connect(mock.addr()).await.unwrap();
    let response = exchange(&mut used, &bytes).await;
    assert!(response.has_sentinel());
    // The outage has begun before the last byte of the answer.
    let refused = TcpStream::connect(mock.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(used.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(idle.read(&mut [0; 8]).await.unwrap(), 0);
    let mut tries = 0_u64;
    let mut stream = loop {
        match TcpStream::connect(mock.addr()).await {
            Ok(stream) => break stream,
            Err(_) => tries += 1,
        }
        tokio::task::yield_now().await;
    };
    assert!(tries > 0);
    assert_eq!(exchange(&mut stream, &bytes).await.text(), mock.text_for("outage"));
    let ledger = mock.ledger();
    assert_eq!(ledger.outages.len(), 1);
    assert_eq!(ledger.outages[0].lasting, Duration::from_millis(400));
    assert_eq!(ledger.totals.requests, 2);
}

#[tokio::test]
async fn an_outage_that_is_ordered_breaks_what_is_live_and_ends() {
    let pace = Pace { delay_per_token: Duration::from_millis(5), ..Pace::default() };
    let mock = start(Vec::new(), Config { tokens: 200, pace, ..Config::default() }).await;
    let bytes = request(WIRES[1], "", &body("m", json!([user("outage")])).to_string());
    let mut live = TcpStream::connect(mock.addr()).await.unwrap();
    live.write_all(&bytes).await.unwrap();
    assert!(live.read(&mut [0; 64]).await.unwrap() > 0);
    let hint = RetryHint::Seconds(1);
    mock.break_down(Duration::from_millis(300), Breakdown::Status { status: 529, hint }).await;
    while live.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
    let mut other = TcpStream::connect(mock.addr()).await.unwrap();
    let refused = exchange(&mut other, &bytes).await;
    assert_eq!(refused.status, 529);
    assert_eq!(mock.ledger().requests[0].ending, Ending::Cut);
    mock.break_down(Duration::from_millis(1), Breakdown::Refused).await;
    loop {
        if let Ok(mut stream) = TcpStream::connect(mock.addr()).await {
            let response = exchange(&mut stream, &bytes).await;
            if response.status == 200 {
                break assert_eq!(response.text(), mock.text_for("outage"));
            }
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(mock.ledger().outages.len(), 2);
}

#[tokio::test]
async fn an_outage_can_be_there_from_the_start() {
    let mock = start(vec!["refused:60s".parse().unwrap()], Config::default()).await;
    let refused = TcpStream::connect(mock.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn an_outage_that_a_request_gets_around_resets_it() {
    let script: Script = "refused:60s,ok".parse().unwrap();
    let faults = Faults::PerPrompt(script);
    let mock = Mock::start(Config { faults, ..Config::default() }).await.unwrap();
    let asked = body("m", json!([user("around")]));
    assert_eq!(post(mock.addr(), WIRES[0], &asked).await.end, End::Reset);
    assert_eq!(post(mock.addr(), WIRES[0], &asked).await.text(), mock.text_for("around"));
    assert!(mock.ledger().outages.is_empty());
}
