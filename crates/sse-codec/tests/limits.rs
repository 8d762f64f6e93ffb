//! What happens to events that are too large, and what they leave behind.

use std::ops::Range;

use sse_codec::{
    Carry, Cut, DecodeError, Decoder, EncodeError, Fixed, Full, Limits, RETAINED_BYTES_MAX, Sink,
};

/// The items of a stream, each the data of an event or an error.
fn items<B: Carry>(
    decoder: &mut Decoder<B>,
    stream: &[u8],
    chunk_bytes: usize,
) -> Vec<Result<Vec<u8>, DecodeError>> {
    let mut items = Vec::new();
    for chunk in stream.chunks(chunk_bytes) {
        let mut events = decoder.feed(chunk);
        while let Some(event) = events.next() {
            items.push(event.map(|event| event.data.to_vec()));
        }
    }
    items
}

#[track_caller]
fn check(event_bytes_max: usize, stream: &[u8], expected: &[Result<&str, u64>]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|item| match item {
            Ok(data) => Ok(data.as_bytes().to_vec()),
            Err(offset) => {
                Err(DecodeError::EventBytesMax { offset: *offset, limit: event_bytes_max })
            }
        })
        .collect();
    for chunk_bytes in [stream.len(), 7, 3, 1] {
        let mut decoder = Decoder::with_limits(Limits { event_bytes_max });
        let found = items(&mut decoder, stream, chunk_bytes);
        assert_eq!(found, expected, "in chunks of {chunk_bytes}");
    }
}

#[test]
fn the_default_is_sixteen_mebibytes() {
    assert_eq!(Limits::default().event_bytes_max, 16 * 1024 * 1024);
}

#[test]
fn data_count_with_the_line_ends_that_join_them() {
    check(5, b"data: 12345\n\n", &[Ok("12345")]);
    check(5, b"data: 123456\n\n", &[Err(0)]);
    check(5, b"data: 12\ndata: 34\n\n", &[Ok("12\n34")]);
    check(5, b"data: 12\ndata: 345\n\n", &[Err(0)]);
    check(2, b"data\ndata\ndata\n\n", &[Ok("\n\n")]);
    check(2, b"data\ndata\ndata\ndata\n\n", &[Err(0)]);
    check(0, b"data\n\n", &[Ok("")]);
}

#[test]
fn every_value_that_may_be_held_counts() {
    check(5, b"event: ab\ndata: cde\n\n", &[Ok("cde")]);
    check(5, b"event: abc\ndata: cde\n\n", &[Err(0)]);
    check(5, b"data: cde\nid: abc\n\n", &[Err(0)]);
    check(5, b"event: abc\nevent: abc\ndata\n\n", &[Err(0)]);
    check(5, b"id: abcd\0e\ndata: a\n\n", &[Err(0)]);
    check(5, b"id: abc\n\ndata: de\n\ndata: def\n\n", &[Ok("de"), Err(19)]);
}

#[test]
fn what_is_not_held_does_not_count() {
    check(1, b": a long comment\nunknown: value\nretry: 123456\ndata: x\n\n", &[Ok("x")]);
}

#[test]
fn decoding_goes_on_behind_the_blank_line() {
    check(
        4,
        b"data: 1\n\ndata: 12345\nevent: e\ndata: 1\nid: 9\n\ndata: 2\n\n",
        &[Ok("1"), Err(9), Ok("2")],
    );
    check(4, b"data: 12345\r\n\r\ndata: 2\r\n\r\n", &[Err(0), Ok("2")]);
    check(1, b"data: 12\n\ndata: 34\n\ndata: 5\n\n", &[Err(0), Err(10), Ok("5")]);
}

#[test]
fn a_dropped_event_commits_no_id() {
    let mut decoder = Decoder::with_limits(Limits { event_bytes_max: 4 });
    let found = items(&mut decoder, b"id: 1\n\nid: 2\ndata: 12345\nid: 3\n\n", 1);
    assert_eq!(found.len(), 1);
    assert_eq!(decoder.last_event_id(), b"1");
}

#[test]
fn the_end_inside_a_dropped_event_is_a_cut() {
    let mut decoder = Decoder::with_limits(Limits { event_bytes_max: 1 });
    assert!(items(&mut decoder, b"\n\ndata: 12\n", 100)[0].is_err());
    assert_eq!(decoder.finish(), Some(Cut { offset: 2, bytes: 9 }));
}

#[test]
fn an_error_names_the_event_and_the_limit() {
    let mut decoder = Decoder::with_limits(Limits { event_bytes_max: 1 });
    let error = items(&mut decoder, b"\ndata: 12\n", 100).remove(0).unwrap_err();
    assert_eq!(error.offset(), 1);
    assert_eq!(error.to_string(), "event at byte 1 exceeds event_bytes_max (1 bytes)");
}

#[test]
fn a_fixed_carry_limits_events_whether_or_not_they_straddle() {
    for chunk_bytes in [100, 1] {
        let (data, fields) = (Fixed::new([0; 4]), Fixed::new([0; 4]));
        let mut decoder = Decoder::with_carry(data, fields, Limits::default());
        let stream = b"data: 12345\n\ndata: 1234\n\nevent: abcde\ndata: x\n\ndata: y\n\n";
        let error = |offset| Err(DecodeError::CarryBytesMax { offset, limit: 4 });
        let expected = [error(0), Ok(b"1234".to_vec()), error(25), Ok(b"y".to_vec())];
        assert_eq!(items(&mut decoder, stream, chunk_bytes), expected);
    }
}

#[test]
fn the_limit_that_is_named_is_the_one_met_first() {
    for chunk_bytes in [100, 1] {
        let (data, fields) = (Fixed::new([0; 5]), Fixed::new([0; 5]));
        let mut decoder = Decoder::with_carry(data, fields, Limits { event_bytes_max: 6 });
        let found = items(&mut decoder, b"event: e\ndata: 123456789\n\n", chunk_bytes);
        assert_eq!(found, [Err(DecodeError::EventBytesMax { offset: 0, limit: 6 })]);
        let found = items(&mut decoder, b"data: 123456789\n\n", chunk_bytes);
        assert_eq!(found, [Err(DecodeError::CarryBytesMax { offset: 26, limit: 5 })]);
    }
}

#[test]
fn an_id_that_was_cleared_takes_no_room() {
    for chunk_bytes in [100, 1] {
        let (data, fields) = (Fixed::new([0; 4]), Fixed::new([0; 4]));
        let mut decoder = Decoder::with_carry(data, fields, Limits::default());
        let stream = b"id: abc\n\nid\n\nid: abcd\ndata: x\n\n";
        assert_eq!(items(&mut decoder, stream, chunk_bytes), [Ok(b"x".to_vec())]);
        assert_eq!(decoder.last_event_id(), b"abcd");
    }
}

#[test]
fn an_id_larger_than_the_data_may_be_makes_no_room_when_it_is_cleared() {
    for chunk_bytes in [1, 7, 11, 100] {
        let (data, fields) = (Fixed::new(vec![0; 2]), Fixed::new(vec![0; 20]));
        let mut decoder = Decoder::with_carry(data, fields, Limits::default());
        assert!(items(&mut decoder, b"id: 123456789012345\n\n", 100).is_empty());
        assert!(items(&mut decoder, b"id\n\n", 100).is_empty());
        let found = items(&mut decoder, b"data: abc\n\n", chunk_bytes);
        assert_eq!(found, [Err(DecodeError::CarryBytesMax { offset: 25, limit: 2 })]);
    }
}

/// A carry that gets no more than three bytes of memory, which it did not know before.
#[derive(Default)]
struct Exhausted(Vec<u8>);

impl Sink for Exhausted {
    fn reserve(&mut self, additional: usize) -> Result<(), Full> {
        if self.0.len() + additional <= 3 { Ok(()) } else { Err(Full) }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.reserve(bytes.len())?;
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

impl Carry for Exhausted {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn bytes_max(&self) -> usize {
        usize::MAX
    }

    fn keep(&mut self, range: Range<usize>) {
        Carry::keep(&mut self.0, range);
    }
}

#[test]
fn a_carry_out_of_memory_loses_one_event_and_not_the_next() {
    let stream = b"id: 1\ndata: a\n\nid: 1234\ndata: b\n\nid: 2\ndata: c\n\n";
    for chunk_bytes in 1..=stream.len() {
        let (data, fields) = (Exhausted::default(), Exhausted::default());
        let mut decoder = Decoder::with_carry(data, fields, Limits::default());
        let found = items(&mut decoder, stream, chunk_bytes);
        let offsets: Vec<_> =
            found.iter().map(|item| item.as_ref().map_err(DecodeError::offset)).collect();
        assert_eq!(offsets, [Ok(&b"a".to_vec()), Err(15), Ok(&b"c".to_vec())], "{chunk_bytes}");
        assert_eq!(decoder.last_event_id(), b"2");
    }
}

#[test]
fn an_id_that_leaves_no_room_cannot_be_seeded() {
    let mut decoder = Decoder::with_limits(Limits { event_bytes_max: 4 });
    assert_eq!(decoder.seed_last_event_id(b"1234"), Ok(()));
    assert_eq!(decoder.seed_last_event_id(b"12345"), Err(EncodeError::Full));
    assert_eq!(decoder.last_event_id(), b"1234");
}

/// A carry that counts what it is asked to do.
#[derive(Default)]
struct Counted {
    bytes: Vec<u8>,
    moved: usize,
    capacity_max: usize,
    /// Every capacity that it had.
    capacities: Vec<usize>,
}

impl Sink for &mut Counted {
    fn reserve(&mut self, _: usize) -> Result<(), Full> {
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.moved += bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.capacity_max = self.capacity_max.max(self.bytes.capacity());
        if self.capacities.last() != Some(&self.bytes.capacity()) {
            self.capacities.push(self.bytes.capacity());
        }
        Ok(())
    }
}

impl Carry for &mut Counted {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn bytes_max(&self) -> usize {
        usize::MAX
    }

    fn keep(&mut self, range: Range<usize>) {
        self.moved += range.len();
        Carry::keep(&mut self.bytes, range);
    }
}

/// Bytes moved in the carry while `stream` is decoded a byte at a time.
fn bytes_moved(stream: &[u8]) -> usize {
    let (mut data, mut fields) = (Counted::default(), Counted::default());
    let mut decoder = Decoder::with_carry(&mut data, &mut fields, Limits::default());
    items(&mut decoder, stream, 1);
    data.moved + fields.moved
}

#[test]
fn no_byte_moves_more_than_twice_however_fields_alternate() {
    for block in
        [&b"data: xxxxxxxx\nid: 12345678\nevent: abc\n"[..], b"data\n", b"id: 1\nevent: e\n"]
    {
        let stream = [&block.repeat(1_000)[..], b"\n"].concat();
        let moved = bytes_moved(&stream);
        assert!(moved <= 2 * stream.len(), "{moved} of {} bytes", stream.len());
    }
}

#[test]
fn a_long_line_moves_once() {
    let stream = [b"data: ", &vec![b'x'; 100_000][..], b"\n\n"].concat();
    assert_eq!(bytes_moved(&stream), 100_000);
}

#[test]
fn a_giant_id_moves_with_no_later_event() {
    let id_bytes = RETAINED_BYTES_MAX + 1;
    let (mut data, mut fields) = (Counted::default(), Counted::default());
    let mut decoder = Decoder::with_carry(&mut data, &mut fields, Limits::default());
    items(&mut decoder, &[b"id: ", &vec![b'x'; id_bytes][..], b"\n\n"].concat(), 1460);
    let stream = b"event: e\ndata: a\n\n".repeat(100);
    assert_eq!(items(&mut decoder, &stream, 7).len(), 100);
    assert!(fields.capacities.len() <= 20, "{:?}", fields.capacities);
    assert!(fields.bytes.capacity() <= 2 * (id_bytes + 1));
}

#[test]
fn a_giant_event_leaves_no_memory_behind() {
    let stream = [b"data: ", &vec![b'x'; 4 << 20][..], b"\n\ndata: y"].concat();
    let (mut data, mut fields) = (Counted::default(), Counted::default());
    let mut decoder = Decoder::with_carry(&mut data, &mut fields, Limits::default());
    assert_eq!(items(&mut decoder, &stream, 16 * 1024).len(), 1);
    assert!(data.capacity_max >= 4 << 20);
    assert!(data.bytes.capacity() <= RETAINED_BYTES_MAX);
}

#[test]
fn a_dropped_event_holds_no_memory_until_its_end() {
    let (mut data, mut fields) = (Counted::default(), Counted::default());
    let limits = Limits { event_bytes_max: 1 << 20 };
    let mut decoder = Decoder::with_carry(&mut data, &mut fields, limits);
    let stream = [b"data: ", &vec![b'x'; 2 << 20][..]].concat();
    assert_eq!(items(&mut decoder, &stream, 16 * 1024).len(), 1);
    assert!(data.bytes.is_empty() && data.bytes.capacity() <= RETAINED_BYTES_MAX);
    assert!(data.capacity_max >= 1 << 20);
}
