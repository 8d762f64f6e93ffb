//! Every buffer has a limit, and reaching it ends honestly.

use crate::drive::*;
use resume::{Break, Cause, Config, Input, OnStoreFailure, Outcome};
use retry_policy::{Limits, Nanos, Policy};

#[track_caller]
fn check_too_large(set: impl Fn(&mut Config), wire: &str) {
    let (mut config, request) = anthropic("claude-opus-5");
    let mut fits = Drive::new((config.clone(), request.clone()));
    fits.accept().send(wire);
    assert!(fits.complete(), "it fits the defaults");
    set(&mut config);
    let mut drive = Drive::new((config, request));
    drive.accept().send(wire);
    assert!(
        matches!(drive.outcome, Some(Outcome::Incomplete { cause: Cause::TooLarge, .. })),
        "{:?}",
        drive.outcome
    );
}

#[test]
fn one_event() {
    let wire = opening("m") + &text(0, &"x".repeat(2000)) + &closing(1);
    check_too_large(|config| config.limits.event_bytes = 1000, &wire);
}

#[test]
fn the_text() {
    let wire = opening("m") + &text(0, "Hello") + &text(0, " world") + &closing(1);
    check_too_large(|config| config.limits.text_bytes = 10, &wire);
}

#[test]
fn what_is_held() {
    let tool = block_start(1, r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
    let wire = opening("m")
        + &text(0, "Hi")
        + &block_stop(0)
        + &tool
        + &delta(
            1,
            &format!(r#"{{"type":"input_json_delta","partial_json":"{}"}}"#, "x".repeat(4000)),
        )
        + &block_stop(1)
        + &message_delta("tool_use", 1)
        + &message_stop();
    check_too_large(|config| config.limits.held_bytes = 3000, &wire);
}

#[test]
fn an_endless_error_body_is_not_read_to_its_end() {
    let mut drive = Drive::new(chat());
    drive.head(503, &[]);
    for _ in 0..3 {
        if drive.aborted.is_empty() {
            drive.send("x".repeat(40 << 10));
        }
    }
    assert_eq!(drive.aborted.len(), 1);
}

#[test]
fn a_failing_store_stops_the_stream_unless_told_otherwise() {
    for (choice, ends) in [(OnStoreFailure::Stop, true), (OnStoreFailure::GoOn, false)] {
        let (mut config, request) = anthropic("claude-opus-5");
        config.on_store_failure = choice;
        let mut drive = Drive::new((config, request));
        drive.accept().send(opening("m") + &text(0, "Hi")).input(Input::PersistFailed);
        assert_eq!(drive.outcome.is_some(), ends);
        if ends {
            assert!(matches!(drive.outcome, Some(Outcome::Incomplete { cause: Cause::Store, .. })));
        } else {
            assert!(drive.states.iter().any(|state| state.name() == "not-durable"));
            drive.send(closing(1));
            assert!(drive.complete());
        }
    }
}

#[test]
fn a_connection_that_breaks_with_the_deadline_is_not_given_up_once_more() {
    let (config, request) = chat();
    let deadline = Some(Nanos::from_secs(5));
    let limits = Limits { deadline, ..Limits::DEFAULT };
    let policy = Policy { limits, ..Policy::DEFAULT };
    let mut drive = Drive::new((Config { policy, ..config }, request));
    drive.accept();
    drive.now = Nanos::from_secs(5);
    drive.broke(Break::Reset);
    assert!(matches!(drive.outcome, Some(Outcome::Incomplete { cause: Cause::Deadline, .. })));
    assert!(drive.aborted.is_empty(), "its socket is over");
}
