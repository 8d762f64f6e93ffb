//! What is allocated per event, once a stream has run for a while.
//!
//! Counts calls of the allocator, so that a cost that no result shows is seen.

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use sse_codec::{Decoder, EventBuf, EventCodec, TextDecoder};
use tokio_util::codec::Decoder as _;

const EVENTS: usize = 1_000;
const EVENT: &[u8] = b"event: delta\ndata: {\"text\":\"a token\"}\n\n";
const WITH_ID: &[u8] = b"event: delta\nid: 7\ndata: a token\n\n";
const TWO_LINES: &[u8] = b"data: a token\ndata: and another\n\n";
const NO_TEXT: &[u8] = b"id: \xff\nevent: \xff\ndata: \xff\n\n";

/// Runs `round` until everything is as large as it gets, then counts.
fn allocations(mut round: impl FnMut() -> usize) -> u64 {
    assert_eq!(round(), EVENTS, "all events are there");
    let counted = measure(|| assert_eq!(round(), EVENTS));
    counted.count_total
}

fn decode(decoder: &mut Decoder, stream: &[u8], chunk_bytes: usize) -> usize {
    let mut count = 0;
    for chunk in stream.chunks(chunk_bytes) {
        let mut events = decoder.feed(chunk);
        while let Some(event) = events.next() {
            assert!(event.is_ok());
            count += 1;
        }
    }
    count
}

#[test]
fn a_lent_event_allocates_nothing_however_it_is_cut() {
    for event in [EVENT, WITH_ID, TWO_LINES] {
        let stream = event.repeat(EVENTS);
        for chunk_bytes in [stream.len(), 1460, 16, 1] {
            let mut decoder = Decoder::new();
            let count = allocations(|| decode(&mut decoder, &stream, chunk_bytes));
            assert_eq!(count, 0, "in chunks of {chunk_bytes}");
        }
    }
}

#[test]
fn an_event_lent_as_text_allocates_nothing_however_it_is_cut() {
    for event in [EVENT, WITH_ID, TWO_LINES, NO_TEXT] {
        let stream = event.repeat(EVENTS);
        for chunk_bytes in [stream.len(), 1460, 16, 1] {
            let mut decoder = TextDecoder::new();
            let count = allocations(|| {
                let mut count = 0;
                for chunk in stream.chunks(chunk_bytes) {
                    let mut events = decoder.feed(chunk);
                    while let Some(event) = events.next() {
                        count += usize::from(event.is_ok());
                    }
                }
                count
            });
            assert_eq!(count, 0, "in chunks of {chunk_bytes}");
        }
    }
}

#[test]
fn a_kept_event_in_the_chunk_s_memory_allocates_nothing() {
    let chunk = Bytes::from(EVENT.repeat(EVENTS));
    let mut decoder = Decoder::new();
    let mut kept = Vec::with_capacity(EVENTS);
    let count = allocations(|| {
        kept.clear();
        let mut events = decoder.feed(&chunk);
        while let Some(Ok(event)) = events.next() {
            kept.push(event.to_bytes(&chunk));
        }
        kept.len()
    });
    assert_eq!(count, 0);
}

#[test]
fn a_kept_event_that_is_copied_allocates_once() {
    let chunk = Bytes::from(TWO_LINES.repeat(EVENTS));
    let mut decoder = Decoder::new();
    let mut kept = Vec::with_capacity(EVENTS);
    let count = allocations(|| {
        kept.clear();
        let mut events = decoder.feed(&chunk);
        while let Some(Ok(event)) = events.next() {
            kept.push(event.to_bytes(&chunk));
        }
        kept.len()
    });
    assert_eq!(count, EVENTS as u64);
}

#[test]
fn an_item_of_a_codec_allocates_nothing_beside_its_buffer() {
    for event in [EVENT, WITH_ID] {
        let stream = event.repeat(EVENTS);
        let mut codec = EventCodec::new();
        let mut input = BytesMut::with_capacity(8 * 1024);
        let count = allocations(|| {
            let mut count = 0;
            for chunk in stream.chunks(event.len() * 100) {
                input.extend_from_slice(chunk);
                while codec.decode(&mut input).expect("no error").is_some() {
                    count += 1;
                }
            }
            count
        });
        assert!(count <= 2, "{count} for {EVENTS} events");
    }
}

#[test]
fn an_event_in_owned_text_allocates_once_per_value() {
    for (event, values) in [(TWO_LINES, 1), (EVENT, 2), (WITH_ID, 3)] {
        let stream = event.repeat(EVENTS);
        let mut decoder = Decoder::new();
        let count = allocations(|| {
            let mut count = 0;
            let mut events = decoder.feed(&stream);
            while let Some(Ok(event)) = events.next() {
                count += usize::from(!EventBuf::from(event).data.is_empty());
            }
            count
        });
        assert_eq!(count, values * EVENTS as u64);
    }
}
