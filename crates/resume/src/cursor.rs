//! The place in a response that its provider keeps: how far it was read, and what asks for the rest.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use retry_policy::IdempotencyKey;
use std::borrow::Cow;

/// Where one response is kept, and how far it was read.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    mark: Mark,
    /// The attempt that reads it brought an event.
    has_moved: bool,
    /// The last event before one that was missing.
    gap: Option<u64>,
    /// Fetches that found it unfinished.
    pub(crate) polls: u32,
    /// It was left because of an error in its stream, which need not be its own.
    pub(crate) is_doubtful: bool,
    pub(crate) way: Way,
}

/// The place behind the last event that was read.
#[derive(Clone, Debug)]
enum Mark {
    /// The number of that event, in a response below this path (OpenAI Responses).
    Number { path: String, after: Option<u64> },
    /// The id of the last event that had one. Those without one that came after it come again.
    EventId { id: String, since: u32, again: u32, asked: Asked },
    /// Bytes of a stream that is kept below this path, and how many of them this attempt does not
    /// get again (llama.cpp).
    Offset { path: String, at: u64, base: u64 },
}

/// A request that is sent once more.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: Cow<'static, str>,
    pub(crate) body: Bytes,
    pub(crate) key: IdempotencyKey,
}

/// How the rest of a response is got that its provider keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Its events are read again.
    Events,
    /// Its events are gone; it is fetched whole.
    Whole,
    /// Not at all.
    Gone,
}

/// What framing and wire say of an event's place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sight<'a> {
    pub(crate) number: Option<u64>,
    pub(crate) id: Option<&'a [u8]>,
    /// Bytes of the body up to its end.
    pub(crate) end: u64,
    pub(crate) is_ping: bool,
}

/// Where an event stands among those that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Next,
    Seen,
    Missing,
    /// It is of another response.
    Another,
}

/// What asks for the rest.
pub(crate) struct Asking {
    pub(crate) method: Method,
    pub(crate) path: Cow<'static, str>,
    pub(crate) body: Bytes,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) headers: HeaderMap,
}

impl Cursor {
    /// The cursor of a response with this id; `None` for an id that is none of a URL.
    pub(crate) fn by_number(id: &str, after: Option<u64>) -> Option<Self> {
        let path = protocol::stored_path(id)?;
        Some(Self::at(Mark::Number { path, after }))
    }

    /// The cursor of a stream whose events have ids; `None` for an id that no header can carry.
    pub(crate) fn by_event_id(id: &[u8], asked: Asked) -> Option<Self> {
        let id = event_id(id)?;
        Some(Self::at(Mark::EventId { id, since: 0, again: 0, asked }))
    }

    /// The cursor of a stream that is kept under this id, read up to this byte.
    pub(crate) fn by_offset(conversation: &str, at: u64) -> Self {
        Self::at(Mark::Offset { path: format!("/stream/{conversation}"), at, base: 0 })
    }

    const fn at(mark: Mark) -> Self {
        Self { mark, has_moved: true, gap: None, polls: 0, is_doubtful: false, way: Way::Events }
    }

    /// The kind of it that a server must have.
    pub(crate) const fn kind(&self) -> protocol::Cursor {
        match self.mark {
            Mark::Number { .. } => protocol::Cursor::Sequence,
            Mark::EventId { .. } => protocol::Cursor::EventId,
            Mark::Offset { .. } => protocol::Cursor::Offset,
        }
    }

    /// Takes note of an event.
    pub(crate) fn take(&mut self, sight: &Sight<'_>) -> Order {
        let order = self.mark.take(sight);
        self.has_moved |= order == Order::Next;
        order
    }

    /// Takes note of the number of an event that was delivered.
    pub(crate) fn reach(&mut self, number: u64) {
        if let Mark::Number { after, .. } = &mut self.mark {
            *after = (*after).max(Some(number));
        }
    }

    /// Whether it is a place in the response with this id; where the id is no part of it, any.
    pub(crate) fn is_of(&self, id: &str) -> bool {
        let Mark::Number { path, .. } = &self.mark else { return true };
        protocol::stored_path(id).as_ref() == Some(path)
    }

    /// Another attempt reads on.
    pub(crate) const fn read_on(&mut self) {
        self.has_moved = false;
        match &mut self.mark {
            Mark::Number { .. } => {}
            Mark::EventId { since, again, .. } => *again = *since,
            Mark::Offset { at, base, .. } => *base = *at,
        }
    }

    /// Whether the attempt brought any event.
    pub(crate) const fn has_moved(&self) -> bool {
        self.has_moved
    }

    pub(crate) const fn way(&self) -> Way {
        self.way
    }

    /// Whether no event was read yet.
    pub(crate) const fn is_at_start(&self) -> bool {
        matches!(self.mark, Mark::Number { after: None, .. })
    }

    /// What was read comes from elsewhere from now on, if from anywhere.
    pub(crate) const fn lose_events(&mut self) {
        self.way = match self.mark {
            Mark::Number { .. } => Way::Whole,
            Mark::EventId { .. } | Mark::Offset { .. } => Way::Gone,
        };
    }

    /// The request for the events behind the last one.
    pub(crate) fn ask_events(&self) -> Asking {
        match &self.mark {
            Mark::Number { path, after: Some(after) } => {
                get(format!("{path}?stream=true&starting_after={after}"))
            }
            Mark::Number { path, after: None } => get(format!("{path}?stream=true")),
            Mark::Offset { path, at, .. } => get(format!("{path}?from={at}")),
            Mark::EventId { id, asked: Asked { path, body, key }, .. } => {
                let id = HeaderValue::from_str(id).expect("it was checked when it was read");
                let name = HeaderName::from_static("last-event-id");
                let headers = HeaderMap::from_iter([(name, id)]);
                let (path, body) = (path.clone(), body.clone());
                Asking { method: Method::POST, path, body, key: Some(*key), headers }
            }
        }
    }

    /// The request for all of it.
    pub(crate) fn ask_whole(&self) -> Asking {
        match &self.mark {
            Mark::Number { path, .. } => get(path.clone()),
            Mark::EventId { .. } | Mark::Offset { .. } => self.ask_events(),
        }
    }

    /// The request that ends its generation.
    pub(crate) fn ask_end(&self) -> Option<Asking> {
        match &self.mark {
            Mark::Number { path, .. } => {
                Some(Asking { method: Method::POST, ..get(format!("{path}/cancel")) })
            }
            Mark::Offset { path, .. } => {
                Some(Asking { method: Method::DELETE, ..get(path.clone()) })
            }
            Mark::EventId { .. } => None,
        }
    }

    /// A second gap at one place is no accident of the connection.
    pub(crate) fn is_second_gap(&mut self) -> bool {
        let Mark::Number { after, .. } = self.mark else { return false };
        std::mem::replace(&mut self.gap, after) == after && after.is_some()
    }
}

impl Mark {
    fn take(&mut self, sight: &Sight<'_>) -> Order {
        match self {
            Self::Number { after, .. } => take_number(after, sight.number),
            // Nobody keeps signs of life.
            Self::EventId { .. } if sight.is_ping => Order::Next,
            Self::EventId { again, .. } if *again > 0 && sight.id.is_none() => {
                *again -= 1;
                Order::Seen
            }
            Self::EventId { id, since, again, .. } => {
                *again = 0;
                match sight.id.and_then(event_id) {
                    Some(next) => (*id, *since) = (next, 0),
                    None => *since = since.saturating_add(1),
                }
                Order::Next
            }
            Self::Offset { at, base, .. } => {
                *at = base.saturating_add(sight.end);
                Order::Next
            }
        }
    }
}

fn take_number(after: &mut Option<u64>, number: Option<u64>) -> Order {
    let Some(number) = number else { return Order::Next };
    match *after {
        Some(after) if number <= after => return Order::Seen,
        Some(after) if number > after.saturating_add(1) => return Order::Missing,
        _ => {}
    }
    *after = Some(number);
    Order::Next
}

/// The id as a header can carry it.
fn event_id(id: &[u8]) -> Option<String> {
    let is_plain = !id.is_empty()
        && id.len() <= EVENT_ID_BYTES_MAX
        && id.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    is_plain.then(|| String::from_utf8_lossy(id).into_owned())
}

fn get(path: String) -> Asking {
    let (body, headers) = (Bytes::new(), HeaderMap::new());
    Asking { method: Method::GET, path: path.into(), body, key: None, headers }
}

/// Bytes of the longest id of an event that is sent back.
const EVENT_ID_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(after: Option<u64>) -> Cursor {
        Cursor::by_number("resp_1", after).expect("an id")
    }

    fn number(number: u64) -> Sight<'static> {
        Sight { number: Some(number), ..Sight::default() }
    }

    #[test]
    fn events_come_once_and_in_order() {
        let mut cursor = cursor(None);
        let read = [0, 1, 1, 0, 3, 2, u64::MAX].map(|at| cursor.take(&number(at)));
        use Order::{Missing, Next, Seen};
        assert_eq!(read, [Next, Next, Seen, Seen, Missing, Next, Missing]);
        assert_eq!(cursor.ask_events().path, "/responses/resp_1?stream=true&starting_after=2");
    }

    #[test]
    fn a_second_gap_at_one_place_is_told_apart() {
        let mut cursor = cursor(Some(4));
        assert!(!cursor.is_second_gap());
        assert_eq!(cursor.take(&number(5)), Order::Next);
        assert!(!cursor.is_second_gap());
        assert!(cursor.is_second_gap());
    }

    #[test]
    fn an_id_that_would_change_the_url_is_no_cursor() {
        for id in ["", "a/b", "a?b", "a#b", ".", "..", ".a", "a b", "%2e"] {
            assert!(Cursor::by_number(id, None).is_none(), "{id:?}");
        }
    }

    #[test]
    fn events_without_an_id_that_come_again_are_counted() {
        let asked = Asked {
            path: "/messages".into(),
            body: Bytes::from_static(b"{}"),
            key: IdempotencyKey::from_bytes([1; 16]),
        };
        let mut cursor = Cursor::by_event_id(b"a", asked).expect("an id");
        let plain = Sight::default();
        let ping = Sight { is_ping: true, ..plain };
        let named = Sight { id: Some(b"b"), ..plain };
        use Order::{Next, Seen};
        assert_eq!([plain, ping, plain].map(|event| cursor.take(&event)), [Next; 3]);
        cursor.read_on();
        assert_eq!(cursor.ask_events().headers["last-event-id"], "a");
        let read = [ping, plain, plain, named, plain].map(|event| cursor.take(&event));
        assert_eq!(read, [Next, Seen, Seen, Next, Next]);
        cursor.read_on();
        assert_eq!(cursor.ask_events().headers["last-event-id"], "b");
        assert_eq!([plain, plain].map(|event| cursor.take(&event)), [Seen, Next]);
    }

    #[test]
    fn bytes_are_counted_over_attempts() {
        let end = |end| Sight { end, ..Sight::default() };
        let mut cursor = Cursor::by_offset("c1", 100);
        cursor.take(&end(250));
        cursor.read_on();
        assert_eq!(cursor.ask_events().path, "/stream/c1?from=250");
        cursor.take(&end(30));
        cursor.take(&end(50));
        cursor.read_on();
        assert_eq!(cursor.ask_events().path, "/stream/c1?from=300");
    }

    #[test]
    fn an_id_that_no_header_can_carry_is_no_cursor() {
        let long = [b'x'; EVENT_ID_BYTES_MAX + 1];
        for id in [&b""[..], b"a\nb", b"\xff", &long] {
            assert_eq!(event_id(id), None);
        }
    }
}
