//! Before the first content a failure leaves no trace; the policy decides whether and when.

use crate::drive::*;
use resume::{Break, Cause, Connection, Input, Outcome, Rung, State};
use retry_policy::{ConnectFailures, GiveUp, Limits, Nanos, Policy};

#[test]
fn lifecycle_events_of_a_failed_attempt_are_never_seen() {
    let mut drive = Drive::new(anthropic("claude-opus-5"));
    drive.accept().send(opening("msg_1")).broke(Break::Reset);
    assert!(drive.frames.is_empty());
    drive.pass().accept().send(opening("msg_2") + &text(0, "Hi") + &closing(1));
    assert!(drive.complete());
    assert_eq!(drive.requests[0].body, drive.requests[1].body);
    assert_eq!(drive.requests[0].key, drive.requests[1].key);
    let starts = drive.frames.iter().filter(|frame| &frame.name[..] == b"message_start");
    assert_eq!(starts.count(), 1);
    assert!(std::str::from_utf8(&drive.frames[0].data).unwrap().contains("msg_2"));
}

/// A session in which the first failure that counts is the last.
fn strict() -> Drive {
    let (mut config, request) = chat();
    config.policy = Policy { limits: Limits { total: 1, ..Limits::DEFAULT }, ..Policy::DEFAULT };
    Drive::new((config, request))
}

#[test]
fn a_request_that_came_to_nothing_goes_out_again_at_once_on_a_new_connection() {
    for cause in [Break::NotSent, Break::Stale] {
        let mut drive = strict();
        drive.broke(cause);
        assert_eq!((drive.requests.len(), drive.now), (2, Nanos::ZERO), "{cause:?}");
        assert_eq!(drive.requests[0].connection, Connection::Any);
        assert_eq!(drive.requests[1].connection, Connection::New);
        drive.accept().send(chunk("c", r#"{"content":"Hi"}"#, "null"));
        assert_eq!(drive.text, "Hi");
    }
}

#[test]
fn what_comes_to_nothing_again_and_again_counts_in_the_end() {
    let mut drive = strict();
    for _ in 0..3 {
        drive.broke(Break::NotSent);
        assert!(drive.outcome.is_none());
    }
    drive.broke(Break::NotSent);
    assert_eq!(drive.requests.len(), 4);
    assert!(matches!(drive.outcome, Some(Outcome::Incomplete { cause: Cause::GaveUp { .. }, .. })));

    let mut drive = strict();
    drive.broke(Break::Stale).broke(Break::Stale);
    assert_eq!(drive.requests.len(), 2, "a connection that was kept is forgiven once");
    assert!(drive.outcome.is_some());
}

#[test]
fn an_answer_begins_the_count_of_requests_that_came_to_nothing_anew() {
    let (mut config, request) = chat();
    config.policy = Policy { limits: Limits { total: 2, ..Limits::DEFAULT }, ..Policy::DEFAULT };
    let mut drive = Drive::new((config, request));
    drive.broke(Break::Stale).accept().broke(Break::Reset).pass();
    assert_eq!(drive.requests[2].connection, Connection::Any);
    drive.broke(Break::Stale);
    assert_eq!(drive.requests.len(), 4);
}

#[test]
fn refused_connections_are_tried_again() {
    let mut drive = Drive::new(chat());
    drive.broke(Break::Refused).pass().broke(Break::Refused).pass();
    assert_eq!(drive.requests.len(), 3);
    assert!(drive.requests.iter().all(|request| request.rung == Rung::Retry));
}

#[test]
fn a_name_that_does_not_exist_is_final_after_two_more_attempts() {
    let (mut config, request) = chat();
    // Failed connections use up nothing but this.
    config.policy.limits.deadline = Some(Nanos::from_secs(3600));
    config.policy.limits.connect = ConnectFailures::UseDeadline;
    let mut drive = Drive::new((config, request));
    drive.broke(Break::UnknownName).pass().broke(Break::UnknownName).pass();
    assert!(drive.outcome.is_none());
    drive.broke(Break::UnknownName);
    assert_eq!(drive.requests.len(), 3);
    assert!(matches!(
        drive.outcome,
        Some(Outcome::Refused { cause: Cause::Broke(Break::UnknownName), .. })
    ));
}

#[test]
fn a_resolver_that_fails_is_asked_again_as_usual() {
    let mut drive = Drive::new(chat());
    drive.broke(Break::UnknownName).pass().broke(Break::UnknownName).pass();
    for _ in 0..5 {
        drive.broke(Break::Unresolved).pass();
    }
    drive.broke(Break::UnknownName).pass();
    assert!(drive.outcome.is_none());
    assert_eq!(drive.requests.len(), 9);
}

#[test]
fn a_certificate_that_is_not_valid_fails_at_once() {
    let mut drive = Drive::new(chat());
    drive.broke(Break::Certificate);
    assert!(matches!(
        drive.outcome,
        Some(Outcome::Refused { cause: Cause::Broke(Break::Certificate), .. })
    ));
}

#[test]
fn a_server_that_says_when_is_waited_for() {
    let mut drive = Drive::new(anthropic("claude-opus-5"));
    drive.head(429, &[("retry-after", "2")]).send("{}").end();
    let wait = drive.wait.unwrap();
    assert!(wait >= Nanos::from_secs(2) && wait < Nanos::from_secs(4), "{wait}");
}

#[test]
fn no_credit_and_a_bad_key_fail_at_once() {
    let quota = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    let key = r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}"#;
    for (status, body) in [(429, quota), (401, key)] {
        let mut drive = Drive::new(chat());
        drive.head(status, &[("content-type", "application/json")]).send(body).end();
        assert!(matches!(drive.outcome, Some(Outcome::Refused { .. })), "{status}");
    }
}

#[test]
fn attempts_are_limited() {
    let (mut config, request) = chat();
    config.policy = Policy { limits: Limits { total: 3, ..Limits::DEFAULT }, ..Policy::DEFAULT };
    let mut drive = Drive::new((config, request));
    drive.broke(Break::Reset).pass().broke(Break::Reset).pass().broke(Break::Reset);
    let Some(Outcome::Incomplete { cause: Cause::GaveUp { reason, last }, summary }) =
        &drive.outcome
    else {
        panic!("{:?}", drive.outcome)
    };
    assert_eq!((*reason, &**last), (GiveUp::AttemptsExhausted, &Cause::Broke(Break::Reset)));
    assert_eq!(summary.attempts.len(), 3);
}

#[test]
fn the_deadline_ends_the_session_and_the_connection() {
    let (mut config, request) = chat();
    let deadline = Some(Nanos::from_secs(5));
    config.policy = Policy { limits: Limits { deadline, ..Limits::DEFAULT }, ..Policy::DEFAULT };
    let mut drive = Drive::new((config, request));
    drive.accept().send(chunk("c", r#"{"content":"Hi"}"#, "null")).pass();
    assert_eq!(drive.now, Nanos::from_secs(5));
    assert!(matches!(drive.outcome, Some(Outcome::Incomplete { cause: Cause::Deadline, .. })));
    assert_eq!(drive.aborted, [drive.attempt()]);
}

#[test]
fn each_clock_ends_the_attempt() {
    type Play = fn(&mut Drive);
    let accepted: Play = |drive| {
        drive.accept();
    };
    let started: Play = |drive| {
        drive.accept().send(chunk("c", r#"{"content":"Hi"}"#, "null"));
    };
    let cases: [(Play, u64, Cause); 4] = [
        (|_| {}, 1, Cause::ConnectTimeout),
        (accepted, 2, Cause::FirstTokenTimeout),
        (started, 3, Cause::IdleTimeout),
        (started, 4, Cause::ByteTimeout),
    ];
    for (play, secs, cause) in cases {
        let (mut config, request) = chat();
        let long = Nanos::from_secs(1000);
        let this = |mine: u64| if mine == secs { Nanos::from_secs(secs) } else { long };
        config.timeouts = resume::Timeouts {
            connect: this(1),
            first_token: this(2),
            idle: this(3),
            bytes: this(4),
            sentinel: long,
        };
        let mut drive = Drive::new((config, request));
        play(&mut drive);
        drive.pass();
        assert_eq!(drive.now, Nanos::from_secs(secs));
        let last = drive.states.iter().rev().find_map(|state| match state {
            State::Disconnected { cause, .. } => Some(cause.clone()),
            _ => None,
        });
        assert_eq!(last, Some(cause));
        assert_eq!(drive.aborted.len(), 1);
    }
}

#[test]
fn pings_keep_the_connection_alive_but_are_no_content() {
    let (mut config, request) = anthropic("claude-opus-5");
    config.timeouts.bytes = Nanos::from_secs(10);
    config.timeouts.idle = Nanos::from_secs(25);
    let mut drive = Drive::new((config, request));
    drive.accept().send(opening("m") + &text(0, "Hi"));
    for secs in [8, 16, 24] {
        drive.now = Nanos::from_secs(secs);
        drive.send(event("ping", r#"{"type": "ping"}"#));
    }
    drive.pass();
    assert_eq!(drive.now, Nanos::from_secs(25));
    assert!(
        drive
            .states
            .iter()
            .any(|s| matches!(s, State::Disconnected { cause: Cause::IdleTimeout, .. }))
    );
}

#[test]
fn a_connection_that_is_silent_after_the_machine_slept_is_dead() {
    let silent = |play: fn(&mut Drive)| {
        let mut drive = Drive::new(chat());
        play(&mut drive);
        drive.now = Nanos::from_secs(9);
        drive.input(Input::Woke).pass();
        assert_eq!(drive.now, Nanos::from_secs(14));
        drive
            .states
            .iter()
            .any(|s| matches!(s, State::Disconnected { cause: Cause::ByteTimeout, .. }))
    };
    assert!(silent(|drive| {
        drive.accept().send(chunk("c", r#"{"content":"Hi"}"#, "null"));
    }));
    let waiting = silent(|drive| {
        let attempt = drive.attempt();
        drive.input(Input::Connected { attempt });
    });
    assert!(waiting, "also one that waits for its answer");
}

#[test]
fn a_connection_that_speaks_after_the_machine_slept_is_kept() {
    let mut drive = Drive::new(chat());
    drive.accept().send(chunk("c", r#"{"content":"Hi"}"#, "null")).input(Input::Woke);
    drive.now = Nanos::from_secs(3);
    drive.send(chunk("c", r#"{"content":" there"}"#, "null"));
    assert_eq!(drive.pass_one().wait, Some(Nanos::from_secs(63)), "the usual clock of bytes");
    assert_eq!((drive.requests.len(), drive.text.as_str()), (1, "Hi there"));
}

#[test]
fn a_wait_that_the_server_asked_for_is_not_shortened_by_sleep() {
    let mut drive = Drive::new(chat());
    drive.head(429, &[("retry-after", "100")]).send("{}").end();
    let wait = drive.wait;
    drive.input(Input::Woke);
    assert_eq!(drive.wait, wait);
}

#[test]
fn late_events_of_a_dead_attempt_change_nothing() {
    let mut drive = Drive::new(chat());
    let dead = drive.attempt();
    drive.broke(Break::Reset);
    drive.input(Input::Body { attempt: dead, chunk: "data: [DONE]\n\n".into() });
    drive.input(Input::End { attempt: dead });
    assert_eq!(drive.states.iter().filter(|s| s.name() == "disconnected").count(), 1);
    assert!(drive.outcome.is_none());
}

#[test]
fn cancelling_drops_the_connection_and_keeps_the_checkpoint() {
    let mut drive = Drive::new(chat());
    drive.accept().send(chunk("c", r#"{"content":"Hi"}"#, "null")).input(Input::Cancel);
    assert!(matches!(drive.outcome, Some(Outcome::Incomplete { cause: Cause::Cancelled, .. })));
    assert_eq!(drive.aborted, [drive.attempt()]);
    assert_eq!(resume::Checkpoint::fold(&drive.records).unwrap().text(), "Hi");
}

#[test]
fn the_deadline_holds_although_the_socket_never_falls_silent() {
    let (mut config, request) = chat();
    config.policy.limits.deadline = Some(Nanos::from_secs(5));
    let mut drive = Drive::new((config, request));
    drive.accept().send(chunk("c", r#"{"content":"Hi"}"#, "null"));
    drive.now = Nanos::from_secs(6);
    drive.send(chunk("c", r#"{"content":" there"}"#, "null"));
    assert!(matches!(drive.outcome, Some(Outcome::Incomplete { cause: Cause::Deadline, .. })));
    assert_eq!(drive.text, "Hi");
}

#[test]
fn a_refusal_counts_although_its_body_never_ends() {
    let mut drive = Drive::new(chat());
    drive.head(401, &[("content-type", "application/json")]).send("{\"error\":{").pass();
    assert!(matches!(drive.outcome, Some(Outcome::Refused { cause: Cause::Provider(_), .. })));
    let mut drive = Drive::new(chat());
    drive.head(429, &[("retry-after", "100")]).pass();
    assert!(drive.wait.unwrap() >= drive.now.saturating_add(Nanos::from_secs(100)));
}
