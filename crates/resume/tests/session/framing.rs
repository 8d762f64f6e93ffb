//! Answers that are not framed as server-sent events.

use crate::drive::*;
use protocol::{FailureKind, FrameError, Framing, Profile, RequestBody};
use resume::{Break, Cause, Checkpoint, Config, Input, Limits, State};
use retry_policy::Nanos;

/// A model that takes a prefill, at a server with one document on each line.
fn lines() -> (Config, RequestBody) {
    let (_, request) = anthropic("claude-haiku-4-5");
    let profile = Profile { framing: Framing::NdJson, ..Profile::ANTHROPIC };
    (Config::new(profile), request)
}

fn accepted(setup: (Config, RequestBody)) -> Drive {
    let mut drive = Drive::new(setup);
    let attempt = drive.attempt();
    drive.input(Input::Connected { attempt });
    drive.head(200, &[("content-type", "application/x-ndjson")]);
    drive
}

/// The data of server-sent events, each on its line.
fn on_lines(events: &str) -> String {
    let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| format!("{data}\n")).collect()
}

fn causes(drive: &Drive) -> Vec<&Cause> {
    drive.states.iter().filter_map(failure).collect()
}

fn failure(state: &State) -> Option<&Cause> {
    match state {
        State::Disconnected { cause, .. } => Some(cause),
        _ => None,
    }
}

#[test]
fn the_consumer_gets_the_wire_that_it_asked_for() {
    let events = opening("msg_1") + &text(0, "Paris is") + &text(0, " big.") + &closing(9);
    let mut framed = accepted(lines());
    framed.send(on_lines(&events));
    let mut plain = Drive::new(anthropic("claude-haiku-4-5"));
    plain.accept().send(events);
    assert!(framed.complete() && plain.complete());
    let told = |drive: &Drive| -> Vec<_> {
        drive.frames.iter().map(|frame| (frame.name.clone(), frame.data.clone())).collect()
    };
    assert_eq!(told(&framed), told(&plain));
    // The first record names the profile, which is the same; so are all others.
    assert_eq!(framed.records, plain.records);
}

#[test]
fn a_last_line_without_its_end_is_read_when_it_is_whole_and_the_body_ends_cleanly() {
    let body = on_lines(&(opening("msg_1") + &text(0, "Paris") + &closing(9)));
    let body = body.trim_end();
    let mut whole = accepted(lines());
    whole.send(body);
    assert!(!whole.complete(), "more could come");
    whole.end();
    assert!(whole.complete() && !whole.outcome.as_ref().unwrap().summary().sentinel_missing);

    // Of a line that broke off nothing is used, however whole it looks.
    let cut = on_lines(&(opening("msg_1") + &text(0, "Paris") + &text(0, " is")));
    let mut broken = accepted(lines());
    broken.send(cut.trim_end()).broke(Break::Reset);
    assert_eq!(
        (broken.text.as_str(), causes(&broken)),
        ("Paris", vec![&Cause::Broke(Break::Reset)])
    );
}

#[test]
fn a_partial_last_line_is_dropped_and_the_response_goes_on() {
    let last = on_lines(&text(0, " is big."));
    for cut in 1..last.len() - 1 {
        let mut drive = accepted(lines());
        drive.send(on_lines(&(opening("msg_1") + &text(0, "Paris")))).send(&last[..cut]).end();
        // All of the line but its last bracket is still no line.
        assert_eq!(
            (drive.text.as_str(), causes(&drive)),
            ("Paris", vec![&Cause::Truncated]),
            "{cut}"
        );
        assert!(!drive.complete());
        assert_eq!(Checkpoint::fold(&drive.records).unwrap().text(), "Paris");
        drive.pass();
        assert!(drive.body().contains(r#""text":"Paris""#), "{}", drive.body());
    }
}

#[test]
fn a_partial_line_behind_the_reason_to_stop_costs_the_last_event_alone() {
    let mut drive = accepted(lines());
    let body = on_lines(&(opening("msg_1") + &text(0, "Paris") + &closing(9)));
    drive.send(&body[..body.len() - 3]).end();
    assert!(drive.complete() && drive.outcome.as_ref().unwrap().summary().sentinel_missing);
}

#[test]
fn an_error_on_a_line_is_the_providers() {
    let mut drive = accepted(lines());
    drive.send(on_lines(&(opening("msg_1") + &text(0, "Paris"))));
    drive
        .send("{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n");
    let [Cause::Provider(failure)] = causes(&drive)[..] else { panic!("{:?}", drive.states) };
    assert_eq!(failure.kind, FailureKind::Overloaded);
    assert_eq!(drive.text, "Paris");
}

#[test]
fn a_body_of_no_announced_type_is_told_by_its_first_byte() {
    let body = on_lines(&(opening("msg_1") + &text(0, "Paris") + &closing(9)));
    for (first, streams) in [(body.as_str(), true), ("<html>", false)] {
        let mut drive = Drive::new(lines());
        drive.head(200, &[]).send(" \n").send(first).end();
        assert_eq!(drive.complete(), streams, "{first}");
    }
    let mut json = Drive::new(lines());
    json.head(200, &[("content-type", "application/json")]).send(body).end();
    assert!(matches!(causes(&json)[..], [Cause::Provider(_)]), "an announced document is none");
}

#[test]
fn an_open_line_has_the_time_that_an_event_has() {
    let mut drive = accepted(lines());
    drive.send(on_lines(&(opening("msg_1") + &text(0, "Paris")))).send("{\"type\":");
    for _ in 0..5 {
        drive.now = drive.now.saturating_add(Nanos::from_secs(20));
        drive.send(" ").input(Input::Tick);
    }
    assert!(causes(&drive).is_empty(), "100 seconds are not too long");
    drive.now = drive.now.saturating_add(Nanos::from_secs(20));
    drive.send(" ").input(Input::Tick);
    assert_eq!(causes(&drive), [&Cause::EventTimeout]);
}

#[test]
fn a_line_over_the_limit_ends_the_stream_as_an_event_does() {
    let (config, request) = lines();
    let limits = Limits { event_bytes: 200, ..config.limits };
    let mut drive = accepted((Config { limits, ..config }, request));
    drive.send(on_lines(&text(0, "Paris"))).send("x".repeat(201));
    assert_eq!(causes(&drive), [&Cause::TooLarge]);
    assert!(drive.outcome.is_some(), "an event of the answer is gone");
}

#[test]
fn a_message_that_is_none_goes_down_the_ladder() {
    let (_, request) = anthropic("claude-haiku-4-5");
    let mut drive = Drive::new((Config::new(Profile::BEDROCK), request));
    assert_eq!(drive.requests[0].path, "/model/claude-haiku-4-5/invoke-with-response-stream");
    drive.head(200, &[("content-type", "application/vnd.amazon.eventstream")]);
    drive.send([0; 12]);
    let expected = Cause::BadFrame(FrameError::LengthsChecksum);
    assert_eq!(causes(&drive), [&expected]);
    assert!(drive.outcome.is_none());
    drive.pass();
    assert_eq!(drive.requests.len(), 2, "nothing was shown, so it is asked again");
}
