//! Amazon's event stream encoding.

use proptest::prelude::*;
use protocol::{FailureKind, FrameError, Framing, Profile, Wire, decode};

use crate::message::{base64, checksum, chunk, event, exception, message, text};
use crate::{FRAME_BYTES_MAX, Told, each_cut};

const FRAMING: Framing = Framing::AwsEventStream;
const PING: &str = r#"{"type":"ping"}"#;

fn told(body: &[u8]) -> Told {
    Told::of(FRAMING, Wire::AnthropicMessages, [body])
}

/// Reads a whole message, a message, and a whole one; what came of it.
#[track_caller]
fn between(middle: &[u8]) -> Told {
    let told = told(&[chunk(PING), middle.to_vec(), chunk(PING)].concat());
    assert_eq!(told.data()[0], PING, "what came before is told");
    told
}

#[track_caller]
fn breaks(middle: &[u8], failure: FrameError) {
    let told = between(middle);
    assert_eq!((told.events.len(), told.failure), (1, Some(failure)), "nothing of it, and no more");
}

#[test]
fn the_checksum_is_that_of_gzip() {
    // The check value that catalogues of checksums give for it.
    assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    assert_eq!(base64("light work."), "bGlnaHQgd29yay4=");
}

#[test]
fn a_message_is_as_the_specification_draws_it() {
    // The empty message: its lengths, their checksum, and the checksum of those.
    let empty = message(b"", b"");
    assert_eq!(empty, [0, 0, 0, 16, 0, 0, 0, 0, 5, 194, 72, 235, 125, 152, 200, 255]);
}

#[test]
fn a_chunk_is_the_event_that_the_wire_would_have_sent() {
    let json =
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"né 😀"}}"#;
    let told = told(&chunk(json));
    let [(name, data)] = told.events.as_slice() else { panic!("{told:?}") };
    assert_eq!((name.as_str(), data.as_str()), ("content_block_delta", json));
    let event = Profile::BEDROCK.decode(name.as_bytes(), data.as_bytes()).unwrap();
    assert_eq!(&*event.delta.unwrap().text, "né 😀".as_bytes());
}

#[test]
fn the_same_events_come_wherever_the_body_is_cut() {
    let body =
        [chunk(PING), exception("throttlingException", r#"{"message":"slow"}"#), chunk(PING)];
    let body = body.concat();
    let whole = told(&body);
    assert_eq!((whole.events.len(), whole.failure), (3, None));
    each_cut(&body, |chunks| {
        assert_eq!(Told::of(FRAMING, Wire::AnthropicMessages, chunks), whole);
    });
}

#[test]
fn a_message_that_is_cut_anywhere_is_left_out() {
    let last = chunk(PING);
    for cut in 0..last.len() {
        let told = told(&[&chunk(PING), &last[..cut]].concat());
        assert_eq!((told.events.len(), told.failure), (1, None), "{cut}");
    }
}

#[test]
fn no_bit_of_a_message_can_be_wrong() {
    let good = chunk(PING);
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let expected = match bit / 8 {
            0..12 => FrameError::LengthsChecksum,
            _ => FrameError::Checksum,
        };
        breaks(&bad, expected);
    }
}

/// A message whose lengths are these and whose checksums match all the same.
fn with_lengths(whole: u32, headers: u32, rest: &[u8]) -> Vec<u8> {
    let mut bad = [whole.to_be_bytes(), headers.to_be_bytes()].concat();
    bad.extend_from_slice(&checksum(&bad).to_be_bytes());
    bad.extend_from_slice(rest);
    bad.extend_from_slice(&checksum(&bad).to_be_bytes());
    bad
}

#[test]
fn lengths_that_contradict_each_other_are_refused() {
    for (whole, headers) in [(0, 0), (15, 0), (16, 1), (20, 5), (20, u32::MAX)] {
        breaks(&with_lengths(whole, headers, b"abcd"), FrameError::Lengths);
    }
}

#[test]
fn a_message_over_the_limit_is_refused_by_its_lengths_alone() {
    let most = u32::try_from(FRAME_BYTES_MAX).unwrap();
    for whole in [most + 1, u32::MAX] {
        breaks(&with_lengths(whole, 0, b"")[..12], FrameError::TooLong);
    }
    let room = FRAME_BYTES_MAX - 16 - event().len() - text(":event-type", "other").len();
    let headers = [event(), text(":event-type", "other")].concat();
    assert_eq!(between(&message(&headers, &vec![b'x'; room])).failure, None);
    breaks(&message(&headers, &vec![b'x'; room + 1]), FrameError::TooLong);
}

#[test]
fn headers_of_every_type_are_passed_over() {
    let number = |kind: u8, bytes: usize| [vec![1, b'n', kind], vec![0xff; bytes]].concat();
    let mut headers = Vec::new();
    for (kind, bytes) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16)] {
        headers.extend(number(kind, bytes));
    }
    headers.extend_from_slice(&[1, b'b', 6, 0, 2, 0xff, 0xff]);
    // The name alone does not make it text.
    headers.extend_from_slice(&[13]);
    headers.extend_from_slice(b":message-type\0");
    headers.extend([event(), text(":event-type", "chunk")].concat());
    let payload = format!(r#"{{"bytes":"{}"}}"#, base64(PING));
    assert_eq!(between(&message(&headers, payload.as_bytes())).data(), [PING; 3]);
}

#[test]
fn headers_that_cannot_be_read_or_say_too_little_are_refused() {
    let unknown = [&event()[..], b"\x01x\x0a"].concat();
    let short = event()[..event().len() - 1].to_vec();
    for headers in [
        Vec::new(),
        vec![9],
        unknown,
        short,
        event(),
        text(":event-type", "chunk"),
        text(":message-type", "exception"),
        text(":message-type", "error"),
        [text(":message-type", "of-tomorrow"), text(":event-type", "chunk")].concat(),
    ] {
        breaks(&message(&headers, b"{}"), FrameError::Headers);
    }
}

#[test]
fn a_chunk_without_an_event_in_it_is_refused() {
    let headers = [event(), text(":event-type", "chunk")].concat();
    for payload in [
        "",
        "{}",
        "[]",
        r#"{"bytes":7}"#,
        r#"{"bytes":"e30"#,
        r#"{"bytes":"*"}"#,
        r#"{"bytes":"e30"}"#,
        r#"{"bytes":"e30="} x"#,
    ] {
        breaks(&message(&headers, payload.as_bytes()), FrameError::Payload);
    }
}

#[test]
fn events_of_other_types_are_left_out() {
    let headers = [event(), text(":event-type", "initial-response")].concat();
    let told = between(&message(&headers, b"\xff"));
    assert_eq!((told.data(), told.failure), (vec![PING; 2], None));
}

#[test]
fn exceptions_are_errors_of_every_wire_by_their_table() {
    use FailureKind as Kind;
    for (name, kind) in [
        ("throttlingException", Kind::RateLimited),
        ("modelStreamErrorException", Kind::Server),
        ("internalServerException", Kind::Server),
        ("serviceUnavailableException", Kind::Server),
        ("modelTimeoutException", Kind::Timeout),
        ("validationException", Kind::BadRequest),
        ("accessDeniedException", Kind::Auth),
        ("exceptionOfTomorrow", Kind::Other),
    ] {
        for wire in Wire::all() {
            let body = exception(name, r#"{"message":"told \"so\"","originalStatusCode":500}"#);
            let told = Told::of(FRAMING, *wire, [&body[..]]);
            let (event, data) = &told.events[0];
            let error = decode(*wire, event.as_bytes(), data.as_bytes()).unwrap().error.unwrap();
            assert_eq!(
                (error.kind, error.message.as_str()),
                (kind, r#"told "so""#),
                "{name} {wire}"
            );
        }
    }
    for payload in ["", "{}", "no JSON"] {
        assert_eq!(told(&exception("throttlingException", payload)).events.len(), 1, "{payload}");
    }
}

#[test]
fn an_error_that_no_model_describes_is_told_with_its_code() {
    let headers = [
        text(":message-type", "error"),
        text(":error-code", "InternalFailure"),
        text(":error-message", "it \"broke\""),
    ];
    let told = told(&message(&headers.concat(), b""));
    let (event, data) = &told.events[0];
    let error = decode(Wire::AnthropicMessages, event.as_bytes(), data.as_bytes()).unwrap().error;
    let error = error.unwrap();
    assert_eq!((error.kind, error.message.as_str()), (FailureKind::Server, "it \"broke\""));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic_and_are_cut_anywhere(
        headers in prop::collection::vec(any::<u8>(), 0..40),
        payload in prop::collection::vec(any::<u8>(), 0..40),
        tail in prop::collection::vec(any::<u8>(), 0..40),
        size in 1usize..9,
    ) {
        let body = [message(&headers, &payload), tail].concat();
        let whole = told(&body);
        prop_assert_eq!(Told::of(FRAMING, Wire::AnthropicMessages, body.chunks(size)), whole);
    }

    #[test]
    fn every_event_comes_through_with_its_bytes(texts in prop::collection::vec("[^\\p{C}\"\\\\]{0,12}", 0..8), size in 1usize..40) {
        let events: Vec<_> = texts.iter().map(|text| format!("{{\"type\":\"x\",\"t\":\"{text}\"}}")).collect();
        let body: Vec<u8> = events.iter().flat_map(|event| chunk(event)).collect();
        let told = Told::of(FRAMING, Wire::AnthropicMessages, body.chunks(size));
        prop_assert_eq!(told.data(), events);
    }
}
