//! However a stream is cut into chunks, the events are those of the specification's algorithm.

#[path = "reference/model.rs"]
mod model;
#[path = "reference/run.rs"]
mod run;

use proptest::collection::vec;
use proptest::prelude::*;
use run::{Run, run};
use sse_codec::{Decoder, Fixed, Limits};

/// Short streams that hold every kind of line next to every kind of line end.
const STREAMS: &[&[u8]] = &[
    b"\xef\xbb\xbfdata: a\n\ndata: b\n\n",
    b"\xef\xbb\xbf\r\ndata: a\r\n\r\n",
    b"\xef\xbbdata: a\ndata: b\n\n",
    b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n",
    b"event: e\r\nid: 7\r\ndata: a\r\ndata\r\n\r\ndata:x\r\n\r\n",
    b"data: a\r\rdata: b\rdata: c\r\r\n\n",
    b"id: 1\n\nid: 2\0\nid\ndata: a\n\nid: 3\n",
    b"retry: 10\nretry: +5\nretry\n\nretry: 7\ndata\n\n",
    b": c\n:\n\n: d\ndata: x\n: e\ndata: y\n\n: f",
    b"event: e\nevent\nevent: f\ndata\n\ndata\n\n",
    b"data: a\nid: 5\ndata: b\nevent: e\ndata: c\n\n",
    b"events: a\ndat: b\nd\ndata : c\n data: d\ndata: e\n\n",
    "data: é€🦀\n\nid: 한\ndata: 글\n\n".as_bytes(),
    b"data: \xf0\x9f\x98\ndata: \x98\xff\n\nevent: \xe2\x82\ndata:  a: b\n\n",
    b"\n\r\n\rdata: z\n\rdata: y\r\n\n\rdat",
    b"id: 1\ndata: a\n\nid: 22\ndata: b\n\nid:\n\ndata: c\n\n",
];

/// The reference, but without offsets where the text is not the bytes.
fn expected(stream: &[u8]) -> Run {
    comparable(model::decode(stream), stream)
}

fn comparable(mut run: Run, stream: &[u8]) -> Run {
    if std::str::from_utf8(stream).is_err() {
        run.events.iter_mut().for_each(|seen| seen.offset = 0);
        run.cut = run.cut.map(|_| 0);
    }
    run
}

#[track_caller]
fn check(stream: &[u8], expected: &Run, chunks: &[&[u8]]) {
    let found = comparable(run(&mut Decoder::new(), chunks.iter().copied()), stream);
    assert_eq!(found, *expected, "{chunks:?}");
}

#[test]
fn every_cut_in_two_gives_the_same_events() {
    for stream in STREAMS {
        let expected = expected(stream);
        for cut in 0..=stream.len() {
            let (head, tail) = stream.split_at(cut);
            check(stream, &expected, &[head, tail]);
        }
    }
}

#[test]
fn every_cut_in_three_gives_the_same_events() {
    for stream in STREAMS {
        let expected = expected(stream);
        for end in 0..=stream.len() {
            for start in 0..=end {
                let chunks = [&stream[..start], &stream[start..end], &stream[end..]];
                check(stream, &expected, &chunks);
            }
        }
    }
}

#[test]
fn every_chunk_size_gives_the_same_events() {
    for stream in STREAMS {
        let expected = expected(stream);
        for size in 1..=stream.len() {
            check(stream, &expected, &stream.chunks(size).collect::<Vec<_>>());
        }
    }
}

/// What the reference finds in a part of a stream must be out when no more than that part is in.
#[test]
fn nothing_is_held_back_that_a_shorter_stream_would_give() {
    for stream in STREAMS {
        for end in 0..=stream.len() {
            let stream = &stream[..end];
            let expected = expected(stream);
            check(stream, &expected, &stream.chunks(1).collect::<Vec<_>>());
            for cut in 0..=end {
                let (head, tail) = stream.split_at(cut);
                check(stream, &expected, &[head, tail]);
            }
        }
    }
}

#[test]
fn a_carry_of_fixed_size_gives_the_same_events() {
    for stream in STREAMS {
        let expected = expected(stream);
        for cut in 0..=stream.len() {
            let (data, fields) = (Fixed::new([0; 16]), Fixed::new([0; 16]));
            let mut decoder = Decoder::with_carry(data, fields, Limits::default());
            let (head, tail) = stream.split_at(cut);
            let found = comparable(run(&mut decoder, [head, tail]), stream);
            assert_eq!(found, expected, "cut at {cut}");
        }
    }
}

/// A piece of a stream that means something to a decoder, or a few bytes that may not.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "data", "event", "id", "retry", "dat", "datas", ":", ": ", " ", "\n", "\r", "\r\n", "\n\n",
        "\r\r", "\r\n\r\n", "data: ", "event:", "id: 1", "retry: 7", "\0", "\u{feff}", "한", "x\n",
    ]);
    prop_oneof![
        8 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..4),
    ]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
}

/// Cuts `stream` into chunks whose sizes are `sizes`, over and over.
fn cut<'s>(mut stream: &'s [u8], sizes: &[usize]) -> Vec<&'s [u8]> {
    let mut chunks = Vec::new();
    for &size in sizes.iter().cycle() {
        if stream.is_empty() {
            break;
        }
        let (head, tail) = stream.split_at(size.min(stream.len()));
        chunks.push(head);
        stream = tail;
    }
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn any_stream_in_any_chunks_gives_the_reference_s_events(
        stream in stream(),
        sizes in vec(1_usize..20, 1..8),
    ) {
        let found = run(&mut Decoder::new(), cut(&stream, &sizes));
        prop_assert_eq!(comparable(found, &stream), expected(&stream));
    }

    #[test]
    fn every_part_of_a_stream_gives_all_its_events(
        stream in stream(),
        end in any::<prop::sample::Index>(),
    ) {
        let part = &stream[..end.index(stream.len() + 1)];
        let found = run(&mut Decoder::new(), part.chunks(1));
        prop_assert_eq!(comparable(found, part), expected(part));
    }

    #[test]
    fn limits_are_met_at_the_same_event_in_any_chunks(
        stream in stream(),
        sizes in vec(1_usize..20, 1..8),
        event_bytes_max in 0_usize..12,
        data_bytes_max in 0_usize..12,
    ) {
        let limits = Limits { event_bytes_max };
        let decoder = || {
            let (mut data, fields) = (Vec::new(), Fixed::new([0; 9].to_vec()));
            data.resize(data_bytes_max, 0);
            Decoder::with_carry(Fixed::new(data), fields, limits)
        };
        let whole = errors_and_events(decoder(), [&*stream]);
        prop_assert_eq!(errors_and_events(decoder(), cut(&stream, &sizes)), whole);
    }
}

/// Everything that a decoder hands out, errors in their place among the events.
fn errors_and_events<'c>(
    mut decoder: Decoder<Fixed<Vec<u8>>>,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> (Vec<String>, Option<u64>) {
    let mut items = Vec::new();
    for chunk in chunks {
        let mut events = decoder.feed(chunk);
        while let Some(event) = events.next() {
            items.push(format!("{event:?}"));
        }
    }
    items.push(format!("{:?} {:?}", decoder.last_event_id(), decoder.retry()));
    (items, decoder.finish().map(|cut| cut.bytes))
}
