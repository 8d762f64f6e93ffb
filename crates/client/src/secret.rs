//! An API key that can be sent but not shown. It does not wipe its memory: the same bytes are
//! also in header values and TLS buffers, which nobody wipes.

use http::HeaderValue;
use std::fmt;

use crate::error::Error;

/// A key that no log, error or checkpoint shows.
///
/// There is no `Display`, and `Debug` prints a placeholder.
///
/// ```
/// let key = client::Secret::new("sk-not-for-show");
/// assert_eq!(format!("{key:?}"), "Secret(..)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key; surrounding white space, as left by files and shells, is removed.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        let key = key.into();
        Self(key.trim().to_owned())
    }

    /// The header value `prefix` + key, marked sensitive.
    pub(crate) fn header(&self, prefix: &str) -> Result<HeaderValue, Error> {
        let mut value = HeaderValue::try_from(format!("{prefix}{}", self.0))
            .map_err(|_| Error::config("the key has characters that no header can carry"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Replaces the key wherever `text` quotes it, a cut one at the end of the text included;
    /// whether there was one.
    ///
    /// A key of fewer characters than a cut one is a word that a server without keys was given.
    pub(crate) fn scrub(&self, text: &mut String) -> bool {
        if self.0.len() < CUT_KEY_CHARS_MIN {
            return false;
        }
        let whole = text.contains(&self.0);
        if whole {
            *text = text.replace(&self.0, PLACEHOLDER);
        }
        let shown = (CUT_KEY_CHARS_MIN..self.0.len())
            .rev()
            .filter(|&end| self.0.is_char_boundary(end))
            .find(|&end| text.ends_with(&self.0[..end]));
        if let Some(end) = shown {
            text.truncate(text.len() - end);
            text.push_str(PLACEHOLDER);
        }
        whole || shown.is_some()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What stands where a key was.
const PLACEHOLDER: &str = "[key]";
/// A shorter beginning of a key at the end of a text is left: it tells nothing and may be
/// an ordinary word.
const CUT_KEY_CHARS_MIN: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut text = text.to_owned();
        let found = Secret::new(" key-0123456789\n").scrub(&mut text);
        assert_eq!(found, text.contains(PLACEHOLDER));
        assert_eq!(text, expected);
    }

    #[test]
    fn a_quoted_key_is_replaced() {
        check("no: key-0123456789!", "no: [key]!");
        check("key-0123456789 key-0123456789", "[key] [key]");
        check("nothing here", "nothing here");
    }

    #[test]
    fn a_key_cut_by_the_end_of_the_text_is_replaced() {
        check("bad key-01234", "bad [key]");
        check("bad key-", "bad key-");
    }

    #[test]
    fn a_key_that_is_a_short_word_does_not_shred_the_text() {
        let mut text = "invalid x-api-key".to_owned();
        assert!(!Secret::new("k").scrub(&mut text));
        assert_eq!(text, "invalid x-api-key");
    }

    #[test]
    fn a_header_value_is_sensitive() {
        let value = Secret::new("abc").header("Bearer ").unwrap();
        assert_eq!(value, "Bearer abc");
        assert_eq!(format!("{value:?}"), "Sensitive");
    }

    #[test]
    fn a_key_with_a_line_break_is_refused_without_showing_it() {
        let error = Secret::new("abcdef\r\nghi").header("").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("abcdef"));
    }
}
