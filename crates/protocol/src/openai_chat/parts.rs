//! Content of a delta as a list of typed parts, which some reasoning models send.
//!
//! Joins the text of the list and says what else is in it; does not read the thinking, whose
//! form differs between servers.

use crate::Malformed;
use crate::json::{Scanner, Value};
use std::borrow::Cow;

/// What a list of parts holds.
#[derive(Default)]
pub(crate) struct Parts<'a> {
    /// The text of all text parts, borrowed where a single one without escapes has any.
    pub(crate) text: Cow<'a, [u8]>,
    pub(crate) thinking: bool,
    /// A part of a kind that is not known.
    pub(crate) other: bool,
}

impl<'a> Parts<'a> {
    /// Reads the value as a list; one that is no array holds nothing.
    pub(crate) fn read(list: Value, data: &'a [u8]) -> Result<Self, Malformed> {
        let mut parts = Self::default();
        let mut scan = Scanner::at(data, list);
        if scan.array()? {
            while scan.item()? {
                parts.part(&mut scan, data)?;
            }
        }
        Ok(parts)
    }

    fn part(&mut self, scan: &mut Scanner<'_>, data: &'a [u8]) -> Result<(), Malformed> {
        let (mut kind, mut text) = (None, None);
        scan.members(|scan, name| {
            let value = Some(scan.value()?);
            match name {
                b"type" => kind = value,
                b"text" => text = value,
                _ => {}
            }
            Ok(())
        })?;
        match kind.and_then(|kind| kind.text(data)).as_deref() {
            Some(b"text") => self.join(text.and_then(|text| text.text(data)).unwrap_or_default()),
            Some(b"thinking") => self.thinking = true,
            _ => self.other = true,
        }
        Ok(())
    }

    fn join(&mut self, text: Cow<'a, [u8]>) {
        if self.text.is_empty() {
            self.text = text;
        } else if !text.is_empty() {
            self.text.to_mut().extend_from_slice(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &str, text: &str, thinking: bool, other: bool) {
        let list = list.as_bytes();
        let value = Scanner::new(list).unwrap().value().unwrap();
        let parts = Parts::read(value, list).unwrap();
        assert_eq!(*parts.text, *text.as_bytes());
        assert_eq!((parts.thinking, parts.other), (thinking, other));
    }

    #[test]
    fn text_is_joined_in_order_whatever_stands_between() {
        check(r#"[{"type":"text","text":"a"},{"text":"\n","type":"text"}]"#, "a\n", false, false);
        check(
            r#"[{"type":"text","text":"a"},{"type":"thinking","thinking":[{"type":"text","text":"no"}]},{"type":"text","text":"b"}]"#,
            "ab",
            true,
            false,
        );
    }

    #[test]
    fn text_parts_without_a_string_say_nothing() {
        check(r#"[{"type":"text"},{"type":"text","text":null}]"#, "", false, false);
        check("[]", "", false, false);
    }

    #[test]
    fn items_that_are_not_known_are_something_else() {
        check(r#"["a"]"#, "", false, true);
        check(r#"[{"text":"a"}]"#, "", false, true);
        check(r#"[{"type":"text","text":"a"},{"type":"reference","ids":[1]}]"#, "a", false, true);
    }

    #[test]
    fn a_value_that_is_no_list_holds_nothing() {
        check(r#"{"type":"text","text":"a"}"#, "", false, false);
    }
}
