//! A piece of a stream, and the fields that have a meaning.
//!
//! Made by [`Tokens`](crate::Tokens); nothing here reads.

/// A piece of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'c> {
    /// Bytes of the value of a field that the specification names. Other fields give no token.
    Field {
        /// Which field it is.
        field: Field,
        /// The bytes behind those of the fragment before; possibly none.
        fragment: &'c [u8],
        /// The value goes on: the next token is another fragment of it. Otherwise its line has
        /// ended.
        more: bool,
    },
    /// Bytes of a comment, behind its colon and one space.
    Comment {
        /// The bytes behind those of the fragment before; possibly none.
        fragment: &'c [u8],
        /// The comment goes on: the next token is another fragment of it.
        more: bool,
    },
    /// A blank line: the end of an event, if its fields make one.
    Dispatch,
}

/// A field that the specification gives a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `data`: a line of the event's data.
    Data,
    /// `event`: the event's type.
    Event,
    /// `id`: the last event ID; ignored by the specification when it holds NUL.
    Id,
    /// `retry`: the reconnection time; ignored unless it is ASCII digits.
    Retry,
}

impl Field {
    /// The name as it stands in a stream.
    ///
    /// ```
    /// assert_eq!(sse_codec::Field::Data.name(), b"data");
    /// ```
    pub const fn name(self) -> &'static [u8] {
        match self {
            Self::Data => b"data",
            Self::Event => b"event",
            Self::Id => b"id",
            Self::Retry => b"retry",
        }
    }

    /// The field of a whole line, and where its value begins.
    pub(crate) fn split(line: &[u8]) -> Option<(Self, usize)> {
        [Self::Data, Self::Event, Self::Id, Self::Retry].into_iter().find_map(|field| {
            let name = field.name();
            match line.strip_prefix(name)?.first() {
                None => Some((field, name.len())),
                Some(b':') => Some((field, name.len() + 1)),
                Some(_) => None,
            }
        })
    }
}
