//! One chunk of the OpenAI Chat Completions wire.
//!
//! One pass notes where the values of interest lie; a choice is a struct of its own because a
//! chunk may hold several.

use super::delta::SeenDelta;
use super::usual::usual;
use crate::classify::classify_in_band;
use crate::event::{Begin, Choices, Decoded, Delta, StopReason};
use crate::json::{Scanner, Value};
use crate::usage::read_chat;
use crate::{Failure, FailureKind, Malformed};

#[inline]
pub(crate) fn decode<'a>(name: &[u8], data: &'a [u8]) -> Result<Decoded<'a>, Malformed> {
    match usual(name, data) {
        Some(event) => Ok(event),
        None => by_all_rules(name, data),
    }
}

#[inline(never)]
fn by_all_rules<'a>(name: &[u8], data: &'a [u8]) -> Result<Decoded<'a>, Malformed> {
    let seen = Chunk::read(data)?;
    let mut event = Decoded { finished: seen.finished, ..Decoded::default() };
    seen.head(data, &mut event);
    if let Some(choice) = &seen.choice {
        choice.tell(data, &mut event);
        if choice.delta.role.is_some() {
            let id = event.id.clone().unwrap_or_default();
            let model = seen.model.and_then(|model| model.str(data)).unwrap_or_default();
            event.begin = Some(Begin { id, model });
        }
    }
    event.error = seen.failure(name, data).map(Box::new);
    if let Some(usage) = seen.usage {
        seen.usage(usage, data, &mut event)?;
    }
    Ok(event)
}

/// Where a chunk's values lie.
#[derive(Default)]
struct Chunk {
    id: Option<Value>,
    created: Option<Value>,
    model: Option<Value>,
    object: Option<Value>,
    /// The first choice.
    choice: Option<Choice>,
    /// The choices that end.
    finished: Choices,
    /// The last object with counts.
    usage: Option<Value>,
    error: bool,
}

impl Chunk {
    fn read(data: &[u8]) -> Result<Self, Malformed> {
        let mut chunk = Self::default();
        let mut scan = Scanner::new(data)?;
        let whole = scan.members(|scan, name| {
            if name == b"choices" {
                return chunk.choices(scan, data);
            }
            let value = scan.value()?;
            chunk.member(name, value, data);
            Ok(())
        })?;
        scan.finish()?;
        whole.map(|_| chunk).ok_or(Malformed { offset: 0 })
    }

    #[inline]
    fn member(&mut self, name: &[u8], value: Value, data: &[u8]) {
        match name {
            b"id" => self.id = Some(value),
            b"created" => self.created = Some(value),
            b"model" => self.model = Some(value),
            b"object" => self.object = Some(value),
            b"usage" => self.counts(value),
            b"error" => self.error = !value.is_null(),
            b"x_groq" => {
                value.member(data, "usage").into_iter().for_each(|usage| self.counts(usage));
                self.error |= value.member(data, "error").is_some_and(|error| !error.is_null());
            }
            _ => {}
        }
    }

    /// Notes counts. Every chunk has the name, and nearly all say `null`.
    fn counts(&mut self, usage: Value) {
        if usage.is_object() {
            self.usage = Some(usage);
        }
    }

    fn choices(&mut self, scan: &mut Scanner<'_>, data: &[u8]) -> Result<(), Malformed> {
        if !scan.array()? {
            return Ok(());
        }
        while scan.item()? {
            let mut choice = Choice::default();
            scan.members(|scan, name| {
                if name == b"delta" {
                    return choice.delta.read(scan, data);
                }
                let value = scan.value()?;
                match name {
                    b"index" => choice.index = Some(value),
                    b"finish_reason" => choice.finish = Some(value),
                    // Moonshot reports the counts here.
                    b"usage" => self.counts(value),
                    _ => {}
                }
                Ok(())
            })?;
            if let Some(Finish::Stop(_)) = choice.finish(data) {
                self.finished.insert(choice.number(data));
            }
            self.choice.get_or_insert(choice);
        }
        Ok(())
    }

    fn failure(&self, name: &[u8], data: &[u8]) -> Option<Failure> {
        let is_error = |object: Value| object.says(data, "error");
        if self.error || name == b"error" || self.object.is_some_and(is_error) {
            return Some(classify_in_band(data));
        }
        match self.choice.as_ref()?.finish(data)? {
            Finish::Failure(kind) => Some(Failure::new(kind)),
            Finish::Stop(_) => None,
        }
    }

    fn usage(&self, usage: Value, data: &[u8], event: &mut Decoded<'_>) -> Result<(), Malformed> {
        if let Some(counts) = read_chat(usage, data)? {
            event.usage = Some(counts.usage);
            event.usage_only = self.choice.is_none() && event.error.is_none();
            event.spans.output_tokens = counts.output_tokens;
            event.spans.total_tokens = counts.total_tokens;
        }
        Ok(())
    }

    fn head<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>) {
        event.id = self.id.and_then(|id| id.str(data));
        event.created = self.created.and_then(|created| created.u64(data));
        let text = |value: Option<Value>| value.filter(Value::is_text).and_then(Value::span);
        event.spans.id = text(self.id);
        event.spans.model = text(self.model);
        event.spans.created = event.created.and(self.created).and_then(Value::span);
    }
}

#[derive(Default)]
struct Choice {
    index: Option<Value>,
    delta: SeenDelta,
    finish: Option<Value>,
}

impl Choice {
    fn number(&self, data: &[u8]) -> u32 {
        self.index.and_then(|index| index.index(data)).unwrap_or(0)
    }

    fn finish(&self, data: &[u8]) -> Option<Finish> {
        finish(&self.finish?.text(data)?)
    }

    fn tell<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>) {
        let index = self.number(data);
        event.choice = Some(index);
        if let Some(Finish::Stop(reason)) = self.finish(data) {
            event.stop = Some(reason);
            event.spans.stop = self.finish.and_then(Value::span);
        }
        let pieces = self.delta.pieces(data);
        event.also = pieces.also;
        if let Some(piece) = pieces.first {
            event.spans.text = piece.span;
            event.delta = Some(Delta { index, part: piece.part, text: piece.text });
        }
        event.spans.index = self.index.filter(|i| i.index(data).is_some()).and_then(Value::span);
        event.spans.delta = self.delta.whole;
        event.spans.role = self.delta.role;
    }
}

/// What a `finish_reason` means.
enum Finish {
    Stop(StopReason),
    Failure(FailureKind),
}

fn finish(reason: &[u8]) -> Option<Finish> {
    Some(Finish::Stop(match reason {
        b"" => return None,
        b"stop" | b"eos" | b"end_turn" => StopReason::EndTurn,
        b"length" | b"max_tokens" => StopReason::MaxTokens,
        b"stop_sequence" => StopReason::StopSequence,
        b"tool_calls" | b"function_call" | b"tool_use" => StopReason::ToolUse,
        b"content_filter" | b"refusal" | b"safety" | b"sensitive" => StopReason::Refusal,
        b"model_length" | b"model_context_window_exceeded" => StopReason::ContextWindow,
        b"error" | b"abort" | b"network_error" => {
            return Some(Finish::Failure(FailureKind::Server));
        }
        b"insufficient_system_resource" => {
            return Some(Finish::Failure(FailureKind::Overloaded));
        }
        _ => StopReason::Other,
    }))
}
