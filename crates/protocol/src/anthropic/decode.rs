//! One event of the Anthropic Messages wire.
//!
//! One pass notes where the values of interest lie, in whatever order they come; then the
//! event's type says which of them count.

use super::usual::usual;
use crate::Malformed;
use crate::classify::classify_in_band;
use crate::event::{Begin, Block, Decoded, Delta, Open, Part, Span, StopReason, is_misnamed};
use crate::json::{Scanner, Value};
use crate::usage::read_anthropic;
use std::borrow::Cow;

/// The events whose data is a JSON object.
pub(crate) const EVENT_NAMES: &[&[u8]] = &[
    b"message",
    b"message_start",
    b"message_delta",
    b"message_stop",
    b"content_block_start",
    b"content_block_delta",
    b"content_block_stop",
];

#[inline]
pub(crate) fn decode<'a>(name: &[u8], data: &'a [u8]) -> Result<Decoded<'a>, Malformed> {
    match usual(name, data) {
        Some(event) => Ok(event),
        None => by_all_rules(name, data),
    }
}

#[inline(never)]
fn by_all_rules<'a>(name: &[u8], data: &'a [u8]) -> Result<Decoded<'a>, Malformed> {
    let seen = Seen::read(data)?;
    let mut event = Decoded::default();
    match seen.kind {
        Some(kind) if kind.plain_text(data) == Some(b"content_block_delta") => {
            seen.content_delta(data, &mut event);
            event.misnamed = is_misnamed(name, b"content_block_delta");
        }
        kind => {
            let kind = kind.and_then(|kind| kind.text(data)).unwrap_or(Cow::Borrowed(name));
            seen.rare(&kind, data, &mut event)?;
            event.misnamed = is_misnamed(name, &kind);
        }
    }
    Ok(event)
}

/// Where an event's values lie.
#[derive(Default)]
struct Seen {
    kind: Option<Value>,
    index: Option<Value>,
    delta: SeenDelta,
    block: Option<Value>,
    message: Option<Value>,
    usage: Option<Value>,
    error: bool,
}

#[derive(Default)]
struct SeenDelta {
    whole: Option<Value>,
    kind: Option<Value>,
    text: Option<Value>,
    thinking: Option<Value>,
    partial_json: Option<Value>,
    signature: Option<Value>,
    stop_reason: Option<Value>,
    stop_sequence: Option<Value>,
}

impl Seen {
    fn read(data: &[u8]) -> Result<Self, Malformed> {
        let mut seen = Self::default();
        let mut scan = Scanner::new(data)?;
        let whole = scan.members(|scan, name| {
            if name == b"delta" {
                return seen.delta.read(scan);
            }
            let value = scan.value()?;
            seen.member(name, value);
            Ok(())
        })?;
        scan.finish()?;
        whole.map(|_| seen).ok_or(Malformed { offset: 0 })
    }

    #[inline]
    fn member(&mut self, name: &[u8], value: Value) {
        match name {
            b"type" => self.kind = Some(value),
            b"index" => self.index = Some(value),
            b"usage" => self.usage = Some(value),
            b"error" => self.error = !value.is_null(),
            b"content_block" => self.block = Some(value),
            b"message" => self.message = Some(value),
            _ => {}
        }
    }

    /// Every event but a piece of content.
    #[inline(never)]
    fn rare<'a>(
        &self,
        kind: &[u8],
        data: &'a [u8],
        event: &mut Decoded<'a>,
    ) -> Result<(), Malformed> {
        match kind {
            b"content_block_delta" => self.content_delta(data, event),
            b"content_block_start" => self.block_start(data, event),
            b"content_block_stop" => {
                let (index, span) = self.index(data);
                event.close = Some(index);
                event.spans.index = span;
            }
            b"message_start" => self.message_start(data, event)?,
            b"message_delta" => {
                event.stop = self.delta.stop_reason.and_then(|reason| stop_reason(&reason, data));
                event.spans.stop = self.delta.stop_reason.and_then(Value::span);
                event.spans.stop_sequence = self.delta.stop_sequence.and_then(Value::span);
                self.usage(self.usage, data, event)?;
            }
            b"message_stop" => event.end = true,
            b"ping" => event.ping = true,
            kind => {
                if kind == b"error" || self.error {
                    event.error = Some(Box::new(classify_in_band(data)));
                }
            }
        }
        Ok(())
    }

    fn index(&self, data: &[u8]) -> (u32, Option<Span>) {
        let number = self.index.and_then(|index| index.index(data));
        (number.unwrap_or(0), number.and(self.index).and_then(Value::span))
    }

    #[inline]
    fn content_delta<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>) {
        let (index, span) = self.index(data);
        event.spans.index = span;
        event.spans.delta = self.delta.whole.and_then(Value::span);
        let (part, value) = self.delta.piece(data);
        let text = value.and_then(|value| value.text(data));
        if text.is_some() {
            event.spans.text = value.and_then(Value::span);
        }
        event.delta = Some(Delta { index, part, text: text.unwrap_or_default() });
    }

    fn block_start<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>) {
        let (index, span) = self.index(data);
        event.spans.index = span;
        let member = |name| self.block?.member(data, name);
        let kind = member("type").and_then(|kind| kind.text(data)).unwrap_or_default();
        event.open = Some(Open { index, block: block(&kind) });
        let (part, value) = match &*kind {
            b"text" => (Part::Text, member("text")),
            b"thinking" => (Part::Thinking, member("thinking")),
            _ => return,
        };
        let text = value.and_then(|value| value.text(data)).filter(|text| !text.is_empty());
        if let Some(text) = text {
            event.spans.text = value.and_then(Value::span);
            event.delta = Some(Delta { index, part, text });
        }
    }

    fn message_start<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>) -> Result<(), Malformed> {
        let member = |name| self.message?.member(data, name);
        let text = |name| member(name).filter(Value::is_text);
        let read = |value: Option<Value>| value.and_then(|value| value.str(data));
        let (id, model) = (text("id"), text("model"));
        event.spans.id = id.and_then(Value::span);
        event.spans.model = model.and_then(Value::span);
        event.id = read(id);
        let id = event.id.clone().unwrap_or_default();
        event.begin = Some(Begin { id, model: read(model).unwrap_or_default() });
        self.usage(member("usage"), data, event)
    }

    fn usage(
        &self,
        usage: Option<Value>,
        data: &[u8],
        event: &mut Decoded<'_>,
    ) -> Result<(), Malformed> {
        if let Some(counts) = usage.map_or(Ok(None), |usage| read_anthropic(usage, data))? {
            event.usage = Some(counts.usage);
            event.spans.output_tokens = counts.output_tokens;
        }
        Ok(())
    }
}

impl SeenDelta {
    /// Reads the next value; one that is no object says nothing.
    fn read(&mut self, scan: &mut Scanner<'_>) -> Result<(), Malformed> {
        *self = Self::default();
        self.whole = scan.members(|scan, name| {
            let value = Some(scan.value()?);
            match name {
                b"type" => self.kind = value,
                b"text" => self.text = value,
                b"thinking" => self.thinking = value,
                b"partial_json" => self.partial_json = value,
                b"signature" => self.signature = value,
                b"stop_reason" => self.stop_reason = value,
                b"stop_sequence" => self.stop_sequence = value,
                _ => {}
            }
            Ok(())
        })?;
        Ok(())
    }

    /// The string that the delta's type names.
    fn piece(&self, data: &[u8]) -> (Part, Option<Value>) {
        let kind = self.kind.and_then(|kind| kind.text(data));
        match kind.as_deref() {
            Some(b"text_delta") => (Part::Text, self.text),
            Some(b"thinking_delta") => (Part::Thinking, self.thinking),
            Some(b"signature_delta") => (Part::Thinking, self.signature),
            Some(b"input_json_delta") => (Part::Tool, self.partial_json),
            _ => (Part::Other, None),
        }
    }
}

fn block(kind: &[u8]) -> Block {
    match kind {
        b"text" => Block::Text,
        b"thinking" | b"redacted_thinking" => Block::Thinking,
        b"tool_use" => Block::Tool,
        b"server_tool_use" | b"mcp_tool_use" => Block::ServerTool,
        _ if kind.ends_with(b"_tool_result") => Block::ServerTool,
        _ => Block::Other,
    }
}

fn stop_reason(reason: &Value, data: &[u8]) -> Option<StopReason> {
    Some(match &*reason.text(data)? {
        b"end_turn" => StopReason::EndTurn,
        b"max_tokens" => StopReason::MaxTokens,
        b"stop_sequence" => StopReason::StopSequence,
        b"tool_use" => StopReason::ToolUse,
        b"pause_turn" => StopReason::PauseTurn,
        b"refusal" => StopReason::Refusal,
        b"model_context_window_exceeded" => StopReason::ContextWindow,
        b"" => return None,
        _ => StopReason::Other,
    })
}
