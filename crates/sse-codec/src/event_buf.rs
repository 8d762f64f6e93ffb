//! An event that owns its values as text.
//!
//! For callers who keep events: it copies everything, and what is not UTF-8 is replaced.

use alloc::string::String;
use core::time::Duration;

use crate::encoder::Frame;
use crate::event::Event;

/// An event in owned text form.
///
/// Made of an [`Event`], it holds U+FFFD where that is not UTF-8, as the specification decodes
/// streams. What is empty is not allocated.
///
/// ```
/// use sse_codec::{Decoder, EventBuf};
///
/// let mut decoder = Decoder::new();
/// let mut kept = Vec::new();
/// let mut events = decoder.feed(b"event: delta\ndata: a\xff\n\nid: 7\ndata: b\n\n");
/// while let Some(event) = events.next() {
///     kept.push(EventBuf::from(event?));
/// }
/// assert_eq!((kept[0].name(), &*kept[0].data), ("delta", "a\u{fffd}"));
/// assert_eq!((kept[1].name(), kept[1].id()), ("message", Some("7")));
/// # Ok::<(), sse_codec::DecodeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventBuf {
    /// The value of the last `event` field; empty when there is none. See [`EventBuf::name`].
    pub event: String,
    /// The values of the `data` fields, joined by LF.
    pub data: String,
    /// The last event ID of the stream, set by this event or an earlier one; empty when none.
    pub last_event_id: String,
    /// Whether this event set the last event ID.
    pub sets_id: bool,
    /// The reconnection time that this event set; whole milliseconds.
    pub retry: Option<Duration>,
    /// The offset in the stream of the event's first byte, as in [`Event::offset`].
    pub offset: u64,
}

impl EventBuf {
    /// The event's type: `event`, or `message` when that is empty.
    pub fn name(&self) -> &str {
        if self.event.is_empty() { "message" } else { &self.event }
    }

    /// The id that this event set, possibly empty; `None` when it set none.
    pub fn id(&self) -> Option<&str> {
        self.sets_id.then_some(&*self.last_event_id)
    }
}

impl From<Event<'_>> for EventBuf {
    fn from(event: Event<'_>) -> Self {
        Self {
            event: text(event.event),
            data: text(event.data),
            last_event_id: text(event.last_event_id),
            sets_id: event.id.is_some(),
            retry: event.retry,
            offset: event.offset,
        }
    }
}

/// The event as it can be encoded again.
impl<'a> From<&'a EventBuf> for Frame<'a> {
    fn from(event: &'a EventBuf) -> Self {
        Self {
            event: event.event.as_bytes(),
            data: event.data.as_bytes(),
            id: event.id().map(str::as_bytes),
            retry: event.retry,
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoder, Encoder};
    use std::vec::Vec;

    /// The events of a stream.
    fn all(stream: &[u8]) -> Vec<EventBuf> {
        let mut decoder = Decoder::new();
        let mut events = decoder.feed(stream);
        let mut all = Vec::new();
        while let Some(event) = events.next() {
            all.push(event.unwrap().into());
        }
        all
    }

    #[test]
    fn every_value_is_kept() {
        let stream = b"event: e\nid: 1\nretry: 5\ndata: a\ndata: b\n\ndata: c\n\n";
        let expected = [
            EventBuf {
                event: "e".into(),
                data: "a\nb".into(),
                last_event_id: "1".into(),
                sets_id: true,
                retry: Some(Duration::from_millis(5)),
                offset: 0,
            },
            EventBuf {
                data: "c".into(),
                last_event_id: "1".into(),
                offset: 41,
                ..EventBuf::default()
            },
        ];
        assert_eq!(all(stream), expected);
        assert_eq!((expected[0].name(), expected[0].id()), ("e", Some("1")));
        assert_eq!((expected[1].name(), expected[1].id()), ("message", None));
    }

    #[test]
    fn what_is_not_text_is_replaced() {
        let event = &all(b"event: \xff\nid: \xf0\x9f\ndata: a\xe2\x82\n\n")[0];
        let found = (&*event.event, event.id(), &*event.data);
        assert_eq!(found, ("\u{fffd}", Some("\u{fffd}"), "a\u{fffd}"));
    }

    #[test]
    fn an_event_that_was_encoded_again_is_the_same() {
        let before = all(b"event: e\nid\ndata: a\ndata: b\xff\nretry: 5\n\ndata: c\n\n");
        let mut stream = Vec::new();
        for event in &before {
            Encoder::new(&mut stream).event(&event.into()).unwrap();
        }
        let mut after = all(&stream);
        after[1].offset = before[1].offset;
        assert_eq!(after, before);
    }
}
