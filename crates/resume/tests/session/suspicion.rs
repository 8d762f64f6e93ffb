//! When a connection had better stand before it is needed.

use resume::{Config, Input, Place};
use retry_policy::Nanos;

use crate::drive::{Drive, anthropic, closing, opening, text};

const fn seconds(count: u64) -> Option<Nanos> {
    Some(Nanos::from_secs(count))
}

/// A response that has begun and is silent since second 0.
fn silent(change: impl FnOnce(&mut Config)) -> Drive {
    let (mut config, request) = anthropic("claude-haiku-4-5");
    change(&mut config);
    let mut drive = Drive::new((config, request));
    drive.accept().send(opening("a") + &text(0, "Hi"));
    drive
}

#[test]
fn a_silence_of_half_the_limit_is_suspected_once_and_then_it_is_over() {
    let mut drive = silent(|_| {});
    assert_eq!((drive.wait, drive.warmed.len()), (seconds(30), 0));
    drive.pass_one();
    assert_eq!((drive.warmed.as_slice(), drive.wait), (&[false][..], seconds(60)));
    assert_eq!(drive.requests.len(), 1, "nothing is sent on a suspicion");
    drive.pass_one();
    assert_eq!((drive.aborted.len(), drive.warmed.len()), (1, 1));
    drive.pass().accept().send(opening("b") + &text(0, " there") + &closing(4));
    assert!(drive.complete());
}

#[test]
fn bytes_that_come_end_a_suspicion_and_the_next_silence_is_another() {
    let mut drive = silent(|_| {});
    drive.pass_one().send(text(0, " you"));
    assert_eq!(drive.wait, seconds(60));
    drive.pass_one();
    assert_eq!(drive.warmed.len(), 2);
}

#[test]
fn pings_without_content_are_suspicious_before_they_are_too_long() {
    let mut drive = silent(|_| {});
    for second in 1..180 {
        drive.now = Nanos::from_secs(second);
        drive.input(Input::Tick).send(": ping\n\n");
        assert_eq!(drive.warmed.len(), usize::from(second >= 135), "{second}");
    }
}

#[test]
fn what_is_known_of_the_endpoint_says_when() {
    let (mut config, request) = anthropic("claude-haiku-4-5");
    config.admission = resume::Admission::Asked;
    let mut drive = Drive::new((config.clone(), request));
    drive.input(Input::Admitted(Place {
        endpoint: "http://a/v1".into(),
        profile: config.profile,
        model: None,
        timeouts: config.timeouts,
        hedge_after: None,
        suspect_after: seconds(12),
    }));
    drive.accept().send(opening("a"));
    assert_eq!(drive.wait, seconds(12));
    assert_eq!(drive.pass_one().warmed, [false]);
}

#[test]
fn a_machine_that_slept_and_a_server_that_leaves_are_suspicious_at_once() {
    let mut drive = silent(|_| {});
    drive.input(Input::Woke);
    assert_eq!(drive.warmed.len(), 1);
    let attempt = drive.attempt();
    drive.input(Input::Leaving { attempt });
    assert_eq!(drive.warmed.len(), 2);
    drive.send(closing(2));
    assert!(drive.complete(), "what it had begun it finished");
}

#[test]
fn nothing_is_suspected_when_nothing_is_to_come_or_nothing_is_live() {
    let mut drive = silent(|_| {});
    drive.send(closing(2).split("event: message_stop").next().expect("a text"));
    let attempt = drive.attempt();
    drive.input(Input::Leaving { attempt }).input(Input::Woke).pass_one();
    assert!(drive.complete() && drive.warmed.is_empty(), "the model had stopped");
    let mut broken = silent(|_| {});
    let attempt = broken.attempt();
    broken.input(Input::Broke { attempt, cause: resume::Break::Reset });
    broken.input(Input::Leaving { attempt }).input(Input::Woke);
    assert!(broken.warmed.is_empty(), "it is over");
}

#[test]
fn what_the_provider_keeps_goes_on_where_it_is() {
    let mut drive = silent(|config| config.background = true);
    assert_eq!(drive.pass_one().warmed, [true]);
}
