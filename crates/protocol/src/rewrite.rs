//! Changes single values inside the data of an event.
//!
//! Every byte outside the changed values stays as the provider sent it.

use crate::json::{Kind, Value};
use crate::splice::{Splice, json_string};
use crate::{Span, Spans};

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
    /// The new reason to stop.
    pub stop: Option<&'a str>,
    /// The new stop sequence.
    pub stop_sequence: Option<&'a str>,
    /// The new number of the event.
    pub sequence: Option<u64>,
    /// The new id of the output item.
    pub item_id: Option<&'a str>,
    /// The new index of the part in its item.
    pub part_index: Option<u32>,
    /// The new parts of a message or items of an answer: an array in JSON.
    pub list: Option<&'a str>,
    /// Whether the reason to stop becomes `null`, as in an event that says none.
    pub drop_stop: bool,
    /// Whether the role is taken out of the delta.
    pub drop_role: bool,
    /// Whether thinking beside the delta is emptied.
    pub drop_thoughts: bool,
    /// Output tokens to add to the event's own count of them, and to its count of all tokens.
    ///
    /// A count keeps its meaning, whatever it leaves out. One that is no whole number of 64 bits
    /// stays as it is, and a sum that does not fit becomes the largest that does.
    pub output_added: u64,
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
    let mut change = |span: Option<Span>, value: Option<String>| {
        if let (Some(span), Some(value)) = (span, value) {
            splice.replace(span.start()..span.end(), value);
        }
    };
    change(spans.id, edits.id.map(json_string));
    change(spans.created, edits.created.map(|created| created.to_string()));
    change(spans.model, edits.model.map(json_string));
    change(spans.index, edits.index.map(|index| index.to_string()));
    change(spans.text, edits.text.map(json_string));
    let null = || edits.drop_stop.then(|| "null".to_owned());
    change(spans.stop, edits.stop.map(json_string).or_else(null));
    change(spans.stop_sequence, edits.stop_sequence.map(json_string));
    let empty = || Some(json_string(""));
    for span in spans.more_text.iter().filter(|_| edits.text.is_some()) {
        change(Some(*span), empty());
    }
    for span in spans.thoughts.iter().filter(|_| edits.drop_thoughts) {
        change(Some(*span), empty());
    }
    change(spans.sequence, edits.sequence.map(|number| number.to_string()));
    change(spans.item_id, edits.item_id.map(json_string));
    change(spans.part_index, edits.part_index.map(|index| index.to_string()));
    change(spans.list, edits.list.map(str::to_owned));
    change(spans.role, edits.drop_role.then(String::new));
    for count in [spans.output_tokens, spans.total_tokens] {
        change(count, grown(data, count, edits.output_added));
    }
    splice.apply(data)
}

/// The count with so many more; `None` where nothing changes.
fn grown(data: &[u8], count: Option<Span>, added: u64) -> Option<String> {
    let span = count.filter(|_| added > 0)?;
    let count = Value { start: span.start(), end: span.end(), kind: Kind::Number }.u64(data)?;
    Some(count.saturating_add(added).to_string())
}
