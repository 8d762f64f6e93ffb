//! A piece of text as the Responses API writes it, read in a straight line.
//!
//! Says of an event what [`decode`](super::decode) says of it by all rules, or nothing.

use crate::event::{Act, Decoded, Delta, Node, Part, PartKind, Spans, is_misnamed};
use crate::json::{Compact, Value};

/// The event, when it is a piece of text in the usual form; its members may stand in any order.
#[inline(always)]
pub(super) fn usual<'a>(name: &[u8], data: &'a [u8]) -> Option<Decoded<'a>> {
    let mut json = Compact::new(data)?;
    let (mut kind, mut delta, mut item_id) = (None, None, None);
    let (mut sequence, mut item, mut part) = (None, None, None);
    json.eat(b"{")?;
    loop {
        match json.key()? {
            b"type" => kind = Some(json.eat(br#""response.output_text.delta""#)?),
            b"sequence_number" => sequence = Some(json.number()?),
            b"item_id" => item_id = Some(json.string()?),
            b"output_index" => item = Some(index(&mut json)?),
            b"content_index" => part = Some(index(&mut json)?),
            b"delta" => delta = Some(json.string()?),
            b"logprobs" => json.eat(b"[]")?,
            b"obfuscation" => json.skip()?,
            _ => return None,
        }
        if !json.more(b'}')? {
            break;
        }
    }
    json.finish()?;
    kind?;
    let ((item, item_value), delta) = (item?, delta?);
    let act = Act::Says(PartKind::Text);
    Some(Decoded {
        delta: Some(Delta { index: item, part: Part::Text, text: delta.text(data)? }),
        sequence: sequence.map(|(number, _)| number),
        node: Some(Node { item, part: part.map(|(index, _)| index), act }),
        spans: Spans {
            sequence: sequence.and_then(|(_, value)| value.span()),
            index: item_value.span(),
            part_index: part.and_then(|(_, value)| value.span()),
            item_id: item_id.and_then(Value::span),
            text: delta.span(),
            ..Spans::default()
        },
        misnamed: is_misnamed(name, b"response.output_text.delta"),
        ..Decoded::default()
    })
}

#[inline(always)]
fn index(json: &mut Compact<'_>) -> Option<(u32, Value)> {
    let (number, value) = json.number()?;
    Some((u32::try_from(number).ok()?, value))
}
