//! Output items and their parts as JSON: taking a list apart, and ending what a cut left open.

use crate::json::{Scanner, Value};
use crate::splice::{Splice, json_string};
use crate::{PartKind, Span, Spans};
use std::ops::Range;

/// Where the output items lie in the data of an event that ends the answer, in order.
///
/// `spans` are those that [`decode`](crate::decode) found in the same data. Empty where the
/// event has no list of them.
///
/// ```
/// use protocol::{Wire, decode, items_of};
///
/// let data = br#"{"type":"response.completed","response":{"output":[{"id":"a"}, {"id":"b"}]}}"#;
/// let event = decode(Wire::OpenAiResponses, b"response.completed", data)?;
/// let items = items_of(data, &event.spans);
/// assert_eq!(&data[items[1].clone()], br#"{"id":"b"}"#);
/// # Ok::<(), protocol::Malformed>(())
/// ```
#[must_use]
pub fn items_of(data: &[u8], spans: &Spans) -> Vec<Range<usize>> {
    let mut items = Vec::new();
    if let Some(list) = spans.list
        && let Some(list) = value_at(data, list)
    {
        list.each_item(data, |item| items.push(item.start as usize..item.end as usize));
    }
    items
}

/// The part with this text and with its other members as they are; `None` when `part` is no JSON
/// object with a text.
///
/// ```
/// let part = br#"{"type":"output_text", "text":"","annotations":[]}"#;
/// let ended = protocol::ended_part(part, "\"Hi\"").unwrap();
/// assert_eq!(ended, r#"{"type":"output_text", "text":"Hi","annotations":[]}"#);
/// ```
#[must_use]
pub fn ended_part(part: &[u8], text_json: &str) -> Option<String> {
    let text = whole(part)?.member(part, "text").filter(Value::is_text)?;
    let mut splice = Splice::default();
    splice.replace(text.range(), text_json.to_owned());
    String::from_utf8(splice.apply(part)).ok()
}

/// The item with this id, status and parts and with its other members as they are; `None` when
/// `item` is no JSON object in UTF-8. An id or a status that it does not have is not added.
///
/// ```
/// use protocol::{PartKind, ended_item};
///
/// let item = br#"{"id":"msg_1","status":"in_progress","content":[]}"#;
/// let part = r#"{"type":"output_text","text":"Hi"}"#;
/// let ended = ended_item(item, None, Some("incomplete"), &[(PartKind::Text, part)]).unwrap();
/// assert_eq!(ended, format!(r#"{{"id":"msg_1","status":"incomplete","content":[{part}]}}"#));
/// ```
#[must_use]
pub fn ended_item(
    item: &[u8],
    id: Option<&str>,
    status: Option<&str>,
    parts: &[(PartKind, &str)],
) -> Option<String> {
    let object = whole(item).filter(Value::is_object)?;
    let mut splice = Splice::default();
    for (name, new) in [("id", id), ("status", status)] {
        let old = object.member(item, name).filter(Value::is_text);
        if let (Some(old), Some(new)) = (old, new) {
            splice.replace(old.range(), json_string(new));
        }
    }
    for (name, in_list) in [("content", false), ("summary", true)] {
        let of_list = |kind: PartKind| (kind == PartKind::Summary) == in_list;
        let list: Vec<&str> =
            parts.iter().filter(|(kind, _)| of_list(*kind)).map(|(_, part)| *part).collect();
        let list = format!("[{}]", list.join(","));
        match object.member(item, name) {
            Some(old) => splice.replace(old.range(), list),
            None if list == "[]" => {}
            None => {
                let comma = if object.is_empty(item) { "" } else { "," };
                splice.insert(object.inner_end(), format!(r#"{comma}"{name}":{list}"#));
            }
        }
    }
    String::from_utf8(splice.apply(item)).ok()
}

pub(super) fn whole(data: &[u8]) -> Option<Value> {
    let mut scan = Scanner::new(data).ok()?;
    let value = scan.value().ok()?;
    scan.finish().ok().map(|()| value)
}

/// The value at this place of data that was scanned before.
fn value_at(data: &[u8], span: Span) -> Option<Value> {
    let value = whole(data.get(span.range())?)?;
    Some(Value { start: span.start(), end: span.end(), kind: value.kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_go_where_their_parts_belong() {
        let item = br#"{"id":"rs_1","type":"reasoning","summary":[]}"#;
        let parts =
            [(PartKind::Summary, r#"{"text":"s"}"#), (PartKind::Reasoning, r#"{"text":"r"}"#)];
        let ended = ended_item(item, Some("x"), Some("incomplete"), &parts).unwrap();
        assert_eq!(
            ended,
            r#"{"id":"x","type":"reasoning","summary":[{"text":"s"}],"content":[{"text":"r"}]}"#
        );
    }

    #[test]
    fn what_is_no_item_or_part_is_left() {
        assert_eq!(ended_item(b"[1]", None, None, &[]), None);
        assert_eq!(ended_item(b"{\"a\":", None, None, &[]), None);
        assert_eq!(ended_part(b"{\"text\":7}", "\"x\""), None);
        assert_eq!(items_of(b"{}", &Spans { list: Span::new(0, 9), ..Spans::default() }), []);
    }
}
