//! The rules of the specification, one row each, at every cut.
//!
//! Clauses are those of section 9.2 of the HTML standard.

#[path = "reference/run.rs"]
mod run;

use std::time::Duration;

use run::run;
use sse_codec::Decoder;

struct Rule {
    rule: &'static str,
    stream: &'static [u8],
    /// The events, each as `name|data|last event ID`.
    events: &'static [&'static str],
}

const fn rule(rule: &'static str, stream: &'static [u8], events: &'static [&'static str]) -> Rule {
    Rule { rule, stream, events }
}

const RULES: &[Rule] = &[
    // 9.2.5 Parsing an event stream
    rule("LF ends a line", b"data: a\n\n", &["message|a|"]),
    rule("CRLF ends a line", b"data: a\r\n\r\n", &["message|a|"]),
    rule("CR ends a line", b"data: a\r\r", &["message|a|"]),
    rule("line ends may be mixed", b"data: a\rdata: b\ndata: c\r\n\n", &["message|a\nb\nc|"]),
    rule("LF CR is two line ends", b"data: a\n\rdata: b\n\r", &["message|a|", "message|b|"]),
    rule("CRLF is one line end", b"data: a\r\ndata: b\r\n\r\n", &["message|a\nb|"]),
    rule("a byte order mark is stripped", b"\xef\xbb\xbfdata: a\n\n", &["message|a|"]),
    rule("only one mark is stripped", b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", &[]),
    rule("only at the start", b"data: a\n\n\xef\xbb\xbfdata: b\n\n", &["message|a|"]),
    rule("a mark in a value stays", b"data:\xef\xbb\xbfa\n\n", &["message|\u{feff}a|"]),
    rule("half a mark is part of a name", b"\xef\xbbdata: a\ndata: b\n\n", &["message|b|"]),
    rule("half a mark may end a line", b"\xef\n\ndata: b\n\n", &["message|b|"]),
    rule("a mark and nothing else", b"\xef\xbb\xbf", &[]),
    rule("a mark before a blank line", b"\xef\xbb\xbf\n\ndata: a\n\n", &["message|a|"]),
    rule("invalid UTF-8 is replaced", b"data: a\xffb\n\n", &["message|a\u{fffd}b|"]),
    rule("a broken sequence is one sign", b"data: \xf0\x9f\x98\n\n", &["message|\u{fffd}|"]),
    rule(
        "a line end ends a sequence",
        b"data: \xe2\x82\ndata: \xac\n\n",
        &["message|\u{fffd}\n\u{fffd}|"],
    ),
    rule("characters of any width", "data: é€🦀\n\n".as_bytes(), &["message|é€🦀|"]),
    rule("the empty stream", b"", &[]),
    rule("blank lines alone", b"\n\r\n\r\n\n", &[]),
    // 9.2.6 Interpreting an event stream: lines
    rule("a colon first is a comment", b": data: a\n:\ndata: b\n\n", &["message|b|"]),
    rule("one space is stripped", b"data:  a\n\n", &["message| a|"]),
    rule("no space is needed", b"data:a\n\n", &["message|a|"]),
    rule("a tab is not a space", b"data:\ta\n\n", &["message|\ta|"]),
    rule("of two spaces one stays", b"data:  \n\n", &["message| |"]),
    rule("a space at the end stays", b"data: a \n\n", &["message|a |"]),
    rule("a space before the colon is part of the name", b"data : a\n\n", &[]),
    rule("a space before the name is part of it", b" data: a\n\n", &[]),
    rule("names are case sensitive", b"Data: a\nDATA: b\n\n", &[]),
    rule("the first colon separates", b"data: a: b\n\n", &["message|a: b|"]),
    rule("no colon means an empty value", b"data\n\n", &["message||"]),
    rule("unknown fields are ignored", b"datas: a\nd: b\ndat\ndata: c\nx\n\n", &["message|c|"]),
    rule(
        "a name may be as long as it likes",
        b"event-type-of-mine: a\ndata: b\n\n",
        &["message|b|"],
    ),
    rule("NUL is a character", b"data: a\0b\n\n", &["message|a\0b|"]),
    // 9.2.6: fields
    rule("event sets the type", b"event: e\ndata: a\n\n", &["e|a|"]),
    rule("the last type counts", b"event: e\nevent: f\ndata: a\n\n", &["f|a|"]),
    rule("the type may follow the data", b"data: a\nevent: e\n\n", &["e|a|"]),
    rule("an empty type is message", b"event: e\nevent:\ndata: a\n\n", &["message|a|"]),
    rule("event without a colon resets", b"event: e\nevent\ndata: a\n\n", &["message|a|"]),
    rule("a blank line clears the type", b"event: e\n\ndata: a\n\n", &["message|a|"]),
    rule("data lines are joined", b"data: a\ndata:\ndata: b\n\n", &["message|a\n\nb|"]),
    rule(
        "data are joined across other fields",
        b"data: a\nid: 1\ndata: b\nevent: e\ndata: c\n\n",
        &["e|a\nb\nc|1"],
    ),
    rule("two empty data lines are a line end", b"data\ndata\n\n", &["message|\n|"]),
    rule("id sets the last event ID", b"id: 1\ndata: a\n\n", &["message|a|1"]),
    rule("the last id counts", b"id: 1\nid: 22\ndata: a\n\n", &["message|a|22"]),
    rule(
        "the last event ID persists",
        b"id: 1\ndata: a\n\ndata: b\n\n",
        &["message|a|1", "message|b|1"],
    ),
    rule("an id without data counts", b"id: 1\n\ndata: a\n\n", &["message|a|1"]),
    rule(
        "an empty id resets",
        b"id: 1\ndata: a\n\nid:\ndata: b\n\n",
        &["message|a|1", "message|b|"],
    ),
    rule("id without a colon resets", b"id: 1\n\nid\ndata: a\n\n", &["message|a|"]),
    rule("an id with NUL is ignored", b"id: 1\nid: 2\0\ndata: a\n\n", &["message|a|1"]),
    rule(
        "an id with NUL resets nothing",
        b"id: 1\n\nid: \0\ndata: a\n\nid: 2\0\n\ndata: b\n\n",
        &["message|a|1", "message|b|1"],
    ),
    rule("an id is any text", b"id:  a:b \ndata: c\n\n", &["message|c| a:b "]),
    // 9.2.6: dispatch
    rule("a blank line dispatches", b"data: a\n\ndata: b\n\n", &["message|a|", "message|b|"]),
    rule("no data, no event", b"event: e\n\n", &[]),
    rule("empty data are an event", b"data:\n\n", &["message||"]),
    rule("more blank lines do nothing", b"\n\ndata: a\n\n\n\n", &["message|a|"]),
    rule("the end discards an open event", b"data: a\n\ndata: b\n", &["message|a|"]),
    rule("the end discards an open line", b"data: a\n\ndata: b", &["message|a|"]),
    // The examples of the specification
    rule("stock quote", b"data: YHOO\ndata: +2\ndata: 10\n\n", &["message|YHOO\n+2\n10|"]),
    rule(
        "four blocks",
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n\
          data:  third event\n\n",
        &["message|first event|1", "message|second event|", "message| third event|"],
    ),
    rule(
        "two events and an open one",
        b"data\n\ndata\ndata\n\ndata:",
        &["message||", "message|\n|"],
    ),
    rule("identical events", b"data:test\n\ndata: test\n\n", &["message|test|", "message|test|"]),
];

#[test]
fn every_rule_holds_at_every_cut() {
    for Rule { rule, stream, events } in RULES {
        for chunks in cuts(stream) {
            let found = run(&mut Decoder::new(), chunks.iter().copied());
            let found: Vec<_> = found
                .events
                .iter()
                .map(|seen| format!("{}|{}|{}", seen.name, seen.data, seen.last_event_id))
                .collect();
            assert_eq!(found, *events, "{rule}, in {chunks:?}");
        }
    }
}

/// The stream cut into two at every place, and into chunks of every size.
fn cuts(stream: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let in_two = (0..=stream.len()).map(|cut| {
        let (head, tail) = stream.split_at(cut);
        vec![head, tail]
    });
    in_two.chain((1..stream.len()).map(|size| stream.chunks(size).collect()))
}

#[track_caller]
fn check_retry(stream: &[u8], expected: Option<u128>) {
    for chunks in cuts(stream) {
        let found = run(&mut Decoder::new(), chunks.iter().copied());
        assert_eq!(found.retry_millis, expected, "in {chunks:?}");
    }
}

#[test]
fn retry_is_digits_only() {
    check_retry(b"retry: 3000\n", Some(3000));
    check_retry(b"retry:0\r", Some(0));
    check_retry(b"retry: 3000\nretry: no\n", Some(3000));
    check_retry(b"retry: +5\n", None);
    check_retry(b"retry:  5\n", None);
    check_retry(b"retry: 5 \n", None);
    check_retry(b"retry: 1.5\n", None);
    check_retry(b"retry:\n", None);
    check_retry(b"retry\n", None);
    check_retry(b"retry: 5", None);
}

#[test]
fn retry_belongs_to_the_event_that_sets_it() {
    let stream = b"retry: 5\ndata: a\n\ndata: b\n\nretry: 6\n\ndata: c\n\n";
    for chunks in cuts(stream) {
        let found = run(&mut Decoder::new(), chunks);
        let retries: Vec<_> = found.events.iter().map(|seen| seen.retry_millis).collect();
        assert_eq!(retries, [Some(5), None, None]);
        assert_eq!(found.retry_millis, Some(6));
    }
}

#[track_caller]
fn check_cut(stream: &[u8], expected: Option<u64>) {
    for chunks in cuts(stream) {
        let found = run(&mut Decoder::new(), chunks.iter().copied());
        assert_eq!(found.cut, expected, "in {chunks:?}");
    }
}

#[test]
fn the_end_says_whether_an_event_was_cut() {
    check_cut(b"", None);
    check_cut(b"data: a\n\n", None);
    check_cut(b"data: a\r\n\r", None);
    check_cut(b"data: a\n\n: ping", None);
    check_cut(b"data: a\n\n: ping\n", None);
    check_cut(b"\xef\xbb", None);
    check_cut(b"data: a\n\nd", Some(9));
    check_cut(b"data: a\n\n: ping\nid: 1\n", Some(9));
    check_cut(b"data: a\r\n", Some(0));
    check_cut(b"\xef\xbbx: a\n", Some(0));
    check_cut(b"\xef\xbb\xbfdata", Some(3));
    check_cut(b"data: a\r\n\r\ndata: b", Some(11));
}

#[test]
fn an_event_is_out_with_the_first_byte_of_its_blank_line() {
    for (stream, out_at) in [
        (&b"data: a\n\n"[..], 9),
        (b"data: a\r\n\r\n", 10),
        (b"data: a\r\r", 9),
        (b"data: a\n\r\n", 9),
    ] {
        let mut decoder = Decoder::new();
        let found = (1..)
            .zip(stream)
            .find_map(|(count, byte)| decoder.scan(std::slice::from_ref(byte)).1.map(|_| count));
        assert_eq!(found, Some(out_at), "{stream:?}");
    }
}

#[test]
fn a_retry_counts_with_the_first_byte_of_its_line_end() {
    for line_end in [&b"\n"[..], b"\r"] {
        let mut decoder = Decoder::new();
        assert!(decoder.feed(b"retry: 30").next().is_none());
        assert_eq!(decoder.retry(), None, "the number may go on");
        assert!(decoder.feed(line_end).next().is_none());
        assert_eq!(decoder.retry(), Some(Duration::from_millis(30)));
    }
}

#[test]
fn an_id_is_committed_by_its_blank_line() {
    let mut decoder = Decoder::new();
    assert!(decoder.feed(b"id: 1\n\nid: 2\n").next().is_none());
    assert_eq!(decoder.last_event_id(), b"1");
    assert!(decoder.finish().is_some());
    assert_eq!(decoder.last_event_id(), b"1", "the end of the stream commits nothing");
}

#[test]
fn a_reconnect_keeps_what_it_needs_and_nothing_else() {
    let mut decoder = Decoder::new();
    let first = b"\xef\xbb\xbfid: 1\nretry: 5\ndata: a\n\n: hi\nevent: lost\ndata: lost";
    let mut events = decoder.feed(first);
    assert!(events.next().is_some());
    assert!(events.next().is_none());
    decoder.reset_for_reconnect();
    assert_eq!((decoder.consumed(), decoder.comments()), (0, 1));

    let second = b"\xef\xbb\xbfdata: b\n\n";
    let found = run(&mut decoder, second.chunks(1));
    assert_eq!(found.retry_millis, Some(5));
    let seen = &found.events[0];
    assert_eq!((&*seen.name, &*seen.data, &*seen.last_event_id), ("message", "b", "1"));
    assert_eq!((seen.offset, &seen.id), (3, &None));
}

#[test]
fn the_last_event_id_can_be_seeded() {
    let mut decoder = Decoder::new();
    decoder.seed_last_event_id(b"41").unwrap();
    assert_eq!(decoder.last_event_id(), b"41");
    assert!(decoder.seed_last_event_id(b"4\n2").is_err());
    assert!(decoder.seed_last_event_id(b"4\x002").is_err());
    let found = run(&mut decoder, [&b"data: a\n\n"[..]]);
    assert_eq!(found.events[0].last_event_id, "41");
    assert_eq!(found.events[0].id, None);
}

#[test]
fn comments_show_as_soon_as_they_begin() {
    let mut decoder = Decoder::new();
    assert!(decoder.feed(b":").next().is_none());
    assert_eq!(decoder.comments(), 1);
    assert!(decoder.feed(b" still: the same\n:another\ndata: :none\n").next().is_none());
    assert_eq!(decoder.comments(), 2);
}
