//! One document on each line: the events are the lines, however the body is cut, and the end of the
//! body adds at most one whole object.
#![no_main]

use fuzz::{Case, Told};
use libfuzzer_sys::fuzz_target;
use protocol::{FrameError, Framing, Wire};

fuzz_target!(|input: &[u8]| {
    let Some(case) = Case::read(input) else { return };
    let limit = case.event_bytes_max.unwrap_or(1 << 20);
    for wire in [Wire::AnthropicMessages, Wire::OpenAiChat] {
        let whole = Told::of(Framing::NdJson, wire, limit, [case.stream]);
        let in_chunks = Told::of(Framing::NdJson, wire, limit, case.chunks());
        assert_eq!(in_chunks, whole, "chunks change nothing");
        if case.event_bytes_max.is_none() {
            check(&whole, case.stream);
        }
    }
});

/// The slow and obvious reader.
fn check(told: &Told, stream: &[u8]) {
    assert_eq!(told.failure, None::<FrameError>);
    let stream = stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream);
    let mut lines: Vec<_> = stream.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    let last = lines.pop().unwrap_or_default();
    lines.retain(|line| !line.is_empty());
    let (whole, behind) = told.events.split_at(lines.len());
    for (event, line) in whole.iter().zip(lines) {
        // A CR inside a line is a line end of server-sent events, and none of the document's.
        let line: Vec<_> =
            line.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect();
        assert_eq!(event.data, line);
    }
    match behind {
        [] => {}
        [event] => assert!(event.data.starts_with(b"{") && last.ends_with(b"}")),
        more => panic!("{} events more than lines", more.len()),
    }
}
