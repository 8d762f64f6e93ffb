//! Another upstream when the first failed for good: when the session moves, what it asks there, and
//! what it does not.

use crate::drive::*;
use protocol::Profile;
use resume::{
    Admission, Break, Cause, Checkpoint, Config, Fallback, Input, Outcome, Place, Refusal, Rung,
    Timeouts, Ways,
};
use retry_policy::Nanos;

const OWN: &str = "claude-haiku-4-5";
const OTHER: &str = "claude-sonnet-4-5";
const SHOWN: &str = "It was a dark and stormy night, and nobody was about.";

fn with_fallback(config: Config) -> Config {
    let (profile, model) = (Profile::ANTHROPIC, Some(OTHER.into()));
    let fallbacks = vec![Fallback { endpoint: "http://b/v1".into(), profile, model }];
    Config { admission: Admission::Asked, fallbacks, ..config }
}

fn drive(ways: Ways) -> Drive {
    let (config, request) = anthropic(OWN);
    let mut drive = Drive::new((with_fallback(Config { ways, ..config }), request));
    admit(&mut drive, "http://a/v1", None);
    drive
}

fn admit(drive: &mut Drive, endpoint: &str, model: Option<&str>) {
    drive.input(Input::Admitted(Place {
        endpoint: endpoint.into(),
        profile: Profile::ANTHROPIC,
        model: model.map(Into::into),
        timeouts: Timeouts::default(),
        hedge_after: None,
        suspect_after: None,
    }));
}

/// Text was shown, the connection broke, and the first upstream is down.
fn moved(ways: Ways) -> Drive {
    let mut drive = drive(ways);
    drive.accept().send(opening("m") + &text(0, SHOWN)).broke(Break::Reset);
    drive.input(Input::NotAdmitted(Refusal::UpstreamDown));
    drive
}

#[test]
fn the_first_upstream_is_asked_with_a_way_out_and_the_last_one_without() {
    let mut drive = drive(Ways::Any);
    assert_eq!((drive.asks[0].upstream, drive.asks[0].spare), (0, Some(Nanos::from_secs(10))));
    drive.input(Input::NotAdmitted(Refusal::UpstreamDown));
    drive.broke(Break::Refused);
    drive.input(Input::NotAdmitted(Refusal::UpstreamDown));
    let last = drive.asks.last().unwrap();
    assert_eq!((last.upstream, last.spare), (1, None));
    drive.input(Input::NotAdmitted(Refusal::UpstreamDown));
    assert!(matches!(
        drive.outcome,
        Some(Outcome::Incomplete { cause: Cause::NotAdmitted { .. }, .. })
    ));
}

#[test]
fn behind_text_of_another_model_there_is_the_instruction_alone() {
    let mut drive = moved(Ways::Any);
    assert_eq!(drive.asks.last().unwrap().rung, Rung::Instruct);
    admit(&mut drive, "http://b/v1", Some(OTHER));
    assert_eq!(drive.requests[1].rung, Rung::Instruct);
    assert!(drive.body().starts_with(r#"{"model":"claude-sonnet-4-5","#), "{}", drive.body());
    let own = KEY.encode();
    assert!(drive.requests[1].key.as_ref().is_some_and(|key| key.encode() != own));
    drive.accept().send(opening("n") + &text(0, "nobody was about. Then a door opened, far away."));
    drive.broke(Break::Reset);
    assert_eq!(drive.asks.last().unwrap().rung, Rung::Instruct, "both wrote of it");
    drive.input(Input::Cancel);
    let attempts = &drive.outcome.as_ref().unwrap().summary().attempts;
    assert!(attempts[1].choice.passed.contains(&(Rung::Prefill, resume::Reason::Foreign)));
}

#[test]
fn who_wants_no_instruction_stays_and_waits() {
    let mut drive = drive(Ways::ExactOnly);
    drive.accept().send(opening("m") + &text(0, SHOWN)).broke(Break::Reset);
    assert_eq!(drive.asks.last().unwrap().spare, None);
    drive.input(Input::NotAdmitted(Refusal::UpstreamDown));
    assert!(drive.outcome.is_some() && drive.asks.iter().all(|ask| ask.upstream == 0));
}

#[test]
fn a_long_wait_that_is_told_moves_the_stream_and_a_short_one_does_not() {
    for (after, upstream) in [("5", 0), ("60", 1)] {
        let mut drive = drive(Ways::Any);
        drive.head(529, &[("retry-after", after)]).send("{}").end();
        assert_eq!(drive.asks.last().unwrap().upstream, upstream, "{after} s");
    }
}

#[test]
fn another_process_goes_on_with_the_model_in_use_if_it_still_has_it() {
    let mut one = moved(Ways::Any);
    admit(&mut one, "http://b/v1", Some(OTHER));
    one.accept().send(opening("n") + &text(0, "nobody was about. Then a door opened, far away."));
    one.broke(Break::Reset);
    let checkpoint = Checkpoint::fold(&one.records).unwrap();
    assert_eq!(checkpoint.last_model(), Some(OTHER));
    assert_eq!(checkpoint.last_endpoint(), Some("http://b/v1"));
    let (config, _) = anthropic(OWN);
    let two = Drive::resume(with_fallback(config.clone()), &one.records);
    assert_eq!((two.asks[0].upstream, two.asks[0].rung), (1, Rung::Instruct));
    let bare = Config { admission: Admission::Asked, ..config };
    let mut three = Drive::resume(bare, &one.records);
    assert_eq!((three.asks[0].upstream, three.asks[0].rung), (0, Rung::Instruct));
    admit(&mut three, "http://a/v1", None);
    assert!(three.body().starts_with(r#"{"model":"claude-haiku-4-5","#), "{}", three.body());
}

#[test]
fn a_seam_that_names_both_is_read_back_as_it_was_written() {
    let mut drive = moved(Ways::Any);
    admit(&mut drive, "http://b/v1", Some(OTHER));
    drive.accept().send(opening("n") + &text(0, &format!("{SHOWN} Then a door opened.")));
    drive.send(text(0, &"And nothing came in but the wind, which was cold. ".repeat(20)));
    let [seam] = drive.seams.as_slice() else { panic!("{:?}", drive.seams) };
    let moved = seam.moved.as_deref().expect("another model went on");
    assert_eq!(moved.to_string(), format!("from {OWN} at http://a/v1 to {OTHER} at http://b/v1"));
    let mut entries = resume::Entries::default();
    let mut read = Vec::new();
    for record in &drive.records {
        if let Some((_, resume::Entry::Seam(seam))) = entries.push(record).unwrap() {
            read.push(seam);
        }
    }
    assert_eq!(read, drive.seams);
}

#[test]
fn a_paused_turn_is_not_sent_to_another_model() {
    let (config, request) = anthropic(OWN);
    let go_on = resume::GoOn { after_pause: true, ..resume::GoOn::default() };
    let mut drive = Drive::new((with_fallback(Config { go_on, ..config }), request));
    admit(&mut drive, "http://a/v1", None);
    let said = opening("m") + &text(0, SHOWN) + &block_stop(0);
    drive.accept().send(said + &message_delta("pause_turn", 3) + &message_stop());
    let ask = drive.asks.last().unwrap();
    assert_eq!((ask.rung, ask.spare), (Rung::Turn, None));
    drive.input(Input::NotAdmitted(Refusal::UpstreamDown));
    assert!(drive.outcome.is_some() && drive.asks.iter().all(|ask| ask.upstream == 0));
}

/// Both fallbacks are to go on where the first one said no to this key.
fn two_fallbacks() -> Drive {
    let (config, request) = anthropic(OWN);
    let fallback = |endpoint: &str| {
        let (profile, model) = (Profile::ANTHROPIC, Some(OTHER.into()));
        Fallback { endpoint: endpoint.into(), profile, model }
    };
    let fallbacks = vec![fallback("http://b/v1"), fallback("http://c/v1")];
    let mut drive =
        Drive::new((Config { admission: Admission::Asked, fallbacks, ..config }, request));
    admit(&mut drive, "http://a/v1", None);
    refuse(&mut drive, 401, "authentication_error", "who are you");
    admit(&mut drive, "http://b/v1", Some(OTHER));
    drive
}

fn refuse(drive: &mut Drive, status: u16, kind: &str, message: &str) {
    let error = format!(r#"{{"type":"{kind}","message":"{message}"}}"#);
    let body = format!(r#"{{"type":"error","error":{error}}}"#);
    drive.head(status, &[("content-type", "application/json")]).send(body).end();
}

const TOO_LONG: &str = "prompt is too long: 9 tokens > 8 maximum";
const THINKING: &str = "max_tokens must be greater than thinking.budget_tokens";

#[test]
fn a_fallback_that_cannot_take_the_request_leaves_it_to_the_next() {
    for message in [TOO_LONG, THINKING] {
        let mut drive = two_fallbacks();
        refuse(&mut drive, 400, "invalid_request_error", message);
        assert!(drive.outcome.is_none(), "{:?}", drive.outcome);
        assert_eq!(drive.asks.last().unwrap().upstream, 2);
        admit(&mut drive, "http://c/v1", Some(OTHER));
        drive.accept().send(opening("m") + &text(0, SHOWN) + &closing(9));
        assert!(drive.complete());
    }
}

#[test]
fn when_nobody_can_the_first_one_is_heard() {
    let mut drive = two_fallbacks();
    for endpoint in ["http://c/v1", ""] {
        refuse(&mut drive, 400, "invalid_request_error", TOO_LONG);
        if !endpoint.is_empty() {
            admit(&mut drive, endpoint, Some(OTHER));
        }
    }
    let Some(Outcome::Refused { cause, summary }) = &drive.outcome else {
        panic!("{:?}", drive.outcome)
    };
    assert!(cause.to_string().contains("who are you"), "{cause}");
    let causes = summary.attempts.iter().filter_map(|attempt| attempt.cause.clone());
    let causes: Vec<_> = causes.map(|cause| cause.to_string()).collect();
    assert_eq!(causes.len(), 3);
    assert!(causes[1..].iter().all(|cause| cause.contains("too long")), "{causes:?}");
}

#[test]
fn a_fallback_that_has_answered_speaks_for_itself() {
    let mut drive = moved(Ways::Any);
    admit(&mut drive, "http://b/v1", Some(OTHER));
    drive.accept().send(opening("n") + &text(0, &format!("{SHOWN} Then a door opened, far away.")));
    drive.send(text(0, &"And nothing came in but the wind, which was cold. ".repeat(20)));
    drive.broke(Break::Reset);
    admit(&mut drive, "http://b/v1", Some(OTHER));
    refuse(&mut drive, 400, "invalid_request_error", TOO_LONG);
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!() };
    assert!(cause.to_string().contains("too long"), "{cause}");
}

#[test]
fn the_one_who_wrote_last_is_heard_before_the_first() {
    let mut drive = two_fallbacks();
    drive.accept().send(opening("n") + &text(0, SHOWN)).broke(Break::Reset);
    admit(&mut drive, "http://b/v1", Some(OTHER));
    refuse(&mut drive, 403, "permission_error", "no more from b");
    admit(&mut drive, "http://c/v1", Some(OTHER));
    refuse(&mut drive, 400, "invalid_request_error", TOO_LONG);
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!() };
    assert!(cause.to_string().contains("no more from b"), "{cause}");
}
