//! Where the bytes of an event are, and what happens to those that nobody asked for.

use sse_codec::Decoder;

/// Whether `part` lies in the memory of `whole`.
fn lies_in(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}

#[track_caller]
fn check(before: &[u8], chunk: &[u8], expected: &[u8], borrows: bool) {
    let mut decoder = Decoder::new();
    let mut events = decoder.feed(before);
    while events.next().is_some() {}
    let mut events = decoder.feed(chunk);
    let event = events.next().expect("an event").expect("within the limit");
    assert_eq!(event.data, expected);
    assert_eq!(lies_in(event.data, chunk), borrows);
}

#[test]
fn a_line_of_data_inside_the_chunk_is_not_copied() {
    check(b"", b"data: a\n\n", b"a", true);
    check(b"", b"event: e\nid: 1\ndata: a\nretry: 1\n\n", b"a", true);
    check(b"data: a\n\nevent: e\n", b"data: a\n\n", b"a", true);
    check(b"event: e", b"\ndata:a\r\n\r\n", b"a", true);
}

#[test]
fn data_that_straddle_or_are_joined_are_copied() {
    check(b"dat", b"a: b\n\n", b"b", false);
    check(b"data: a\n", b"\n", b"a", false);
    check(b"", b"data: a\ndata: b\n\n", b"a\nb", false);
    check(b"data: a\n", b"data: b\n\n", b"a\nb", false);
}

#[test]
fn a_name_inside_the_chunk_is_not_copied() {
    let chunk = b"event: e\ndata: a\n\n";
    let mut decoder = Decoder::new();
    let mut events = decoder.feed(chunk);
    let event = events.next().unwrap().unwrap();
    assert!(lies_in(event.event, chunk));
}

#[test]
fn a_chunk_can_be_left_at_any_event() {
    let stream = b"id: 1\ndata: a\n\ndata: b\r\n\r\nevent: e\ndata: c\n\ndata: d";
    let mut decoder = Decoder::new();
    let (mut rest, mut data) = (&stream[..], Vec::new());
    loop {
        let mut events = decoder.feed(rest);
        let Some(event) = events.next() else { break };
        let event = event.unwrap();
        assert_eq!(event.last_event_id, b"1");
        data.extend_from_slice(event.data);
        assert!(events.consumed() > 0);
        rest = events.rest();
    }
    assert_eq!(data, b"abc");
    assert_eq!(decoder.consumed(), stream.len() as u64);
}

#[test]
fn events_that_nobody_asks_for_are_not_read() {
    let mut decoder = Decoder::new();
    let events = decoder.feed(b"data: a\n\n");
    assert_eq!(events.consumed(), 0);
    drop(events);
    assert_eq!(decoder.consumed(), 0);
}

#[test]
fn a_span_can_be_skipped() {
    let mut decoder = Decoder::new();
    let stream = b"data: a\ndata: b\n\nid: 2\ndata: c\n\n";
    let (consumed, first) = decoder.scan(stream);
    assert_eq!(first.unwrap().unwrap().offset(), 0);
    let rest = &stream[consumed..];
    let (_, second) = decoder.scan(rest);
    let event = decoder.resolve(second.unwrap().unwrap(), rest);
    assert_eq!((event.data, event.id, event.offset), (&b"c"[..], Some(&b"2"[..]), 17));
}

#[test]
fn a_span_with_another_slice_is_no_panic() {
    let mut decoder = Decoder::new();
    let (_, span) = decoder.scan(b"event: e\ndata: abc\n\n");
    let span = span.unwrap().unwrap();
    assert_eq!(decoder.resolve(span, b"").data, b"");
    decoder.reset_for_reconnect();
    assert_eq!(decoder.resolve(span, b"x").event, b"");
}
