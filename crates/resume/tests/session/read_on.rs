//! Servers that keep a stream of any wire: by the ids of its events, and by its bytes.

use crate::drive::*;
use http::Method;
use protocol::{Cursor, Profile, RequestBody};
use resume::{Break, Cause, Config, Outcome, Rung, SeamLabel};

fn chat_at(cursor: Cursor) -> (Config, RequestBody) {
    let (config, request) = chat();
    let profile = Profile { cursor, ..Profile::OPENAI };
    (Config { profile, background: true, ..config }, request)
}

fn answer() -> Vec<String> {
    let mut events = vec![chunk("a", r#"{"role":"assistant","content":""}"#, "null")];
    for word in ["The", " lighthouse", " keeper", " climbed", " the", " stairs", "."] {
        events.push(chunk("a", &format!(r#"{{"content":"{word}"}}"#), "null"));
    }
    events.push(chunk("a", "{}", "\"stop\""));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// The data of the frames, as the wire has them.
fn downstream(drive: &Drive) -> String {
    let data = |frame: &resume::Frame| {
        format!("data: {}\n\n", std::str::from_utf8(&frame.data).expect("UTF-8"))
    };
    drive.frames.iter().map(data).collect()
}

#[test]
fn a_stream_that_is_kept_by_its_bytes_is_read_on_at_every_cut() {
    let wire = answer().concat();
    for at in 0..wire.len() {
        let mut drive = Drive::new(chat_at(Cursor::Offset));
        let conversation = drive.requests[0].headers["x-conversation-id"].clone();
        let conversation = conversation.to_str().unwrap();
        drive.accept().send(&wire[..at]).broke(Break::Reset);
        if drive.complete() {
            continue;
        }
        drive.pass();
        let request = &drive.requests[1];
        let from = request.path.strip_prefix(&format!("/stream/{conversation}?from="));
        let rest = match from {
            Some(from) => {
                assert_eq!((&request.method, request.rung), (&Method::GET, Rung::Cursor));
                wire[from.parse::<usize>().unwrap()..].to_owned()
            }
            None => {
                assert_eq!(request.rung, Rung::Retry, "nothing came, cut at {at}");
                wire.clone()
            }
        };
        // A second cut, behind half of what is left.
        let half = rest.len() / 2;
        drive.accept().send(&rest[..half]).broke(Break::Reset);
        if !drive.complete() {
            drive.pass();
            let path = drive.requests[2].path.clone();
            let at = path.rsplit_once('=').map_or(0, |(_, at)| at.parse::<usize>().unwrap());
            drive.accept().send(&wire[at..]);
        }
        assert!(drive.complete(), "cut at {at}: {:?}", drive.outcome);
        assert_eq!(downstream(&drive), wire, "cut at {at}");
        assert!(drive.seams.iter().all(|seam| seam.label == SeamLabel::Exact));
    }
}

#[test]
fn a_stream_is_kept_by_its_bytes_only_where_the_caller_wants_it() {
    let (config, request) = chat_at(Cursor::Offset);
    let drive = Drive::new((Config { background: false, ..config }, request));
    assert!(drive.requests[0].headers.is_empty());
}

/// Every `every`th event has an id.
fn with_ids(events: &[String], every: usize) -> Vec<String> {
    let name = |(at, event): (usize, &String)| {
        if at % every == 0 { format!("id: {at}\n{event}") } else { event.clone() }
    };
    events.iter().enumerate().map(name).collect()
}

#[test]
fn a_stream_whose_events_have_ids_is_read_on_at_every_cut() {
    let plain = answer();
    for every in [1, 3] {
        let events = with_ids(&plain, every);
        for cut in 1..events.len() - 2 {
            let mut drive = Drive::new(chat_at(Cursor::EventId));
            drive.accept().send(events[..cut].concat()).broke(Break::Reset).pass();
            let (first, second) = (&drive.requests[0], &drive.requests[1]);
            assert_eq!((second.rung, &second.method), (Rung::Cursor, &Method::POST));
            assert_eq!((&second.body, second.key), (&first.body, first.key), "the same request");
            let id: usize = second.headers["last-event-id"].to_str().unwrap().parse().unwrap();
            assert_eq!(id, (cut - 1) / every * every);
            drive.accept().send(events[id + 1..].concat());
            assert!(drive.complete(), "{:?}", drive.outcome);
            assert_eq!(downstream(&drive), plain.concat(), "cut behind {cut}");
        }
    }
}

#[test]
fn a_server_that_begins_again_is_not_asked_for_the_rest_any_longer() {
    let events = with_ids(&answer(), 1);
    let mut drive = Drive::new(chat_at(Cursor::EventId));
    drive.accept().send(events[..6].concat()).broke(Break::Reset).pass();
    let other = answer().concat().replace("\"id\":\"a\"", "\"id\":\"b\"");
    drive.accept().send(other);
    let Some(attempt) = drive.requests.get(2) else { panic!("{:?}", drive.outcome) };
    assert_eq!(attempt.rung, Rung::Instruct, "at once");
}

#[test]
fn a_stream_that_is_gone_is_continued() {
    for cursor in [Cursor::EventId, Cursor::Offset] {
        let events = with_ids(&answer(), 1);
        let mut drive = Drive::new(chat_at(cursor));
        drive.accept().send(events[..7].concat()).broke(Break::Reset).pass();
        drive.head(404, &[]).send("{}").end();
        assert_eq!(drive.requests[2].rung, Rung::Instruct, "{cursor:?}: {:?}", drive.outcome);
    }
}

#[test]
fn who_cancels_ends_the_stream_that_is_kept_by_its_bytes() {
    let mut drive = Drive::new(chat_at(Cursor::Offset));
    let events = answer();
    drive.accept().send(events[..4].concat()).input(resume::Input::Cancel);
    let Some(Outcome::Incomplete { cause, .. }) = &drive.outcome else { panic!("goes on") };
    assert_eq!(*cause, Cause::Cancelled);
    assert_eq!(drive.cancels[0].method, Method::DELETE);
    assert!(drive.cancels[0].path.starts_with("/stream/"));
}

#[test]
fn a_server_that_begins_again_under_the_same_id_does_not_repeat_itself_downstream() {
    for cursor in [Cursor::EventId, Cursor::Offset] {
        for id in ["a", ""] {
            let events = with_ids(&answer(), 1)
                .concat()
                .replace("\"id\":\"a\"", &format!("\"id\":\"{id}\""));
            let events: Vec<&str> = events.split_inclusive("\n\n").collect();
            let mut drive = Drive::new(chat_at(cursor));
            drive.accept().send(events[..6].concat()).broke(Break::Reset).pass();
            let shown = drive.text.clone();
            drive.accept().send(events[..3].concat());
            assert_eq!(drive.text, shown, "{cursor:?} {id:?}");
        }
    }
}
