//! A response that its provider keeps: a cut costs nothing, and the consumer gets the same bytes.

use crate::drive::*;
use crate::responses_checker::check;
use crate::responses_provider::Provider;
use http::Method;
use protocol::RequestBody;
use resume::{Break, Cause, Config, Input, Outcome, Rung, SeamLabel};

pub(crate) const PART: &[&str] = &["The lighthouse keeper climbed", " the stairs", " and lit"];
pub(crate) const REST: &[&str] = &[" the lamp", " and went to bed."];

pub(crate) fn background() -> (Config, RequestBody) {
    let (config, request) = responses();
    (Config { background: true, ..config }, request)
}

/// Thinking, a message in two parts, and a call: what only this rung carries on with whole.
pub(crate) fn answer() -> String {
    let provider = Provider::new("resp_1").summary(&["Hm", "."]).message(&[PART, REST]);
    provider.call().completed(12)
}

/// The events as they stand on the wire.
pub(crate) fn pieces(wire: &str) -> Vec<&str> {
    wire.split_inclusive("\n\n").collect()
}

/// What the provider answers to the last request, which reads the response again.
#[track_caller]
pub(crate) fn again(drive: &Drive, wire: &str) -> String {
    let request = drive.requests.last().expect("a request");
    assert_eq!((&request.method, request.rung), (&Method::GET, Rung::Cursor));
    assert!(request.body.is_empty() && request.key.is_none());
    let query = request.path.strip_prefix("/responses/resp_1?stream=true").expect("its path");
    let after =
        query.strip_prefix("&starting_after=").map(|after| after.parse().expect("a number"));
    let skipped = after.map_or(0, |after: usize| after + 1);
    pieces(wire)[skipped..].concat()
}

/// The response as the provider keeps it.
pub(crate) fn object(wire: &str) -> String {
    let last = pieces(wire).last().copied().unwrap_or_default().to_owned();
    let data = last.split_once("data: ").expect("data").1;
    let event: serde_json::Value = serde_json::from_str(data).expect("JSON");
    event["response"].to_string()
}

pub(crate) fn downstream(drive: &Drive) -> String {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).expect("UTF-8").to_owned();
    drive.frames.iter().map(|frame| event(&text(&frame.name), &text(&frame.data))).collect()
}

#[track_caller]
pub(crate) fn fetch(drive: &mut Drive, body: &str) {
    let request = drive.requests.last().expect("a request");
    assert_eq!((&request.method, request.rung), (&Method::GET, Rung::Fetch));
    assert_eq!(request.path, "/responses/resp_1");
    let attempt = drive.attempt();
    drive.input(Input::Connected { attempt });
    drive.head(200, &[("content-type", "application/json")]).send(body).end();
}

/// A broken stream whose events are not kept any longer.
pub(crate) fn expired(wire: &str, events: usize) -> Drive {
    let mut drive = Drive::new(background());
    drive.accept().send(pieces(wire)[..events].concat()).broke(Break::Reset).pass();
    drive.head(404, &[("content-type", "application/json")]).send("{}").end();
    drive
}

#[test]
fn the_request_says_background_only_where_the_caller_allows_it() {
    let asked = |body: &str, background| {
        let (config, _) = responses();
        let request = RequestBody::parse(config.profile.wire, body.to_owned().into()).unwrap();
        Drive::new((Config { background, ..config }, request)).body().to_owned()
    };
    let plain = r#"{"model":"m","input":"hi"}"#;
    let kept = r#"{"model":"m","input":"hi","stream":true,"background":true,"store":true}"#;
    assert_eq!(asked(plain, false), r#"{"model":"m","input":"hi","stream":true}"#);
    assert_eq!(asked(plain, true), kept);
    for refused in [r#""store":false"#, r#""background":false"#] {
        let body = format!(r#"{{"input":"hi",{refused}}}"#);
        assert_eq!(asked(&body, true), format!(r#"{{"input":"hi",{refused},"stream":true}}"#));
    }
}

#[test]
fn every_cut_is_read_on_as_if_there_were_none() {
    let wire = answer();
    for at in 0..wire.len() {
        let mut drive = Drive::new(background());
        drive.accept().send(&wire[..at]).broke(Break::Reset);
        if drive.complete() {
            continue;
        }
        drive.pass();
        let begun = wire.find("\n\n").unwrap() + 2;
        let rest = if at < begun { wire.clone() } else { again(&drive, &wire) };
        drive.accept().send(rest);
        assert!(drive.complete(), "cut at {at}: {:?}", drive.outcome);
        assert_eq!(downstream(&drive), wire, "cut at {at}");
        let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
        assert_eq!(summary.usage().0, summary.attempts[1].usage, "billed once");
        assert_eq!(summary.usage().1, at < begun, "only what began is known");
        assert_eq!(summary.usage().0.output, 12);
        assert!(summary.seams.iter().all(|seam| seam.label == SeamLabel::Exact));
        assert!(!summary.empty_continuation);
    }
}

#[test]
fn many_cuts_in_a_row_are_read_on() {
    let wire = answer();
    let mut drive = Drive::new(background());
    drive.accept().send(pieces(&wire)[0]);
    while !drive.complete() {
        drive.broke(Break::Reset).pass();
        let rest = again(&drive, &wire);
        let pieces = pieces(&rest);
        drive.accept().send(pieces[..pieces.len().min(4)].concat());
    }
    assert!(drive.complete(), "{:?}", drive.outcome);
    assert_eq!(downstream(&drive), wire);
}

#[test]
fn another_process_reads_on_from_every_record() {
    let wire = answer();
    let mut whole = Drive::new(background());
    whole.accept().send(&wire);
    for records in 1..whole.records.len() {
        let (kept, lost) = whole.records.split_at(records);
        let mut drive = Drive::resume(responses().0, kept);
        if drive.complete() {
            continue;
        }
        let emitted = |records: &[Vec<u8>]| records.iter().filter(|one| one[0] == 2).count();
        let had = whole.frames.len() - emitted(lost);
        let has_cursor = kept.iter().any(|record| record[0] == 8);
        let rest = if has_cursor { again(&drive, &wire) } else { wire.clone() };
        drive.accept().send(rest);
        assert!(drive.complete(), "after {records} records: {:?}", drive.outcome);
        let before: String = pieces(&wire)[..had].concat();
        assert_eq!(before + &downstream(&drive), wire, "after {records} records");
        let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
        assert_eq!(summary.usage().0.output, 12);
    }
}

#[test]
fn what_comes_twice_is_dropped_and_nothing_is_told_across_a_gap() {
    let wire = answer();
    let events = pieces(&wire);
    let mut drive = Drive::new(background());
    drive.accept().send(events[..14].concat()).send(events[8..12].concat());
    assert_eq!(downstream(&drive), events[..14].concat());
    drive.send(events[15]);
    drive.pass();
    let rest = again(&drive, &wire);
    assert_eq!(rest, events[14..].concat());
    drive.accept().send(rest);
    assert_eq!(downstream(&drive), wire);
}

#[test]
fn a_second_gap_at_one_place_has_the_whole_fetched() {
    let wire = Provider::new("resp_1").think().message(&[PART, REST]).completed(12);
    let events = pieces(&wire);
    let mut drive = Drive::new(background());
    drive.accept().send(events[..9].concat()).send(events[10]);
    drive.pass().accept().send(events[10]);
    fetch(&mut drive, &object(&wire));
    assert!(drive.complete(), "{:?}", drive.outcome);
    assert_eq!(drive.text, [PART.concat(), REST.concat()].concat());
}

#[test]
fn what_is_not_kept_as_events_is_fetched_whole_wherever_it_was_cut() {
    let forms = [
        Provider::new("resp_1").message(&[PART, REST]),
        Provider::new("resp_1").summary(&["Hm", "."]).message(&[PART]).message(&[REST]),
        Provider::new("resp_1").think().message(&[PART, REST]).call(),
    ];
    for form in forms {
        let wire = form.completed(12);
        for events in 1..pieces(&wire).len() {
            let mut drive = expired(&wire, events);
            fetch(&mut drive, &object(&wire));
            assert!(drive.complete(), "cut after {events}: {:?}", drive.outcome);
            let text = |bytes: &[u8]| std::str::from_utf8(bytes).expect("UTF-8").to_owned();
            let frames = drive.frames.iter().map(|f| (text(&f.name), text(&f.data)));
            let said = check(&frames.collect::<Vec<_>>());
            assert_eq!(said.text, [PART.concat(), REST.concat()].concat(), "cut after {events}");
            let kept: serde_json::Value = serde_json::from_str(&object(&wire)).unwrap();
            assert_eq!(said.response, kept, "cut after {events}");
            let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!("not complete") };
            assert_eq!(summary.usage().0.output, 12, "cut after {events}");
            assert!(summary.seams.iter().all(|seam| seam.label == SeamLabel::Exact));
        }
    }
}

#[test]
fn an_unfinished_response_is_asked_for_again_and_at_last_given_up() {
    let wire = Provider::new("resp_1").message(&[PART, REST]).completed(12);
    let underway = r#"{"id":"resp_1","status":"in_progress"}"#;
    let mut drive = expired(&wire, 5);
    fetch(&mut drive, underway);
    drive.pass();
    fetch(&mut drive, &object(&wire));
    assert!(drive.complete(), "{:?}", drive.outcome);

    let (config, request) = background();
    let limits = resume::Limits { fetches: 2, ..config.limits };
    let mut drive = Drive::new((Config { limits, ..config }, request));
    drive.accept().send(pieces(&wire)[..5].concat()).broke(Break::Reset).pass();
    drive.head(404, &[]).send("{}").end();
    fetch(&mut drive, underway);
    drive.pass();
    fetch(&mut drive, underway);
    drive.pass();
    let request = drive.requests.last().unwrap();
    assert_eq!((request.rung, &request.method), (Rung::Instruct, &Method::POST));
    assert_eq!(drive.cancels.len(), 1, "nobody waits for the first one any longer");
    assert_eq!(drive.cancels[0].path, "/responses/resp_1/cancel");
}

#[test]
fn a_response_that_is_gone_or_failed_is_continued_by_another() {
    let wire = Provider::new("resp_1").message(&[PART, REST]).completed(12);
    for failed in [false, true] {
        let mut drive = expired(&wire, 6);
        if failed {
            let error = r#"{"status":"failed","error":{"code":"server_error","message":"x"}}"#;
            fetch(&mut drive, error);
            drive.pass();
        } else {
            drive.head(404, &[]).send("{}").end();
        }
        assert_eq!(drive.requests.last().unwrap().rung, Rung::Instruct);
        let outputs: u64 = {
            let second = Provider::new("resp_2").message(&[&[&drive.text, "!"]]).completed(5);
            drive.accept().send(second);
            assert!(drive.complete(), "{:?}", drive.outcome);
            let Some(Outcome::Complete(summary)) = &drive.outcome else { panic!() };
            assert!(summary.usage().1, "what came of the lost response is estimated");
            summary.usage().0.output
        };
        assert_eq!(outputs, 5 + 10, "{failed}");
    }
}

#[test]
fn a_whole_that_differs_from_what_was_shown_is_told_and_not_shown() {
    let wire = Provider::new("resp_1").message(&[PART, REST]).completed(12);
    let mut drive = expired(&wire, 6);
    let shown = downstream(&drive);
    let other = Provider::new("resp_1").message(&[&["The other text"]]).completed(3);
    fetch(&mut drive, &object(&other));
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!("not over") };
    assert_eq!(*cause, Cause::Contradicted);
    assert_eq!(downstream(&drive), shown);
}

#[test]
fn a_response_that_fails_at_the_provider_is_not_read_for_ever() {
    let wire = Provider::new("resp_1").message(&[PART, REST]);
    let wire = wire.wire();
    let failed = event(
        "response.failed",
        r#"{"type":"response.failed","sequence_number":99,"response":{"id":"resp_1","status":"failed","error":{"code":"server_error","message":"x"}}}"#,
    );
    let mut drive = Drive::new(background());
    drive.accept().send(pieces(wire)[..7].concat()).send(&failed).pass();
    assert_eq!(drive.requests.last().unwrap().rung, Rung::Cursor);
    drive.accept().send(&failed).pass();
    assert_eq!(drive.requests.last().unwrap().rung, Rung::Instruct);
}

#[test]
fn a_later_response_is_read_on_too() {
    let wire = Provider::new("resp_1").message(&[PART, REST]).completed(12);
    let mut drive = expired(&wire, 6);
    drive.head(404, &[]).send("{}").end();
    let shown = drive.text.clone();
    let second = Provider::new("resp_2").message(&[&[&shown, " more", " and more"]]).completed(5);
    for events in [6, 1, 1] {
        if drive.requests.last().unwrap().rung == Rung::Instruct {
            drive.accept().send(pieces(&second)[..events].concat());
        } else {
            let request = drive.requests.last().unwrap();
            let after = request.path.rsplit('=').next().unwrap().parse::<usize>().unwrap() + 1;
            drive.accept().send(pieces(&second)[after..after + events].concat());
        }
        drive.broke(Break::Reset).pass();
        let request = drive.requests.last().unwrap();
        assert!(request.path.starts_with("/responses/resp_2?"), "{}", request.path);
    }
    let after = drive.requests.last().unwrap().path.rsplit('=').next().unwrap().parse::<usize>();
    drive.accept().send(pieces(&second)[after.unwrap() + 1..].concat());
    assert!(drive.complete(), "{:?}", drive.outcome);
    assert_eq!(drive.text, format!("{shown} more and more"));
}

#[test]
fn who_cancels_has_the_provider_stop() {
    let wire = answer();
    for broken in [false, true] {
        let mut drive = Drive::new(background());
        drive.accept().send(pieces(&wire)[..6].concat());
        if broken {
            drive.broke(Break::Reset);
        }
        drive.input(Input::Cancel);
        assert_eq!(drive.cancels.len(), 1);
        assert_eq!(drive.cancels[0].method, Method::POST);
        assert_eq!(drive.cancels[0].path, "/responses/resp_1/cancel");
        let again = Drive::resume(background().0, &drive.records);
        let Some(Outcome::Incomplete { cause, .. }) = &again.outcome else { panic!("goes on") };
        assert_eq!(*cause, Cause::Cancelled);
        assert!(again.requests.is_empty());
    }
    let mut drive = Drive::new(background());
    drive.accept().send(pieces(&wire)[..6].concat()).input(Input::TakenOver);
    assert!(drive.cancels.is_empty(), "another process reads it");
}

#[test]
fn what_only_one_endpoint_has_is_asked_of_no_other() {
    let (config, request) = background();
    let config = Config { admission: resume::Admission::Asked, ..config };
    let wire = answer();
    let mut drive = Drive::new((config, request));
    let place = |endpoint: &str| resume::Place {
        endpoint: endpoint.into(),
        profile: protocol::Profile::OPENAI_RESPONSES,
        model: None,
        timeouts: resume::Timeouts::default(),
        hedge_after: None,
        suspect_after: None,
    };
    drive.input(Input::Admitted(place("http://a/v1")));
    drive.accept().send(pieces(&wire)[..12].concat()).broke(Break::Reset);
    let ask = drive.asks.last().unwrap().clone();
    assert_eq!((ask.rung, ask.only.as_deref()), (Rung::Cursor, Some("http://a/v1")));
    drive.input(Input::NotAdmitted(resume::Refusal::NoEndpoint));
    let ask = drive.asks.last().unwrap().clone();
    assert_eq!((ask.rung, ask.only), (Rung::Instruct, None), "{:?}", drive.outcome);

    let resumed = Drive::resume(
        Config { admission: resume::Admission::Asked, ..background().0 },
        &drive.records[..12],
    );
    assert_eq!(resumed.asks[0].only.as_deref(), Some("http://a/v1"));
}
