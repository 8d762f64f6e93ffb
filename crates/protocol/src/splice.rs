//! Replacing ranges of a text by other texts.
//!
//! Knows nothing of JSON but how a string is written.

use std::ops::Range;

/// Changes to a text, by ranges of the unchanged text.
#[derive(Default)]
pub(crate) struct Splice {
    changes: Vec<(Range<usize>, String)>,
}

impl Splice {
    pub(crate) fn replace(&mut self, span: Range<u32>, with: String) {
        self.changes.push((span.start as usize..span.end as usize, with));
    }

    /// Insertions at one place keep the order in which they were made.
    pub(crate) fn insert(&mut self, at: u32, text: String) {
        self.replace(at..at, text);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changed text. A range that overlaps an earlier one or lies outside is left alone.
    pub(crate) fn apply(mut self, text: &[u8]) -> Vec<u8> {
        self.changes.sort_by_key(|(span, _)| (span.start, span.end));
        let added: usize = self.changes.iter().map(|(_, with)| with.len()).sum();
        let mut spliced = Vec::with_capacity(text.len() + added);
        let mut at = 0;
        for (span, with) in self.changes {
            let Some(kept) = text.get(at..span.start) else { continue };
            if text.get(span.clone()).is_none() {
                continue;
            }
            spliced.extend_from_slice(kept);
            spliced.extend_from_slice(with.as_bytes());
            at = span.end;
        }
        spliced.extend_from_slice(text.get(at..).unwrap_or_default());
        spliced
    }
}

/// The text as a JSON string, with its quotes.
///
/// ```
/// assert_eq!(protocol::json_string("a\n"), r#""a\n""#);
/// ```
#[must_use]
pub fn json_string(text: &str) -> String {
    serde_json::to_string(text).expect("every string has a JSON form")
}

/// The text as it stands between the quotes of a JSON string.
pub(crate) fn json_string_inside(text: &str) -> String {
    let mut quoted = json_string(text);
    quoted.pop();
    quoted.remove(0);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_made_in_the_order_of_the_text() {
        let mut splice = Splice::default();
        splice.insert(6, "!".to_owned());
        splice.replace(0..2, "AB".to_owned());
        splice.insert(6, "?".to_owned());
        assert_eq!(splice.apply(b"abcdef"), b"ABcdef!?");
    }

    #[test]
    fn ranges_that_do_not_fit_are_left_alone() {
        let mut splice = Splice::default();
        splice.replace(1..3, "X".to_owned());
        splice.replace(2..4, "Y".to_owned());
        splice.replace(5..9, "Z".to_owned());
        splice.replace(9..10, "Z".to_owned());
        assert_eq!(splice.apply(b"abcdef"), b"aXdef");
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(json_string("a\"\\\n\u{1}é"), r#""a\"\\\n\u0001é""#);
        assert_eq!(json_string_inside("\"x\""), r#"\"x\""#);
    }
}
