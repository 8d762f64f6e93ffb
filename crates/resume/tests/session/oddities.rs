//! What is odd and does no harm is counted for each attempt.

use crate::drive::*;
use resume::{Break, Input, Oddities};
use retry_policy::Nanos;

/// Enough pieces of text to tell an answer that was kept back from a quick one.
fn pieces() -> String {
    (0..40).map(|n| text(0, &format!("{n} "))).collect()
}

#[track_caller]
fn odd(drive: &Drive) -> Vec<(&'static str, u64)> {
    let summary = drive.outcome.as_ref().expect("it is over").summary();
    summary.oddities().kinds().map(|(kind, count, _)| (kind, count)).collect()
}

fn answered_after(wait: Nanos, chunks: &[String]) -> Drive {
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    drive.accept();
    drive.now = wait;
    for chunk in chunks {
        drive.send(chunk);
        drive.now = drive.now.saturating_add(Nanos::from_millis(20));
    }
    drive
}

#[test]
fn an_answer_that_came_at_once_was_kept_back_and_a_quick_one_was_not() {
    let whole = [opening("m") + &pieces() + &closing(9)];
    assert_eq!(odd(&answered_after(Nanos::from_secs(5), &whole)), [("buffered", 1)]);
    assert_eq!(odd(&answered_after(Nanos::from_millis(900), &whole)), []);
    let mut slow = vec![opening("m")];
    slow.extend((0..40).map(|n| text(0, &format!("{n} "))));
    slow.push(closing(9));
    assert_eq!(odd(&answered_after(Nanos::from_secs(5), &slow)), []);
}

#[test]
fn what_was_read_late_did_not_come_late() {
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    drive.accept();
    drive.now = Nanos::from_secs(5);
    drive.input(Input::Unheard).send(opening("m") + &pieces() + &closing(9));
    assert_eq!(odd(&drive), []);
}

#[test]
fn each_attempt_has_its_own() {
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    let misnamed = text(0, "Hello").replace("event: content_block_delta", "event: ping");
    drive.accept().send(opening("m") + &misnamed + &misnamed).broke(Break::Reset).pass();
    drive.accept().send(opening("m2") + &text(0, " you") + &closing(9));
    assert_eq!(odd(&drive), [("misnamed", 2)]);
    let attempts = &drive.outcome.as_ref().unwrap().summary().attempts;
    assert_eq!(attempts[0].oddities.misnamed, 2);
    assert_eq!(attempts[1].oddities, Oddities::default());
}

#[test]
fn blocks_in_order_are_not_odd() {
    let thinking = block_start(0, r#"{"type":"thinking","thinking":""}"#)
        + &delta(0, r#"{"type":"thinking_delta","thinking":"hm"}"#)
        + &block_stop(0);
    let body = message_start("m") + &thinking + &text_start(1) + &text(1, "Hello") + &block_stop(1);
    let mut drive = Drive::new(anthropic("claude-opus-5"));
    drive.accept().send(body + &event("message_delta", r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#) + &event("message_stop", r#"{"type":"message_stop"}"#));
    assert!(drive.complete());
    assert_eq!(odd(&drive), []);
}
