//! One event of the Anthropic Messages wire.
//!
//! One pass notes where the values of interest lie, in whatever order they come; then the
//! event's type says which of them count.

use crate::Malformed;
use crate::classify::classify_in_band;
use crate::event::{Begin, Block, Decoded, Delta, Open, Part, StopReason};
use crate::json::{Scanner, Value};
use crate::usage::{Counts, read_anthropic};
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

pub(crate) fn decode<'a>(name: &[u8], data: &'a [u8]) -> Result<Decoded<'a>, Malformed> {
    let seen = Seen::read(data)?;
    let kind = seen.kind.and_then(|kind| kind.text(data)).unwrap_or(Cow::Borrowed(name));
    let mut event = Decoded::default();
    match &*kind {
        b"content_block_delta" => seen.content_delta(data, &mut event),
        b"content_block_start" => seen.block_start(data, &mut event),
        b"content_block_stop" => {
            event.close = Some(seen.index(data));
            event.spans.index = seen.index_span(data);
        }
        b"message_start" => seen.message_start(data, &mut event),
        b"message_delta" => {
            event.stop = seen.delta.stop_reason.and_then(|reason| stop_reason(&reason, data));
            event.spans.stop = seen.delta.stop_reason.map(|reason| reason.range());
            event.spans.stop_sequence = seen.delta.stop_sequence.map(|sequence| sequence.range());
            seen.usage(&mut event);
        }
        b"message_stop" => event.end = true,
        b"ping" => event.ping = true,
        kind => {
            if kind == b"error" || seen.error {
                event.error = Some(classify_in_band(data));
            }
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
    block: SeenBlock,
    id: Option<Value>,
    model: Option<Value>,
    counts: Option<Counts>,
    error: bool,
}

/// A content block as it opens, which may hold the first words.
#[derive(Default)]
struct SeenBlock {
    kind: Option<Value>,
    text: Option<Value>,
    thinking: Option<Value>,
}

#[derive(Default)]
struct SeenDelta {
    whole: Option<Value>,
    kind: Option<Value>,
    /// The string under the key that the delta's type names.
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
        let whole = scan.members(|scan, name| seen.member(scan, name, data))?;
        scan.finish()?;
        whole.map(|_| seen).ok_or(Malformed { offset: 0 })
    }

    fn member(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
    ) -> Result<(), Malformed> {
        match name {
            b"type" => self.kind = Some(scan.value()?),
            b"index" => self.index = Some(scan.value()?),
            b"delta" => self.delta = SeenDelta::read(scan)?,
            b"usage" => self.counts = read_anthropic(scan, data)?,
            b"error" => self.error = !scan.value()?.is_null(),
            b"content_block" => self.block = SeenBlock::read(scan)?,
            b"message" => {
                scan.members(|scan, name| self.message_member(scan, name, data))?;
            }
            _ => {
                scan.value()?;
            }
        }
        Ok(())
    }

    fn message_member(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
    ) -> Result<(), Malformed> {
        match name {
            b"id" => self.id = Some(scan.value()?),
            b"model" => self.model = Some(scan.value()?),
            b"usage" => self.counts = read_anthropic(scan, data)?,
            _ => {
                scan.value()?;
            }
        }
        Ok(())
    }

    fn index(&self, data: &[u8]) -> u32 {
        self.index.and_then(|index| index.index(data)).unwrap_or(0)
    }

    fn index_span(&self, data: &[u8]) -> Option<std::ops::Range<u32>> {
        self.index.filter(|index| index.index(data).is_some()).map(|index| index.range())
    }

    fn content_delta<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>) {
        let delta = &self.delta;
        let kind = delta.kind.and_then(|kind| kind.text(data));
        let (part, value) = match kind.as_deref() {
            Some(b"text_delta") => (Part::Text, delta.text),
            Some(b"thinking_delta") => (Part::Thinking, delta.thinking),
            Some(b"signature_delta") => (Part::Thinking, delta.signature),
            Some(b"input_json_delta") => (Part::Tool, delta.partial_json),
            _ => (Part::Other, None),
        };
        let text = value.and_then(|value| value.text(data));
        event.spans.text = value.filter(|_| text.is_some()).map(|value| value.range());
        let text = text.unwrap_or_default();
        event.delta = Some(Delta { index: self.index(data), part, text });
        event.spans.delta = delta.whole.map(|whole| whole.range());
        event.spans.index = self.index_span(data);
    }

    fn block_start<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>) {
        let index = self.index(data);
        let kind = self.block.kind.and_then(|kind| kind.text(data));
        let block = block(kind.as_deref().unwrap_or_default());
        event.open = Some(Open { index, block });
        event.spans.index = self.index_span(data);
        let (part, value) = match kind.as_deref() {
            Some(b"text") => (Part::Text, self.block.text),
            Some(b"thinking") => (Part::Thinking, self.block.thinking),
            _ => return,
        };
        let text = value.and_then(|value| value.text(data)).filter(|text| !text.is_empty());
        if let Some(text) = text {
            event.spans.text = value.map(|value| value.range());
            event.delta = Some(Delta { index, part, text });
        }
    }

    fn message_start<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>) {
        let read = |value: Option<Value>| value.and_then(|value| value.str(data));
        let id = read(self.id);
        event.spans.id = self.id.filter(|_| id.is_some()).map(|id| id.range());
        let model = read(self.model);
        event.spans.model = self.model.filter(|_| model.is_some()).map(|model| model.range());
        event.id.clone_from(&id);
        event.begin = Some(Begin { id: id.unwrap_or_default(), model: model.unwrap_or_default() });
        self.usage(event);
    }

    fn usage(&self, event: &mut Decoded<'_>) {
        if let Some(counts) = &self.counts {
            event.usage = Some(counts.usage);
            event.spans.output_tokens.clone_from(&counts.output_tokens);
        }
    }
}

impl SeenBlock {
    fn read(scan: &mut Scanner<'_>) -> Result<Self, Malformed> {
        let mut block = Self::default();
        scan.members(|scan, name| {
            let value = Some(scan.value()?);
            match name {
                b"type" => block.kind = value,
                b"text" => block.text = value,
                b"thinking" => block.thinking = value,
                _ => {}
            }
            Ok(())
        })?;
        Ok(block)
    }
}

impl SeenDelta {
    fn read(scan: &mut Scanner<'_>) -> Result<Self, Malformed> {
        let mut delta = Self::default();
        let whole = scan.members(|scan, name| {
            let value = Some(scan.value()?);
            match name {
                b"type" => delta.kind = value,
                b"text" => delta.text = value,
                b"thinking" => delta.thinking = value,
                b"partial_json" => delta.partial_json = value,
                b"signature" => delta.signature = value,
                b"stop_reason" => delta.stop_reason = value,
                b"stop_sequence" => delta.stop_sequence = value,
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self { whole, ..delta })
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
