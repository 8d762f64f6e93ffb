//! Ends of answers behind which the caller wants more.

use crate::drive::*;
use protocol::{Profile, RequestBody, StopReason};
use resume::{Break, Config, GoOn, Outcome, Rung, Summary, Ways};

const AFTER_LENGTH: GoOn = GoOn { after_length: true, times: 2 };

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
    drive.frames.iter().map(|frame| std::str::from_utf8(&frame.name).unwrap()).collect()
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
