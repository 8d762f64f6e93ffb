//! The parts of a candidate: text, thinking, calls of tools, and the rest.
//!
//! A chunk may hold several; the first kind that is there, in the order text, tool call, rest,
//! thinking, is the delta, and the next of the others is named beside it.

use crate::Malformed;
use crate::event::{Decoded, Delta, Part};
use crate::json::{Scanner, Value};
use std::borrow::Cow;

/// Where the parts of one candidate lie.
#[derive(Default)]
pub(super) struct Parts {
    text: Strings,
    thoughts: Strings,
    /// Thinking that is no text.
    thinks: bool,
    call: Option<Value>,
    other: Option<Value>,
}

/// Strings of one kind; nearly always one.
#[derive(Default)]
struct Strings {
    first: Option<Value>,
    more: Vec<Value>,
}

impl Parts {
    /// Reads the next value as a list of parts; anything else is skipped.
    pub(super) fn read(&mut self, scan: &mut Scanner<'_>, data: &[u8]) -> Result<(), Malformed> {
        if scan.array()? {
            while scan.item()? {
                self.part(scan, data)?;
            }
        }
        Ok(())
    }

    fn part(&mut self, scan: &mut Scanner<'_>, data: &[u8]) -> Result<(), Malformed> {
        let (mut text, mut call, mut thought, mut other) = (None, None, false, false);
        let whole = scan.members(|scan, name| {
            let value = scan.value()?;
            match name {
                b"text" => text = Some(value).filter(Value::is_text),
                b"functionCall" => call = Some(value).filter(Value::is_object),
                b"thought" => thought = value.is_true(),
                b"thoughtSignature" => {}
                _ => other = true,
            }
            Ok(())
        })?;
        match (text, call) {
            (_, Some(call)) => self.call = self.call.or(Some(call)),
            (Some(text), None) if thought => self.thoughts.push(text, data),
            (Some(text), None) => self.text.push(text, data),
            (None, None) if other && thought => self.thinks = true,
            (None, None) if other => self.other = self.other.or(whole),
            (None, None) => {}
        }
        Ok(())
    }

    /// Enters what the parts say into the event.
    pub(super) fn tell<'a>(&self, index: u32, data: &'a [u8], event: &mut Decoded<'a>) {
        let thinks = self.thinks || self.thoughts.first.is_some();
        let raw = |value: Value| Cow::Borrowed(value.raw(data));
        let (part, text) = match (self.text.first, self.call, self.other) {
            (Some(_), ..) => (Part::Text, self.text.joined(data)),
            (None, Some(call), _) => (Part::Tool, raw(call)),
            (None, None, Some(other)) => (Part::Other, raw(other)),
            (None, None, None) if thinks => (Part::Thinking, self.thoughts.joined(data)),
            (None, None, None) => return,
        };
        let beside = [
            (Part::Tool, self.call.is_some()),
            (Part::Other, self.other.is_some()),
            (Part::Thinking, thinks),
        ];
        event.also =
            beside.into_iter().find(|(kind, there)| *there && *kind != part).map(|(kind, _)| kind);
        let (strings, thoughts) = match part {
            Part::Text => (Some(&self.text), Some(&self.thoughts)),
            Part::Thinking => (Some(&self.thoughts), None),
            _ => (None, Some(&self.thoughts)),
        };
        if let Some(strings) = strings {
            event.spans.text = strings.first.and_then(Value::span);
            event.spans.more_text = strings.more.iter().filter_map(|more| more.span()).collect();
        }
        if let Some(thoughts) = thoughts {
            let all = thoughts.first.iter().chain(&thoughts.more);
            event.spans.thoughts = all.filter_map(|value| value.span()).collect();
        }
        event.delta = Some(Delta { index, part, text });
    }
}

impl Strings {
    /// Adds a string that is not empty.
    fn push(&mut self, value: Value, data: &[u8]) {
        if value.raw(data).len() <= 2 {
            return;
        }
        match self.first {
            None => self.first = Some(value),
            Some(_) => self.more.push(value),
        }
    }

    fn joined<'a>(&self, data: &'a [u8]) -> Cow<'a, [u8]> {
        let mut text = self.first.and_then(|first| first.text(data)).unwrap_or_default();
        for more in &self.more {
            text.to_mut().extend_from_slice(&more.text(data).unwrap_or_default());
        }
        text
    }
}
