//! A whole recorded stream of server-sent events as a series of documents.

use super::document::Document;
use super::{UsageError, UsageFormat};
use sse_codec::{Decoder, Event, Limits};

/// Reads every event of the body. Events that hold no JSON object, such as `[DONE]`, say nothing.
///
/// A recording may have lost the blank line at its end, or may be cut inside its last event: that
/// event counts when it is whole.
pub(super) fn read(
    document: &mut Document,
    format: UsageFormat,
    body: &[u8],
) -> Result<(), UsageError> {
    let mut decoder = Decoder::with_limits(Limits { event_bytes_max: body.len() });
    let mut events = decoder.feed(body);
    // No event is larger than the body.
    while let Some(Ok(event)) = events.next() {
        read_event(document, format, &event)?;
    }
    match decoder.feed(b"\n\n").next() {
        Some(Ok(event)) => match read_event(document, format, &event) {
            Err(UsageError::Malformed(_)) => Ok(()),
            read => read,
        },
        _ => Ok(()),
    }
}

fn read_event(
    document: &mut Document,
    format: UsageFormat,
    event: &Event<'_>,
) -> Result<(), UsageError> {
    match event.data.trim_ascii_start().first() {
        Some(b'{') => document.read(format, event.data),
        _ => Ok(()),
    }
}
