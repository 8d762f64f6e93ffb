//! A response is complete when the wire says so, and at no other time.

use crate::drive::*;
use resume::{Break, Cause, Outcome};

#[test]
fn a_whole_stream_is_complete_and_unchanged() {
    let wire = opening("msg_1") + &text(0, "Hello") + &text(0, " world") + &closing(2);
    let mut drive = Drive::new(anthropic("claude-opus-5"));
    drive.accept().send(&wire);
    assert!(drive.complete());
    assert_eq!(drive.text, "Hello world");
    let downstream: String = drive
        .frames
        .iter()
        .map(|frame| {
            event(
                std::str::from_utf8(&frame.name).unwrap(),
                std::str::from_utf8(&frame.data).unwrap(),
            )
        })
        .collect();
    assert_eq!(downstream, wire);
}

#[test]
fn every_cut_of_the_input_gives_the_same() {
    let wire = opening("msg_1") + &text(0, "안녕, 👩‍💻") + &text(0, "\n") + &closing(2);
    let mut drive = Drive::new(anthropic("claude-opus-5"));
    drive.accept();
    for byte in wire.as_bytes() {
        drive.send([*byte]);
    }
    assert!(drive.complete());
    assert_eq!(drive.text, "안녕, 👩‍💻\n");
}

#[test]
fn a_clean_end_without_a_stop_reason_is_truncation() {
    let mut drive = Drive::new(anthropic("claude-opus-5"));
    drive.accept().send(opening("msg_1") + &text(0, "Hello")).end();
    assert!(drive.outcome.is_none());
    assert!(
        drive.states.iter().any(|state| matches!(
            state,
            resume::State::Disconnected { cause: Cause::Truncated, .. }
        ))
    );
}

#[test]
fn done_without_a_finish_reason_is_truncation() {
    let mut drive = Drive::new(chat());
    drive
        .accept()
        .send(chunk("c", r#"{"role":"assistant","content":"Hello"}"#, "null") + "data: [DONE]\n\n");
    assert!(drive.outcome.is_none());
    assert_eq!(drive.frames.len(), 1, "the sentinel is not passed on");
}

#[test]
fn an_end_after_the_stop_reason_is_complete_and_flagged() {
    for broken in [false, true] {
        let mut drive = Drive::new(anthropic("claude-opus-5"));
        drive
            .accept()
            .send(opening("m") + &text(0, "Hi") + &block_stop(0) + &message_delta("end_turn", 1));
        assert!(drive.outcome.is_none());
        if broken {
            drive.broke(Break::Reset)
        } else {
            drive.end()
        };
        let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
        assert!(summary.sentinel_missing);
    }
}

#[test]
fn a_silent_end_after_the_stop_reason_is_complete_after_a_while() {
    let mut drive = Drive::new(chat());
    drive.accept().send(chunk("c", r#"{"content":"Hi"}"#, "null") + &chunk("c", "{}", "\"stop\""));
    assert!(drive.outcome.is_none());
    drive.pass();
    assert!(drive.complete());
    assert_eq!(drive.now, resume::Timeouts::default().sentinel);
}

#[test]
fn an_error_after_the_stop_reason_changes_nothing() {
    let mut drive = Drive::new(anthropic("claude-opus-5"));
    let error = event(
        "error",
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    );
    drive.accept().send(
        opening("m") + &text(0, "Hi") + &block_stop(0) + &message_delta("end_turn", 1) + &error,
    );
    drive.send(message_stop());
    assert!(drive.complete());
}

#[test]
fn html_with_status_200_is_never_an_answer() {
    for content_type in [Some("text/html"), None] {
        let mut drive = Drive::new(chat());
        let headers: Vec<_> =
            content_type.map(|value| ("content-type", value)).into_iter().collect();
        drive.head(200, &headers).send("<html><body>data: hello\n\n</body></html>").end();
        assert!(drive.outcome.is_none() && drive.frames.is_empty());
        assert!(drive.wait.is_some(), "it is tried again");
    }
}

#[test]
fn an_answer_without_content_is_complete() {
    let mut drive = Drive::new(anthropic("claude-opus-5"));
    drive.accept().send(message_start("m") + &message_delta("end_turn", 0) + &message_stop());
    assert!(drive.complete());
    assert_eq!(drive.frames.len(), 3);
}

#[test]
fn a_deadline_after_the_stop_reason_is_complete() {
    let (mut config, request) = chat();
    let deadline = Some(retry_policy::Nanos::from_secs(1));
    config.policy.limits.deadline = deadline;
    let mut drive = Drive::new((config, request));
    drive.accept().send(chunk("c", r#"{"content":"Hi"}"#, "null") + &chunk("c", "{}", "\"stop\""));
    drive.pass();
    assert_eq!(Some(drive.now), deadline);
    assert!(drive.complete());
}

#[test]
fn nothing_that_fails_after_the_stop_reason_takes_it_back() {
    let wire = opening("m") + &text(0, "Hi") + &block_stop(0) + &message_delta("end_turn", 1);
    let (mut config, request) = anthropic("claude-opus-5");
    config.timeouts.bytes = retry_policy::Nanos::from_secs(1);
    let mut silent = Drive::new((config, request));
    silent.accept().send(&wire).send(event("ping", r#"{"type": "ping"}"#)).pass();
    let mut garbled = Drive::new(anthropic("claude-opus-5"));
    garbled.accept().send(&wire).send("data: {\n\n");
    for drive in [silent, garbled] {
        assert!(drive.complete(), "{:?}", drive.outcome);
        let stops = drive.frames.iter().filter(|frame| &frame.name[..] == b"message_delta");
        assert_eq!((stops.count(), drive.requests.len()), (1, 1));
    }
}
