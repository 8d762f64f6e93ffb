//! A response that its provider keeps, where the provider or the wire does not do as documented.

use crate::cursor::*;
use crate::drive::*;
use crate::responses_checker::check;
use crate::responses_provider::Provider;
use http::Method;
use protocol::Profile;
use resume::{
    Admission, Break, Cause, Config, Input, Outcome, Place, Refusal, Rung, Timeouts, Ways,
};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn plain() -> String {
    Provider::new("resp_1").message(&[PART, REST]).completed(12)
}

fn whole_text() -> String {
    [PART.concat(), REST.concat()].concat()
}

/// A stream that broke behind so many events and is about to be read again.
fn broken(wire: &str, events: usize) -> Drive {
    let mut drive = Drive::new(background());
    drive.accept().send(pieces(wire)[..events].concat()).broke(Break::Reset).pass();
    assert_eq!(drive.requests.last().map(|request| request.rung), Some(Rung::Cursor));
    drive
}

fn place(profile: Profile) -> Place {
    Place {
        endpoint: "http://a/v1".into(),
        profile,
        model: None,
        timeouts: Timeouts::default(),
        hedge_after: None,
        suspect_after: None,
    }
}

#[test]
fn an_endpoint_that_keeps_nothing_any_longer_does_not_hide_what_was_spent() {
    let wire = plain();
    let config = |config: Config| Config { admission: Admission::Asked, ..config };
    let (background, request) = background();
    let mut drive = Drive::new((config(background), request));
    drive.input(Input::Admitted(place(Profile::OPENAI_RESPONSES)));
    drive.accept().send(pieces(&wire)[..8].concat()).broke(Break::Reset);
    // The endpoint of this name is another one by now.
    let profile = Profile { cursor: protocol::Cursor::None, ..Profile::OPENAI_RESPONSES };
    drive.input(Input::Admitted(place(profile)));
    assert_eq!(drive.requests.last().unwrap().rung, Rung::Instruct);
    let shown = drive.text.clone();
    let second = Provider::new("resp_2").message(&[&[&shown, " more"]]).completed(5);
    drive.accept().send(second);
    let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("{:?}", drive.outcome) };
    assert!(summary.usage().0.output > 5, "what came of the first is billed: {summary:?}");
}

#[test]
fn what_was_cancelled_is_not_cancelled_again_by_whoever_looks_at_it() {
    let wire = answer();
    let mut drive = Drive::new(background());
    drive.accept().send(pieces(&wire)[..6].concat()).input(Input::Cancel);
    assert_eq!(drive.cancels.len(), 1);
    let again = Drive::resume(background().0, &drive.records);
    assert!(again.outcome.is_some() && again.cancels.is_empty());
}

#[test]
fn a_server_that_does_not_read_events_again_is_asked_for_the_whole() {
    let wire = plain();
    let unread: [(u16, String); 5] = [
        (200, object(&wire)),
        (200, r#"{"error":{"code":"not_found_error","message":"no"}}"#.to_owned()),
        (302, "{}".to_owned()),
        (403, "{}".to_owned()),
        (405, "{}".to_owned()),
    ];
    for (status, body) in unread {
        let mut drive = broken(&wire, 6);
        drive.head(status, JSON).send(&body).end();
        assert!(drive.outcome.is_none(), "{status} {body}: {:?}", drive.outcome);
        fetch(&mut drive, &object(&wire));
        assert!(drive.complete(), "{status} {body}: {:?}", drive.outcome);
        assert_eq!(drive.text, whole_text());
    }
}

#[test]
fn a_server_that_does_not_give_the_whole_is_asked_for_another_response() {
    let wire = plain();
    for status in [302, 403, 404] {
        let mut drive = expired(&wire, 6);
        drive.head(status, JSON).send("{}").end();
        assert!(drive.outcome.is_none(), "{status}: {:?}", drive.outcome);
        assert_eq!(drive.requests.last().unwrap().rung, Rung::Instruct, "{status}");
    }
}

#[test]
fn a_response_that_is_long_unfinished_or_unreadable_is_given_up_by_default() {
    let wire = plain();
    for body in [r#"{"id":"resp_1","status":"in_progress"}"#, "{}", "<html>", ""] {
        let mut drive = expired(&wire, 5);
        for _ in 0..20 {
            if drive.outcome.is_some() || drive.requests.last().unwrap().rung != Rung::Fetch {
                break;
            }
            let asked = drive.requests.len();
            fetch(&mut drive, body);
            if drive.outcome.is_none() && drive.requests.len() == asked {
                drive.pass();
            }
        }
        assert!(drive.outcome.is_none(), "{body}: {:?}", drive.outcome);
        let request = drive.requests.last().unwrap();
        assert_eq!((request.rung, &request.method), (Rung::Instruct, &Method::POST), "{body}");
        assert_eq!(drive.cancels.len(), 1, "{body}");
    }
}

/// A message whose pieces are given as they stand between the quotes of JSON.
fn raw(pieces: &[&str], whole: &str) -> String {
    let named = ["{PIECE0}", "{PIECE1}", "{PIECE2}"];
    let mut wire = Provider::new("resp_1").message(&[&named[..pieces.len()]]).completed(12);
    wire = wire.replace(&named[..pieces.len()].concat(), whole);
    for (name, piece) in named.iter().zip(pieces) {
        wire = wire.replace(name, piece);
    }
    wire
}

/// The finished response, as it stands in the last event.
fn raw_object(wire: &str) -> String {
    let last = pieces(wire).last().copied().unwrap_or_default();
    let (_, rest) = last.split_once("\"response\":").expect("a response");
    let ends = [",\"sequence_number\"", ",\"type\":\"response.", "}\n\n"];
    let end = ends.iter().find_map(|end| rest.find(end)).expect("its end");
    rest[..end].to_owned()
}

#[test]
fn halves_of_characters_that_never_meet_are_the_same_in_a_whole() {
    let wire = raw(&["One \\ud83d two", " three\\udc00", "."], "One \\ud83d two three\\udc00.");
    let mut plain = Drive::new(background());
    plain.accept().send(&wire);
    assert!(plain.complete(), "{:?}", plain.outcome);
    for events in 1..pieces(&wire).len() {
        let mut drive = expired(&wire, events);
        fetch(&mut drive, &raw_object(&wire));
        assert!(drive.complete(), "cut behind {events}: {:?}", drive.outcome);
        assert_eq!(drive.text, plain.text, "cut behind {events}");
    }
}

#[test]
fn a_character_that_is_cut_in_two_is_whole_wherever_it_was_cut() {
    let wire = raw(&["One \\ud83d", "\\ude00 two", "."], "One \\ud83d\\ude00 two.");
    for events in 1..pieces(&wire).len() {
        let mut drive = broken(&wire, events);
        let rest = again(&drive, &wire);
        drive.accept().send(rest);
        assert!(drive.complete(), "cut behind {events}: {:?}", drive.outcome);
        assert_eq!(drive.text, "One 😀 two.");

        let mut drive = expired(&wire, events);
        fetch(&mut drive, &raw_object(&wire));
        assert!(drive.complete(), "cut behind {events}: {:?}", drive.outcome);
        assert_eq!(drive.text, "One 😀 two.", "cut behind {events}");
    }
}

#[test]
fn another_process_makes_a_character_whole_that_was_cut_in_two() {
    let wire = raw(&["One \\ud83d", "\\ude00 two", "."], "One \\ud83d\\ude00 two.");
    let mut whole = Drive::new(background());
    whole.accept().send(&wire);
    assert!(whole.complete());
    // The provider may send events again that came before those that it was asked for.
    for (records, twice) in (3..whole.records.len()).flat_map(|at| [(at, false), (at, true)]) {
        let mut drive = Drive::resume(responses().0, &whole.records[..records]);
        if drive.complete() {
            continue;
        }
        if drive.requests.last().unwrap().rung == Rung::Cursor {
            let rest = again(&drive, &wire);
            drive.accept().send(if twice { &wire } else { &rest });
        } else {
            drive.accept().send(&wire);
        }
        if drive.outcome.is_none() {
            if drive.requests.last().unwrap().rung != Rung::Fetch {
                drive.pass();
            }
            fetch(&mut drive, &raw_object(&wire));
        }
        assert!(drive.complete(), "after {records} records: {:?}", drive.outcome);
        assert_eq!(drive.session.text(), "One 😀 two.", "after {records} records");
    }
}

#[test]
fn a_fetched_part_without_text_brings_no_piece_behind_its_end() {
    let wire = Provider::new("resp_1").summary(&[]).message(&[&[]]).completed(1);
    let mut whole = Drive::new(background());
    whole.accept().send(&wire);
    assert!(whole.complete());
    // Nothing is shown before the end, so that only a process that died then leaves a part of it.
    let told = |drive: &Drive, many| -> Vec<(String, String)> {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).expect("UTF-8").to_owned();
        let frames = drive.frames.iter().take(many);
        frames.map(|frame| (text(&frame.name), text(&frame.data))).collect()
    };
    let begun = whole.records.len() - whole.frames.len() - 2;
    for shown in 1..whole.frames.len() {
        let mut drive = Drive::resume(responses().0, &whole.records[..begun + shown]);
        assert_eq!(drive.requests.last().map(|request| request.rung), Some(Rung::Cursor));
        drive.head(404, JSON).send("{}").end();
        fetch(&mut drive, &object(&wire));
        assert!(drive.complete(), "behind {shown}: {:?}", drive.outcome);
        check(&[told(&whole, shown), told(&drive, usize::MAX)].concat());
    }
}

#[test]
fn another_response_is_not_read_on_as_if_it_were_this_one() {
    let wire = plain();
    let other = Provider::new("resp_9").message(&[&["The other", " lighthouse"]]).completed(7);
    // All of it from the first event on, and what has a higher number.
    let mut drive = broken(&wire, 6);
    drive.accept().send(&other);
    assert!(drive.outcome.is_none(), "{:?}", drive.outcome);
    assert_eq!(drive.text, drive_text(&wire, 6));
    fetch(&mut drive, &object(&wire));
    assert!(drive.complete());
    assert_eq!(drive.text, whole_text());

    let mut drive = expired(&wire, 1);
    fetch(&mut drive, &object(&other));
    assert!(drive.text.is_empty() && !drive.complete(), "another's text is shown");
}

fn drive_text(wire: &str, events: usize) -> String {
    let mut drive = Drive::new(background());
    drive.accept().send(pieces(wire)[..events].concat());
    drive.text
}

#[test]
fn the_cost_of_a_response_does_not_shrink_while_it_is_fetched() {
    let (config, request) = background();
    let config = Config { pricing: Some(crate::ways::pricing()), ..config };
    let wire = plain();
    let mut drive = Drive::new((config, request));
    drive.accept().send(pieces(&wire)[..7].concat()).broke(Break::Reset).pass();
    let before = drive.session.spent().unwrap();
    assert!(before > cost::Money::ZERO);
    drive.head(404, JSON).send("{}").end();
    assert_eq!(drive.requests.last().unwrap().rung, Rung::Fetch);
    assert_eq!(drive.session.spent().unwrap(), before);
}

#[test]
fn thinking_that_was_shown_is_not_followed_by_another_sample() {
    let wire = Provider::new("resp_1").summary(&["Hm", "."]);
    let (config, request) = responses();
    let mut drive = Drive::new((Config { ways: Ways::NoNewSample, ..config }, request));
    drive.accept().send(wire.wire()).broke(Break::Reset);
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!("goes on") };
    assert_eq!(*cause, Cause::RuledOut);
}

/// A stream whose response is kept by one of several endpoints, about to be read on.
fn of_several(ways: Ways) -> Drive {
    let (config, request) = background();
    let endpoints = retry_policy::Endpoints::Several;
    let policy = retry_policy::Policy { endpoints, ..config.policy };
    let mut drive =
        Drive::new((Config { admission: Admission::Asked, policy, ways, ..config }, request));
    drive.input(Input::Admitted(place(Profile::OPENAI_RESPONSES)));
    drive.accept().send(pieces(&plain())[..8].concat()).broke(Break::Reset);
    drive
}

#[test]
fn a_response_at_an_endpoint_that_is_gone_is_continued_at_another() {
    for (ways, expected) in [(Ways::Any, Rung::Instruct), (Ways::NoNewSample, Rung::Cursor)] {
        let mut drive = of_several(ways);
        for _ in 0..3 {
            assert_eq!(drive.asks.last().map(|ask| ask.rung), Some(Rung::Cursor));
            drive.input(Input::Admitted(place(Profile::OPENAI_RESPONSES))).broke(Break::Refused);
        }
        let ask = drive.asks.last().expect("another attempt");
        assert_eq!((ask.rung, ask.only.is_some()), (expected, expected == Rung::Cursor));
    }
}

#[test]
fn a_response_at_an_endpoint_that_nobody_may_go_to_is_continued_at_another() {
    for refusal in [Refusal::TimedOut, Refusal::UpstreamDown, Refusal::NoEndpoint] {
        let mut drive = of_several(Ways::Any);
        drive.input(Input::NotAdmitted(refusal));
        let ask = drive.asks.last().expect("another attempt");
        assert_eq!((ask.rung, ask.only.is_some()), (Rung::Instruct, false), "{refusal:?}");
    }
}

#[test]
fn a_second_response_inside_the_first_is_not_taken_for_events_that_come_twice() {
    let wire = plain();
    let other = Provider::new("resp_2").message(&[&["Another beginning"], PART]).completed(9);
    let mut drive = Drive::new(background());
    drive.accept().send(pieces(&wire)[..6].concat()).send(&other).pass();
    assert_eq!(drive.requests.last().map(|request| request.rung), Some(Rung::Cursor));
    let rest = again(&drive, &wire);
    drive.accept().send(rest);
    assert!(drive.complete());
    assert_eq!((drive.text.clone(), downstream(&drive)), (whole_text(), wire));
}
