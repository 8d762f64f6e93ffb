//! After the first content: which rung, what request, which bytes.

use crate::drive::*;
use resume::{Break, Cause, Instruction, Outcome, Rung, SeamLabel, SeamPolicy};

const PART: &str = "The lighthouse keeper climbed the stairs every evening and lit";

#[test]
fn a_model_that_takes_prefill_gets_the_exact_text() {
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    drive.accept().send(opening("m1") + &text(0, &format!("{PART} "))).broke(Break::Reset).pass();
    assert_eq!(drive.requests[1].rung, Rung::Prefill);
    assert!(
        drive.body().contains(&format!(
            r#"{{"role":"assistant","content":[{{"type":"text","text":"{PART}"}}]}}]"#
        )),
        "{}",
        drive.body()
    );
    assert!(drive.body().contains(r#""max_tokens":999"#));
    drive.accept().send(opening("m2") + &text(0, " the") + &text(0, " lamp") + &closing(2));
    assert!(drive.complete());
    assert_eq!(drive.text, format!("{PART} the lamp"));
    assert_eq!(drive.seams[0].label, SeamLabel::Exact);
}

#[test]
fn a_model_that_refuses_prefill_is_asked_to_go_on() {
    let mut drive = Drive::new(anthropic("claude-opus-5"));
    drive.accept().send(opening("m1") + &text(0, PART)).end().pass();
    assert_eq!(drive.requests[1].rung, Rung::Instruct);
    assert!(drive.body().contains('«'));
    let echo = &PART[PART.len() - 20..];
    let anchor = drive.body().split('«').nth(1).unwrap().split('»').next().unwrap().to_owned();
    assert!(PART.ends_with(&anchor) && anchor.ends_with(echo));
    drive.accept().send(opening("m2") + &text(0, &anchor) + &text(0, " the lamp.") + &closing(9));
    assert!(drive.complete());
    assert_eq!(drive.text, format!("{PART} the lamp."));
    assert_eq!(drive.seams[0].label, SeamLabel::Anchored);
    assert_eq!(drive.seams[0].dropped, anchor.len() as u64);
}

#[test]
fn an_unknown_model_that_answers_400_to_prefill_is_learned() {
    let (mut config, request) = anthropic("somebody/else");
    config.profile.prefill = protocol::Prefill::Trailing;
    let mut drive = Drive::new((config, request));
    drive.accept().send(opening("m1") + &text(0, PART)).broke(Break::Reset).pass();
    assert_eq!(drive.requests[1].rung, Rung::Prefill);
    let body = r#"{"type":"error","error":{"type":"invalid_request_error","message":"This model does not support assistant message prefill. The conversation must end with a user message."}}"#;
    drive.head(400, &[("content-type", "application/json")]).send(body).end();
    assert_eq!(drive.requests[2].rung, Rung::Instruct, "at once, and not counted as a failure");
    assert!(drive.session.prefill_refused());
}

#[test]
fn a_text_too_short_to_anchor_is_replayed() {
    let mut drive = Drive::new(chat());
    drive
        .accept()
        .send(chunk("a", r#"{"role":"assistant","content":"One two"}"#, "null"))
        .broke(Break::Reset)
        .pass();
    assert_eq!(drive.requests[1].rung, Rung::Replay);
    assert_eq!(drive.requests[0].body, drive.requests[1].body);
    drive.accept().send(chunk("b", r#"{"role":"assistant","content":"One "}"#, "null"));
    drive.send(
        chunk("b", r#"{"content":"two three"}"#, "null")
            + &chunk("b", "{}", "\"stop\"")
            + "data: [DONE]\n\n",
    );
    assert!(drive.complete());
    assert_eq!(drive.text, "One two three");
    assert_eq!(drive.seams[0].label, SeamLabel::Exact);
}

#[test]
fn a_replay_that_diverges_falls_to_the_instruction() {
    let mut drive = Drive::new(chat());
    drive.accept().send(chunk("a", r#"{"content":"One two"}"#, "null")).broke(Break::Reset).pass();
    drive.accept().send(chunk("b", r#"{"content":"Three"}"#, "null"));
    assert_eq!(drive.text, "One two");
    assert_eq!(drive.aborted.len(), 1, "the diverging attempt is not paid for any longer");
    drive.pass();
    assert_eq!(drive.requests[2].rung, Rung::Instruct);
}

#[test]
fn every_break_is_survived_and_nothing_repeats() {
    let mut drive = Drive::new(anthropic("claude-sonnet-4-5"));
    drive.accept().send(opening("m1") + &text(0, "One ")).broke(Break::Reset).pass();
    drive.accept().send(opening("m2") + &text(0, " two")).broke(Break::Framing).pass();
    drive.accept().send(opening("m3") + &text(0, " three") + &closing(1));
    assert_eq!(drive.text, "One two three");
    assert_eq!(drive.requests.len(), 3);
    assert_eq!(drive.seams.len(), 2);
}

#[test]
fn what_cannot_be_continued_ends_honestly() {
    let body = r#"{"model":"gpt-5","n":2,"messages":[{"role":"user","content":"hi"}]}"#;
    let (config, _) = chat();
    let request = protocol::RequestBody::parse(config.profile.wire, body.into()).unwrap();
    let mut drive = Drive::new((config, request));
    drive.accept().send(chunk("a", r#"{"content":"One"}"#, "null")).broke(Break::Reset);
    assert!(matches!(
        drive.outcome,
        Some(Outcome::Incomplete { cause: Cause::NotContinuable, .. })
    ));
}

#[test]
fn an_unverified_seam_can_be_refused() {
    let (mut config, request) = anthropic("claude-opus-5");
    config.seams = SeamPolicy::RefuseUnverified;
    let mut drive = Drive::new((config, request));
    drive.accept().send(opening("m1") + &text(0, PART)).end().pass();
    drive.accept().send(opening("m2") + &text(0, " a completely different text goes on here"));
    assert!(matches!(
        drive.outcome,
        Some(Outcome::Incomplete { cause: Cause::SeamUnverified, .. })
    ));
    assert_eq!(drive.text, PART);
}

#[test]
fn attempts_that_bring_nothing_end_it() {
    let (mut config, request) = anthropic("claude-haiku-4-5");
    config.limits.futile_attempts = 2;
    let mut drive = Drive::new((config, request));
    drive.accept().send(opening("m1") + &text(0, PART)).end().pass();
    drive.accept().send(opening("m2")).end().pass();
    assert!(drive.outcome.is_none());
    drive.accept().send(opening("m3")).end();
    assert!(matches!(drive.outcome, Some(Outcome::Incomplete { cause: Cause::NoProgress, .. })));
}

#[test]
fn the_fragment_that_is_repeated_is_not_paid_out_of_the_callers_limit() {
    let mut drive = Drive::new(anthropic("claude-opus-5"));
    drive.accept().send(opening("m1"));
    for word in PART.split_inclusive(' ') {
        drive.send(text(0, word));
    }
    drive.end().pass();
    let words = PART.split(' ').count();
    let left: usize = drive.body().split(r#""max_tokens":"#).nth(1).unwrap()[..3].parse().unwrap();
    assert!(left > 1000 - words && left < 1000, "{left}");
}

#[test]
fn a_model_is_asked_to_go_on_in_the_callers_words() {
    let (mut config, request) = anthropic("claude-opus-5");
    let instruction = Instruction::new("Bitte weiter nach »{fragment}«.").unwrap();
    config.instruction = instruction.without_fragment("Bitte weiter.").unwrap();
    let mut drive = Drive::new((config.clone(), request.clone()));
    drive.accept().send(opening("m1") + &text(0, PART)).end().pass();
    let fragment = drive.body().split('»').nth(1).unwrap().split('«').next().unwrap();
    assert!(PART.ends_with(fragment) && fragment.len() > 20, "{}", drive.body());
    assert!(
        drive
            .body()
            .contains(r#"{"role":"user","content":[{"type":"text","text":"Bitte weiter nach »"#)
    );
    let mut drive = Drive::new((config, request));
    drive.accept().send(opening("m1") + &text(0, &"ha ".repeat(40))).end().pass();
    assert!(drive.body().contains(r#""text":"Bitte weiter."}]}]"#), "{}", drive.body());
}
