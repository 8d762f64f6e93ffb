//! Servers that cut a character in two between deltas: the consumer has all of it or none.

use crate::drive::*;
use resume::{Break, Checkpoint};

/// What a client reads that knows nothing of halves.
fn read(drive: &Drive) -> String {
    let deltas = drive.frames.iter().filter(|frame| &frame.name[..] == b"content_block_delta");
    let events = deltas.map(|frame| serde_json::from_slice(&frame.data).expect("strict JSON"));
    events
        .map(|event: serde_json::Value| event["delta"]["text"].as_str().map(str::to_owned))
        .map(|text| text.expect("a text"))
        .collect()
}

fn bytes(before: &str, half: &[u8], after: &str) -> Vec<u8> {
    let event = text(0, &format!("{before}@{after}"));
    let (head, tail) = event.split_once('@').expect("it is there");
    [head.as_bytes(), half, tail.as_bytes()].concat()
}

#[track_caller]
fn check(drive: &Drive, expected: &str) {
    assert_eq!(drive.session.text(), expected);
    assert_eq!(drive.text, expected);
    assert_eq!(read(drive), expected);
    let folded = Checkpoint::fold(&drive.records).expect("a readable journal");
    assert_eq!(folded.text(), expected);
}

#[test]
fn halves_are_joined_where_the_second_one_comes() {
    let escapes = [bytes("Hi ", br"\ud83d", ""), bytes("", br"\ude00", " you")];
    let raw = [bytes("Hi ", b"\xF0\x9F", ""), bytes("", b"\x98\x80", " you")];
    for halves in [escapes, raw] {
        let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
        drive.accept().send(opening("m1")).send(&halves[0]);
        check(&drive, "Hi ");
        drive.send(&halves[1]).send(closing(5));
        check(&drive, "Hi 😀 you");
    }
}

#[test]
fn a_cut_between_the_halves_shows_the_character_once() {
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    drive.accept().send(opening("m1")).send(bytes("Hi", br"\ud83d", ""));
    drive.broke(Break::Reset).pass();
    drive.accept().send(opening("m2") + &text(0, "😀 you") + &closing(5));
    check(&drive, "Hi😀 you");
}

#[test]
fn a_half_that_stays_alone_becomes_a_mark_before_more_text_and_nothing_at_the_end() {
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    drive.accept().send(opening("m1")).send(bytes("Hi ", br"\ud83d", ""));
    drive.send(text(0, "you")).send(bytes("", b"\xF0\x9F", "")).send(closing(5));
    assert!(drive.complete());
    check(&drive, "Hi \u{FFFD}you");
}
