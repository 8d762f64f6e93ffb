//! Ends of answers behind which the caller wants more.

use crate::drive::*;
use crate::responses_checker::check;
use crate::responses_provider::Provider;
use protocol::{Profile, RequestBody, StopReason};
use resume::{Break, Config, GoOn, Outcome, Rung, Summary, Ways};

const AFTER_LENGTH: GoOn = GoOn { after_length: true, after_pause: false, times: 2 };
const AFTER_PAUSE: GoOn = GoOn { after_length: false, after_pause: true, times: 2 };

fn wanting((mut config, request): (Config, RequestBody), go_on: GoOn) -> (Config, RequestBody) {
    config.go_on = go_on;
    (config, request)
}

fn haiku() -> (Config, RequestBody) {
    wanting(anthropic("claude-haiku-4-5"), AFTER_LENGTH)
}

/// An answer of one block that stops at its limit.
fn limited(id: &str, said: &str, tokens: u32) -> String {
    opening(id) + &text(0, said) + &block_stop(0) + &message_delta("max_tokens", tokens)
}

fn whole(id: &str, said: &str, tokens: u32) -> String {
    opening(id) + &text(0, said) + &closing(tokens)
}

#[track_caller]
fn summary(drive: &Drive) -> &Summary {
    assert!(drive.complete(), "{:?}", drive.outcome);
    drive.outcome.as_ref().map(Outcome::summary).expect("it is over")
}

fn names(drive: &Drive) -> Vec<&str> {
    drive.frames.iter().map(|frame| std::str::from_utf8(&frame.name).expect("a name")).collect()
}

#[test]
fn an_answer_goes_on_behind_its_limit_as_one_response() {
    let mut drive = Drive::new(haiku());
    drive.accept().send(limited("m1", "Hello", 5) + &message_stop());
    let body = drive.body().to_owned();
    assert!(body.contains(r#"{"role":"assistant","content":[{"type":"text","text":"Hello"}]}"#));
    assert!(body.contains(r#""max_tokens":1000"#), "the limit is one of each answer: {body}");
    drive.accept().send(whole("m2", " world", 3));
    assert_eq!(drive.text, "Hello world");
    let names = names(&drive);
    for once in ["message_start", "message_delta", "message_stop"] {
        assert_eq!(names.iter().filter(|name| **name == once).count(), 1, "{once}");
    }
    let summary = summary(&drive);
    assert_eq!(
        (summary.stop, &*summary.went_on),
        (Some(StopReason::EndTurn), &[StopReason::MaxTokens][..])
    );
    let outputs: Vec<_> =
        summary.attempts.iter().map(|a| (a.rung, a.usage.output, a.estimated)).collect();
    assert_eq!(outputs, [(Rung::Retry, 5, false), (Rung::Prefill, 3, false)]);
    assert!(summary.attempts.iter().all(|attempt| attempt.cause.is_none()));
    let last = drive.frames.iter().rfind(|frame| &*frame.name == b"message_delta").unwrap();
    assert!(std::str::from_utf8(&last.data).unwrap().contains(r#""output_tokens":8"#));
}

#[test]
fn nothing_goes_on_unasked() {
    for go_on in [GoOn::default(), GoOn { times: 0, ..AFTER_LENGTH }] {
        let mut drive = Drive::new(wanting(anthropic("claude-haiku-4-5"), go_on));
        drive.accept().send(limited("m1", "Hello", 5) + &message_stop());
        let summary = summary(&drive);
        assert_eq!((summary.stop, summary.went_on.len()), (Some(StopReason::MaxTokens), 0));
    }
}

#[test]
fn it_goes_on_so_often_and_no_more() {
    let mut drive = Drive::new(haiku());
    for (id, said) in [("m1", "One"), ("m2", " two"), ("m3", " three")] {
        drive.accept().send(limited(id, said, 5) + &message_stop());
    }
    assert_eq!((drive.text.as_str(), drive.requests.len()), ("One two three", 3));
    let summary = summary(&drive);
    assert_eq!((summary.stop, summary.went_on.len()), (Some(StopReason::MaxTokens), 2));
}

#[test]
fn an_answer_that_brings_nothing_is_the_end() {
    let mut drive = Drive::new(haiku());
    drive.accept().send(limited("m1", "One", 5) + &message_stop());
    let nothing = message_start("m2") + &message_delta("max_tokens", 1) + &message_stop();
    drive.accept().send(nothing);
    assert_eq!(summary(&drive).stop, Some(StopReason::MaxTokens));
    assert_eq!((drive.text.as_str(), drive.requests.len()), ("One", 2));
}

#[test]
fn ways_that_the_caller_does_not_want_are_not_taken() {
    let (mut config, request) = wanting(anthropic("claude-opus-5"), AFTER_LENGTH);
    config.ways = Ways::ExactOnly;
    let mut drive = Drive::new((config, request));
    drive.accept().send(limited("m1", "Hello", 5) + &message_stop());
    assert_eq!(summary(&drive).stop, Some(StopReason::MaxTokens));
}

#[test]
fn the_same_request_again_would_stop_at_the_same_place() {
    let (mut config, request) = wanting(chat(), AFTER_LENGTH);
    config.profile.deterministic = true;
    let mut drive = Drive::new((config, request));
    let length = chunk("c1", "{}", r#""length""#) + "data: [DONE]\n\n";
    drive.accept().send(chunk("c1", r#"{"role":"assistant","content":"Hello"}"#, "null") + &length);
    assert_eq!(drive.requests.last().unwrap().rung, Rung::Instruct);
    drive.accept().broke(Break::Reset).pass();
    assert_eq!(drive.requests.last().unwrap().rung, Rung::Instruct);
}

#[test]
fn counts_that_come_behind_the_end_are_read() {
    let mut drive = Drive::new(wanting(chat(), AFTER_LENGTH));
    let usage = r#"data: {"id":"c1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14}}"#;
    let length = chunk("c1", r#"{"content":" you"}"#, r#""length""#) + usage + "\n\n";
    drive.accept().send(chunk("c1", r#"{"role":"assistant","content":"Hello"}"#, "null") + &length);
    assert_eq!(
        (drive.text.as_str(), drive.requests.len()),
        ("Hello you", 1),
        "it is read to its end"
    );
    drive.send("data: [DONE]\n\n");
    assert_eq!(drive.requests.len(), 2);
    let told: String =
        drive.frames.iter().map(|frame| String::from_utf8_lossy(&frame.data)).collect();
    assert!(!told.contains("length") && !told.contains("[DONE]"), "{told}");
    let stop = chunk("c2", r#"{"content":" all."}"#, r#""stop""#) + "data: [DONE]\n\n";
    drive.accept().send(chunk("c2", r#"{"role":"assistant","content":""}"#, "null") + &stop);
    let summary = summary(&drive);
    assert_eq!(summary.attempts[0].usage.output, 5);
    assert!(!summary.attempts[0].estimated);
    assert_eq!(drive.text, "Hello you all.");
}

#[test]
fn text_beside_the_end_is_told_without_it() {
    let body = r#"{"model":"gemini-2.5-pro","contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
    let request = RequestBody::parse(Profile::GEMINI.wire, body.into()).unwrap();
    let mut drive = Drive::new(wanting((Config::new(Profile::GEMINI), request), AFTER_LENGTH));
    let said = |text: &str, reason: &str| {
        format!(
            r#"data: {{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}],"role":"model"}},"finishReason":"{reason}","index":0}}],"responseId":"g","usageMetadata":{{"promptTokenCount":9,"candidatesTokenCount":4,"totalTokenCount":13}}}}"#
        ) + "\n\n"
    };
    drive.accept().send(said("Hello", "MAX_TOKENS")).end();
    assert_eq!((drive.text.as_str(), drive.requests.len()), ("Hello", 2));
    let first = String::from_utf8_lossy(&drive.frames[0].data).into_owned();
    assert!(first.contains(r#""finishReason":null"#), "{first}");
    drive.accept().send(said(" world.", "STOP")).end();
    assert_eq!(drive.text, "Hello world.");
    assert_eq!(summary(&drive).went_on, [StopReason::MaxTokens]);
}

#[test]
fn an_end_without_the_wires_last_event_is_one() {
    let mut cut = Drive::new(haiku());
    cut.accept().send(limited("m1", "Hello", 5)).broke(Break::Reset);
    let mut silent = Drive::new(haiku());
    silent.accept().send(limited("m1", "Hello", 5)).pass();
    for mut drive in [cut, silent] {
        assert_eq!(drive.requests.len(), 2);
        drive.accept().send(whole("m2", " world", 3));
        assert!(!summary(&drive).sentinel_missing);
        assert_eq!(drive.text, "Hello world");
    }
}

#[test]
fn a_tool_call_at_the_limit_is_no_text_to_go_on_with() {
    let call = block_start(1, r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
    let mut drive = Drive::new(haiku());
    let said = opening("m1") + &text(0, "Hello") + &block_stop(0) + &call;
    drive.accept().send(said + &message_delta("max_tokens", 5) + &message_stop());
    assert_eq!(summary(&drive).stop, Some(StopReason::MaxTokens));
    assert_eq!(drive.requests.len(), 1);
}

#[test]
fn another_process_goes_on_behind_the_end_whatever_it_wants() {
    let mut first = Drive::new(haiku());
    first.accept().send(limited("m1", "Hello", 5) + &message_stop());
    first.accept().send(opening("m2") + &text(0, " wor"));
    let begins = first.records.iter().position(|record| record[0] == 9).expect("a record of it");
    for len in begins + 1..=first.records.len() {
        let (config, _) = anthropic("claude-haiku-4-5");
        let mut drive = Drive::resume(config, &first.records[..len]);
        let shown = drive.session.text().to_owned();
        assert!(drive.body().contains(r#""max_tokens":"#) && shown.starts_with("Hello"));
        if shown == "Hello" {
            assert!(drive.body().contains(r#""max_tokens":1000"#), "{}", drive.body());
        }
        drive.accept().send(whole("m3", &" world"[shown.len() - 5..], 3));
        assert_eq!(drive.session.text(), "Hello world");
        assert_eq!(summary(&drive).went_on, [StopReason::MaxTokens]);
    }
}

const SEARCH: &str = r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#;
const FOUND: &str = r#"{"type":"web_search_tool_result","tool_use_id":"s","content":[{"n":1}]}"#;
const SENT_BACK: &str = r#"{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"Ab=="},{"type":"text","text":"I search."},{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}}]}"#;

fn searching() -> (Config, RequestBody) {
    wanting(anthropic("claude-opus-5"), AFTER_PAUSE)
}

fn thinks(index: u32, signature: &str) -> String {
    block_start(index, r#"{"type":"thinking","thinking":""}"#)
        + &delta(index, r#"{"type":"thinking_delta","thinking":"hm"}"#)
        + &delta(index, &format!(r#"{{"type":"signature_delta","signature":"{signature}"}}"#))
        + &block_stop(index)
}

fn says(index: u32, said: &str) -> String {
    text_start(index) + &text(index, said) + &block_stop(index)
}

/// A turn that is paused at its search.
fn paused() -> String {
    let search = block_start(2, SEARCH)
        + &delta(2, r#"{"type":"input_json_delta","partial_json":"{\"q\""}"#)
        + &delta(2, r#"{"type":"input_json_delta","partial_json":":1}"}"#)
        + &block_stop(2);
    let said = message_start("m1") + &thinks(0, "Ab==") + &says(1, "I search.") + &search;
    said + &message_delta("pause_turn", 5) + &message_stop()
}

/// The rest of that turn.
fn found(end: &str) -> String {
    let result = block_start(0, FOUND) + &block_stop(0);
    message_start("m2") + &result + &thinks(1, "Cd==") + &says(2, " Found.") + end
}

fn opened(drive: &Drive) -> Vec<(u64, String)> {
    let data = drive.frames.iter().filter(|frame| &*frame.name == b"content_block_start");
    data.map(|frame| {
        let data: serde_json::Value = serde_json::from_slice(&frame.data).expect("JSON");
        let kind = data["content_block"]["type"].as_str().expect("a type").to_owned();
        (data["index"].as_u64().expect("an index"), kind)
    })
    .collect()
}

#[test]
fn a_paused_turn_is_sent_back_as_it_came_and_goes_on_as_one_message() {
    let mut drive = Drive::new(searching());
    drive.accept().send(paused());
    assert!(drive.body().contains(SENT_BACK), "{}", drive.body());
    assert_eq!(drive.requests.last().unwrap().rung, Rung::Turn);
    drive.accept().send(found(&(message_delta("end_turn", 7) + &message_stop())));
    let kinds =
        ["thinking", "text", "server_tool_use", "web_search_tool_result", "thinking", "text"];
    let opened = opened(&drive);
    assert_eq!(opened.iter().map(|(_, kind)| kind.as_str()).collect::<Vec<_>>(), kinds);
    assert!(opened.iter().zip(0..).all(|((index, _), expected)| *index == expected), "{opened:?}");
    let names = names(&drive);
    for once in ["message_start", "message_delta", "message_stop"] {
        assert_eq!(names.iter().filter(|name| **name == once).count(), 1, "{once}");
    }
    let told: String = drive.frames.iter().map(|f| String::from_utf8_lossy(&f.data)).collect();
    assert!(told.contains("Cd==") && told.contains(r#""output_tokens":12"#), "{told}");
    assert_eq!(drive.text, "I search. Found.");
    let summary = summary(&drive);
    assert_eq!(
        (summary.stop, &*summary.went_on),
        (Some(StopReason::EndTurn), &[StopReason::PauseTurn][..])
    );
    assert!(!summary.empty_continuation && summary.seams.is_empty());
}

#[test]
fn tokens_of_a_turn_that_is_paused_before_any_text_are_counted() {
    let search = block_start(0, SEARCH) + &block_stop(0);
    let paused = message_start("m1") + &search + &message_delta("pause_turn", 5) + &message_stop();
    let mut first = Drive::new(searching());
    first.accept().send(paused);
    let mut second = Drive::resume(searching().0, &first.records);
    for drive in [&mut first, &mut second] {
        drive.accept().send(found(&(message_delta("end_turn", 7) + &message_stop())));
        let told: String = drive.frames.iter().map(|f| String::from_utf8_lossy(&f.data)).collect();
        assert!(told.contains(r#""output_tokens":12"#), "{told}");
    }
}

#[test]
fn the_container_of_a_paused_turn_is_named_again() {
    let id = r#""stop_sequence":null,"container":{"id":"container_1","expires_at":"2026-12-01"}"#;
    let said = paused().replacen(r#""stop_sequence":null}"#, &format!("{id}}}"), 1);
    let again = found(&(message_delta("pause_turn", 7) + &message_stop()));
    for (member, sent) in [
        ("", r#""container":"container_1""#),
        (r#","container":null"#, r#""container":"container_1""#),
        (r#","container":"container_0""#, r#""container":"container_1""#),
        (r#","container":{"skills":[]}"#, r#""container":{"skills":[],"id":"container_1"}"#),
    ] {
        let body = format!(
            r#"{{"model":"claude-opus-5","max_tokens":9,"messages":[{{"role":"user","content":"hi"}}]{member}}}"#
        );
        let request = RequestBody::parse(Profile::ANTHROPIC.wire, body.into()).unwrap();
        let mut first = Drive::new((searching().0, request));
        first.accept().send(&said);
        let mut second = Drive::resume(searching().0, &first.records);
        for drive in [&mut first, &mut second] {
            assert!(drive.body().contains(sent), "{}", drive.body());
            drive.accept().send(&again);
            assert!(drive.body().contains(sent), "it is named no more: {}", drive.body());
        }
    }
}

#[test]
fn a_turn_that_pauses_again_is_sent_back_whole() {
    let mut drive = Drive::new(searching());
    drive.accept().send(paused());
    let first = drive.requests.last().unwrap().key;
    drive.accept().send(found(&(message_delta("pause_turn", 7) + &message_stop())));
    let body = drive.body();
    let (before, after) = (
        &SENT_BACK[..SENT_BACK.len() - 2],
        r#",{"type":"thinking","thinking":"hm","signature":"Cd=="},{"type":"text","text":" Found."}]}"#,
    );
    assert!(body.contains(&format!("{before},{FOUND}{after}")), "{body}");
    assert_ne!(drive.requests.last().unwrap().key, first, "another operation");
    drive.accept().send(message_start("m3") + &message_delta("pause_turn", 1) + &message_stop());
    assert_eq!(summary(&drive).stop, Some(StopReason::PauseTurn), "so often and no more");
}

#[test]
fn a_turn_whose_rest_does_not_begin_is_sent_back_again_and_one_that_was_begun_is_not() {
    let mut drive = Drive::new(searching());
    drive.accept().send(paused());
    drive.accept().send(message_start("m2") + &block_start(0, FOUND)).broke(Break::Reset).pass();
    assert!(drive.body().contains(SENT_BACK));
    assert_eq!(drive.requests[1].key, drive.requests[2].key, "the same operation");
    drive.accept().send(found("")).broke(Break::Reset);
    assert!(matches!(
        &drive.outcome,
        Some(Outcome::Incomplete { cause: resume::Cause::NotContinuable, .. })
    ));
}

#[test]
fn a_paused_turn_that_calls_the_application_is_told() {
    let call = block_start(2, r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
    let mut drive = Drive::new(searching());
    let said = paused().replace(&block_start(2, SEARCH), &call);
    drive.accept().send(said);
    assert_eq!(summary(&drive).stop, Some(StopReason::PauseTurn));
    assert_eq!(drive.requests.len(), 1);
}

#[test]
fn a_divided_turn_is_told_as_paused() {
    let mut drive = Drive::new(wanting(anthropic("claude-haiku-4-5"), AFTER_PAUSE));
    drive.accept().send(opening("m1") + &text(0, "Hello")).broke(Break::Reset).pass();
    let end = block_stop(0) + &message_delta("pause_turn", 5) + &message_stop();
    drive.accept().send(opening("m2") + &text(0, " you") + &end);
    assert_eq!(summary(&drive).stop, Some(StopReason::PauseTurn));
}

#[test]
fn another_process_sends_the_paused_turn_back() {
    let mut first = Drive::new(searching());
    first.accept().send(paused());
    let begins = first.records.iter().position(|record| record[0] == 9).expect("a record of it");
    for len in begins + 1..=first.records.len() {
        let (config, _) = anthropic("claude-opus-5");
        let mut drive = Drive::resume(config, &first.records[..len]);
        assert!(drive.body().contains(SENT_BACK), "{}", drive.body());
        drive.accept().send(found(&(message_delta("end_turn", 7) + &message_stop())));
        assert_eq!(drive.session.text(), "I search. Found.");
        assert_eq!(opened(&drive)[0], (3, "web_search_tool_result".to_owned()));
        assert_eq!(summary(&drive).went_on, [StopReason::PauseTurn]);
    }
    let before = Drive::resume(searching().0, &first.records[..begins]);
    assert!(matches!(&before.outcome, Some(Outcome::Incomplete { .. })), "no end was told");
}

#[test]
fn a_response_of_items_goes_on_as_one_response() {
    let mut drive = Drive::new(wanting(responses(), AFTER_LENGTH));
    let limited = Provider::new("resp_1").message(&[&["Hello", " you"]]);
    drive.accept().send(limited.incomplete("max_output_tokens"));
    assert_eq!(drive.requests.len(), 2, "{:?}", drive.outcome);
    drive.accept().send(Provider::new("resp_2").message(&[&[" all."]]).completed(4));
    assert_eq!(summary(&drive).went_on, [StopReason::MaxTokens]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let events: Vec<_> = drive.frames.iter().map(|f| (text(&f.name), text(&f.data))).collect();
    let said = check(&events);
    assert_eq!((said.text.as_str(), drive.text.as_str()), ("Hello you all.", "Hello you all."));
    assert_eq!(said.response["usage"]["output_tokens"], 7);
}
