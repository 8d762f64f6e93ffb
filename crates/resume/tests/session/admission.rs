//! Attempts that somebody else admits: what the session asks, what it takes for an answer, and
//! what it tells of each attempt.

use crate::cursor::{answer, background, pieces};
use crate::drive::*;
use protocol::Profile;
use resume::{
    Admission, Break, Cause, Checkpoint, Config, Fate, Input, Outcome, Place, Refusal, Rung, Sign,
    State, Timeouts,
};
use retry_policy::{Class, Limits, Nanos, Policy, Sent};

fn asking((config, request): (Config, protocol::RequestBody)) -> Drive {
    Drive::new((Config { admission: Admission::Asked, ..config }, request))
}

fn place(endpoint: &str, profile: Profile) -> Input {
    let timeouts = Timeouts { connect: Nanos::from_secs(7), ..Timeouts::default() };
    Input::Admitted(Place {
        endpoint: endpoint.into(),
        profile,
        model: None,
        timeouts,
        hedge_after: None,
        suspect_after: None,
    })
}

fn admitted(drive: &mut Drive, endpoint: &str) {
    drive.input(place(endpoint, Profile::ANTHROPIC));
}

#[test]
fn nothing_is_sent_and_no_attempt_counts_until_it_is_admitted() {
    let mut drive = asking(anthropic("claude-opus-5"));
    assert_eq!((drive.asks.len(), drive.requests.len()), (1, 0));
    assert_eq!(drive.wait, None, "no clock runs");
    assert!(drive.states.is_empty());
    drive.now = Nanos::from_secs(1000);
    admitted(&mut drive, "http://a/v1");
    assert_eq!(drive.attempt().0, 1);
    assert_eq!(drive.wait, Some(Nanos::from_secs(1007)), "its clocks are those of the place");
}

#[test]
fn the_own_delay_is_handed_on_and_the_deadline_goes_on_running() {
    let (config, request) = anthropic("claude-opus-5");
    let limits = Limits { deadline: Some(Nanos::from_secs(30)), ..Limits::DEFAULT };
    let policy = Policy { limits, ..Policy::DEFAULT };
    let mut drive = asking((Config { policy, ..config }, request));
    admitted(&mut drive, "http://a/v1");
    drive.head(429, &[("retry-after", "2")]).send("{}").end();
    let ask = &drive.asks[1];
    assert!(ask.not_before >= Nanos::from_secs(2) && ask.not_before < Nanos::from_secs(3));
    assert_eq!(drive.wait, Some(Nanos::from_secs(30)));
    drive.pass();
    assert!(matches!(drive.outcome, Some(Outcome::Incomplete { cause: Cause::Deadline, .. })));
}

#[test]
fn a_refusal_ends_the_session_with_the_last_failure() {
    for failed in [false, true] {
        let mut drive = asking(anthropic("claude-opus-5"));
        if failed {
            admitted(&mut drive, "http://a/v1");
            drive.broke(Break::Refused);
        }
        drive.input(Input::NotAdmitted(Refusal::UpstreamDown));
        let Some(Outcome::Incomplete { cause, summary }) = &drive.outcome else { panic!() };
        let told = if failed {
            "no endpoint answers; last: connection refused"
        } else {
            "no endpoint answers"
        };
        assert_eq!(cause.to_string(), told);
        assert_eq!(summary.attempts.len(), usize::from(failed));
    }
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut drive = asking(anthropic("claude-opus-5"));
    admitted(&mut drive, "http://a/v1");
    admitted(&mut drive, "http://b/v1");
    drive.input(Input::NotAdmitted(Refusal::QueueFull));
    assert_eq!(drive.requests.len(), 1);
    assert!(drive.outcome.is_none());
    let mut own = Drive::new(anthropic("claude-opus-5"));
    own.broke(Break::Refused);
    own.input(Input::NotAdmitted(Refusal::QueueFull));
    assert!(own.outcome.is_none());
    assert!(own.asks.is_empty() && own.fates.is_empty());
}

#[test]
fn the_journal_and_the_account_name_the_endpoint_of_each_attempt() {
    let mut drive = asking(anthropic("claude-opus-5"));
    admitted(&mut drive, "http://a/v1");
    drive.accept().send(opening("m") + &text(0, "Hello, ")).broke(Break::Reset);
    admitted(&mut drive, "http://b/v1");
    drive.broke(Break::Refused);
    admitted(&mut drive, "http://a/v1");
    let checkpoint = Checkpoint::fold(&drive.records).unwrap();
    assert_eq!(checkpoint.endpoints(), ["http://b/v1", "http://a/v1"], "the latest last");
    assert_eq!((checkpoint.attempts(), checkpoint.text()), (3, "Hello, "));
    let connecting = drive.states.iter().filter_map(|state| match state {
        State::Connecting { endpoint, .. } => endpoint.as_deref(),
        _ => None,
    });
    assert_eq!(connecting.collect::<Vec<_>>(), ["http://a/v1", "http://b/v1", "http://a/v1"]);
    drive.input(Input::Cancel);
    let summary = drive.outcome.as_ref().unwrap().summary();
    assert_eq!(summary.attempts[1].endpoint.as_deref(), Some("http://b/v1"));
}

#[test]
fn another_process_asks_the_endpoint_that_keeps_the_response() {
    let (config, request) = background();
    let mut drive = asking((config.clone(), request));
    for (endpoint, events) in [("http://a/v1", 0), ("http://b/v1", 0), ("http://a/v1", 8)] {
        drive.input(place(endpoint, Profile::OPENAI_RESPONSES));
        drive.accept().send(pieces(&answer())[..events].concat());
        if events == 0 {
            drive.broke(Break::Reset);
        }
    }
    let config = Config { admission: Admission::Asked, ..config };
    let again = Drive::resume(config, &drive.records);
    assert_eq!(again.asks[0].rung, Rung::Cursor);
    assert_eq!(again.asks[0].only.as_deref(), Some("http://a/v1"));
}

#[test]
fn the_way_to_go_on_is_that_of_the_endpoint() {
    let (mut config, request) = chat();
    config.profile = Profile::OPENAI;
    let mut drive = asking((config, request));
    drive.input(place("http://a/v1", Profile::OPENAI));
    let shown = "It was a dark and stormy night, and nobody was about.";
    drive.accept().send(chunk("c", &format!(r#"{{"content":"{shown}"}}"#), "null"));
    drive.broke(Break::Reset);
    assert_eq!(drive.asks[1].rung, Rung::Instruct);
    drive.input(place("http://b/v1", Profile::VLLM));
    assert_eq!(drive.requests[1].rung, Rung::Prefill);
}

#[test]
fn what_became_of_an_attempt_is_told() {
    let mut drive = asking(anthropic("claude-opus-5"));
    admitted(&mut drive, "http://a/v1");
    drive.broke(Break::Refused);
    let Fate::Failed(verdict) = drive.fates[0] else { panic!() };
    assert_eq!((verdict.class, verdict.sent), (Class::Connect, Sent::NotSent));
    admitted(&mut drive, "http://a/v1");
    drive.accept().send(opening("m") + &text(0, "Hi") + &closing(1));
    assert_eq!(drive.fates[1..], [Fate::Complete]);

    let mut cancelled = asking(anthropic("claude-opus-5"));
    admitted(&mut cancelled, "http://a/v1");
    cancelled.input(Input::Cancel);
    assert_eq!(cancelled.fates, [Fate::Dropped]);
}

#[test]
fn signs_of_life_are_told_apart() {
    let mut drive = asking(anthropic("claude-opus-5"));
    admitted(&mut drive, "http://a/v1");
    assert_eq!(drive.session.take_sign(), None);
    drive.accept().send(": ping\n\n");
    assert_eq!(drive.session.take_sign(), Some(Sign::Ping));
    assert_eq!(drive.session.take_sign(), None);
    drive.send(opening("m") + &text(0, "Hi"));
    assert_eq!(drive.session.take_sign(), Some(Sign::Content));
}
