//! The `tokio_util` codec: over readers that cut anywhere, at their ends, and as an encoder.

use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use futures_core::Stream;
use sse_codec::{CodecError, Cut, Decoder, EncodeError, EventBytes, EventCodec, Frame, Limits};
use tokio_util::codec::{Decoder as _, Encoder as _, FramedRead};

/// What `FramedRead` gives of a stream that comes in `chunks`, until it gave `None` `ends` times.
fn framed(codec: EventCodec, chunks: &[&[u8]], ends: usize) -> Vec<Option<Item>> {
    let chunks: VecDeque<_> = chunks.iter().map(|chunk| Ok(chunk.to_vec())).collect();
    let mut framed = FramedRead::new(Reader(chunks), codec);
    let mut cx = Context::from_waker(Waker::noop());
    let mut items: Vec<Option<Item>> = Vec::new();
    while items.iter().filter(|item| item.is_none()).count() < ends {
        match Pin::new(&mut framed).poll_next(&mut cx) {
            Poll::Ready(item) => items.push(item),
            Poll::Pending => panic!("the reader never waits"),
        }
    }
    items
}

type Item = Result<EventBytes, CodecError>;

/// Gives each chunk as one read, then the end.
struct Reader(VecDeque<io::Result<Vec<u8>>>);

impl tokio::io::AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(chunk) = self.0.pop_front() {
            buf.put_slice(&chunk?);
        }
        Poll::Ready(Ok(()))
    }
}

/// An item in a form that can be compared.
fn show(item: Option<Item>) -> String {
    match item {
        None => "end".to_owned(),
        Some(Ok(event)) => {
            let event = event.as_event();
            [event.name_lossy(), event.data_lossy(), event.last_event_id_lossy()].join("|")
        }
        Some(Err(CodecError::Cut(Cut { offset, bytes }))) => format!("cut {offset}+{bytes}"),
        Some(Err(error)) => error.to_string(),
    }
}

#[track_caller]
fn check(codec: impl Fn() -> EventCodec, stream: &[u8], expected: &[&str]) {
    for size in 1..=stream.len() {
        let chunks: Vec<_> = stream.chunks(size).collect();
        let ends = expected.iter().filter(|item| **item == "end").count();
        let found: Vec<_> = framed(codec(), &chunks, ends).into_iter().map(show).collect();
        assert_eq!(found, expected, "in reads of {size}");
    }
}

#[test]
fn events_are_the_same_in_any_reads() {
    check(
        EventCodec::new,
        b"event: e\nid: 1\ndata: a\n\ndata: b\ndata: c\r\n\r\nid\ndata:\n\n",
        &["e|a|1", "message|b\nc|1", "message||", "end"],
    );
    check(EventCodec::new, b": hi\n\n", &["end", "end"]);
}

#[test]
fn an_end_inside_an_event_is_an_error_once() {
    check(
        EventCodec::new,
        b"data: a\n\ndata: b\n",
        &["message|a|", "cut 9+8", "end", "end", "end"],
    );
    check(EventCodec::new, b"d", &["cut 0+1", "end", "end"]);
}

#[test]
fn behind_an_event_that_is_too_large_it_can_go_on() {
    let small = || EventCodec::with_decoder(Decoder::with_limits(Limits { event_bytes_max: 4 }));
    check(
        small,
        b"data: 12345\n\ndata: 1\n\ndata: 2\n\n",
        &["event dropped", "end", "message|1|", "message|2|", "end"],
    );
}

#[test]
fn a_failing_reader_is_an_error_with_its_source() {
    let failure = Err(io::ErrorKind::ConnectionReset.into());
    let reader = Reader([Ok(b"data: a\n\ndata".to_vec()), failure].into());
    let mut framed = FramedRead::new(reader, EventCodec::new());
    let mut cx = Context::from_waker(Waker::noop());
    let mut next = || match Pin::new(&mut framed).poll_next(&mut cx) {
        Poll::Ready(Some(item)) => item,
        _ => panic!("an item"),
    };
    assert!(next().is_ok());
    let error = next().expect_err("the reader failed");
    assert!(error.source().is_some());
    let CodecError::Io(error) = error else { panic!("{error}") };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

/// The memory of a buffer, from its first byte to the end of its capacity.
fn memory(buffer: &BytesMut) -> std::ops::Range<usize> {
    let start = buffer.as_ptr().addr();
    start..start + buffer.capacity()
}

#[test]
fn an_event_inside_a_read_is_not_copied() {
    let mut input = BytesMut::from(&b"event: e\ndata: a\n\ndata: b\n\n"[..]);
    let memory = memory(&input);
    let mut codec = EventCodec::new();
    for _ in 0..2 {
        let event = codec.decode(&mut input).expect("no error").expect("an event");
        assert!(memory.contains(&event.as_event().data.as_ptr().addr()));
    }
}

#[test]
fn a_read_has_room_even_when_every_event_is_kept() {
    let mut codec = EventCodec::new();
    let mut input = BytesMut::with_capacity(8 * 1024);
    let mut kept = Vec::new();
    for _ in 0..1_000 {
        let room = input.capacity() - input.len();
        assert!(room >= 4 * 1024, "{room} bytes");
        input.extend_from_slice(b"data: a\n\nda");
        while let Some(event) = codec.decode(&mut input).expect("no error") {
            kept.push(event);
        }
        input.extend_from_slice(b"ta: b\n\n");
        while let Some(event) = codec.decode(&mut input).expect("no error") {
            kept.push(event);
        }
    }
    assert_eq!(kept.len(), 2_000);
    assert!(kept.chunks(2).all(|pair| pair[0].data() == "a" && pair[1].data() == "b"));
}

#[test]
fn events_that_are_dropped_leave_the_buffer_to_the_next_read() {
    let mut codec = EventCodec::new();
    let mut input = BytesMut::with_capacity(8 * 1024);
    let memory = memory(&input);
    for _ in 0..10_000 {
        input.extend_from_slice(b"data: a\n\n");
        assert!(memory.contains(&input.as_ptr().addr()), "another buffer");
        while codec.decode(&mut input).expect("no error").is_some() {}
    }
}

#[test]
fn a_frame_is_written_or_refused() {
    let mut codec = EventCodec::new();
    let mut out = BytesMut::new();
    let retry = Some(Duration::from_secs(1));
    let frame = Frame { event: b"e", data: b"a\nb", id: Some(b"1"), retry };
    codec.encode(frame, &mut out).expect("a frame");
    let error = codec.encode(Frame::message(b"\r"), &mut out).expect_err("no stream has CR");
    assert!(matches!(error, CodecError::Encode(EncodeError::CrInData)));
    assert_eq!(out, "event: e\nid: 1\nretry: 1000\ndata: a\ndata: b\n\n");

    let event = codec.decode(&mut out).expect("no error").expect("an event");
    assert_eq!(Frame::from(event.as_event()), frame);
}

#[test]
fn the_decoder_of_a_codec_can_be_seeded_and_asked() {
    let mut codec = EventCodec::new();
    codec.decoder_mut().seed_last_event_id(b"41").expect("an id");
    let mut input = BytesMut::from("data: a\n\n: hi\n");
    let event = codec.decode(&mut input).expect("no error").expect("an event");
    assert_eq!(event.as_event().last_event_id, b"41");
    assert!(codec.decode(&mut input).expect("no error").is_none());
    assert_eq!(codec.decoder().comments(), 1);
}
