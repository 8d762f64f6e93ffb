//! `StreamId`, the caller's name of a stream, checked once where it enters.
//! It is a key, not a path: nothing here touches a file system.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of a stream: 1 to 128 bytes of `A-Z a-z 0-9 . _ -`.
///
/// Cloning copies a pointer.
///
/// ```
/// use checkpoint_store::{IdError, StreamId};
///
/// assert_eq!(StreamId::new("answer-7")?.as_str(), "answer-7");
/// assert_eq!(StreamId::new("a/b"), Err(IdError::Byte { at: 1 }));
/// # Ok::<(), IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(Arc<str>);

impl StreamId {
    /// The longest name, in bytes.
    pub const BYTES_MAX: usize = 128;

    /// Checks `text` and keeps it as a name.
    ///
    /// # Errors
    ///
    /// [`IdError`] says what is wrong with the text.
    pub fn new(text: impl AsRef<str>) -> Result<Self, IdError> {
        let text = text.as_ref();
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > Self::BYTES_MAX {
            return Err(IdError::TooLong { found: text.len() });
        }
        match text.bytes().position(|byte| !is_allowed(byte)) {
            Some(at) => Err(IdError::Byte { at }),
            None => Ok(Self(Arc::from(text))),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StreamId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::new(text)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a [`StreamId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text has no bytes.
    #[error("a stream id needs at least one byte")]
    Empty,
    /// The text is longer than [`StreamId::BYTES_MAX`].
    #[error("a stream id has at most 128 bytes, not {found}")]
    TooLong {
        /// Length of the text in bytes.
        found: usize,
    },
    /// A byte is none of `A-Z a-z 0-9 . _ -`.
    #[error("a stream id has only A-Z a-z 0-9 . _ -, not the byte at {at}")]
    Byte {
        /// Offset of the first such byte.
        at: usize,
    },
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(), IdError>) {
        assert_eq!(StreamId::new(text).map(drop), expected);
    }

    #[test]
    fn only_the_documented_bytes_and_lengths_are_names() {
        check("a", Ok(()));
        check("A.b_c-9", Ok(()));
        check(&"x".repeat(128), Ok(()));
        check("", Err(IdError::Empty));
        check(&"x".repeat(129), Err(IdError::TooLong { found: 129 }));
        check("ab/c", Err(IdError::Byte { at: 2 }));
        check("a b", Err(IdError::Byte { at: 1 }));
        check("é", Err(IdError::Byte { at: 0 }));
        check("a\0", Err(IdError::Byte { at: 1 }));
    }
}
