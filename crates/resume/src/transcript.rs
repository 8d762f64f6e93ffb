//! What the consumer has: the text, and where the downstream stream stands.
//!
//! The same rules apply to an event that is being delivered and to one that is read back
//! from a journal, so that a checkpoint is nothing but the fold of what was delivered.

use protocol::{Block, Decoded, Node, Part, StopReason};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::deliver::Unsaid;
use crate::items::Items;

/// The downstream stream so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transcript {
    /// All text that was delivered.
    pub(crate) text: String,
    /// Events that brought text: a lower bound of the output tokens.
    pub(crate) text_events: u64,
    /// Text events before the answer that is given now: a limit of tokens is one of each answer.
    pub(crate) text_events_before: u64,
    /// Ends of answers behind which the response went on.
    pub(crate) went_on: Vec<StopReason>,
    /// The end of the last of them, which was not told.
    pub(crate) unsaid: VecDeque<Unsaid>,
    /// The turn that was paused, to be sent back.
    pub(crate) turn: Option<Turn>,
    /// Something was delivered behind the end of the answer before.
    pub(crate) has_moved: bool,
    /// The stream's first event was delivered.
    pub(crate) begun: bool,
    /// Something other than lifecycle events was delivered.
    pub(crate) shown: bool,
    /// The response's id, which every later event keeps.
    pub(crate) id: Option<String>,
    /// Its creation time, likewise (OpenAI's wires alone).
    pub(crate) created: Option<u64>,
    /// The model, as the provider names it.
    pub(crate) model: Option<String>,
    /// The content block or the output item that is open, and what it is.
    pub(crate) open: Option<(u32, Block)>,
    /// Index of the next content block or output item.
    pub(crate) next_index: u32,
    /// The output items (Responses).
    pub(crate) items: Items,
    /// Something was delivered that no continuation can take up again.
    pub(crate) final_content: bool,
    /// Some of that was no call of a tool.
    pub(crate) other_content: bool,
    /// Why the model stopped, once it did.
    pub(crate) stop: Option<StopReason>,
    /// The wire's last event was delivered.
    pub(crate) ended: bool,
}

impl Transcript {
    /// Takes note of a delivered event. Its text is added by the caller.
    pub(crate) fn apply(&mut self, note: &Note) {
        if let Some(open) = note.open {
            self.open = Some(open);
            self.next_index = open.0.saturating_add(1);
            self.final_content |= !matches!(open.1, Block::Text | Block::Thinking);
            self.other_content |= !matches!(open.1, Block::Text | Block::Thinking | Block::Tool);
        }
        if let Some(part) = note.part {
            self.shown = true;
            self.other_content |= part == Part::Other || note.choice > 0;
        }
        self.other_content |= note.also_other;
        self.final_content |= self.other_content;
        self.final_content |= note.tool == Tool::Call;
        if note.close.is_some() {
            self.open = None;
        }
        (self.begun, self.has_moved) = (true, true);
        self.items.count(note.sequence);
        self.stop = note.stop.or(self.stop);
        self.ended |= note.end;
    }

    /// The turn that is to be sent back; nothing of what follows it was delivered.
    pub(crate) fn paused(&self) -> Option<&Turn> {
        self.turn.as_ref().filter(|_| !self.has_moved)
    }

    /// The answer is over, and the response goes on.
    pub(crate) fn go_on(&mut self, reason: StopReason, turn: Option<Turn>) {
        self.went_on.push(reason);
        (self.turn, self.has_moved) = (turn, false);
        self.unsaid.clear();
        self.text_events_before = self.text_events;
    }

    /// Keeps the first id and the first model that are not empty.
    pub(crate) fn identify(&mut self, decoded: &Decoded<'_>) {
        let named = |name: &&Cow<'_, str>| !name.is_empty();
        if self.id.is_none() {
            let id = decoded.id.as_ref().filter(named);
            self.id = id.map(|id| id.clone().into_owned());
            self.created = decoded.created;
        }
        if self.model.is_none() {
            let model = decoded.begin.as_ref().map(|begin| &begin.model).filter(named);
            self.model = model.map(|model| model.clone().into_owned());
        }
    }
}

/// A turn that its provider paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Its content blocks in JSON, with commas between them.
    pub(crate) blocks: Arc<str>,
    /// The container that its tools run in.
    pub(crate) container: Option<Arc<str>>,
}

/// Whether an event belongs to a tool call of the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tool {
    #[default]
    None,
    Call,
}

impl Tool {
    fn of(decoded: &Decoded<'_>) -> Self {
        let part = decoded.delta.as_ref().map(|delta| delta.part);
        let block = decoded.open.map(|open| open.block);
        let calls = part == Some(Part::Tool)
            || decoded.also == Some(Part::Tool)
            || block == Some(Block::Tool);
        if calls { Self::Call } else { Self::None }
    }
}

/// The part of a decoded event that outlives its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Note {
    /// The event says nothing but that the connection lives.
    pub(crate) ping: bool,
    pub(crate) begin: bool,
    pub(crate) open: Option<(u32, Block)>,
    pub(crate) part: Option<Part>,
    /// The event speaks of a tool call, beside whatever else it holds.
    pub(crate) tool: Tool,
    /// The event has a part beside what it says that is neither text nor thinking nor a call.
    pub(crate) also_other: bool,
    pub(crate) index: u32,
    pub(crate) close: Option<u32>,
    pub(crate) stop: Option<StopReason>,
    pub(crate) end: bool,
    pub(crate) usage_only: bool,
    pub(crate) choice: u32,
    pub(crate) finished: protocol::Choices,
    /// The event only says that the response is under way (Responses).
    pub(crate) underway: bool,
    /// The number of the event (Responses).
    pub(crate) sequence: Option<u64>,
    /// Where in the output it stands (Responses).
    pub(crate) node: Option<Node>,
}

impl Note {
    pub(crate) fn of(decoded: &Decoded<'_>) -> Self {
        let delta = decoded
            .delta
            .as_ref()
            .filter(|delta| !delta.text.is_empty() || delta.part != Part::Text);
        Self {
            ping: decoded.ping,
            begin: decoded.begin.is_some(),
            open: decoded.open.map(|open| (open.index, open.block)),
            part: delta.map(|delta| delta.part).or(decoded.also),
            tool: Tool::of(decoded),
            also_other: decoded.also == Some(Part::Other),
            index: delta.map_or(0, |delta| delta.index),
            close: decoded.close,
            stop: decoded.stop,
            end: decoded.end,
            usage_only: decoded.usage_only,
            choice: decoded.choice.unwrap_or(0),
            finished: decoded.finished,
            underway: decoded.underway,
            sequence: decoded.sequence,
            node: decoded.node,
        }
    }

    /// Whether the event only frames content: nothing is shown by it.
    pub(crate) const fn is_lifecycle(&self) -> bool {
        self.part.is_none() && self.stop.is_none() && !self.end
    }
}
