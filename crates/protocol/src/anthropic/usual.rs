//! A piece of content as Anthropic writes it, read in a straight line.
//!
//! Says of an event what [`decode`](super::decode) says of it by all rules, or nothing.

use crate::event::{Decoded, Delta, Part, Span, Spans, is_misnamed};
use crate::json::Compact;

/// The event, when it is a piece of text, thinking or a tool's input in the usual form.
#[inline(always)]
pub(super) fn usual<'a>(name: &[u8], data: &'a [u8]) -> Option<Decoded<'a>> {
    let mut json = Compact::new(data)?;
    json.eat(br#"{"type":"content_block_delta","index":"#)?;
    let (index, index_value) = json.number()?;
    let index = u32::try_from(index).ok()?;
    json.eat(br#","delta":"#)?;
    let delta_start = json.position();
    let part = part(&mut json)?;
    let text_value = json.string()?;
    json.eat(b"}")?;
    let delta_end = json.position();
    json.eat(b"}")?;
    json.finish()?;
    Some(Decoded {
        delta: Some(Delta { index, part, text: text_value.text(data)? }),
        spans: Spans {
            index: index_value.span(),
            text: text_value.span(),
            delta: Span::new(delta_start, delta_end),
            ..Spans::default()
        },
        misnamed: is_misnamed(name, b"content_block_delta"),
        ..Decoded::default()
    })
}

/// What the delta that begins here is a piece of; up to its string.
#[inline(always)]
fn part(json: &mut Compact<'_>) -> Option<Part> {
    if json.eat(br#"{"type":"text_delta","text":"#).is_some() {
        return Some(Part::Text);
    }
    if json.eat(br#"{"type":"input_json_delta","partial_json":"#).is_some() {
        return Some(Part::Tool);
    }
    json.eat(br#"{"type":"thinking_delta","thinking":"#).map(|()| Part::Thinking)
}
