//! One event of the OpenAI Responses wire.
//!
//! One pass notes where the top-level values lie; the few events that carry a whole response, an
//! item or a part are looked into after that. Source of the event types:
//! <https://platform.openai.com/docs/api-reference/responses-streaming>.

use super::usual::usual;
use crate::classify::classify_in_band;
use crate::event::{
    Act, Begin, Block, Decoded, Delta, Node, Open, Part, PartKind, StopReason, is_misnamed,
};
use crate::json::{Kind, Scanner, Value};
use crate::usage::read_response;
use crate::{Failure, FailureKind, Malformed};
use std::borrow::Cow;

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
    let kind = seen.kind.and_then(|kind| kind.text(data)).unwrap_or(Cow::Borrowed(name));
    let mut event = Decoded::default();
    seen.place(data, &mut event);
    match &*kind {
        b"response.output_text.delta" => {
            seen.says(data, &mut event, Part::Text, Act::Says(PartKind::Text));
        }
        b"response.output_item.added" => seen.item(data, &mut event, Act::OpensItem),
        b"response.output_item.done" => seen.item(data, &mut event, Act::EndsItem),
        b"response.content_part.added" => seen.part(data, &mut event, Act::OpensPart),
        b"response.content_part.done" => seen.part(data, &mut event, Act::EndsPart),
        b"response.reasoning_summary_part.added" => seen.part(data, &mut event, Act::OpensPart),
        b"response.reasoning_summary_part.done" => seen.part(data, &mut event, Act::EndsPart),
        b"response.created" => seen.created(data, &mut event),
        b"response.in_progress" | b"response.queued" => {
            event.underway = true;
            seen.head(data, &mut event);
        }
        b"response.completed" => seen.ended(data, &mut event, Ending::Completed)?,
        b"response.incomplete" => seen.ended(data, &mut event, Ending::Incomplete)?,
        b"response.failed" => event.error = Some(Box::new(seen.failure(data))),
        kind => seen.other(kind, data, &mut event),
    }
    event.misnamed = is_misnamed(name, &kind);
    Ok(event)
}

/// How the last event of an answer calls it.
#[derive(Clone, Copy)]
enum Ending {
    Completed,
    Incomplete,
}

/// Where an event's values lie.
#[derive(Default)]
struct Seen {
    kind: Option<Value>,
    sequence: Option<Value>,
    item_id: Option<Value>,
    output_index: Option<Value>,
    part_index: Option<Value>,
    delta: Option<Value>,
    text: Option<Value>,
    item: Option<Value>,
    part: Option<Value>,
    response: Option<Value>,
    error: bool,
}

impl Seen {
    fn read(data: &[u8]) -> Result<Self, Malformed> {
        let mut seen = Self::default();
        let mut scan = Scanner::new(data)?;
        let whole = scan.members(|scan, name| {
            let value = scan.value()?;
            seen.member(name, value);
            Ok(())
        })?;
        scan.finish()?;
        whole.map(|_| seen).ok_or(Malformed { offset: 0 })
    }

    fn member(&mut self, name: &[u8], value: Value) {
        let place = match name {
            b"type" => &mut self.kind,
            b"sequence_number" => &mut self.sequence,
            b"item_id" => &mut self.item_id,
            b"output_index" => &mut self.output_index,
            b"content_index" | b"summary_index" => &mut self.part_index,
            b"delta" => &mut self.delta,
            b"text" => &mut self.text,
            b"item" => &mut self.item,
            b"part" => &mut self.part,
            b"response" => &mut self.response,
            b"error" => {
                self.error = !value.is_null();
                return;
            }
            _ => return,
        };
        *place = Some(value);
    }

    /// What every event may say: its number and its place in the output.
    fn place(&self, data: &[u8], event: &mut Decoded<'_>) {
        event.sequence = self.sequence.and_then(|number| number.u64(data));
        event.spans.sequence = event.sequence.and(self.sequence).and_then(Value::span);
        let index = |value: Option<Value>| value.filter(|v| v.index(data).is_some());
        let read = |value: Option<Value>| value.and_then(|value| value.index(data));
        event.spans.index = index(self.output_index).and_then(Value::span);
        event.spans.part_index = index(self.part_index).and_then(Value::span);
        event.spans.item_id = self.item_id.filter(Value::is_text).and_then(Value::span);
        let part = read(self.part_index);
        event.node = read(self.output_index).map(|item| Node { item, part, act: Act::Other });
    }

    /// Puts what happens where it happens. An event that names no item speaks of the first.
    fn act(event: &mut Decoded<'_>, act: Act) -> u32 {
        let Node { item, part, .. } =
            event.node.unwrap_or(Node { item: 0, part: None, act: Act::Other });
        event.node = Some(Node { item, part, act });
        item
    }

    fn says<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>, part: Part, act: Act) {
        let index = Self::act(event, act);
        let text = self.delta.and_then(|delta| delta.text(data));
        event.spans.text = self.delta.filter(|_| text.is_some()).and_then(Value::span);
        event.delta = Some(Delta { index, part, text: text.unwrap_or_default() });
    }

    /// A tool call or something unknown, whose pieces are strings or nothing.
    fn calls<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>, part: Part) {
        if self.delta.is_some() {
            self.says(data, event, part, Act::Other);
        } else {
            event.also = Some(part);
        }
    }

    fn ends_text<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>, kind: PartKind) {
        Self::act(event, Act::EndsText(kind));
        let whole = self.text.and_then(|text| text.text(data));
        event.spans.text = self.text.filter(|_| whole.is_some()).and_then(Value::span);
        event.whole = whole;
    }

    fn part(&self, data: &[u8], event: &mut Decoded<'_>, act: fn(PartKind) -> Act) {
        let member = |name| self.part?.member(data, name);
        let kind = match member("type").and_then(|kind| kind.text(data)).as_deref() {
            Some(b"output_text") => PartKind::Text,
            Some(b"refusal") => PartKind::Refusal,
            Some(b"reasoning_text") => PartKind::Reasoning,
            Some(b"summary_text") => PartKind::Summary,
            _ => PartKind::Other,
        };
        Self::act(event, act(kind));
        event.spans.text = member("text").filter(Value::is_text).and_then(Value::span);
        event.spans.node = self.part.filter(Value::is_object).and_then(Value::span);
    }

    fn item<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>, act: fn(Block) -> Act) {
        let member = |name| self.item?.member(data, name);
        let block = self.item.map_or(Block::Other, |item| block(item, data));
        let index = Self::act(event, act(block));
        let id = member("id").filter(Value::is_text);
        event.item_id = id.and_then(|id| id.str(data));
        event.spans.item_id = id.and_then(Value::span);
        event.spans.node = self.item.filter(Value::is_object).and_then(Value::span);
        if act(block) == Act::OpensItem(block) {
            event.open = Some(Open { index, block });
            return;
        }
        event.close = Some(index);
        // Also where the event that opened the call was left out.
        event.also = (block == Block::Tool).then_some(Part::Tool);
        if block == Block::Text {
            let list = member("content").filter(|list| list.kind == Kind::Array);
            event.spans.list = list.and_then(Value::span);
        }
    }

    fn created<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>) {
        event.underway = true;
        self.head(data, event);
        let model = self.response.and_then(|response| response.member(data, "model"));
        let model = model.and_then(|model| model.str(data)).unwrap_or_default();
        event.begin = Some(Begin { id: event.id.clone().unwrap_or_default(), model });
    }

    /// What every whole response says of itself.
    fn head<'a>(&self, data: &'a [u8], event: &mut Decoded<'a>) {
        let member = |name| self.response?.member(data, name);
        let text = |name| member(name).filter(Value::is_text);
        event.id = text("id").and_then(|id| id.str(data));
        event.spans.id = text("id").and_then(Value::span);
        event.spans.model = text("model").and_then(Value::span);
        let created = member("created_at");
        event.created = created.and_then(|created| created.u64(data));
        event.spans.created = event.created.and(created).and_then(Value::span);
    }

    #[cold]
    fn ended<'a>(
        &self,
        data: &'a [u8],
        event: &mut Decoded<'a>,
        ending: Ending,
    ) -> Result<(), Malformed> {
        self.head(data, event);
        event.end = true;
        let response = self.response.unwrap_or(Value { start: 0, end: 0, kind: Kind::Null });
        let output = response.member(data, "output").filter(|list| list.kind == Kind::Array);
        event.stop = Some(match ending {
            Ending::Completed if output.is_some_and(|output| calls_tool(output, data)) => {
                StopReason::ToolUse
            }
            Ending::Completed => StopReason::EndTurn,
            Ending::Incomplete => incomplete_reason(response, data),
        });
        event.spans.list = output.and_then(Value::span);
        if let Some(counts) = read_response(response, data)? {
            event.usage = Some(counts.usage);
            event.spans.output_tokens = counts.output_tokens;
            event.spans.total_tokens = counts.total_tokens;
        }
        Ok(())
    }

    /// The error of a response that failed.
    fn failure(&self, data: &[u8]) -> Failure {
        let error =
            |response: &Value| response.member(data, "error").is_some_and(|error| !error.is_null());
        match self.response.filter(error) {
            Some(response) => classify_in_band(response.raw(data)),
            None if self.error => classify_in_band(data),
            None => Failure::new(FailureKind::Server),
        }
    }

    fn other<'a>(&self, kind: &[u8], data: &'a [u8], event: &mut Decoded<'a>) {
        if kind == b"error" || self.error {
            event.error = Some(Box::new(classify_in_band(data)));
            return;
        }
        let Some(what) = kind.strip_prefix(b"response.") else { return };
        let (subject, verb) = match what.iter().rposition(|byte| *byte == b'.') {
            Some(dot) => (&what[..dot], &what[dot + 1..]),
            None => return,
        };
        match (subject, verb) {
            (b"output_text", b"done") => self.ends_text(data, event, PartKind::Text),
            (b"refusal", b"delta") => {
                self.says(data, event, Part::Other, Act::Says(PartKind::Refusal));
            }
            (b"refusal", b"done") => {
                Self::act(event, Act::EndsText(PartKind::Refusal));
            }
            _ if subject.starts_with(b"reasoning") => self.reasoning(subject, verb, data, event),
            (b"function_call_arguments" | b"custom_tool_call_input", _) => {
                self.calls(data, event, Part::Tool);
            }
            // A tool that the provider runs, a citation, speech: content of a kind that no
            // continuation can take up again.
            _ if subject != b"output_item"
                && subject != b"content_part"
                && event.node.is_some() =>
            {
                self.calls(data, event, Part::Other);
            }
            (b"audio" | b"audio.transcript", _) => self.calls(data, event, Part::Other),
            _ => {}
        }
    }

    fn reasoning<'a>(&self, subject: &[u8], verb: &[u8], data: &'a [u8], event: &mut Decoded<'a>) {
        let kind = if subject.starts_with(b"reasoning_summary") {
            PartKind::Summary
        } else {
            PartKind::Reasoning
        };
        match verb {
            b"delta" => self.says(data, event, Part::Thinking, Act::Says(kind)),
            b"done" => self.ends_text(data, event, kind),
            _ => {}
        }
    }
}

fn block(item: Value, data: &[u8]) -> Block {
    match item.member(data, "type").and_then(|kind| kind.text(data)).as_deref() {
        Some(b"message") => Block::Text,
        Some(b"reasoning") => Block::Thinking,
        Some(
            b"function_call"
            | b"custom_tool_call"
            | b"computer_call"
            | b"local_shell_call"
            | b"shell_call"
            | b"apply_patch_call"
            | b"mcp_approval_request",
        ) => Block::Tool,
        Some(b"mcp_list_tools") => Block::ServerTool,
        Some(kind) if kind.ends_with(b"_call") || kind.ends_with(b"_call_output") => {
            Block::ServerTool
        }
        _ => Block::Other,
    }
}

/// Whether an item of the output waits for the application.
fn calls_tool(output: Value, data: &[u8]) -> bool {
    let mut calls = false;
    output.each_item(data, |item| calls |= block(item, data) == Block::Tool);
    calls
}

fn incomplete_reason(response: Value, data: &[u8]) -> StopReason {
    let details = response.member(data, "incomplete_details");
    let reason = details.and_then(|details| details.member(data, "reason"));
    match reason.and_then(|reason| reason.text(data)).as_deref() {
        Some(b"max_output_tokens" | b"max_tokens") => StopReason::MaxTokens,
        Some(b"content_filter") => StopReason::Refusal,
        _ => StopReason::Other,
    }
}
