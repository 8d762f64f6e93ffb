//! Ends behind which more was wanted and nothing came: they are told after all, late and as they were.

use crate::drive::*;
use crate::responses_checker::check;
use crate::responses_provider::Provider;
use protocol::{Profile, RequestBody, StopReason};
use resume::{
    Admission, Break, Cause, Config, GoOn, Input, Outcome, Place, Refusal, Summary, Timeouts,
};

const GO_ON: GoOn = GoOn { after_length: true, after_pause: true, times: 2 };
const REFUSED: &str =
    r#"{"type":"error","error":{"type":"invalid_request_error","message":"no more of you"}}"#;

fn wanting((config, request): (Config, RequestBody)) -> (Config, RequestBody) {
    (Config { go_on: GO_ON, ..config }, request)
}

fn haiku() -> (Config, RequestBody) {
    wanting(anthropic("claude-haiku-4-5"))
}

fn limited(said: &str) -> String {
    opening("m1") + &text(0, said) + &block_stop(0) + &message_delta("max_tokens", 5)
}

fn paused() -> String {
    let search = r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#;
    let said = opening("m1") + &text(0, "I search.") + &block_stop(0);
    said + &block_start(1, search) + &block_stop(1) + &message_delta("pause_turn", 5)
}

fn refuse(drive: &mut Drive) {
    drive.head(400, &[("content-type", "application/json")]).send(REFUSED).end();
}

/// All that was told, as it stands on the wire.
fn told(drive: &Drive) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let event = |name: String, data: String| match name.is_empty() {
        true => format!("data: {data}\n\n"),
        false => event(&name, &data),
    };
    drive.frames.iter().map(|frame| event(text(&frame.name), text(&frame.data))).collect()
}

#[track_caller]
fn ended(drive: &Drive, reason: StopReason) -> Summary {
    assert!(drive.complete(), "{:?}", drive.outcome);
    let summary = drive.outcome.as_ref().map(Outcome::summary).expect("it is over").clone();
    assert_eq!((summary.stop, summary.went_on.len()), (Some(reason), 0));
    assert!(!summary.sentinel_missing);
    summary
}

#[test]
fn an_end_behind_which_nothing_more_is_given_is_told_as_it_was() {
    for (said, reason) in
        [(limited("Hello"), StopReason::MaxTokens), (paused(), StopReason::PauseTurn)]
    {
        let said = said + &message_stop();
        let mut drive = Drive::new(haiku());
        drive.accept().send(&said);
        assert!(drive.outcome.is_none() && !told(&drive).contains("message_delta"));
        refuse(&mut drive);
        assert_eq!(told(&drive), said);
        let summary = ended(&drive, reason);
        let cause = summary.not_gone_on.expect("it says why").to_string();
        assert!(cause.contains("no more of you"), "{cause}");
    }
}

#[test]
fn whatever_stops_it_but_the_caller_and_the_store_lets_the_end_be_told() {
    let asked = |(config, request): (Config, RequestBody)| {
        Drive::new((Config { admission: Admission::Asked, ..config }, request))
    };
    let admit = |drive: &mut Drive| {
        let (endpoint, profile) = ("http://a/v1".into(), Profile::ANTHROPIC);
        let timeouts = Timeouts::default();
        drive.input(Input::Admitted(Place {
            endpoint,
            profile,
            model: None,
            timeouts,
            hedge_after: None,
            suspect_after: None,
        }));
    };
    let said = limited("Hello") + &message_stop();
    for (input, is_told) in [
        (Input::NotAdmitted(Refusal::UpstreamDown), true),
        (Input::OverBudget, true),
        (Input::Cancel, false),
        (Input::TakenOver, false),
    ] {
        let mut drive = asked(haiku());
        admit(&mut drive);
        drive.accept().send(&said);
        let name = format!("{input:?}");
        drive.input(input);
        assert_eq!((drive.complete(), told(&drive) == said), (is_told, is_told), "{name}");
    }
}

#[test]
fn an_end_that_was_still_being_said_is_told_as_far_as_it_came() {
    let mut drive = Drive::new(haiku());
    drive.accept().send(limited("Hello")).input(Input::OverBudget);
    assert!(drive.complete());
    assert_eq!(told(&drive), limited("Hello"));
    assert!(drive.outcome.as_ref().is_some_and(|outcome| outcome.summary().sentinel_missing));
}

#[test]
fn an_end_that_something_followed_is_told_no_more() {
    let mut drive = Drive::new(haiku());
    drive.accept().send(limited("Hello") + &message_stop());
    drive.accept().send(opening("m2") + &text(0, " wor")).broke(Break::Reset).pass();
    refuse(&mut drive);
    assert!(matches!(&drive.outcome, Some(Outcome::Incomplete { cause: Cause::Provider(_), .. })));
    assert!(!told(&drive).contains("message_delta") && drive.text == "Hello wor");
}

#[test]
fn a_second_end_has_the_counts_of_the_whole() {
    let mut drive = Drive::new(haiku());
    drive.accept().send(limited("Hello") + &message_stop());
    drive.accept().send(limited(" world") + &message_stop());
    refuse(&mut drive);
    assert!(drive.complete(), "{:?}", drive.outcome);
    let told = told(&drive);
    assert!(told.contains(r#""output_tokens":10"#) && told.ends_with(&message_stop()), "{told}");
    let summary = drive.outcome.as_ref().map(Outcome::summary).expect("it is over");
    assert_eq!(summary.went_on, [StopReason::MaxTokens], "behind the first it did");
}

#[test]
fn an_end_that_a_crash_cut_in_two_is_told_to_its_end() {
    let said = limited("Hello") + &message_stop();
    let mut drive = Drive::new(haiku());
    drive.accept().send(&said);
    refuse(&mut drive);
    assert_eq!(told(&drive), said);
    // Records up to the one with the stop reason were durable.
    let is_stop =
        |record: &Vec<u8>| record[0] == 2 && record.windows(13).any(|it| it == b"message_delta");
    let cut = drive.records.iter().rposition(is_stop).expect("it was told") + 1;
    let (config, _) = haiku();
    let rest = Drive::resume(config, &drive.records[..cut]);
    assert_eq!(told(&rest), message_stop());
    assert!(rest.complete() && !rest.outcome.as_ref().unwrap().summary().sentinel_missing);
}

#[test]
fn another_process_tells_the_end_and_a_third_one_knows_it() {
    for (said, reason) in
        [(limited("Hello"), StopReason::MaxTokens), (paused(), StopReason::PauseTurn)]
    {
        let said = said + &message_stop();
        let mut one = Drive::new(haiku());
        one.accept().send(&said);
        let before = told(&one);
        let (config, _) = anthropic("claude-haiku-4-5");
        let mut two = Drive::resume(config.clone(), &one.records);
        refuse(&mut two);
        assert_eq!(before + &told(&two), said);
        ended(&two, reason);
        // However far its records came, from the stop reason on it is whole.
        let stop = one.records.len() + 3;
        for len in stop..=two.records.len() {
            let three = Drive::resume(config.clone(), &two.records[..len]);
            assert!(three.complete() && three.requests.is_empty(), "{:?}", three.outcome);
            let summary = three.outcome.as_ref().map(Outcome::summary).expect("it is over");
            assert_eq!((summary.stop, summary.went_on.len()), (Some(reason), 0));
        }
    }
}

#[test]
fn counts_and_the_last_event_of_a_chat_come_too() {
    let body = r#"{"model":"gpt-5","messages":[{"role":"user","content":"hi"}],"stream_options":{"include_usage":true}}"#;
    let request = RequestBody::parse(Profile::OPENAI.wire, body.into()).expect("a valid body");
    let mut drive = Drive::new(wanting((Config::new(Profile::OPENAI), request)));
    let usage = r#"data: {"id":"c1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14}}"#;
    let said = chunk("c1", r#"{"role":"assistant","content":"Hello"}"#, "null")
        + &chunk("c1", "{}", r#""length""#)
        + usage
        + "\n\ndata: [DONE]\n\n";
    drive.accept().send(&said);
    refuse(&mut drive);
    assert_eq!(told(&drive), said);
    ended(&drive, StopReason::MaxTokens);
}

#[test]
fn counts_that_come_with_a_role_behind_a_second_end_are_those_of_the_whole() {
    let mut drive = Drive::new(wanting(chat()));
    let counts = |id: &str, tokens: u32| {
        chunk(id, "{}", r#""length""#)
            + &chunk(id, r#"{"role":"assistant","content":""}"#, "null").replace(
                "\"choices\"",
                &format!(
                    r#""usage":{{"prompt_tokens":9,"completion_tokens":{tokens},"total_tokens":{}}},"choices""#,
                    9 + tokens
                ),
            )
            + "data: [DONE]\n\n"
    };
    let says = |id: &str, text: &str| {
        chunk(id, &format!(r#"{{"role":"assistant","content":"{text}"}}"#), "null")
    };
    drive.accept().send(says("c1", "Hello") + &counts("c1", 5));
    drive.accept().send(says("c2", " world") + &counts("c2", 7));
    refuse(&mut drive);
    let told = told(&drive);
    assert!(told.contains(r#""completion_tokens":12"#) && told.contains("[DONE]"), "{told}");
}

#[test]
fn a_response_of_items_is_ended_by_its_own_event() {
    let mut drive = Drive::new(wanting(responses()));
    let said = Provider::new("resp_1").message(&[&["Hello", " you"]]);
    let said = said.incomplete("max_output_tokens");
    drive.accept().send(&said);
    refuse(&mut drive);
    assert_eq!(told(&drive), said);
    ended(&drive, StopReason::MaxTokens);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let events: Vec<_> = drive.frames.iter().map(|f| (text(&f.name), text(&f.data))).collect();
    assert_eq!(check(&events).text, "Hello you");
}

#[test]
fn text_that_came_with_the_end_is_told_once() {
    let body = r#"{"model":"gemini-2.5-pro","contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
    let request = RequestBody::parse(Profile::GEMINI.wire, body.into()).expect("a valid body");
    let (config, request) = wanting((Config::new(Profile::GEMINI), request));
    let mut one = Drive::new((config.clone(), request));
    let said = r#"data: {"candidates":[{"content":{"parts":[{"text":"Hello"}],"role":"model"},"finishReason":"MAX_TOKENS","index":0}],"responseId":"g","usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":4,"totalTokenCount":13}}"#;
    one.accept().send(format!("{said}\n\n")).end();
    let mut two = Drive::resume(config.clone(), &one.records);
    for drive in [&mut one, &mut two] {
        refuse(drive);
        ended(drive, StopReason::MaxTokens);
        let last = String::from_utf8_lossy(&drive.frames.last().expect("its end").data);
        assert!(last.contains("MAX_TOKENS") && !last.contains("Hello"), "{last}");
        assert_eq!(drive.session.text(), "Hello");
    }
    for len in 3..=two.records.len() {
        let three = Drive::resume(config.clone(), &two.records[..len]);
        assert!("Hello".starts_with(three.session.text()), "{len}");
        assert!(three.frames.is_empty(), "nothing is told without a provider");
    }
}
