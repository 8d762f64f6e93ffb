//! Amazon's messages: no bytes make the reader panic, chunks change nothing, whole chunks of an answer
//! come through with their bytes, and nothing comes of a message with a wrong bit.
#![no_main]

#[path = "../../../../crates/protocol/tests/framing/message.rs"]
mod message;

use fuzz::{Case, Told};
use libfuzzer_sys::fuzz_target;
use message::{chunk, event, exception, message};
use protocol::{FrameError, Framing, Wire};

const FRAMING: Framing = Framing::AwsEventStream;

fuzz_target!(|input: &[u8]| {
    let Some(case) = Case::read(input) else { return };
    let limit = case.event_bytes_max.unwrap_or(1 << 20);
    check_chunks(limit, &case, case.stream);
    // The same bytes as headers, as a payload, as an answer.
    let (headers, payload) = case.stream.split_at(case.stream.len() / 2);
    let odd = [message(headers, payload), message(&event(), payload), case.stream.to_vec()];
    check_chunks(limit, &case, &odd.concat());
    check_answer(&case);
});

fn check_chunks(limit: usize, case: &Case<'_>, stream: &[u8]) {
    for wire in [Wire::AnthropicMessages, Wire::OpenAiChat] {
        let whole = Told::of(FRAMING, wire, limit, [stream]);
        let in_chunks = Told::of(FRAMING, wire, limit, case.chunks_of(stream));
        assert_eq!(in_chunks, whole, "chunks change nothing");
    }
}

fn check_answer(case: &Case<'_>) {
    let Ok(text) = std::str::from_utf8(case.stream) else { return };
    let lines: Vec<_> = text.split(['\n', '\r']).collect();
    let mut body: Vec<u8> = lines.iter().flat_map(|line| chunk(line)).collect();
    body.extend(exception("e", text));
    let told = Told::of(FRAMING, Wire::OpenAiChat, usize::MAX, case.chunks_of(&body));
    assert_eq!((told.events.len(), told.failure), (lines.len() + 1, None));
    for (event, line) in told.events.iter().zip(lines) {
        assert_eq!(event.data, line.as_bytes());
    }
    // One bit of the message in the middle.
    let last = exception("e", text).len();
    let at = case.stream.first().map_or(0, |byte| usize::from(*byte)) % last;
    let at = body.len() - last + at;
    body[at] ^= 1 << (at % 8);
    let damaged = Told::of(FRAMING, Wire::OpenAiChat, usize::MAX, case.chunks_of(&body));
    assert_eq!(
        damaged.events,
        told.events[..told.events.len() - 1],
        "nothing of it, all before it"
    );
    assert!(matches!(damaged.failure, Some(FrameError::LengthsChecksum | FrameError::Checksum)));
}
