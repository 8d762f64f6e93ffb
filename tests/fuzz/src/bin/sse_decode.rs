//! The decoder finds what the specification's algorithm finds, however the stream is cut.
//!
//! With a limit, what is missing is what was reported as too large, at the same event in any
//! chunks. Events as text are those in bytes with each value decoded, also when a chunk is left at
//! an event and its rest is fed.
#![no_main]

#[path = "../../../../crates/sse-codec/tests/reference/model.rs"]
mod model;
#[path = "../../../../crates/sse-codec/tests/reference/run.rs"]
mod run;

use fuzz::Case;
use libfuzzer_sys::fuzz_target;
use run::{Run, Seen, run};
use sse_codec::{Decoder, Limits, TextDecoder};

fuzz_target!(|input: &[u8]| {
    let Some(case) = Case::read(input) else { return };
    let limits = case
        .event_bytes_max
        .map_or_else(Limits::default, |event_bytes_max| Limits { event_bytes_max });

    let whole = run(&mut Decoder::with_limits(limits), [case.stream]);
    let in_chunks = run(&mut Decoder::with_limits(limits), case.chunks());
    assert_eq!(in_chunks, whole, "chunks change nothing");
    for events_max in [1, 2, usize::MAX] {
        let text = run_text(TextDecoder::with_limits(limits), case.chunks(), events_max);
        assert_eq!(text, whole, "text, left at every {events_max} events");
    }

    let expected = model::decode(case.stream);
    if case.event_bytes_max.is_none() {
        let (whole, expected) = comparable(whole, expected, case.stream);
        assert_eq!(whole, expected);
    } else if std::str::from_utf8(case.stream).is_ok() {
        check_limited(&whole, &expected);
    }
});

/// As [`run`], in text; takes so many events at the most before it feeds the rest of a chunk.
fn run_text<'c>(
    mut decoder: TextDecoder,
    chunks: impl IntoIterator<Item = &'c [u8]>,
    events_max: usize,
) -> Run {
    let mut run = Run::default();
    for mut chunk in chunks {
        while !chunk.is_empty() {
            let mut events = decoder.feed(chunk);
            for _ in 0..events_max {
                match events.next() {
                    Some(Ok(event)) => run.events.push(Seen {
                        name: event.name().to_owned(),
                        data: event.data.to_owned(),
                        id: event.id.map(str::to_owned),
                        last_event_id: event.last_event_id.to_owned(),
                        retry_millis: event.retry.map(|retry| retry.as_millis()),
                        offset: event.offset,
                    }),
                    Some(Err(error)) => run.too_large.push(error.offset()),
                    None => break,
                }
            }
            chunk = events.rest();
        }
    }
    let decoder = decoder.decoder_mut();
    run.last_event_id = String::from_utf8_lossy(decoder.last_event_id()).into_owned();
    run.retry_millis = decoder.retry().map(|retry| retry.as_millis());
    run.comments = decoder.comments();
    run.cut = decoder.finish().map(|cut| cut.offset);
    run
}

/// The reference counts offsets in text, which has other offsets where bytes were replaced.
fn comparable(mut found: Run, mut expected: Run, stream: &[u8]) -> (Run, Run) {
    if std::str::from_utf8(stream).is_err() {
        for run in [&mut found, &mut expected] {
            run.events.iter_mut().for_each(|seen| seen.offset = 0);
            run.cut = run.cut.map(|_| 0);
        }
    }
    (found, expected)
}

/// Every event is there, or reported where it is; ids may differ, for dropped events set none.
fn check_limited(found: &Run, expected: &Run) {
    let mut there = found.events.iter().peekable();
    for event in &expected.events {
        if let Some(seen) = there.next_if(|seen| seen.offset == event.offset) {
            assert_eq!((&seen.name, &seen.data), (&event.name, &event.data));
        } else {
            assert!(found.too_large.contains(&event.offset), "event at {} is lost", event.offset);
        }
    }
    assert_eq!(there.next(), None, "an event that is none");
    let both = |seen: &run::Seen| found.too_large.contains(&seen.offset);
    assert!(!found.events.iter().any(both), "an event that is there and too large");
    assert_eq!((found.comments, found.cut), (expected.comments, expected.cut));
}
