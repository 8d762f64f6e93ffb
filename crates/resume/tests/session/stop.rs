//! Stop sequences over the seam: they begin in what was shown and end in a continuation.

use crate::drive::*;
use bytes::Bytes;
use protocol::{Profile, RequestBody, StopReason};
use resume::{Break, Checkpoint, Config, Outcome, SeamLabel, Summary};

const PART: &str = "The lighthouse keeper climbed the stairs and that was it.\nEN";

fn asking(profile: Profile, model: &str, stop: &str) -> (Config, RequestBody) {
    let body = format!(
        r#"{{"model":"{model}","max_tokens":1000,{stop},"messages":[{{"role":"user","content":"hi"}}]}}"#
    );
    let request = RequestBody::parse(profile.wire, Bytes::from(body)).expect("a valid body");
    (Config::new(profile), request)
}

fn messages() -> (Config, RequestBody) {
    asking(Profile::ANTHROPIC, "claude-haiku-4-5", r#""stop_sequences":["END","\n\nQ:"]"#)
}

fn deepseek() -> (Config, RequestBody) {
    asking(Profile::DEEPSEEK_BETA, "d", r#""stop":"END""#)
}

/// A stream that was cut after [`PART`], at its second attempt.
fn cut((config, request): (Config, RequestBody)) -> Drive {
    let wire = request.wire();
    let mut drive = Drive::new((config, request));
    let begun = match wire {
        protocol::Wire::AnthropicMessages => opening("m1") + &text(0, PART),
        _ => say("role\":\"assistant\",\"content", "") + &say("content", PART),
    };
    drive.accept().send(begun).broke(Break::Reset).pass().accept();
    drive
}

fn say(key: &str, words: &str) -> String {
    let words = words.replace('\n', "\\n");
    chunk("c", &format!("{{\"{key}\":\"{words}\"}}"), "null")
}

#[track_caller]
fn summary(drive: &Drive) -> &Summary {
    assert!(drive.complete(), "{:?}", drive.outcome);
    drive.outcome.as_ref().map(Outcome::summary).expect("it is over")
}

fn data(drive: &Drive) -> Vec<String> {
    drive.frames.iter().map(|frame| String::from_utf8_lossy(&frame.data).into_owned()).collect()
}

#[test]
fn a_message_ends_where_its_stop_sequence_begins_to_be_new() {
    let mut drive = cut(messages());
    drive.send(opening("m2") + &text(0, "D of the story. ") + &text(0, "And more."));
    let call = r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#;
    drive.send(block_stop(0) + &block_start(1, call) + &block_stop(1));
    drive.send(text_start(2) + &text(2, "Late.") + &block_stop(2));
    drive.send(message_delta("tool_use", 40) + &message_stop());
    assert_eq!(drive.text, PART, "neither the rest of the sequence nor what follows");
    assert_eq!(summary(&drive).stop, Some(StopReason::StopSequence));
    assert_eq!(summary(&drive).stopped_at_seam.as_deref(), Some("END"));
    assert!(!summary(&drive).empty_continuation);
    let events = data(&drive).join("\n");
    assert!(events.contains(r#""stop_reason":"stop_sequence","stop_sequence":"END""#), "{events}");
    assert!(!events.contains("tool_use") && !events.contains("Late"), "{events}");
    let count = |kind: &str| events.matches(kind).count();
    assert_eq!((count("block_start"), count("block_stop"), count("message_stop")), (1, 1, 1));
    let checkpoint = Checkpoint::fold(&drive.records).expect("a readable journal");
    assert_eq!(checkpoint.stop(), Some(StopReason::StopSequence));
    assert_eq!(checkpoint.text(), PART);
}

#[test]
fn a_chat_ends_where_its_stop_sequence_begins_to_be_new() {
    let mut drive = cut(deepseek());
    drive.send(say("content", "D and") + &say("content", " more, and more"));
    drive.send(chunk("c", r#"{"content":" and more"}"#, r#""length""#) + "data: [DONE]\n\n");
    assert_eq!(drive.text, PART);
    assert_eq!(summary(&drive).stop, Some(StopReason::EndTurn));
    assert_eq!(summary(&drive).stopped_at_seam.as_deref(), Some("END"));
    let events = data(&drive);
    assert!(events[events.len() - 2].contains(r#""content":""#), "{events:?}");
    assert!(events[events.len() - 2].contains(r#""finish_reason":"stop""#), "{events:?}");
    assert!(!events.join("").contains("more"), "{events:?}");
    assert_eq!(Checkpoint::fold(&drive.records).unwrap().stop(), Some(StopReason::EndTurn));
}

#[test]
fn what_only_begins_like_a_stop_sequence_is_delivered_as_soon_as_it_differs() {
    let asked = asking(Profile::ANTHROPIC, "claude-haiku-4-5", r#""stop_sequences":["ENDING"]"#);
    let mut drive = cut(asked);
    drive.send(opening("m2") + &text(0, "D") + &text(0, "I"));
    assert_eq!(drive.text, PART, "it may still be the sequence");
    drive.send(text(0, "VE") + &closing(9));
    assert_eq!(drive.text, format!("{PART}DIVE"));
    assert_eq!(summary(&drive).stopped_at_seam, None);
    assert_eq!(summary(&drive).stop, Some(StopReason::EndTurn));
}

#[test]
fn a_continuation_that_ends_inside_a_stop_sequence_is_delivered() {
    let asked = asking(Profile::ANTHROPIC, "claude-haiku-4-5", r#""stop_sequences":["ENDING"]"#);
    let mut drive = cut(asked);
    drive.send(opening("m2") + &text(0, "DIN") + &closing(9));
    assert_eq!(drive.text, format!("{PART}DIN"));
    assert_eq!(summary(&drive).stopped_at_seam, None);
}

#[test]
fn without_stop_sequences_nothing_is_looked_for() {
    let mut drive = cut(anthropic("claude-haiku-4-5"));
    drive.send(opening("m2") + &text(0, "D of it.") + &closing(9));
    assert_eq!(drive.text, format!("{PART}D of it."));
}

#[test]
fn a_fragment_that_the_provider_cut_at_the_sequence_is_not_shown_again() {
    let mut drive = cut(asking(Profile::ANTHROPIC, "claude-opus-5", r#""stop_sequences":["END"]"#));
    let fragment = drive.body().split('«').nth(1).unwrap().split('»').next().unwrap();
    let seen = fragment.replace("\\n", "\n");
    // The provider sees the sequence whole, and ends before it.
    let seen = seen.strip_suffix("EN").expect("the fragment ends as the text").to_owned();
    drive.send(opening("m2") + &text(0, &seen));
    drive.send(block_stop(0) + &message_delta("stop_sequence", 9) + &message_stop());
    assert_eq!(drive.text, PART);
    assert_eq!(drive.seams[0].label, SeamLabel::Anchored);
    assert_eq!(drive.seams[0].dropped, seen.len() as u64);
    assert_eq!(summary(&drive).stop, Some(StopReason::StopSequence));
}

#[test]
fn a_cut_after_the_sequence_is_decided_anew() {
    let mut drive = cut(messages());
    drive.send(opening("m2") + &text(0, "D and more")).broke(Break::Reset).pass().accept();
    assert_eq!(drive.text, PART);
    assert_eq!(drive.requests.len(), 3);
    drive.send(opening("m3") + &text(0, "OUGH of it.") + &closing(9));
    assert_eq!(drive.text, format!("{PART}OUGH of it."));
    assert_eq!(summary(&drive).stopped_at_seam, None);
}

#[test]
fn attempts_that_only_meet_the_sequence_and_break_are_futile() {
    let mut drive = cut(messages());
    for _ in 0..3 {
        assert!(drive.outcome.is_none());
        drive.send(opening("m") + &text(0, "D and more")).broke(Break::Reset);
        if drive.outcome.is_none() {
            drive.pass().accept();
        }
    }
    assert!(matches!(drive.outcome, Some(Outcome::Incomplete { .. })), "{:?}", drive.outcome);
    assert_eq!(drive.text, PART);
}

#[test]
fn half_a_character_after_the_sequence_leaves_no_trace() {
    let mut drive = cut(messages());
    let half = delta(0, r#"{"type":"text_delta","text":"D \ud83d"}"#);
    drive.send(opening("m2") + &half + &closing(9));
    assert_eq!(drive.text, PART);
    assert_eq!(drive.session.text(), PART);
    assert!(drive.complete());
}
