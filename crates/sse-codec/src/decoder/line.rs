//! A line that is not complete yet: what must be remembered of it between two chunks.
//!
//! Values are not kept here; the decoder appends them to its carry as they come.

/// How far the current line has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// At the start of the stream, with this many bytes of a byte order mark seen.
    Mark(usize),
    /// Nothing of the line has come.
    Start,
    /// Nothing of the line has come, and a LF would belong to the CR before it.
    AfterCr,
    /// In the field name.
    Name(Name),
    /// Behind the colon: the value of a field that is kept.
    Value {
        field: Field,
        /// Where the value begins in its carry.
        start: usize,
        /// No byte has come, so a space would be stripped.
        at_start: bool,
    },
    /// Behind the colon of `retry`.
    Retry {
        value: Retry,
        /// No byte has come, so a space would be stripped.
        at_start: bool,
    },
    /// In a comment, an unknown field or an event that is being dropped.
    Ignored,
}

/// The byte order mark that may open a stream.
pub(crate) const MARK: [u8; 3] = *b"\xef\xbb\xbf";

/// A field that the specification gives a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Data,
    Event,
    Id,
    Retry,
}

impl Field {
    pub(crate) const fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"data" => Some(Self::Data),
            b"event" => Some(Self::Event),
            b"id" => Some(Self::Id),
            b"retry" => Some(Self::Retry),
            _ => None,
        }
    }
}

/// The first bytes of a field name: as many as the longest known name has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Name {
    bytes: [u8; 5],
    len: usize,
}

impl Name {
    pub(crate) const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Appends a byte; `None` when the name is longer than any that is known.
    pub(crate) fn with(mut self, byte: u8) -> Option<Self> {
        *self.bytes.get_mut(self.len)? = byte;
        self.len += 1;
        Some(self)
    }

    pub(crate) fn field(&self) -> Option<Field> {
        Field::of(&self.bytes[..self.len])
    }
}

/// A `retry` value as its digits come: empty, a number, or not a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Retry {
    #[default]
    Empty,
    Millis(u64),
    Invalid,
}

impl Retry {
    /// Appends bytes of the value. Numbers that do not fit are as large as can be.
    pub(crate) fn with(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |value, byte| match (value, byte) {
            (Self::Empty, b'0'..=b'9') => Self::Millis(u64::from(byte - b'0')),
            (Self::Millis(millis), b'0'..=b'9') => {
                Self::Millis(millis.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
            }
            _ => Self::Invalid,
        })
    }

    pub(crate) const fn millis(self) -> Option<u64> {
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

    #[test]
    fn a_name_longer_than_any_known_is_given_up() {
        let read = |text: &[u8]| text.iter().try_fold(Name::default(), |name, &b| name.with(b));
        assert_eq!(read(b"retry").and_then(|name| name.field()), Some(Field::Retry));
        assert_eq!(read(b"dat").and_then(|name| name.field()), None);
        assert_eq!(read(b"events"), None);
    }
}
