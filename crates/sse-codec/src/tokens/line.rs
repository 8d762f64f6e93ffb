//! What the tokenizer knows of the line that it is in: its kind, and how far it has come.
//!
//! Holds no byte of it.

use crate::token::{Field, Token};

/// How far the current line has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// At the start of the stream, in a byte order mark.
    Mark,
    /// Nothing of the line has come.
    Start,
    /// Nothing of the line has come, and a LF would belong to the CR before it.
    AfterCr,
    /// In a name.
    Name,
    /// Directly behind the colon, where one space is stripped.
    Colon,
    /// In a value.
    Value,
}

/// What kind of line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Event,
    Id,
    Retry,
    Comment,
    /// A field without a meaning.
    Unknown,
}

impl Kind {
    #[inline(always)]
    pub(super) const fn field(self) -> Option<Field> {
        match self {
            Self::Data => Some(Field::Data),
            Self::Event => Some(Field::Event),
            Self::Id => Some(Field::Id),
            Self::Retry => Some(Field::Retry),
            Self::Comment | Self::Unknown => None,
        }
    }

    #[inline(always)]
    pub(super) const fn name(self) -> &'static [u8] {
        match self.field() {
            Some(field) => field.name(),
            None => b"",
        }
    }

    #[inline(always)]
    pub(super) const fn token(self, fragment: &[u8], more: bool) -> Option<Token<'_>> {
        match (self, self.field()) {
            (_, Some(field)) => Some(Token::Field { field, fragment, more }),
            (Self::Comment, None) => Some(Token::Comment { fragment, more }),
            (_, None) => None,
        }
    }
}
