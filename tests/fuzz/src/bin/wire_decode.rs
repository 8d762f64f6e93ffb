//! No event makes a decoder panic; the short way of usual events says what all rules say; what is
//! said to lie in the data lies there, and a changed event is read as it was changed.
#![no_main]

use fuzz::wire;
use libfuzzer_sys::fuzz_target;
use protocol::{Decoded, Rewrite, Wire, decode, read_stored, rewrite};

fuzz_target!(|input: &[u8]| {
    let Some((wire, rest)) = wire(input) else { return };
    let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (name, data) = rest.split_at(line);
    let data = data.strip_prefix(b"\n").unwrap_or(data);
    let _ = read_stored(data);
    // White space behind the data means nothing, and only all rules take it.
    let spaced = [data, b" "].concat();
    let by_all_rules = decode(wire, name, &spaced);
    assert_eq!(decode(wire, name, data).ok(), by_all_rules.ok());
    let Ok(event) = decode(wire, name, data) else { return };
    assert_eq!(rewrite(data, &event.spans, &Rewrite::default()), data, "no change is a change");
    check_spans(&event, data);
    check_changes(wire, name, data, &event);
});

fn check_spans(event: &Decoded<'_>, data: &[u8]) {
    let spans = &event.spans;
    for span in [&spans.id, &spans.text, &spans.item_id, &spans.model].into_iter().flatten() {
        let value = &data[span.range()];
        let is_string = value.starts_with(b"\"") && value.ends_with(b"\"");
        assert!(is_string || value.starts_with(b"["), "{}", value.escape_ascii());
    }
    for span in [&spans.index, &spans.created, &spans.sequence].into_iter().flatten() {
        let value = &data[span.range()];
        assert!(value.iter().all(|byte| b"0123456789.eE+-".contains(byte)));
    }
}

fn check_changes(wire: Wire, name: &[u8], data: &[u8], event: &Decoded<'_>) {
    let edits = Rewrite { text: Some("a \"b\" \u{1f600}"), index: Some(7), ..Rewrite::default() };
    let changed = rewrite(data, &event.spans, &edits);
    let again = decode(wire, name, &changed).expect("a changed event is an event");
    if let (Some(delta), Some(_)) = (&again.delta, event.spans.text) {
        assert_eq!(&*delta.text, "a \"b\" \u{1f600}".as_bytes());
    }
    assert_eq!((again.stop, again.end, again.usage), (event.stop, event.end, event.usage));
    assert_eq!(again.spans.index.is_some(), event.spans.index.is_some());
}
