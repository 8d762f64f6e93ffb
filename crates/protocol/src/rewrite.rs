//! Changes single values inside the data of an event.
//!
//! Every byte outside the changed values stays as the provider sent it.

use crate::Spans;
use crate::splice::{Splice, json_string};
use std::ops::Range;

/// The values to change in an event; one that the event does not have is left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrite<'a> {
    /// The new id of the answer.
    pub id: Option<&'a str>,
    /// The new creation time, in Unix seconds.
    pub created: Option<u64>,
    /// The new model.
    pub model: Option<&'a str>,
    /// The new index.
    pub index: Option<u32>,
    /// The new text, unescaped.
    pub text: Option<&'a str>,
    /// Whether the role is taken out of the delta.
    pub drop_role: bool,
    /// The new count of output tokens; a count of all tokens moves by the same difference.
    pub output_tokens: Option<u64>,
}

/// The data with the changes made.
///
/// `spans` are those that [`decode`](crate::decode) found in the same data; a span that does
/// not fit the data is left alone.
///
/// ```
/// use protocol::{Rewrite, Wire, decode, rewrite};
///
/// let data = br#"{"type":"content_block_stop", "index":0}"#;
/// let event = decode(Wire::AnthropicMessages, b"", data)?;
/// let edits = Rewrite { index: Some(3), ..Rewrite::default() };
/// assert_eq!(rewrite(data, &event.spans, &edits), br#"{"type":"content_block_stop", "index":3}"#);
/// # Ok::<(), protocol::Malformed>(())
/// ```
#[must_use]
pub fn rewrite(data: &[u8], spans: &Spans, edits: &Rewrite<'_>) -> Vec<u8> {
    let mut splice = Splice::default();
    let mut change = |span: &Option<Range<u32>>, value: Option<String>| {
        if let (Some(span), Some(value)) = (span, value) {
            splice.replace(span.clone(), value);
        }
    };
    change(&spans.id, edits.id.map(json_string));
    change(&spans.created, edits.created.map(|created| created.to_string()));
    change(&spans.model, edits.model.map(json_string));
    change(&spans.index, edits.index.map(|index| index.to_string()));
    change(&spans.text, edits.text.map(json_string));
    change(&spans.role, edits.drop_role.then(String::new));
    change(&spans.output_tokens, edits.output_tokens.map(|count| count.to_string()));
    change(&spans.total_tokens, new_total(data, spans, edits).map(|count| count.to_string()));
    splice.apply(data)
}

fn new_total(data: &[u8], spans: &Spans, edits: &Rewrite<'_>) -> Option<u64> {
    let read = |span: &Option<Range<u32>>| {
        let span = span.as_ref()?;
        let digits = data.get(span.start as usize..span.end as usize)?;
        std::str::from_utf8(digits).ok()?.parse::<u64>().ok()
    };
    let new = edits.output_tokens?;
    let (old, total) = (read(&spans.output_tokens)?, read(&spans.total_tokens)?);
    Some(total.saturating_sub(old).saturating_add(new))
}
