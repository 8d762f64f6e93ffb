//! What Gemini servers send beside the usual: what the client ends with.

use crate::drive::*;
use crate::gemini::{PIECES, WHOLE, answer, data, gemini, obedient, parts, said, stopped};
use bytes::Bytes;
use protocol::{Profile, RequestBody, StopReason};
use resume::{Break, Cause, Config, Outcome, Rung};

/// Events that say nothing, in the forms in which servers send them.
const EMPTY: [&str; 8] = [
    "{}",
    r#"{"candidates":[]}"#,
    r#"{"candidates":null}"#,
    r#"{"candidates":[{}]}"#,
    r#"{"candidates":[{"content":{}}]}"#,
    r#"{"candidates":[{"content":{"role":"model"},"index":0}]}"#,
    r#"{"candidates":[{"content":{"parts":[]},"index":0}]}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"FINISH_REASON_UNSPECIFIED"}]}"#,
];

fn event(data: &str) -> String {
    format!("data: {data}\r\n\r\n")
}

#[track_caller]
fn complete(drive: &Drive) -> (&str, Option<StopReason>, usize) {
    let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("{:?}", drive.outcome) };
    assert_eq!(drive.session.text(), drive.text);
    (drive.text.as_str(), summary.stop, drive.requests.len())
}

#[track_caller]
fn incomplete(drive: &Drive) -> &Cause {
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else {
        panic!("{:?}", drive.outcome)
    };
    cause
}

#[test]
fn chunks_that_say_nothing_end_nothing_and_change_nothing() {
    for empty in EMPTY {
        let mut drive = Drive::new(gemini());
        drive.accept().send(event(empty)).send(said("r1", PIECES[0], 1) + &event(empty));
        drive.send(said("r1", PIECES[1], 2) + &event(empty));
        assert!(drive.outcome.is_none(), "{empty}");
        drive.broke(Break::Reset).pass();
        let continuation = obedient(&drive, "r2");
        drive.accept().send(event(empty) + &continuation + &event(empty)).end();
        assert_eq!(complete(&drive), (WHOLE, Some(StopReason::EndTurn), 2), "{empty}");
    }
}

#[test]
fn a_body_of_chunks_that_say_nothing_is_no_answer() {
    for empty in EMPTY {
        let mut drive = Drive::new(gemini());
        drive.accept().send(event(empty)).end().pass();
        assert!(drive.outcome.is_none(), "{empty}");
        assert_eq!(drive.requests[1].rung, Rung::Retry, "{empty}");
        drive.accept().send(answer("r", PIECES)).end();
        assert_eq!(complete(&drive), (WHOLE, Some(StopReason::EndTurn), 2), "{empty}");
    }
}

#[test]
fn a_blocked_prompt_is_a_refusal_with_no_text() {
    let counts = r#""usageMetadata":{"promptTokenCount":9,"totalTokenCount":9}"#;
    for reason in ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "OF_TOMORROW"] {
        let blocked =
            event(&format!(r#"{{"promptFeedback":{{"blockReason":"{reason}"}},{counts}}}"#));
        let mut drive = Drive::new(gemini());
        drive.accept().send(blocked).end();
        assert_eq!(complete(&drive), ("", Some(StopReason::Refusal), 1), "{reason}");
        let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("complete") };
        assert_eq!((summary.usage().0.input, summary.usage().0.output), (9, 0));
    }
    // That it was looked at is no block.
    let looked = r#"{"promptFeedback":{"safetyRatings":[{"probability":"LOW"}]}}"#;
    let mut drive = Drive::new(gemini());
    drive.accept().send(event(looked) + &answer("r", PIECES)).end();
    assert_eq!(complete(&drive), (WHOLE, Some(StopReason::EndTurn), 1));
}

#[test]
fn a_continuation_that_is_blocked_ends_with_what_was_shown() {
    let mut drive = Drive::new(gemini());
    drive.accept().send(said("r1", PIECES[0], 1) + &said("r1", PIECES[1], 2));
    drive.broke(Break::Reset).pass();
    let shown = drive.text.clone();
    drive.accept().send(event(r#"{"promptFeedback":{"blockReason":"SAFETY"},"responseId":"r2"}"#));
    drive.end();
    assert_eq!(complete(&drive), (shown.as_str(), Some(StopReason::Refusal), 2));
    assert!(data(&drive).concat().contains(r#""responseId":"r1""#), "{:?}", data(&drive));
}

#[test]
fn a_reason_that_is_no_end_of_a_turn_is_told_as_it_is() {
    for reason in
        ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "OTHER", "NEW"]
    {
        let ends = [
            stopped("r1", reason, 3),
            event(&format!(
                r#"{{"candidates":[{{"finishReason":"{reason}","finishMessage":"m","index":0}}],"responseId":"r1"}}"#
            )),
        ];
        for end in ends {
            let mut drive = Drive::new(gemini());
            drive.accept().send(said("r1", PIECES[0], 2) + &end).end();
            assert_eq!(complete(&drive), (PIECES[0], Some(StopReason::Other), 1), "{reason}");
            assert!(data(&drive).concat().contains(reason), "the consumer sees the word");
        }
    }
}

#[test]
fn an_end_without_a_word_is_an_empty_answer_or_an_empty_continuation() {
    let mut drive = Drive::new(gemini());
    drive.accept().send(stopped("r1", "STOP", 0)).end();
    assert_eq!(complete(&drive), ("", Some(StopReason::EndTurn), 1));

    let mut drive = Drive::new(gemini());
    drive.accept().send(said("r1", PIECES[0], 1) + &said("r1", PIECES[1], 2));
    drive.broke(Break::Reset).pass();
    drive.accept().send(stopped("r2", "STOP", 0)).end();
    let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("{:?}", drive.outcome) };
    assert!(summary.empty_continuation);
}

#[test]
fn a_signature_beside_text_changes_no_text_and_is_not_lost() {
    let signed = |text: &str| format!(r#"{{"text": "{text}","thoughtSignature": "c2ln"}}"#);
    let alone = r#"{"thoughtSignature": "YWxvbmU="}"#;
    let mut drive = Drive::new(gemini());
    drive.accept().send(parts("r1", &signed(PIECES[0]), "", 1) + &parts("r1", alone, "", 1));
    drive.send(answer("r1", &PIECES[1..])).end();
    assert_eq!(complete(&drive), (WHOLE, Some(StopReason::EndTurn), 1));
    let out = data(&drive).concat();
    assert!(out.contains("c2ln") && out.contains("YWxvbmU="), "{out}");
}

#[test]
fn thoughts_with_a_signature_are_cut_with_their_attempt() {
    let thought = r#"{"text": "weighing","thought": true,"thoughtSignature": "c2ln"}"#;
    let mut drive = Drive::new(gemini());
    drive.accept().send(parts("r1", thought, "", 0)).broke(Break::Reset).pass();
    assert_eq!(drive.requests[1].rung, Rung::Retry, "no text was shown");
    drive.accept().send(said("r2", PIECES[0], 1) + &said("r2", PIECES[1], 2));
    drive.broke(Break::Reset).pass();
    assert!(!drive.body().contains("weighing") && !drive.body().contains("c2ln"));
    let continuation = obedient(&drive, "r3");
    drive.accept().send(parts("r3", thought, "", 0) + &continuation).end();
    assert_eq!(complete(&drive), (WHOLE, Some(StopReason::EndTurn), 3));
    assert_eq!(data(&drive).concat().matches("weighing").count(), 1, "that of the first answer");
}

#[test]
fn counts_that_come_only_at_the_end_are_counted() {
    let bare = |text: &str, more: &str| {
        event(&format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}],"role":"model"}}{more}}}],"responseId":"r"}}"#
        ))
    };
    let counts = r#""usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":7,"thoughtsTokenCount":5,"totalTokenCount":21}"#;
    let stop = r#","finishReason":"STOP""#;
    let behind = event(&format!(r#"{{{counts},"responseId":"r"}}"#));
    for end in [stopped("r", "STOP", 7), bare("", stop) + &behind] {
        let mut drive = Drive::new(gemini());
        drive.accept().send(bare(PIECES[0], "") + &end).end();
        let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
        let usage = summary.usage().0;
        assert_eq!((usage.input, usage.output - usage.output_reasoning), (9, 7), "{usage:?}");
        assert!(!summary.attempts[0].estimated, "the provider said it");
        assert_eq!(drive.text, PIECES[0]);
    }
}

#[test]
fn text_behind_the_reason_is_shown_as_it_came_and_kept() {
    let mut drive = Drive::new(gemini());
    drive.accept().send(answer("r1", PIECES) + &said("r1", " And so on.", 9)).broke(Break::Reset);
    let whole = format!("{WHOLE} And so on.");
    assert_eq!(complete(&drive), (whole.as_str(), Some(StopReason::EndTurn), 1));
    assert_eq!(resume::Checkpoint::fold(&drive.records).expect("a journal").text(), whole);
}

#[test]
fn a_cut_answer_of_several_candidates_is_not_gone_on_with() {
    let body = r#"{"model":"m","contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"candidateCount":2}}"#;
    let request = RequestBody::parse(Profile::GEMINI.wire, Bytes::from(body)).expect("a body");
    let candidate = |index: u32| {
        event(&format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{}"}}]}},"index":{index}}}]}}"#,
            PIECES[0]
        ))
    };
    let mut drive = Drive::new((Config::new(Profile::GEMINI), request));
    drive.accept().send(candidate(0) + &candidate(1)).broke(Break::Reset).pass();
    assert_eq!(drive.text, PIECES[0], "the first one's");
    assert_eq!(*incomplete(&drive), Cause::NotContinuable);
}
