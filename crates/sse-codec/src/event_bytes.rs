//! An event that owns its values as bytes, by sharing the memory of the chunk where it can.
//!
//! It takes one reference count, not one per value, and only when a caller keeps the event.

use core::ops::Range;
use core::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::event::Event;

/// An event in owned form that shares memory with the chunk it came in.
///
/// It keeps the whole chunk alive. [`as_event`](EventBytes::as_event) gives every value;
/// [`into_data`](EventBytes::into_data) and [`data`](EventBytes::data) give the data as `Bytes`.
///
/// ```
/// use bytes::Bytes;
/// use sse_codec::Decoder;
///
/// let chunk = Bytes::from_static(b"data: skipped\n\nevent: delta\ndata: kept\n\n");
/// let mut decoder = Decoder::new();
/// let mut events = decoder.feed(&chunk);
/// let mut kept = Vec::new();
/// while let Some(event) = events.next() {
///     let event = event?;
///     if event.name() == b"delta" {
///         kept.push(event.to_bytes(&chunk));
///     }
/// }
/// drop(chunk);
/// assert_eq!(kept[0].as_event().data, b"kept");
/// # Ok::<(), sse_codec::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EventBytes {
    /// The chunk, or a copy of the type and the data.
    values: Bytes,
    places: Places,
    last_event_id: Bytes,
    facts: Facts,
}

impl EventBytes {
    /// Every value of the event.
    pub fn as_event(&self) -> Event<'_> {
        let bytes = |place: &Range<usize>| self.values.get(place.clone()).unwrap_or_default();
        Event {
            event: bytes(&self.places.event),
            data: bytes(&self.places.data),
            id: self.facts.sets_id.then_some(&*self.last_event_id),
            last_event_id: &self.last_event_id,
            retry: self.facts.retry,
            offset: self.facts.offset,
        }
    }

    /// The data, for one more reference count.
    pub fn data(&self) -> Bytes {
        self.values.slice(self.places.data.clone())
    }

    /// The data, for the event's reference count.
    pub fn into_data(self) -> Bytes {
        let mut values = self.values;
        values.truncate(self.places.data.end);
        values.split_off(self.places.data.start)
    }
}

/// Equal are events with equal values, wherever those lie.
impl PartialEq for EventBytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_event() == other.as_event()
    }
}

impl Eq for EventBytes {}

impl Event<'_> {
    /// The event in owned form, in the memory of `chunk` where it lies there.
    ///
    /// `chunk` is what the decoder was fed. When the type or the data are in the decoder's carry,
    /// both are copied; so is the last event ID, unless it is empty.
    pub fn to_bytes(&self, chunk: &Bytes) -> EventBytes {
        let last_event_id = Bytes::copy_from_slice(self.last_event_id);
        Draft::of(self, chunk).own(|| chunk.clone(), last_event_id)
    }
}

/// An owned event in the making: it borrows nothing and does not hold the chunk yet.
pub(crate) struct Draft {
    /// The values, when they are not all in the chunk.
    copy: Option<Bytes>,
    places: Places,
    facts: Facts,
}

impl Draft {
    pub(crate) fn of(event: &Event<'_>, chunk: &[u8]) -> Self {
        let facts = Facts { sets_id: event.id.is_some(), retry: event.retry, offset: event.offset };
        match (place_in(event.event, chunk), place_in(event.data, chunk)) {
            (Some(event), Some(data)) => Self { copy: None, places: Places { event, data }, facts },
            _ => {
                let mut copy = BytesMut::with_capacity(event.event.len() + event.data.len());
                copy.extend_from_slice(event.event);
                let name = 0..copy.len();
                copy.extend_from_slice(event.data);
                let places = Places { data: name.end..copy.len(), event: name };
                Self { copy: Some(copy.freeze()), places, facts }
            }
        }
    }

    /// Completes the event with its chunk, which is not asked for when nothing lies in it.
    pub(crate) fn own(self, chunk: impl FnOnce() -> Bytes, last_event_id: Bytes) -> EventBytes {
        let Self { copy, places, facts } = self;
        EventBytes { values: copy.unwrap_or_else(chunk), places, last_event_id, facts }
    }
}

/// Where values lie in what an event holds.
#[derive(Clone, Debug)]
struct Places {
    event: Range<usize>,
    data: Range<usize>,
}

/// What of an event is no bytes.
#[derive(Clone, Copy, Debug)]
struct Facts {
    sets_id: bool,
    retry: Option<Duration>,
    offset: u64,
}

/// Where `part` is in `whole`, if it is a part of the same memory.
fn place_in(part: &[u8], whole: &[u8]) -> Option<Range<usize>> {
    if part.is_empty() {
        return Some(0..0);
    }
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len()).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decoder;

    /// The first event of `chunk`, read behind `before`.
    fn first(before: &[u8], chunk: &Bytes) -> EventBytes {
        let mut decoder = Decoder::new();
        assert!(decoder.feed(before).next().is_none());
        let mut events = decoder.feed(chunk);
        let event = events.next().expect("an event").expect("within the limit");
        let kept = event.to_bytes(chunk);
        assert_eq!(kept.as_event(), event);
        kept
    }

    #[track_caller]
    fn check(before: &[u8], chunk: &[u8], data: &[u8], shares: bool) {
        let chunk = Bytes::from(chunk.to_vec());
        let kept = first(before, &chunk);
        assert_eq!(kept.as_event().data, data);
        assert_eq!(kept.data(), data);
        assert_eq!(place_in(kept.as_event().data, &chunk).is_some(), shares);
        assert_eq!(chunk.is_unique(), !shares, "a copy keeps no chunk alive");
        assert_eq!(kept.into_data(), data);
        assert!(chunk.is_unique());
    }

    #[test]
    fn values_inside_the_chunk_share_its_memory() {
        check(b"", b"data: a\n\n", b"a", true);
        check(b": hi\n", b"event: e\nid: 1\nretry: 5\ndata: abc\n\ndata", b"abc", true);
        check(b"id: 1\n\n", b"data: abc\nevent: e\n\n", b"abc", true);
    }

    #[test]
    fn values_that_straddle_are_copied() {
        check(b"da", b"ta: a\n\n", b"a", false);
        check(b"event: e\n", b"data: a\n\n", b"a", false);
        check(b"", b"data: a\ndata: b\n\n", b"a\nb", false);
    }

    #[test]
    fn equal_values_are_equal_wherever_they_lie() {
        let shared = first(b"", &Bytes::from_static(b"data: a\n\n"));
        let copied = first(b"data: ", &Bytes::from_static(b"a\n\n"));
        assert_eq!(shared, copied);
        assert_ne!(shared, first(b"", &Bytes::from_static(b"data: b\n\n")));
    }

    #[test]
    fn another_chunk_than_the_event_s_is_a_copy() {
        let chunk = Bytes::from_static(b"data: abc\n\n");
        let mut decoder = Decoder::new();
        let mut events = decoder.feed(&chunk);
        let event = events.next().unwrap().unwrap();
        assert_eq!(event.to_bytes(&Bytes::new()).as_event(), event);
        assert_eq!(event.to_bytes(&chunk.slice(8..)).as_event(), event);
    }
}
