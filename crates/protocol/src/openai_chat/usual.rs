//! A chunk that says a piece of text and nothing else, read in a straight line.
//!
//! Says of a chunk what [`decode`](super::decode) says of it by all rules, or nothing.

use crate::event::{Begin, Decoded, Delta as Piece, Part, Span, Spans};
use crate::json::{Compact, Value};

/// The chunk, when it is a piece of text in the usual form; its members may stand in any order.
#[inline(always)]
pub(super) fn usual<'a>(name: &[u8], data: &'a [u8]) -> Option<Decoded<'a>> {
    let mut json = Compact::new(data)?;
    let (mut id, mut created, mut model, mut choice) = (None, None, None, None);
    json.eat(b"{")?;
    loop {
        match json.key()? {
            b"id" => id = Some(json.string()?),
            b"created" => created = Some(json.number()?),
            b"model" => model = Some(json.string()?),
            b"object" => json.eat(br#""chat.completion.chunk""#)?,
            b"choices" if choice.is_none() => choice = Some(Choice::read(&mut json)?),
            b"usage" => json.eat(b"null")?,
            b"choices" | b"error" | b"x_groq" => return None,
            _ => json.skip()?,
        }
        if !json.more(b'}')? {
            break;
        }
    }
    json.finish()?;
    let Choice { index, index_value, delta } = choice.filter(|_| name != b"error")?;
    let (id_value, id) = (id, id.and_then(|id| id.str(data)));
    let begin = delta.role.map(|_| Begin {
        id: id.clone().unwrap_or_default(),
        model: model.and_then(|model| model.str(data)).unwrap_or_default(),
    });
    Some(Decoded {
        begin,
        id,
        created: created.map(|(created, _)| created),
        delta: Some(Piece { index, part: Part::Text, text: delta.content.text(data)? }),
        choice: Some(index),
        spans: Spans {
            id: id_value.and_then(Value::span),
            created: created.and_then(|(_, value)| value.span()),
            model: model.and_then(Value::span),
            index: index_value.span(),
            text: delta.content.span(),
            delta: delta.whole,
            role: delta.role,
            ..Spans::default()
        },
        ..Decoded::default()
    })
}

/// The only choice of a chunk, which goes on.
struct Choice {
    index: u32,
    index_value: Value,
    delta: Delta,
}

struct Delta {
    whole: Option<Span>,
    /// The role with the comma behind it, which some servers say in every chunk.
    role: Option<Span>,
    /// A string that is not empty.
    content: Value,
}

impl Choice {
    #[inline(always)]
    fn read(json: &mut Compact<'_>) -> Option<Self> {
        let (mut index, mut delta) = (None, None);
        json.eat(b"[{")?;
        loop {
            match json.key()? {
                b"index" => index = Some(json.number()?),
                b"delta" => delta = Some(Delta::read(json)?),
                // The reason to stop among them.
                _ => json.eat(b"null")?,
            }
            if !json.more(b'}')? {
                break;
            }
        }
        json.eat(b"]")?;
        let (index, index_value) = index?;
        Some(Self { index: u32::try_from(index).ok()?, index_value, delta: delta? })
    }
}

impl Delta {
    #[inline(always)]
    fn read(json: &mut Compact<'_>) -> Option<Self> {
        let start = json.position();
        let (mut content, mut role, mut role_start) = (None, None, None);
        json.eat(b"{")?;
        loop {
            let at = json.position();
            role = role_start.take().map_or(role, |start| Span::new(start, at));
            match json.key()? {
                b"content" => content = Some(json.string()?),
                b"role" if role.is_none() => {
                    json.eat(br#""assistant""#)?;
                    role_start = Some(at);
                }
                // Thinking and tools among them.
                _ => json.eat(b"null")?,
            }
            if !json.more(b'}')? {
                break;
            }
        }
        // Where the role is the last, the comma before it is its own.
        let content: Value = content.filter(|_| role_start.is_none())?;
        let is_empty = content.end - content.start == 2;
        let whole = Span::new(start, json.position());
        (!is_empty).then_some(Self { whole, role, content })
    }
}
