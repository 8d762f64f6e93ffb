//! The event that is being read: what its lines have set so far, and its size.
//!
//! Bytes are elsewhere: in the chunk while one is scanned ([`Lent`]), else in the carry.

use crate::event::Place;

/// What an open event has set, as far as it outlives a chunk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Block {
    pub(super) progress: Progress,
    /// A `data` field has come, and its value is in the carry.
    pub(super) has_data: bool,
    /// The event type, when it is in the carry.
    pub(super) event: Option<Place>,
    /// The id, when it is in the carry.
    pub(super) id: Option<Place>,
    pub(super) retry_millis: Option<u64>,
    /// The offset in the stream of the first byte.
    pub(super) offset: u64,
    /// The size of the joined data, in bytes.
    pub(super) data_bytes: usize,
    /// The size of the other values that are or may be held beside the committed id, in bytes.
    pub(super) field_bytes: usize,
    /// A fragment of a value has come, and more may follow: see [`Open`].
    pub(super) is_open: bool,
}

/// A value of which fragments may follow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Open {
    /// Where it begins in its carry.
    pub(super) start: usize,
    /// What it says so far, when it is that of `retry`.
    pub(super) retry: Retry,
}

/// What kinds of lines an open event has had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Progress {
    /// None: the next byte that is no line end opens the event.
    #[default]
    Empty,
    /// Comments only, which the end of the stream does not cut.
    Comments,
    /// At least the first byte of a field.
    Fields,
    /// Too large; everything up to the blank line is ignored.
    Dropped,
    /// None, but the carry still holds values of the event before, which is lent.
    Spent,
}

impl Block {
    /// What of the event is or may be held, in bytes.
    #[inline]
    pub(super) fn held_bytes(&self) -> usize {
        self.data_bytes.saturating_add(self.field_bytes)
    }

    /// Counts a value that no later line can bring back.
    pub(super) fn add_unheld(&mut self, value: Option<Place>) {
        self.field_bytes = self.field_bytes.saturating_add(value.map_or(0, Place::len));
    }

    /// Notes that a line has begun, as its first byte says.
    #[inline]
    pub(super) fn begin_line(&mut self, first: u8, offset: u64) {
        if self.progress == Progress::Empty {
            self.offset = offset;
            self.progress = Progress::Comments;
        }
        if self.progress == Progress::Comments && first != b':' {
            self.progress = Progress::Fields;
        }
    }
}

/// Values of an open event that lie in the chunk being scanned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lent {
    pub(super) data: Option<Place>,
    pub(super) event: Option<Place>,
    pub(super) id: Option<Place>,
}

impl Lent {
    #[inline(always)]
    pub(super) const fn is_empty(&self) -> bool {
        self.data.is_none() && self.event.is_none() && self.id.is_none()
    }
}

/// A `retry` value as its digits come: empty, a number, or not a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Retry {
    #[default]
    Empty,
    Millis(u64),
    Invalid,
}

impl Retry {
    /// Appends bytes of the value. Numbers that do not fit are as large as can be.
    pub(super) fn with(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |value, byte| match (value, byte) {
            (Self::Empty, b'0'..=b'9') => Self::Millis(u64::from(byte - b'0')),
            (Self::Millis(millis), b'0'..=b'9') => {
                Self::Millis(millis.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
            }
            _ => Self::Invalid,
        })
    }

    pub(super) const fn millis(self) -> Option<u64> {
        match self {
            Self::Millis(millis) => Some(millis),
            Self::Empty | Self::Invalid => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_takes_ascii_digits_only() {
        let read = |text: &[u8]| Retry::default().with(text).millis();
        assert_eq!(read(b"0150"), Some(150));
        assert_eq!(read(b""), None);
        assert_eq!(read(b"+5"), None);
        assert_eq!(read(b"5 "), None);
        assert_eq!(read(b"1.5"), None);
        assert_eq!(read(b"99999999999999999999999"), Some(u64::MAX));
        assert_eq!(Retry::default().with(b"15").with(b"0").millis(), Some(150));
    }
}
