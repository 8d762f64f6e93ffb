//! The `delta` object of a choice: role, text, thinking, tool calls.
//!
//! Servers mix these in one chunk; the first that is not empty, in the order text, tool call,
//! thinking, rest, is the delta, and the next one is named beside it.

use super::parts::Parts;
use crate::Malformed;
use crate::event::Part;
use crate::json::{Kind, Scanner, Value};
use std::borrow::Cow;
use std::ops::Range;

/// Where the values of a delta object lie.
#[derive(Default)]
pub(crate) struct SeenDelta {
    pub(crate) whole: Option<Range<u32>>,
    /// The role member with the comma that goes when it goes.
    pub(crate) role: Option<Range<u32>>,
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
    pub(crate) span: Option<Range<u32>>,
}

impl SeenDelta {
    /// Reads the next value as a delta object; anything else is skipped.
    pub(crate) fn read(scan: &mut Scanner<'_>, data: &[u8]) -> Result<Self, Malformed> {
        let mut delta = Self::default();
        let start = scan.next_start();
        if !scan.object()? {
            return Ok(delta);
        }
        // Where the member before the role ends, while the role is the last one seen.
        let mut role_after = None;
        let mut before = scan.position();
        while let Some(key) = scan.key()? {
            if role_after.take().is_some() {
                // Another member follows, so the comma between the two goes.
                delta.role = delta.role.map(|role| role.start..key.start);
            }
            let name = key.text(data).unwrap_or_default();
            if delta.member(scan, &name)? == Member::Role {
                delta.role = Some(key.start..scan.position());
                role_after = Some(before);
            }
            before = scan.position();
        }
        if let Some(before) = role_after {
            delta.role = delta.role.map(|role| before..role.end);
        }
        delta.whole = Some(start..scan.position());
        Ok(delta)
    }

    /// What the object says, and the kind of a second piece where it says two things.
    pub(crate) fn pieces<'a>(&self, data: &'a [u8]) -> (Option<Piece<'a>>, Option<Part>) {
        let [text, thinking, other] = match self.content {
            Some(content) if content.kind == Kind::Array => list(content, data),
            content => [string(Part::Text, content, data), None, None],
        };
        let mut pieces = [
            text,
            self.calls_tool.then(|| self.tool_piece(data)),
            string(Part::Thinking, self.thinking, data).or(thinking),
            string(Part::Other, self.refusal, data).or(other),
        ]
        .into_iter()
        .flatten();
        (pieces.next(), pieces.next().map(|piece| piece.part))
    }

    fn member(&mut self, scan: &mut Scanner<'_>, name: &[u8]) -> Result<Member, Malformed> {
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
    Some(Piece { part, text, span: Some(value.range()) })
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
        text.map(|text| Piece { part: Part::Text, text, span: Some(content.range()) }),
        thinking.then(|| whole(Part::Thinking)),
        other.then(|| whole(Part::Other)),
    ]
}
