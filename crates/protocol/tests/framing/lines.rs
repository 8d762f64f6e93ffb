//! One JSON document on each line.

use proptest::prelude::*;
use protocol::{FrameError, Framing, Wire, decode};

use crate::{FRAME_BYTES_MAX, Told, each_cut};

const FRAMING: Framing = Framing::NdJson;

fn told(body: &str) -> Told {
    Told::of(FRAMING, Wire::AnthropicMessages, [body.as_bytes()])
}

#[test]
fn the_same_events_come_wherever_the_body_is_cut() {
    let body = "{\"type\":\"ping\"}\r\n\n  {\"type\":\"é\",\"x\":\"\u{1f600}\"}\n[DONE]\n{\"type\":\"last\"}";
    let whole = told(body);
    assert_eq!(whole.failure, None);
    assert_eq!(
        whole.events.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["ping", "é", "", "last"]
    );
    each_cut(body.as_bytes(), |chunks| {
        assert_eq!(Told::of(FRAMING, Wire::AnthropicMessages, chunks), whole);
    });
}

#[test]
fn a_last_line_that_is_cut_anywhere_is_left_out() {
    let last = "{\"type\":\"message_stop\",\"a\":{\"b\":\"}\"}}";
    for cut in 0..last.len() {
        assert_eq!(told(&format!("{{}}\n{}", &last[..cut])).events.len(), 1, "{cut}");
    }
    assert_eq!(told(&format!("{{}}\n{last}")).events.len(), 2, "an object ends by itself");
}

#[test]
fn a_line_that_is_no_json_reaches_the_decoder_and_is_refused() {
    for line in ["{\"a\":", "<html>", "nonsense", "{}{}", "{\"a\":1}\r{\"b\":2}"] {
        let told = told(&format!("{line}\n"));
        let [(name, data)] = told.events.as_slice() else { panic!("{told:?}") };
        for wire in Wire::all() {
            assert!(decode(*wire, name.as_bytes(), data.as_bytes()).is_err(), "{line}");
        }
    }
}

#[test]
fn an_error_on_a_line_is_an_error_of_every_wire() {
    let told = told("{\"error\":\"an error was encountered\"}\n");
    for wire in Wire::all() {
        let decoded = decode(*wire, b"", told.data()[0].as_bytes()).unwrap();
        assert_eq!(decoded.error.unwrap().message, "an error was encountered", "{wire}");
    }
}

#[test]
fn a_line_over_the_limit_ends_the_body_without_a_byte_of_it() {
    let fits = format!("{{\"a\":\"{}\"}}", "x".repeat(FRAME_BYTES_MAX - 8));
    assert_eq!((fits.len(), told(&format!("{fits}\n")).events.len()), (FRAME_BYTES_MAX, 1));
    let told = Told::of(
        FRAMING,
        Wire::OpenAiChat,
        [&b"{}\n"[..], fits.as_bytes(), b" \n{\"later\":1}\n", b"{\"later\":1}\n"],
    );
    assert_eq!((told.data(), told.failure), (vec!["{}"], Some(FrameError::TooLong)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic_and_are_cut_anywhere(
        body in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'{'), Just(b'}'), Just(b'\r'), any::<u8>()], 0..60),
        size in 1usize..9,
    ) {
        for wire in Wire::all() {
            let whole = Told::of(FRAMING, *wire, [&body[..]]);
            prop_assert_eq!(Told::of(FRAMING, *wire, body.chunks(size)), whole);
        }
    }

    #[test]
    fn every_line_is_one_event_with_its_bytes(texts in prop::collection::vec("[^\\p{C}\"\\\\]{0,12}", 0..8)) {
        let lines: Vec<_> = texts.iter().map(|text| format!("{{\"type\":\"x\",\"t\":\"{text}\"}}")).collect();
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let told = told(&body);
        prop_assert_eq!(told.data(), lines);
    }
}
