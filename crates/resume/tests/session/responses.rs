//! The Responses wire: whatever is cut, the consumer gets one native stream.

use crate::drive::*;
use crate::responses_checker::{Said, check};
use crate::responses_provider::Provider;
use protocol::{FailureKind, StopReason};
use resume::{Break, Cause, Outcome, Rung, State};

const PART: &[&str] = &["The lighthouse keeper climbed", " the stairs every evening", " and lit"];
const REST: &[&str] = &[" the lamp", " and went to bed."];
const WHOLE: &str =
    "The lighthouse keeper climbed the stairs every evening and lit the lamp and went to bed.";

fn events(drive: &Drive) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).expect("UTF-8").to_owned();
    drive.frames.iter().map(|frame| (text(&frame.name), text(&frame.data))).collect()
}

#[track_caller]
fn judged(drive: &Drive) -> Said {
    assert!(drive.complete(), "{:?}", drive.outcome);
    let said = check(&events(drive));
    assert_eq!(said.text, drive.text);
    assert_eq!(said.text, drive.session.text());
    said
}

fn downstream(drive: &Drive) -> String {
    events(drive).iter().map(|(name, data)| event(name, data)).collect()
}

/// A continuation as a model that does as it is told writes it: the fragment that the request
/// quotes, and the rest of the text.
fn obedient(drive: &Drive, id: &str) -> String {
    let shown = drive.session.text().to_owned();
    let body: serde_json::Value = serde_json::from_str(drive.body()).expect("JSON");
    let input = &body["input"];
    let last = input.as_array().and_then(|items| items.last()).map(|item| item["content"].clone());
    let instruction = last.and_then(|content| Some(content[0]["text"].as_str()?.to_owned()));
    let quoted =
        instruction.as_deref().and_then(|text| Some(text.split_once('«')?.1.split_once('»')?.0));
    let rest = WHOLE.strip_prefix(shown.as_str()).expect("a part of the text");
    let sent = shown.trim_end();
    let tail = &shown[sent.len()..];
    let said = match quoted {
        Some(fragment) => format!("{fragment}{tail}{rest}"),
        None => WHOLE.to_owned(),
    };
    let at = said.char_indices().nth(said.chars().count() / 2).map_or(0, |(at, _)| at);
    let (head, end) = said.split_at(at);
    Provider::new(id).think().message(&[&[head, end]]).completed(7)
}

#[test]
fn a_whole_stream_is_complete_and_unchanged() {
    let wire = Provider::new("resp_1").summary(&["Hm", "."]).message(&[PART, REST]).completed(12);
    let mut drive = Drive::new(responses());
    drive.accept().send(&wire);
    assert_eq!(downstream(&drive), wire);
    let said = judged(&drive);
    assert_eq!((said.text.as_str(), &said.response["id"]), (WHOLE, &"resp_1".into()));
    let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
    assert_eq!((summary.stop, summary.usage().0.output), (Some(StopReason::EndTurn), 12));
    assert_eq!(summary.model.as_deref(), Some("gpt-5"));
}

#[test]
fn every_split_of_the_input_gives_the_same() {
    let wire = Provider::new("r").think().message(&[&["안녕, 👩‍💻", "\n"]]).completed(2);
    for at in 0..wire.len() {
        let mut drive = Drive::new(responses());
        let (head, tail) = wire.as_bytes().split_at(at);
        drive.accept().send(head).send(tail);
        assert_eq!(downstream(&drive), wire, "split at {at}");
    }
}

#[test]
fn nothing_is_shown_before_content() {
    let wire = Provider::new("r").think();
    let mut drive = Drive::new(responses());
    drive.accept().send(wire.wire());
    assert!(drive.frames.is_empty());
    drive.broke(Break::Reset).pass();
    assert_eq!(drive.requests[0].body, drive.requests[1].body, "the identical request");
    let wire = Provider::new("again").message(&[&["Yes"]]).completed(1);
    drive.accept().send(&wire);
    assert_eq!(downstream(&drive), wire);
}

#[test]
fn every_cut_and_a_continuation_are_one_stream() {
    let forms = [
        Provider::new("resp_first").message(&[PART, REST]),
        Provider::new("resp_first").think().message(&[PART, REST]),
        Provider::new("resp_first").summary(&["Hm", "m."]).message(&[&PART[..2], &PART[2..], REST]),
        Provider::new("resp_first").message(&[PART]).summary(&["Now"]).message(&[REST]),
    ];
    for form in forms {
        let wire = form.completed(12);
        let ends: Vec<usize> = wire.match_indices("\n\n").map(|(at, _)| at + 2).collect();
        for end in &ends[..ends.len() - 1] {
            cut_at(&wire, *end);
            // The next event was on its way.
            cut_at(&wire, *end + 9);
        }
    }
}

#[track_caller]
fn cut_at(wire: &str, at: usize) {
    let mut drive = Drive::new(responses());
    drive.accept().send(&wire[..at]).broke(Break::Reset).pass();
    let folded = Drive::resume(responses().0, &drive.records);
    assert_eq!(folded.body(), drive.body(), "another process asks the same, cut at {at}");
    let continuation = obedient(&drive, "resp_second");
    drive.accept().send(continuation);
    let said = judged(&drive);
    assert_eq!(said.text, WHOLE, "cut at {at}");
}

#[test]
fn a_continuation_that_is_cut_too_is_part_of_the_same_stream() {
    let first = Provider::new("resp_first").summary(&["Hm"]).message(&[PART, REST]).completed(12);
    let ends =
        |wire: &str| -> Vec<usize> { wire.match_indices("\n\n").map(|(at, _)| at + 2).collect() };
    let firsts = ends(&first);
    for cut in &firsts[..firsts.len() - 1] {
        let mut probe = Drive::new(responses());
        probe.accept().send(&first[..*cut]).broke(Break::Reset).pass();
        let second = obedient(&probe, "resp_second");
        let seconds = ends(&second);
        for again in &seconds[..seconds.len() - 1] {
            let mut drive = Drive::new(responses());
            drive.accept().send(&first[..*cut]).broke(Break::Reset).pass();
            drive.accept().send(&second[..*again]).broke(Break::Reset).pass();
            let third = obedient(&drive, "resp_third");
            drive.accept().send(third);
            assert_eq!(judged(&drive).text, WHOLE, "cut at {cut}, then at {again}");
        }
    }
}

#[test]
fn a_resume_in_another_process_goes_on_with_the_numbers() {
    let wire = Provider::new("resp_first").think().message(&[PART, REST]).completed(12);
    let ends: Vec<usize> = wire.match_indices("\n\n").map(|(at, _)| at + 2).collect();
    for end in ends.iter().take(ends.len() - 1) {
        let mut first = Drive::new(responses());
        first.accept().send(&wire[..*end]);
        let mut next = Drive::resume(responses().0, &first.records);
        let continuation = obedient(&next, "resp_second");
        next.accept().send(continuation);
        let said = check(&[events(&first), events(&next)].concat());
        assert_eq!(said.text, WHOLE, "cut at {end}");
    }
}

#[test]
fn an_open_item_goes_on_under_its_own_name() {
    let mut drive = Drive::new(responses());
    let first = Provider::new("resp_first").think().message(&[PART]);
    let cut = first.wire().find("response.output_text.done").expect("the end of the text") - 7;
    drive.accept().send(&first.wire()[..cut]).broke(Break::Reset).pass();
    let continuation = obedient(&drive, "resp_second");
    drive.accept().send(continuation);
    let said = judged(&drive);
    assert_eq!(said.response["output"][1]["id"], "msg_resp_first_1");
    assert_eq!(said.response["output"][1]["status"], "completed");
    assert_eq!(said.response["output"].as_array().map(Vec::len), Some(2));
    let added = events(&drive).iter().filter(|(name, _)| name.ends_with("item.added")).count();
    assert_eq!(added, 2);
    assert_eq!(drive.seams[0].label, resume::SeamLabel::Anchored);
}

#[test]
fn the_last_counts_are_those_of_the_whole_response_and_the_rest_stays() {
    let mut drive = Drive::new(responses());
    let first = Provider::new("resp_first").message(&[PART]);
    let cut = first.wire().find("response.output_text.done").expect("the end of the text") - 7;
    drive.accept().send(&first.wire()[..cut]).broke(Break::Reset).pass();
    let continuation = Provider::new("resp_2").message(&[REST]).completed(7);
    drive.accept().send(&continuation);
    let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
    let earlier = summary.attempts[0].usage.output;
    assert!(earlier > 0);
    let usage = &judged(&drive).response["usage"];
    assert_eq!(usage["output_tokens"], 7 + earlier);
    assert_eq!(usage["total_tokens"], 16 + earlier);
    assert_eq!(usage["input_tokens"], 9);
    // Outside the values that had to change, every byte is the provider's.
    let (_, last) = events(&drive).pop().expect("events");
    let (_, theirs) = continuation.rsplit_once("data: ").expect("the last event");
    let head = |text: &str| text[..text.find("\"output\":").expect("a list")].to_owned();
    let mended = head(theirs).replace("resp_2", "resp_first").replace("1741290964", "1741290968");
    assert_eq!(head(&last), mended);
}

#[test]
fn a_call_is_held_to_the_end_and_lost_with_a_cut() {
    let wire = Provider::new("r").message(&[PART]).call();
    let mut drive = Drive::new(responses());
    drive.accept().send(wire.wire());
    let shown = drive.frames.len();
    assert!(!events(&drive).iter().any(|(_, data)| data.contains("function_call")));
    drive.send(&wire.completed(9)[..0]);
    assert_eq!(drive.frames.len(), shown);
    drive.broke(Break::Reset).pass();
    assert_eq!(drive.requests[1].rung, Rung::Instruct);
    assert!(!drive.body().contains("function_call"));
    drive.accept().send(Provider::new("r2").message(&[REST]).call().completed(9));
    let said = judged(&drive);
    let items = said.response["output"].as_array().expect("items").iter();
    let kinds: Vec<_> = items.map(|item| item["type"].as_str().expect("a type")).collect();
    assert_eq!(kinds, ["message", "message", "function_call"]);
    let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
    assert_eq!(summary.stop, Some(StopReason::ToolUse));
}

#[test]
fn a_call_instead_of_more_text_ends_what_was_cut() {
    let mut drive = Drive::new(responses());
    let first = Provider::new("resp_first").message(&[PART]);
    let cut = first.wire().find("response.output_text.done").expect("the end of the text") - 7;
    drive.accept().send(&first.wire()[..cut]).broke(Break::Reset).pass();
    drive.accept().send(Provider::new("two").think().call().completed(4));
    let said = judged(&drive);
    assert_eq!(said.text, PART.concat());
    let output = &said.response["output"];
    assert_eq!(
        (&output[0]["status"], &output[1]["type"]),
        (&"incomplete".into(), &"function_call".into())
    );
}

#[test]
fn a_continuation_with_nothing_to_add_ends_what_was_cut() {
    let forms = [
        (Provider::new("two").think(), "incomplete"),
        (Provider::new("two").message(&[]), "completed"),
    ];
    for (form, status) in forms {
        let mut drive = Drive::new(responses());
        let first = Provider::new("resp_first").message(&[PART]);
        let cut = first.wire().find("response.output_text.done").expect("the end of the text") - 7;
        drive.accept().send(&first.wire()[..cut]).broke(Break::Reset).pass();
        drive.accept().send(form.completed(4));
        let said = judged(&drive);
        assert_eq!(said.text, PART.concat());
        assert_eq!(said.response["output"][0]["status"], status);
    }
}

/// Pieces of a stream whose items do not wait for each other, as agents beside each other give.
#[test]
fn text_of_two_parts_in_turns_passes_and_is_not_taken_up_again() {
    let piece = |at: u32, text: &str| {
        let data = format!(
            r#"{{"type":"response.output_text.delta","item_id":"m{at}","output_index":{at},"content_index":0,"delta":"{text}"}}"#
        );
        event("response.output_text.delta", &data)
    };
    let turns = piece(0, "One ") + &piece(1, "Two ") + &piece(0, "one ") + &piece(1, "two");
    let mut drive = Drive::new(responses());
    drive.accept().send(Provider::new("r").wire().to_owned() + &turns);
    assert_eq!(drive.text, "One Two one two");
    drive.broke(Break::Reset);
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!("not ended") };
    assert_eq!(*cause, Cause::NotContinuable);
}

#[test]
fn half_a_character_at_the_end_of_a_text_contradicts_nothing() {
    let place = r#""item_id":"m","output_index":0,"content_index":0"#;
    let piece = format!(r#"{{"type":"response.output_text.delta",{place},"delta":"Hi \ud83d"}}"#);
    let whole = format!(r#"{{"type":"response.output_text.done",{place},"text":"Hi \ud83d"}}"#);
    let mut drive = Drive::new(responses());
    drive.accept().send(Provider::new("r").wire());
    drive.send(event("response.output_text.delta", &piece));
    drive.send(event("response.output_text.done", &whole));
    assert!(drive.outcome.is_none() && drive.session.text() == "Hi ");
}

#[test]
fn thinking_of_a_continuation_is_not_forwarded() {
    let first = Provider::new("one").summary(&["first", " thought"]);
    let cut = first.wire().find("reasoning_summary_text.done").expect("its end") - 16;
    let mut drive = Drive::new(responses());
    drive.accept().send(&first.wire()[..cut]).broke(Break::Reset).pass();
    drive.accept().send(Provider::new("two").summary(&["again"]).message(&[&["Yes"]]).completed(4));
    let said = judged(&drive);
    assert!(!downstream(&drive).contains("again"));
    let item = &said.response["output"][0];
    assert_eq!(item["summary"][0]["text"], "first thought");
    assert_eq!(said.response["output"][1]["content"][0]["text"], "Yes");
}

#[test]
fn a_refusal_is_not_taken_up_again() {
    let place = r#""item_id":"m","output_index":0,"content_index":0"#;
    let delta = |text: &str| {
        let data = format!(r#"{{"type":"response.refusal.delta",{place},"delta":"{text}"}}"#);
        event("response.refusal.delta", &data)
    };
    let mut drive = Drive::new(responses());
    drive.accept().send(Provider::new("r").wire()).send(delta("I can")).broke(Break::Reset);
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!("not ended") };
    assert_eq!(*cause, Cause::NotContinuable);
    let mut drive = Drive::new(responses());
    drive.accept().send(Provider::new("r").message(&[PART]).incomplete("content_filter"));
    let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
    assert_eq!(summary.stop, Some(StopReason::Refusal));
}

#[test]
fn the_limit_of_tokens_is_an_end() {
    let wire = Provider::new("r").message(&[PART]).incomplete("max_output_tokens");
    let mut drive = Drive::new(responses());
    drive.accept().send(&wire);
    let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
    assert_eq!((summary.stop, summary.sentinel_missing), (Some(StopReason::MaxTokens), false));
    assert_eq!(downstream(&drive), wire);
}

#[test]
fn text_that_was_lost_on_the_way_is_never_a_whole_answer() {
    let wire = Provider::new("r").message(&[PART]).completed(9);
    let (at, _) = wire.match_indices("event: response.output_text.delta").nth(1).expect("pieces");
    let end = at + wire[at..].find("\n\n").expect("its end") + 2;
    let holed = wire[..at].to_owned() + &wire[end..];
    let mut drive = Drive::new(responses());
    drive.accept().send(&holed);
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!("not ended") };
    assert_eq!(*cause, Cause::Contradicted);
    let next = Drive::resume(responses().0, &drive.records);
    let Some(Outcome::Incomplete { cause, .. }) = &next.outcome else { panic!("not ended") };
    assert_eq!((cause, next.requests.len()), (&Cause::NotContinuable, 0));
}

#[test]
fn what_is_kept_of_items_has_a_limit() {
    let (mut config, request) = responses();
    config.limits.text_bytes = 1_000;
    let mut drive = Drive::new((config, request));
    let piece = "hm, ".repeat(30);
    let pieces = [piece.as_str(); 9];
    drive.accept().send(Provider::new("r").summary(&pieces).wire());
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!("not ended") };
    assert_eq!(*cause, Cause::TooLarge);
}

#[test]
fn a_failure_is_an_end_of_the_attempt_at_once() {
    let errors = [
        (
            r#"{"type":"error","code":"server_error","message":"m","param":null,"sequence_number":2}"#,
            FailureKind::Server,
        ),
        (
            r#"{"type":"response.failed","sequence_number":2,"response":{"id":"r","status":"failed","error":{"code":"rate_limit_exceeded","message":"Please try again in 1.5s."}}}"#,
            FailureKind::RateLimited,
        ),
    ];
    for (data, kind) in errors {
        let name = if data.contains("failed") { "response.failed" } else { "error" };
        let mut drive = Drive::new(responses());
        drive.accept().send(Provider::new("r").wire()).send(event(name, data));
        let failed = drive.states.iter().find_map(|state| match state {
            State::Disconnected { cause: Cause::Provider(failure), .. } => Some(failure.kind),
            _ => None,
        });
        assert_eq!(failed, Some(kind));
        assert!(drive.frames.is_empty() && drive.wait.is_some(), "it is tried again");
    }
}

#[test]
fn a_second_response_inside_one_is_a_restart() {
    let first = Provider::new("one").message(&[PART]);
    let mut drive = Drive::new(responses());
    drive.accept().send(first.wire()).send(Provider::new("two").wire());
    assert!(
        drive
            .states
            .iter()
            .any(|state| { matches!(state, State::Disconnected { cause: Cause::Restarted, .. }) })
    );
}

#[test]
fn an_end_without_the_last_event_is_truncation() {
    let mut drive = Drive::new(responses());
    drive.accept().send(Provider::new("r").message(&[PART]).wire()).end();
    assert!(
        drive
            .states
            .iter()
            .any(|state| { matches!(state, State::Disconnected { cause: Cause::Truncated, .. }) })
    );
}
