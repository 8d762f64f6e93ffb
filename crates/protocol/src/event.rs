//! What one server-sent event says, borrowed from its data.
//!
//! Plain data that [`decode`](crate::decode) fills; nothing is kept from one event to the next.

use crate::Failure;
use cost::Usage;
use std::borrow::Cow;
use std::num::NonZeroU32;
use std::ops::Range;

/// All that one server-sent event says; every field is usually empty.
///
/// An event of a kind that is not known leaves every field empty and is to be passed through.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Decoded<'a> {
    /// The event is a sign of life and nothing else.
    pub ping: bool,
    /// The answer begins. On the chat wire: the chunk says the role, which some servers repeat. On
    /// the Gemini wire: the chunk says something of the answer, as nearly all do.
    pub begin: Option<Begin<'a>>,
    /// The id of the answer, as each chunk of the chat wire and of Gemini's, `message_start` and the
    /// events of the Responses wire with a whole response say it.
    pub id: Option<Cow<'a, str>>,
    /// When the answer was created, in Unix seconds; OpenAI's wires only.
    pub created: Option<u64>,
    /// A content block opens. Where it opens with its first words in it, they are the `delta`.
    pub open: Option<Open>,
    /// A piece of content. Empty pieces of the chat wire are left out.
    pub delta: Option<Delta<'a>>,
    /// A part that the event carries beside `delta`, such as a tool call in a chunk with text.
    pub also: Option<Part>,
    /// The block of this index closes.
    pub close: Option<u32>,
    /// Why the model stopped. On the chat wire and Gemini's: of the choice that `choice` names.
    pub stop: Option<StopReason>,
    /// The last event of the stream: `message_stop`, `[DONE]`, or on the Responses wire the event
    /// with the reason to stop. The Gemini wire has none.
    pub end: bool,
    /// Token counts of the whole request as of this event. Never add them up.
    pub usage: Option<Usage>,
    /// A chunk that carries token counts and no choice.
    pub usage_only: bool,
    /// The index of the choice that the chunk speaks of; chat wire and Gemini's only. Where a chunk
    /// speaks of several, the first.
    pub choice: Option<u32>,
    /// Every choice for which the chunk says a reason to stop.
    pub finished: Choices,
    /// The event only says that the answer exists and is under way; Responses wire only.
    pub underway: bool,
    /// The number of the event in its stream; Responses wire only.
    pub sequence: Option<u64>,
    /// Where in the answer's output the event stands; Responses wire only.
    pub node: Option<Node>,
    /// The provider's id of the output item that opens or ends; Responses wire only.
    pub item_id: Option<Cow<'a, str>>,
    /// All that a part said, as the event that ends its text repeats it; Responses wire only.
    pub whole: Option<Cow<'a, [u8]>>,
    /// The event's name is not the type that its data says, which wins; on the wires that have both.
    pub misnamed: bool,
    /// The provider reports a failure inside the stream.
    pub error: Option<Box<Failure>>,
    /// Where the values lie that [`rewrite`](crate::rewrite()) may change.
    pub spans: Spans,
}

/// Whether an event of this type has another name. One without a name, or with the one that a browser
/// gives it then, has none.
#[inline(always)]
pub(crate) fn is_misnamed(name: &[u8], kind: &[u8]) -> bool {
    name != kind && !matches!(name, b"" | b"message")
}

/// The first words of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begin<'a> {
    /// The provider's id of the answer; empty when there is none.
    pub id: Cow<'a, str>,
    /// The model that answers; empty when the provider does not say.
    pub model: Cow<'a, str>,
}

/// A content block that opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its index among the blocks of the answer.
    pub index: u32,
    /// What it holds.
    pub block: Block,
}

/// What a content block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Block {
    /// Text.
    Text,
    /// Thinking, readable or redacted.
    Thinking,
    /// A tool call for the application.
    Tool,
    /// A tool call that the provider runs, or its result.
    ServerTool,
    /// Anything else.
    Other,
}

/// A piece of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta<'a> {
    /// The index of the block; on the chat wire and Gemini's, of the choice; on the Responses wire,
    /// of the output item.
    pub index: u32,
    /// What it is a piece of.
    pub part: Part,
    /// The unescaped bytes, borrowed when there was nothing to unescape.
    ///
    /// They may hold invalid UTF-8, and a surrogate without its other half as three bytes
    /// (`ED A0..BF xx`); the other half may be in the next piece. For a part that is no string
    /// the bytes are its JSON text or nothing.
    pub text: Cow<'a, [u8]>,
}

/// Where in the output of an answer an event of the Responses wire stands, and what it does there.
///
/// The output is a list of items, such as messages, and an item holds parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// The index of the item in the output.
    pub item: u32,
    /// The index of the part in its item: `content_index` or `summary_index`.
    pub part: Option<u32>,
    /// What happens.
    pub act: Act,
}

/// What an event does to an item of the output or to a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The item opens.
    OpensItem(Block),
    /// The part opens.
    OpensPart(PartKind),
    /// The part says something.
    Says(PartKind),
    /// The part has said everything.
    EndsText(PartKind),
    /// The part is whole.
    EndsPart(PartKind),
    /// The item is whole.
    EndsItem(Block),
    /// Anything else.
    Other,
}

/// What a part of an output item holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartKind {
    /// Text of the answer.
    Text,
    /// A refusal.
    Refusal,
    /// Thinking.
    Reasoning,
    /// A summary of thinking.
    Summary,
    /// Anything else.
    Other,
}

/// What a piece of content is a piece of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Text of the answer.
    Text,
    /// Thinking, or its signature.
    Thinking,
    /// A tool call.
    Tool,
    /// Citations, refusals and everything that is not known.
    Other,
}

/// Why a model stopped, over all wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// The answer is complete.
    EndTurn,
    /// The limit of output tokens.
    MaxTokens,
    /// One of the caller's stop sequences.
    StopSequence,
    /// The model waits for results of tools.
    ToolUse,
    /// A long turn is paused; the caller may send it back to go on.
    PauseTurn,
    /// The model or a filter refused.
    Refusal,
    /// The context window is full.
    ContextWindow,
    /// A reason that is not known.
    Other,
}

/// A set of choice indices below [`Choices::LIMIT`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices(u128);

impl Choices {
    /// Every choice.
    pub const ALL: Self = Self(u128::MAX);

    /// How many choices a set can tell apart; OpenAI allows as many in one request.
    pub const LIMIT: u32 = 128;

    /// Adds a choice. An index that is not below [`Choices::LIMIT`] is left out.
    pub fn insert(&mut self, index: u32) {
        self.0 |= 1u128.checked_shl(index).unwrap_or(0);
    }

    /// Whether the choice is in the set.
    #[must_use]
    pub fn contains(self, index: u32) -> bool {
        self.0 & 1u128.checked_shl(index).unwrap_or(0) != 0
    }

    /// All choices of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// How many choices are in the set.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }
}

/// A byte range in the data of an event that is not empty, within its first 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: NonZeroU32,
}

impl Span {
    /// From the first byte to the one behind the last; `None` when that is nothing.
    #[must_use]
    pub const fn new(start: u32, end: u32) -> Option<Self> {
        match NonZeroU32::new(end) {
            Some(end) if start < end.get() => Some(Self { start, end }),
            _ => None,
        }
    }

    pub(crate) const fn start(self) -> u32 {
        self.start
    }

    pub(crate) const fn end(self) -> u32 {
        self.end.get()
    }

    /// The range, to take it out of the data.
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end.get() as usize
    }
}

/// Byte ranges in the data of an event, of values that may be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spans {
    /// The id of the answer, with its quotes.
    pub id: Option<Span>,
    /// The creation time.
    pub created: Option<Span>,
    /// The model, with its quotes.
    pub model: Option<Span>,
    /// The index of the block; on the chat wire and Gemini's, of the choice; on the Responses wire,
    /// of the output item.
    pub index: Option<Span>,
    /// The string that [`Delta::text`] was read from, with its quotes. Where the text comes as
    /// a list of parts, the whole list: a new text takes the place of all of them, also of
    /// those that `also` names.
    pub text: Option<Span>,
    /// The other strings of the same kind, which a new text empties; Gemini wire only.
    pub more_text: Vec<Span>,
    /// Strings of thinking beside the delta; Gemini wire only.
    pub thoughts: Vec<Span>,
    /// The whole delta object.
    pub delta: Option<Span>,
    /// The `role` member of the delta object with the comma that goes when it goes.
    pub role: Option<Span>,
    /// The reason to stop, with its quotes; on the chat wire and Gemini's that of the first choice.
    pub stop: Option<Span>,
    /// The stop sequence that the model came upon, or null; Anthropic only.
    pub stop_sequence: Option<Span>,
    /// The count of output tokens.
    pub output_tokens: Option<Span>,
    /// The count of all tokens; OpenAI's wires and Gemini's only.
    pub total_tokens: Option<Span>,
    /// The number of the event; this and the following on the Responses wire only.
    pub sequence: Option<Span>,
    /// The id of the output item, with its quotes.
    pub item_id: Option<Span>,
    /// The index of the part in its item.
    pub part_index: Option<Span>,
    /// The whole item or the whole part that opens or ends.
    pub node: Option<Span>,
    /// The parts of a message that ends, or the items of an answer that ends: an array.
    pub list: Option<Span>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_beyond_the_limit_are_never_finished() {
        let mut choices = Choices::default();
        choices.insert(0);
        choices.insert(Choices::LIMIT - 1);
        choices.insert(Choices::LIMIT);
        assert_eq!(choices.count(), 2);
        assert!(choices.contains(127) && !choices.contains(128) && !choices.contains(1));
        let mut other = Choices::default();
        other.insert(1);
        assert_eq!(choices.union(other).count(), 3);
    }

    #[test]
    fn an_empty_span_is_none() {
        assert_eq!([(0, 0), (3, 3), (4, 3)].map(|(start, end)| Span::new(start, end)), [None; 3]);
        assert_eq!(Span::new(0, 1).map(Span::range), Some(0..1));
    }

    #[test]
    fn a_decoded_event_is_small_enough_to_be_handed_on() {
        assert!(size_of::<Decoded<'_>>() <= 512, "{}", size_of::<Decoded<'_>>());
    }
}
