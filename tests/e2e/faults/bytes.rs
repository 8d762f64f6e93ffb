//! Odd bytes, odd events and too many of them: rows 49 to 52 and 54 to 59.

use client::{Cause, ErrorKind, Events, Limits};
use mock_provider::Config;

use super::ask::{PROMPT, Seen, builder, reads, reads_by};
use super::peer::{Answer, Peer};
use super::wire::{
    BEGUN, CHAT, MESSAGES, PREFILLED, REST, block_delta, block_start, block_stop, chunk,
    message_delta, message_start, message_stop, named, text_delta, whole_text,
};
use crate::rig::{ROUTES, Route, Told, in_order};

/// A whole answer around these events.
fn around(route: Route, middle: &str) -> String {
    [route.open().as_str(), middle, &route.stop(), &route.sentinel()].concat()
}

/// One byte at a time: every cut that a network can make.
fn bytewise(bytes: impl AsRef<[u8]>) -> Answer {
    let mut answer = Answer::stream("");
    for byte in bytes.as_ref() {
        answer = answer.then([*byte]);
    }
    answer.close()
}

#[tokio::test]
async fn row_049_bytes_that_are_not_utf_8_cost_no_delta() {
    for route in PREFILLED {
        let body = around(route, &(route.text("a\u{1}b") + &route.text(REST)));
        let body: Vec<u8> = body.bytes().map(|byte| if byte == 1 { 0xff } else { byte }).collect();
        let seen = reads(route, Answer::whole(body)).await;
        assert_eq!(seen.text, ["a\u{fffd}b", REST].concat());
        assert_eq!(seen.odd(), [("replaced", 1)]);
    }
}

#[tokio::test]
async fn row_049_a_character_that_is_cut_over_reads_is_one_character() {
    for route in PREFILLED {
        let seen = reads(route, bytewise(around(route, &route.text("é…😀")))).await;
        assert_eq!(seen.text, "é…😀");
        assert_eq!(seen.odd(), []);
    }
}

#[tokio::test]
async fn row_050_a_byte_order_mark_is_dropped() {
    for route in ROUTES {
        let faults = in_order("bom");
        let mock = route.mock(Config { faults, tokens: 40, ..Config::default() }).await;
        let told = Told::of(&route.client(&mock), route.request(PROMPT)).await;
        assert_eq!(told.text, mock.text_for(PROMPT));
        assert_eq!(mock.ledger().requests.len(), 1);
    }
    let body = ["\u{feff}", &MESSAGES.answer(&whole_text())].concat();
    assert_eq!(reads(MESSAGES, bytewise(body)).await.text, whole_text());
}

/// The same lines, each with another end than the one before it.
fn mixed_line_ends(body: &str) -> String {
    let mut mixed = String::new();
    for (line, end) in body.lines().zip(["\r\n", "\r", "\n"].iter().cycle()) {
        mixed += line;
        // A CR and the LF right after it are one line end.
        mixed += if mixed.ends_with('\r') && *end == "\n" { "\r" } else { end };
    }
    mixed
}

#[tokio::test]
async fn row_051_every_line_end_ends_a_line_wherever_reads_are_cut() {
    for route in PREFILLED {
        let body = route.answer(&whole_text());
        let mixed = mixed_line_ends(&body);
        for body in [body.replace('\n', "\r"), body.replace('\n', "\r\n"), mixed] {
            assert_eq!(reads(route, Answer::whole(&body)).await.text, whole_text(), "{body:?}");
            assert_eq!(reads(route, bytewise(&body)).await.text, whole_text(), "{body:?}");
        }
    }
}

#[tokio::test]
async fn row_052_every_field_of_the_specification_is_taken() {
    for route in PREFILLED {
        // A delta whose JSON stands on several lines, with and without the space, among comments
        // and fields that mean nothing here.
        let delta = route.text(BEGUN);
        let spread = delta
            .replace("data: {", "data:{\ndata: ")
            .replace("\n\n", "\nid: 7\nid: a\0b\nretry: 10\nretry: soon\nx-unknown: 1\nlonely\n\n");
        assert_ne!(spread, delta);
        let middle = [": hello\n\n", &spread, ":\nid\n\n", &route.text(REST)].concat();
        let seen = reads(route, Answer::whole(around(route, &middle))).await;
        assert_eq!(seen.text, whole_text());
    }
}

#[tokio::test]
async fn row_054_two_halves_of_a_surrogate_pair_are_one_character() {
    for route in PREFILLED {
        let middle = route.text(r"sail \ud83d") + &route.text(r"\ude00 on");
        let seen = reads(route, Answer::whole(around(route, &middle))).await;
        assert_eq!(seen.text, "sail 😀 on");
        let alone = route.text(r"sail \ud83d") + &route.text(" on");
        let seen = reads(route, Answer::whole(around(route, &alone))).await;
        assert_eq!(seen.text, "sail \u{fffd} on", "half a pair is replaced and nothing is lost");
    }
}

/// Events that no wire of today has.
fn unknown_events() -> [String; 4] {
    [
        named("brand_new", r#"{"type":"brand_new","x":[1,{"y":null}]}"#),
        block_delta(0, r#"{"type":"odd_delta","odd":"kept as it is"}"#),
        block_start(1, r#"{"type":"odd_block","odd":true}"#),
        block_stop(1),
    ]
}

#[tokio::test]
async fn row_055_unknown_events_pass_untouched_and_break_nothing() {
    let unknown = unknown_events();
    let middle = [&text_delta(0, BEGUN), &unknown.concat(), &text_delta(0, REST)]
        .map(String::as_str)
        .concat();
    let answer = Answer::whole(around(MESSAGES, &middle));
    let seen = reads_by(MESSAGES, answer, |builder| builder.events(Events::All)).await;
    assert_eq!(seen.text, whole_text());
    let passed: Vec<_> =
        seen.frames.iter().map(|frame| String::from_utf8_lossy(&frame.data).into_owned()).collect();
    for event in unknown {
        let data = event.split_once("data: ").expect("it has data").1.trim_end();
        assert!(passed.iter().any(|one| one == data), "{data} did not pass: {passed:?}");
    }
}

#[tokio::test]
async fn row_055_unknown_members_of_a_chunk_break_nothing() {
    let odd = chunk(r#"{"odd":{"x":1},"content":null}"#, "null");
    let middle = [&CHAT.text(BEGUN), "data: {\"odd\":1}\n\n", &odd, &CHAT.text(REST)].concat();
    let seen = reads(CHAT, Answer::whole(around(CHAT, &middle))).await;
    assert_eq!(seen.text, whole_text());
}

/// The Messages wire without its event names.
fn nameless(body: &str) -> String {
    body.lines()
        .filter(|line| !line.starts_with("event:"))
        .fold(String::new(), |all, line| all + line + "\n")
}

#[tokio::test]
async fn row_056_events_without_a_name_are_known_by_their_json() {
    let body = nameless(&MESSAGES.answer(&whole_text()));
    assert!(!body.contains("event:") && body.contains("message_stop"));
    assert_eq!(reads(MESSAGES, Answer::whole(&body)).await.text, whole_text());
}

#[tokio::test]
async fn row_057_the_type_in_the_json_wins_over_the_name() {
    let body = MESSAGES.answer(&whole_text());
    let wrong = body.replace("event: content_block_delta", "event: ping");
    assert_ne!(wrong, body);
    let seen = reads(MESSAGES, Answer::whole(&wrong)).await;
    assert_eq!(seen.text, whole_text());
    assert!(!seen.summary().sentinel_missing);
    assert_eq!(seen.odd(), [("misnamed", 1)]);
}

#[tokio::test]
async fn row_058_an_event_beyond_the_limit_ends_the_stream_honestly() {
    let limits = Limits { event_bytes: 4096, ..Limits::default() };
    for route in PREFILLED {
        for giant in [route.text(&"x".repeat(5000)), format!("data: {}", "x".repeat(5000))] {
            let body = route.half() + &giant + &route.text(REST) + &route.stop();
            let peer = Peer::start([Answer::whole(body)]).await;
            let seen = Seen::by(route, builder(route, &peer.url()).limits(limits)).await;
            assert_eq!(seen.cause(), &Cause::TooLarge);
            assert_eq!(seen.error().kind(), ErrorKind::Incomplete);
            assert_eq!((seen.text.as_str(), peer.asked().len()), (BEGUN, 1));
        }
    }
}

#[tokio::test]
async fn row_059_an_answer_without_end_stops_at_the_callers_limit() {
    let limits = Limits { text_bytes: 1000, ..Limits::default() };
    for route in PREFILLED {
        let body = route.open() + &route.text("on and on ").repeat(500);
        let peer = Peer::start([Answer::stream(body).hold()]).await;
        let seen = Seen::by(route, builder(route, &peer.url()).limits(limits)).await;
        assert_eq!(seen.cause(), &Cause::TooLarge);
        assert!(seen.text.len() <= 1000 && seen.text.len() > 980, "{}", seen.text.len());
        assert_eq!(peer.asked().len(), 1);
    }
}

#[tokio::test]
async fn row_055_a_block_of_an_unknown_type_alone_is_complete() {
    let body = message_start("msg_1")
        + &block_start(0, r#"{"type":"odd_block","odd":true}"#)
        + &block_stop(0)
        + &message_delta("end_turn")
        + &message_stop();
    let seen = reads(MESSAGES, Answer::whole(body)).await;
    assert_eq!((seen.summary().text_bytes, seen.text.as_str()), (0, ""));
}
