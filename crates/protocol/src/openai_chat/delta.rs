//! The `delta` object of a choice: role, text, thinking, tool calls.
//!
//! Servers mix these in one chunk; the first that is not empty, in the order text, tool call,
//! thinking, rest, is the delta, and the next one is named beside it.

use super::parts::Parts;
use crate::Malformed;
use crate::event::{Part, Span};
use crate::json::{Kind, Scanner, Value};
use std::borrow::Cow;

/// Where the values of a delta object lie.
#[derive(Default)]
pub(crate) struct SeenDelta {
    pub(crate) whole: Option<Span>,
    /// The role member with the comma that goes when it goes.
    pub(crate) role: Option<Span>,
    content: Option<Value>,
    thinking: Option<Value>,
    arguments: Option<Value>,
    calls_tool: bool,
    refusal: Option<Value>,
}

/// One piece of content of a delta object.
pub(crate) struct Piece<'a> {
    pub(crate) part: Part,
    pub(crate) text: Cow<'a, [u8]>,
    pub(crate) span: Option<Span>,
}

/// What a delta object says.
#[derive(Default)]
pub(crate) struct Pieces<'a> {
    pub(crate) first: Option<Piece<'a>>,
    /// What the next one is a piece of.
    pub(crate) also: Option<Part>,
}

impl<'a> Pieces<'a> {
    fn add(&mut self, piece: Option<Piece<'a>>) {
        match (piece, &self.first) {
            (Some(piece), None) => self.first = Some(piece),
            (Some(piece), Some(_)) => self.also = self.also.or(Some(piece.part)),
            (None, _) => {}
        }
    }
}

impl SeenDelta {
    /// Reads the next value as a delta object; anything else is skipped and says nothing.
    pub(crate) fn read(&mut self, scan: &mut Scanner<'_>, data: &[u8]) -> Result<(), Malformed> {
        *self = Self::default();
        let start = scan.next_start();
        if !scan.object()? {
            return Ok(());
        }
        // Where the member before the role ends, while the role is the last one seen.
        let mut role_after = None;
        let mut before = scan.position();
        while let Some(key) = scan.key()? {
            if role_after.take().is_some() {
                // Another member follows, so the comma between the two goes.
                self.role = self.role.and_then(|role| Span::new(role.start(), key.start));
            }
            if self.member(scan, key, data)? == Member::Role {
                self.role = Span::new(key.start, scan.position());
                role_after = Some(before);
            }
            before = scan.position();
        }
        if let Some(before) = role_after {
            self.role = self.role.and_then(|role| Span::new(before, role.end()));
        }
        self.whole = Span::new(start, scan.position());
        Ok(())
    }

    /// What the object says, and the kind of a second piece where it says two things.
    pub(crate) fn pieces<'a>(&self, data: &'a [u8]) -> Pieces<'a> {
        let mut pieces = Pieces::default();
        let [thinking, other] = match self.content {
            Some(content) if content.kind == Kind::Array => {
                let [text, rest @ ..] = list(content, data);
                pieces.add(text);
                rest
            }
            content => {
                pieces.add(string(Part::Text, content, data));
                [None, None]
            }
        };
        if self.calls_tool {
            pieces.add(Some(self.tool_piece(data)));
        }
        pieces.add(string(Part::Thinking, self.thinking, data).or(thinking));
        pieces.add(string(Part::Other, self.refusal, data).or(other));
        pieces
    }

    #[inline]
    fn member(
        &mut self,
        scan: &mut Scanner<'_>,
        key: Value,
        data: &[u8],
    ) -> Result<Member, Malformed> {
        if key.plain_text(data) == Some(b"content") {
            self.content = Some(scan.value()?);
            return Ok(Member::Other);
        }
        self.rare_member(scan, &key.text(data).unwrap_or_default())
    }

    #[inline(never)]
    fn rare_member(&mut self, scan: &mut Scanner<'_>, name: &[u8]) -> Result<Member, Malformed> {
        match name {
            b"content" => self.content = Some(scan.value()?),
            // Some servers send both keys, one of them null.
            b"reasoning_content" | b"reasoning" => {
                let value = scan.value()?;
                self.thinking = self.thinking.filter(|_| value.is_null()).or(Some(value));
            }
            b"tool_calls" => {
                if scan.array()? {
                    while scan.item()? {
                        self.call(scan)?;
                    }
                }
            }
            b"function_call" => self.call(scan)?,
            b"refusal" => self.refusal = Some(scan.value()?),
            b"role" => {
                let role = scan.value()?;
                return Ok(if role.is_null() { Member::Other } else { Member::Role });
            }
            _ => {
                scan.value()?;
            }
        }
        Ok(Member::Other)
    }

    /// One tool call: an object whose `arguments` may be inside `function`.
    fn call(&mut self, scan: &mut Scanner<'_>) -> Result<(), Malformed> {
        let mut arguments = None;
        let whole = scan.members(|scan, name| {
            match name {
                b"arguments" => arguments = Some(scan.value()?),
                b"function" => {
                    scan.members(|scan, name| {
                        let value = scan.value()?;
                        if name == b"arguments" {
                            arguments = Some(value);
                        }
                        Ok(())
                    })?;
                }
                _ => {
                    scan.value()?;
                }
            }
            Ok(())
        })?;
        self.calls_tool |= whole.is_some();
        self.arguments = self.arguments.or(arguments);
        Ok(())
    }

    fn tool_piece<'a>(&self, data: &'a [u8]) -> Piece<'a> {
        string(Part::Tool, self.arguments, data).unwrap_or(Piece {
            part: Part::Tool,
            text: Cow::Borrowed(b""),
            span: None,
        })
    }
}

#[derive(PartialEq, Eq)]
enum Member {
    Role,
    Other,
}

fn string(part: Part, value: Option<Value>, data: &[u8]) -> Option<Piece<'_>> {
    let value = value?;
    let text = value.text(data).filter(|text| !text.is_empty())?;
    Some(Piece { part, text, span: value.span() })
}

/// The text, the thinking and the rest of content that is a list of parts. The span of the
/// text is that of the list, because a string in its place says the same to every reader.
#[cold]
fn list(content: Value, data: &[u8]) -> [Option<Piece<'_>>; 3] {
    let parts = Parts::read(content, data).unwrap_or_default();
    let whole = |part| Piece { part, text: Cow::Borrowed(content.raw(data)), span: None };
    let (thinking, other) = (parts.thinking, parts.other);
    let text = Some(parts.text).filter(|text| !text.is_empty());
    [
        text.map(|text| Piece { part: Part::Text, text, span: content.span() }),
        thinking.then(|| whole(Part::Thinking)),
        other.then(|| whole(Part::Other)),
    ]
}
