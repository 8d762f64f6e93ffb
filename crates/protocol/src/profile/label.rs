//! A short text that a profile holds by value, so that profiles stay plain data that is copied.

use std::fmt;

/// A text of at most [`Label::BYTES_MAX`] bytes: a name, a header, the name or the data of an event.
///
/// ```
/// use protocol::Label;
///
/// const NAME: Label = Label::of("my-server");
/// assert_eq!(NAME, "my-server");
/// assert!(Label::new(&"x".repeat(Label::BYTES_MAX + 1)).is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label {
    bytes: [u8; Self::BYTES_MAX],
    len: u8,
}

impl Label {
    /// Bytes of the longest label.
    pub const BYTES_MAX: usize = 31;

    /// The text as a label; `None` when it is too long.
    #[must_use]
    pub const fn new(text: &str) -> Option<Self> {
        let (from, mut bytes, mut at) = (text.as_bytes(), [0; Self::BYTES_MAX], 0);
        if from.len() > Self::BYTES_MAX {
            return None;
        }
        while at < from.len() {
            bytes[at] = from[at];
            at += 1;
        }
        Some(Self { bytes, len: from.len() as u8 })
    }

    /// The text of a constant as a label.
    ///
    /// # Panics
    ///
    /// When the text is too long.
    #[must_use]
    pub const fn of(text: &str) -> Self {
        Self::new(text).expect("the text of a label is short")
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("a label is made of a whole text")
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq<str> for Label {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Label {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_its_text_up_to_the_longest() {
        let longest = "é".repeat(Label::BYTES_MAX / 2);
        for text in ["", "a", longest.as_str()] {
            let label = Label::new(text).unwrap();
            assert_eq!((label.as_str(), label.to_string()), (text, text.to_owned()));
        }
        assert!(Label::new(&"a".repeat(Label::BYTES_MAX)).is_some());
        assert_eq!(Label::new(&"a".repeat(Label::BYTES_MAX + 1)), None);
        assert_ne!(Label::of("a"), Label::of("a\0"));
    }
}
