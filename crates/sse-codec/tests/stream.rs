//! Events as a `Stream`: order, ends, errors, wake-ups, and that no chunk is asked for too early.

use std::cell::Cell;
use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_core::Stream;
use futures_core::stream::FusedStream;
use proptest::prelude::*;
use sse_codec::{Cut, DecodeError, Decoder, EventBuf, EventStream, Limits, StreamError};

/// What a scripted stream of chunks does when it is polled.
#[derive(Clone)]
enum Step {
    Chunk(Vec<u8>),
    Fail,
    Wait,
    End,
}

use Step::{End, Fail, Wait};

fn chunk(bytes: &[u8]) -> Step {
    Step::Chunk(bytes.to_vec())
}

/// A stream of chunks that follows a script and counts how often it is polled.
struct Script<'p> {
    steps: VecDeque<Step>,
    polls: &'p Cell<usize>,
    waker: Option<Waker>,
}

impl Stream for Script<'_> {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.polls.set(self.polls.get() + 1);
        match self.steps.pop_front().expect("a step: it was polled behind its end") {
            Step::Chunk(chunk) => Poll::Ready(Some(Ok(chunk))),
            Fail => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            Wait => {
                // Woken at once, so that a task that kept the waker is polled again.
                self.waker = Some(cx.waker().clone());
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            End => Poll::Ready(None),
        }
    }
}

type Events<'p> = EventStream<Script<'p>>;
type Item = Result<EventBuf, StreamError<io::Error>>;

fn events<'p>(polls: &'p Cell<usize>, steps: &[Step]) -> Events<'p> {
    EventStream::new(Script { steps: steps.iter().cloned().collect(), polls, waker: None })
}

fn poll(events: &mut Events<'_>) -> Poll<Option<Item>> {
    Pin::new(events).poll_next(&mut Context::from_waker(Waker::noop()))
}

/// An item in a form that can be compared.
fn show(item: Poll<Option<Item>>) -> String {
    match item {
        Poll::Pending => "pending".to_owned(),
        Poll::Ready(None) => "end".to_owned(),
        Poll::Ready(Some(Ok(event))) => event.data,
        Poll::Ready(Some(Err(StreamError::Decode(error)))) => format!("dropped {}", error.offset()),
        Poll::Ready(Some(Err(StreamError::Cut(Cut { offset, bytes })))) => {
            format!("cut {offset}+{bytes}")
        }
        Poll::Ready(Some(Err(error))) => error.to_string(),
    }
}

#[track_caller]
fn check(steps: &[Step], expected: &[&str]) {
    let polls = Cell::new(0);
    let mut events = events(&polls, steps);
    let found: Vec<_> = expected.iter().map(|_| show(poll(&mut events))).collect();
    assert_eq!(found, expected);
    assert_eq!(polls.get(), steps.len(), "every step was taken");
}

#[test]
fn events_come_in_order_over_any_chunks() {
    check(
        &[chunk(b"data: a\n\ndata: b\n\nda"), chunk(b""), chunk(b"ta: c\n\n"), End],
        &["a", "b", "c", "end", "end"],
    );
    check(&[End], &["end", "end"]);
    check(&[chunk(b"\n: hi\n"), End], &["end"]);
}

#[test]
fn an_end_inside_an_event_is_a_cut_and_then_an_end() {
    let steps = [chunk(b"data: a\n\ndata: b\n"), End];
    check(&steps, &["a", "cut 9+8", "end", "end"]);
}

#[test]
fn behind_an_error_of_the_chunks_nothing_is_joined() {
    let steps = [chunk(b"data: a\n\ndata: b"), Fail];
    check(&steps, &["a", "transport failed", "end", "end"]);
}

#[test]
fn behind_an_event_that_is_too_large_it_goes_on() {
    let polls = Cell::new(0);
    let steps = [chunk(b"data: 12345\n\ndata: 1\n\n"), End];
    let script = Script { steps: steps.into(), polls: &polls, waker: None };
    let decoder = Decoder::with_limits(Limits { event_bytes_max: 4 });
    let mut events = EventStream::with_decoder(script, decoder);
    let found: Vec<_> = (0..3).map(|_| show(poll(&mut events))).collect();
    assert_eq!(found, ["dropped 0", "1", "end"]);
}

#[test]
fn an_event_is_out_before_the_next_chunk_is_asked_for() {
    let polls = Cell::new(0);
    let mut events = events(&polls, &[chunk(b"data: a\n\ndata: b\n\n"), Wait]);
    assert_eq!((show(poll(&mut events)), polls.get()), ("a".to_owned(), 1));
    assert_eq!((show(poll(&mut events)), polls.get()), ("b".to_owned(), 1));
    assert_eq!((show(poll(&mut events)), polls.get()), ("pending".to_owned(), 2));
}

#[test]
fn a_stream_that_waits_loses_nothing() {
    let steps = [Wait, chunk(b"data: a"), Wait, Wait, chunk(b"\n\ndata: b\n\n"), Wait, End];
    let expected = ["pending", "pending", "pending", "a", "b", "pending", "end"];
    check(&steps, &expected);
}

/// Counts wake-ups.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn every_pending_poll_hands_on_its_own_waker() {
    let polls = Cell::new(0);
    let mut events = events(&polls, &[Wait, chunk(b"data"), Wait, chunk(b"\n\n")]);
    for expected in ["pending", "pending", ""] {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let item = Pin::new(&mut events).poll_next(&mut Context::from_waker(&waker));
        assert_eq!(show(item), expected);
        assert_eq!(count.0.load(Ordering::SeqCst), usize::from(expected == "pending"));
    }
}

#[test]
fn it_is_terminated_exactly_when_it_is_over() {
    let polls = Cell::new(0);
    let mut events = events(&polls, &[chunk(b"data\n\nd"), End]);
    for (expected, terminated) in [("", false), ("cut 6+1", true), ("end", true)] {
        assert_eq!(show(poll(&mut events)), expected);
        assert_eq!(events.is_terminated(), terminated);
    }
}

#[test]
fn the_decoder_goes_on_to_the_next_connection() {
    let polls = Cell::new(0);
    let mut first = events(&polls, &[chunk(b"id: 7\nretry: 5\ndata: a\n\ndata: b"), Fail]);
    assert_eq!(show(poll(&mut first)), "a");
    assert_eq!(first.decoder().last_event_id(), b"7");
    assert_eq!(show(poll(&mut first)), "transport failed");

    let steps = [chunk(b"data: c\n\n"), End].into();
    let script = Script { steps, polls: &polls, waker: None };
    let mut second = EventStream::with_decoder(script, first.into_decoder());
    let Poll::Ready(Some(Ok(event))) = poll(&mut second) else { panic!("an event") };
    assert_eq!((&*event.data, &*event.last_event_id, event.id()), ("c", "7", None));
}

#[test]
fn errors_name_their_sources() {
    let too_large = DecodeError::EventBytesMax { offset: 3, limit: 4 };
    let error = StreamError::<io::Error>::Decode(too_large);
    assert_eq!(error.to_string(), "event dropped");
    assert_eq!(error.source().expect("a source").to_string(), too_large.to_string());
    let error = StreamError::Chunks(io::Error::other("reset"));
    assert_eq!(error.source().expect("a source").to_string(), "reset");
    let error = StreamError::<io::Error>::Cut(Cut { offset: 3, bytes: 4 });
    assert_eq!(error.to_string(), "stream ended inside the event at byte 3, after 4 bytes of it");
    assert!(error.source().is_none());
}

/// Only the stream of chunks has to be `Unpin`.
#[test]
fn chunks_need_not_be_unpin() {
    struct Pinned(&'static [u8], std::marker::PhantomPinned);
    impl AsRef<[u8]> for Pinned {
        fn as_ref(&self) -> &[u8] {
            self.0
        }
    }
    struct Once(Option<Pinned>);
    impl Stream for Once {
        type Item = Result<Pinned, io::Error>;
        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(self.0.take().map(Ok))
        }
    }
    impl Unpin for Once {}
    let mut events =
        EventStream::new(Once(Some(Pinned(b"data: a\n\n", std::marker::PhantomPinned))));
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Some(Ok(event))) = Pin::new(&mut events).poll_next(&mut cx) else {
        panic!("an event")
    };
    assert_eq!(event.data, "a");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_stream_gives_what_the_decoder_gives(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "data: a", "data", "id: 1", "event: e", ":", "\n", "\n\n", "\r\n", "\r", "é", "\0",
        ]), 0..30),
        size in 1_usize..9,
        waits in any::<bool>(),
    ) {
        let stream = pieces.concat().into_bytes();
        let mut decoder = Decoder::new();
        let mut expected = Vec::new();
        let mut lent = decoder.feed(&stream);
        while let Some(event) = lent.next() {
            expected.push(EventBuf::from(event?));
        }
        let cut = decoder.finish();

        let mut steps = Vec::new();
        for part in stream.chunks(size) {
            steps.extend(waits.then_some(Wait));
            steps.push(chunk(part));
        }
        steps.push(End);
        let polls = Cell::new(0);
        let mut events = events(&polls, &steps);
        let (mut found, mut found_cut) = (Vec::new(), None);
        loop {
            match poll(&mut events) {
                Poll::Pending => {}
                Poll::Ready(None) => break,
                Poll::Ready(Some(Ok(event))) => found.push(event),
                Poll::Ready(Some(Err(StreamError::Cut(cut)))) => found_cut = Some(cut),
                Poll::Ready(Some(Err(error))) => panic!("{error}"),
            }
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(found_cut, cut);
    }
}
