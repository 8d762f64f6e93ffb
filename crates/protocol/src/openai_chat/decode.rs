//! One chunk of the OpenAI Chat Completions wire.
//!
//! One pass notes where the values of interest lie; a choice is a struct of its own because a
//! chunk may hold several.

use super::delta::SeenDelta;
use crate::classify::classify_in_band;
use crate::event::{Begin, Choices, Decoded, Delta, StopReason};
use crate::json::{Scanner, Value};
use crate::usage::{Counts, read_chat};
use crate::{Failure, FailureKind, Malformed};

pub(crate) fn decode<'a>(name: &[u8], data: &'a [u8]) -> Result<Decoded<'a>, Malformed> {
    let seen = Chunk::read(data)?;
    let mut event = Decoded { error: seen.failure(name, data), ..Decoded::default() };
    seen.head(data, &mut event);
    if let Some(choice) = &seen.choice {
        choice.tell(data, &mut event);
        if choice.delta.role.is_some() {
            let id = event.id.clone().unwrap_or_default();
            let model = seen.model.and_then(|model| model.str(data)).unwrap_or_default();
            event.begin = Some(Begin { id, model });
        }
    }
    event.finished = seen.finished;
    if let Some(counts) = seen.counts {
        event.usage = Some(counts.usage);
        event.usage_only = seen.choice.is_none() && event.error.is_none();
        event.spans.output_tokens = counts.output_tokens;
        event.spans.total_tokens = counts.total_tokens;
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
    counts: Option<Counts>,
    error: bool,
}

impl Chunk {
    fn read(data: &[u8]) -> Result<Self, Malformed> {
        let mut chunk = Self::default();
        let mut scan = Scanner::new(data)?;
        let whole = scan.members(|scan, name| chunk.member(scan, name, data))?;
        scan.finish()?;
        whole.map(|_| chunk).ok_or(Malformed { offset: 0 })
    }

    fn member(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
    ) -> Result<(), Malformed> {
        match name {
            b"id" => self.id = Some(scan.value()?),
            b"created" => self.created = Some(scan.value()?),
            b"model" => self.model = Some(scan.value()?),
            b"object" => self.object = Some(scan.value()?),
            b"choices" => self.choices(scan, data)?,
            b"usage" => self.counts = read_chat(scan, data)?.or(self.counts.take()),
            b"error" => self.error = !scan.value()?.is_null(),
            b"x_groq" => {
                scan.members(|scan, name| {
                    match name {
                        b"usage" => self.counts = read_chat(scan, data)?.or(self.counts.take()),
                        b"error" => self.error |= !scan.value()?.is_null(),
                        _ => {
                            scan.value()?;
                        }
                    }
                    Ok(())
                })?;
            }
            _ => {
                scan.value()?;
            }
        }
        Ok(())
    }

    fn choices(&mut self, scan: &mut Scanner<'_>, data: &[u8]) -> Result<(), Malformed> {
        if !scan.array()? {
            return Ok(());
        }
        while scan.item()? {
            let mut choice = Choice::default();
            scan.members(|scan, name| {
                match name {
                    b"index" => choice.index = Some(scan.value()?),
                    b"delta" => choice.delta = SeenDelta::read(scan, data)?,
                    b"finish_reason" => choice.finish = Some(scan.value()?),
                    // Moonshot reports the counts here.
                    b"usage" => self.counts = read_chat(scan, data)?.or(self.counts.take()),
                    _ => {
                        scan.value()?;
                    }
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
        let object = self.object.and_then(|object| object.text(data));
        if self.error || name == b"error" || object.as_deref() == Some(b"error") {
            return Some(classify_in_band(data));
        }
        match self.choice.as_ref()?.finish(data)? {
            Finish::Failure(kind) => Some(Failure::new(kind)),
            Finish::Stop(_) => None,
        }
    }

    fn head<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>) {
        event.id = self.id.and_then(|id| id.str(data));
        event.created = self.created.and_then(|created| created.u64(data));
        let text = |value: Option<Value>| value.filter(Value::is_text).map(|v| v.range());
        event.spans.id = text(self.id);
        event.spans.model = text(self.model);
        event.spans.created = event.created.and(self.created).map(|created| created.range());
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
            event.spans.stop = self.finish.map(|finish| finish.range());
        }
        let (piece, also) = self.delta.pieces(data);
        event.also = also;
        if let Some(piece) = piece {
            event.spans.text = piece.span;
            event.delta = Some(Delta { index, part: piece.part, text: piece.text });
        }
        event.spans.index = self.index.filter(|i| i.index(data).is_some()).map(|i| i.range());
        event.spans.delta.clone_from(&self.delta.whole);
        event.spans.role.clone_from(&self.delta.role);
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
