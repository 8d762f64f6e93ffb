//! Where a stream goes on: at the one who wrote its text, as long as that is still declared.

use crate::drive::*;
use crate::responses_provider::Provider;
use protocol::Profile;
use resume::{
    Admission, Break, Cause, Config, Fallback, GoOn, Input, Outcome, Place, Refusal, Rung,
    Timeouts, Ways,
};

const OWN: &str = "claude-haiku-4-5";
const OTHER: &str = "claude-sonnet-4-5";
const SHOWN: &str = "It was a dark and stormy night, and nobody was about.";
/// Where the journals of [`Drive`] begin.
const FIRST: &str = "http://provider/v1";

fn fallback(endpoint: &str, profile: Profile, model: Option<&str>) -> Fallback {
    Fallback { endpoint: endpoint.into(), profile, model: model.map(Into::into) }
}

fn asked(config: Config, fallbacks: Vec<Fallback>) -> Config {
    Config { admission: Admission::Asked, fallbacks, ..config }
}

fn admit(drive: &mut Drive, endpoint: &str, profile: Profile, model: Option<&str>) {
    let (endpoint, model) = (endpoint.into(), model.map(Into::into));
    let timeouts = Timeouts::default();
    drive.input(Input::Admitted(Place {
        endpoint,
        profile,
        model,
        timeouts,
        hedge_after: None,
        suspect_after: None,
    }));
}

fn admit_claude(drive: &mut Drive, endpoint: &str, model: Option<&str>) {
    admit(drive, endpoint, Profile::ANTHROPIC, model);
}

/// The first upstream wrote the text, and the fallback was asked in vain.
fn written_by_the_first(fallbacks: Vec<Fallback>, model: Option<&str>) -> (Config, Drive) {
    let (config, request) = anthropic(OWN);
    let config = asked(config, fallbacks);
    let mut drive = Drive::new((config.clone(), request));
    admit_claude(&mut drive, FIRST, None);
    drive.accept().send(opening("m") + &text(0, SHOWN)).broke(Break::Reset);
    drive.input(Input::NotAdmitted(Refusal::UpstreamDown));
    assert_eq!(drive.asks.last().map(|ask| ask.upstream), Some(1));
    admit_claude(&mut drive, &config.fallbacks[0].endpoint, model);
    drive.broke(Break::Refused);
    (config, drive)
}

#[test]
fn another_process_goes_back_to_the_writer_and_not_to_who_was_asked_last() {
    let other = fallback("http://b/v1", Profile::ANTHROPIC, Some(OTHER));
    let (config, one) = written_by_the_first(vec![other], Some(OTHER));
    let mut two = Drive::resume(config, &one.records);
    assert_eq!((two.asks[0].upstream, two.asks[0].rung), (0, Rung::Prefill));
    admit_claude(&mut two, FIRST, None);
    assert!(two.body().starts_with(r#"{"model":"claude-haiku-4-5","#), "{}", two.body());
}

#[test]
fn where_nothing_was_written_the_first_upstream_is_asked() {
    let (config, request) = anthropic(OWN);
    let other = fallback("http://b/v1", Profile::ANTHROPIC, Some(OTHER));
    let config = asked(config, vec![other]);
    let mut one = Drive::new((config.clone(), request));
    one.input(Input::NotAdmitted(Refusal::UpstreamDown));
    admit_claude(&mut one, "http://b/v1", Some(OTHER));
    one.broke(Break::Refused);
    assert_eq!(Drive::resume(config, &one.records).asks[0].upstream, 0);
}

/// Takes the upstream's number out of every attempt, as it was before it was written down.
fn without_numbers(records: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut records = records.to_vec();
    for record in records.iter_mut().filter(|record| record[0] == 3) {
        record.truncate(record.len() - 4);
    }
    records
}

#[test]
fn a_fallback_that_differs_by_its_key_alone_takes_no_stream_of_the_first() {
    let twin = || vec![fallback(FIRST, Profile::ANTHROPIC, None)];
    let (config, one) = written_by_the_first(twin(), None);
    assert_eq!(Drive::resume(config, &one.records).asks[0].upstream, 0);

    let (config, request) = anthropic(OWN);
    let config = asked(config, twin());
    let mut one = Drive::new((config.clone(), request));
    one.input(Input::NotAdmitted(Refusal::UpstreamDown));
    admit_claude(&mut one, FIRST, None);
    one.accept().send(opening("m") + &text(0, SHOWN)).broke(Break::Reset);
    let two = Drive::resume(config.clone(), &one.records);
    assert_eq!((two.asks[0].upstream, two.asks[0].rung), (1, Rung::Prefill), "its own stay there");
    let old = Drive::resume(config, &without_numbers(&one.records));
    assert_eq!((old.asks[0].upstream, old.asks[0].rung), (0, Rung::Prefill), "nobody knows");
}

#[test]
fn fallbacks_in_another_order_are_found_by_what_they_are() {
    let (config, request) = anthropic(OWN);
    let b = || fallback("http://b/v1", Profile::ANTHROPIC, Some(OTHER));
    let c = || fallback("http://c/v1", Profile::ANTHROPIC, Some(OTHER));
    let mut one = Drive::new((asked(config.clone(), vec![b(), c()]), request));
    one.input(Input::NotAdmitted(Refusal::UpstreamDown));
    admit_claude(&mut one, "http://b/v1", Some(OTHER));
    one.accept().send(opening("m") + &text(0, SHOWN)).broke(Break::Reset);
    for (fallbacks, upstream) in [(vec![b(), c()], 1), (vec![c(), b()], 2), (vec![c()], 0)] {
        let two = Drive::resume(asked(config.clone(), fallbacks), &one.records);
        assert_eq!(two.asks[0].upstream, upstream);
    }
    let old = without_numbers(&one.records);
    assert_eq!(Drive::resume(asked(config, vec![c(), b()]), &old).asks[0].upstream, 2);
}

/// The first endpoint asks another model than the request, and wrote the text.
fn written_by_the_other_model(config: &Config, said: &str) -> Drive {
    let (_, request) = anthropic(OWN);
    let mut drive = Drive::new((config.clone(), request));
    admit_claude(&mut drive, FIRST, Some(OTHER));
    drive.accept().send(said);
    drive
}

fn paused() -> String {
    let said = opening("m") + &text(0, SHOWN) + &block_stop(0);
    said + &message_delta("pause_turn", 3) + &message_stop()
}

#[test]
fn another_process_asks_the_model_of_the_first_endpoint_in_the_ways_that_the_caller_wants() {
    let (config, _) = anthropic(OWN);
    let exact = Config { ways: Ways::ExactOnly, ..asked(config.clone(), vec![]) };
    let mut cut = written_by_the_other_model(&exact, &(opening("m") + &text(0, SHOWN)));
    cut.broke(Break::Reset);
    let go_on = GoOn { after_pause: true, ..GoOn::default() };
    let pausing = Config { go_on, ..asked(config, vec![]) };
    let paused = written_by_the_other_model(&pausing, &paused());
    for (config, one, rung) in [(exact, cut, Rung::Prefill), (pausing, paused, Rung::Turn)] {
        let mut two = Drive::resume(config, &one.records);
        assert!(two.outcome.is_none(), "{:?}", two.outcome);
        assert_eq!((two.asks[0].upstream, two.asks[0].rung), (0, rung));
        admit_claude(&mut two, FIRST, Some(OTHER));
        assert_eq!(two.requests[0].rung, rung);
        assert!(two.body().starts_with(r#"{"model":"claude-sonnet-4-5","#), "{}", two.body());
    }
}

#[test]
fn an_endpoint_of_another_model_that_cannot_go_on_gives_way_to_the_writer() {
    let (config, _) = anthropic(OWN);
    let exact = Config { ways: Ways::ExactOnly, ..asked(config, vec![]) };
    let mut drive = written_by_the_other_model(&exact, &(opening("m") + &text(0, SHOWN)));
    drive.broke(Break::Reset);
    let asks = drive.asks.len();
    admit_claude(&mut drive, "http://sibling/v1", None);
    assert!(drive.outcome.is_none(), "{:?}", drive.outcome);
    assert_eq!((drive.asks.len(), drive.requests.len()), (asks + 1, 1));
    let ask = drive.asks.last().unwrap();
    assert_eq!((ask.only.as_deref(), ask.model.as_deref()), (Some(FIRST), Some(OTHER)));
    assert_eq!(ask.rung, Rung::Prefill);
    admit_claude(&mut drive, FIRST, Some(OTHER));
    assert_eq!(drive.requests[1].rung, Rung::Prefill);
    assert!(drive.body().starts_with(r#"{"model":"claude-sonnet-4-5","#), "{}", drive.body());
}

#[test]
fn a_writer_that_is_gone_is_asked_for_once() {
    let (config, _) = anthropic(OWN);
    let exact = Config { ways: Ways::ExactOnly, ..asked(config, vec![]) };
    for is_gone in [true, false] {
        let mut drive = written_by_the_other_model(&exact, &(opening("m") + &text(0, SHOWN)));
        drive.broke(Break::Reset);
        admit_claude(&mut drive, "http://sibling/v1", None);
        match is_gone {
            true => drive.input(Input::NotAdmitted(Refusal::NoEndpoint)),
            // Its name is the same, and its model is not.
            false => {
                admit_claude(&mut drive, FIRST, None);
                &mut drive
            }
        };
        let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!() };
        assert_eq!(*cause, Cause::RuledOut);
    }
}

#[test]
fn the_writer_of_a_response_that_is_kept_is_known_to_another_process() {
    let (config, request) = responses();
    let profile = Profile::OPENAI_RESPONSES;
    let other = fallback("http://b/v1", profile, Some("gpt-5-mini"));
    let config = Config { background: true, ..asked(config, vec![other]) };
    let mut one = Drive::new((config.clone(), request));
    admit(&mut one, FIRST, profile, None);
    let said = Provider::new("resp_1").message(&[&["Too short"]]).completed(2);
    let events: Vec<_> = said.split_inclusive("\n\n").take(5).collect();
    one.accept().send(events.concat());
    assert_eq!(one.text, "Too short");
    let mut two = Drive::resume(config, &one.records);
    assert_eq!((two.asks[0].upstream, two.asks[0].rung), (0, Rung::Cursor));
    two.input(Input::NotAdmitted(Refusal::UpstreamDown));
    two.input(Input::NotAdmitted(Refusal::UpstreamDown));
    let ask = two.asks.last().unwrap();
    assert_eq!((ask.upstream, ask.rung), (1, Rung::Instruct), "a replay is another's text");
    admit(&mut two, "http://b/v1", profile, Some("gpt-5-mini"));
    let rest = " to find, and then it went on for long enough.";
    two.accept().send(Provider::new("resp_2").message(&[&["Too short", rest]]).completed(9));
    let moved = two.seams[0].moved.as_deref().expect("another model went on");
    assert_eq!(moved.from.model.as_deref(), Some("gpt-5"));
}

#[test]
fn who_only_thought_is_remembered_and_makes_nothing_foreign() {
    let (config, request) = anthropic(OWN);
    let other = fallback("http://b/v1", Profile::ANTHROPIC, Some(OTHER));
    let config = asked(config, vec![other]);
    let mut one = Drive::new((config.clone(), request));
    admit_claude(&mut one, FIRST, None);
    let thinking = block_start(0, r#"{"type":"thinking","thinking":""}"#)
        + &delta(0, r#"{"type":"thinking_delta","thinking":"hm"}"#);
    one.accept().send(message_start("m1") + &thinking).broke(Break::Reset);
    assert_eq!(Drive::resume(config.clone(), &one.records).asks[0].upstream, 0);
    one.input(Input::NotAdmitted(Refusal::UpstreamDown));
    admit_claude(&mut one, "http://b/v1", Some(OTHER));
    one.accept().send(opening("m2") + &text(0, SHOWN));
    let moved = one.seams[0].moved.as_deref().expect("another model went on");
    assert_eq!(moved.from.model.as_deref(), Some(OWN));
    one.broke(Break::Reset);
    let ask = one.asks.last().unwrap();
    assert_eq!((ask.upstream, ask.rung), (1, Rung::Prefill), "all of the text is its own");
    let two = Drive::resume(config, &one.records);
    assert_eq!((two.asks[0].upstream, two.asks[0].rung), (1, Rung::Prefill));
}
