//! One connection: how far its response got and what is held back of it.

use cost::Usage;
use http::HeaderMap;
use protocol::{Block, Choices, Reader, StopReason, TurnContent};
use retry_policy::Nanos;
use std::sync::{Arc, OnceLock};

use crate::catch_up::CatchUp;
use crate::cursor::{Asked, Cursor};
use crate::held::Held;
use crate::input::{AttemptId, Break};
use crate::ladder::Choice;
use crate::meter::Meter;
use crate::oddities::Nesting;
use crate::seam::Rung;
use crate::stitch::Stitch;
use crate::text::Joiner;
use crate::transcript::Note;

/// The live attempt.
pub(crate) struct Attempt {
    pub(crate) id: AttemptId,
    pub(crate) rung: Rung,
    pub(crate) choice: Choice,
    pub(crate) began: Nanos,
    pub(crate) phase: Phase,
    pub(crate) reader: Reader,
    pub(crate) flow: Flow,
    /// New bytes of text that earlier attempts brought of the same generation.
    pub(crate) earlier_bytes: u64,
    /// The transport is over; acted upon when every event is read.
    pub(crate) ended: Option<Ended>,
    /// The body ends cleanly behind the chunk that is being read.
    pub(crate) ends_behind: bool,
}

impl Attempt {
    /// Whether it answers with a whole response that was asked for again.
    pub(crate) fn is_fetched(&self) -> bool {
        let is_ok =
            |document: &Document| self.rung == Rung::Fetch && (200..300).contains(&document.status);
        matches!(&self.phase, Phase::Document(document) if is_ok(document))
    }

    /// The body ended without a transport error.
    pub(crate) fn end(&mut self) {
        self.reader.end();
        self.ended = Some(Ended::Clean);
    }

    /// New bytes of text that it brought to the consumer.
    pub(crate) const fn brought(&self) -> u64 {
        self.flow.text_bytes - self.earlier_bytes
    }
}

/// How far the response got.
pub(crate) enum Phase {
    /// Nothing came yet.
    Waiting,
    /// An event stream without a content type: the first byte decides.
    Unlabelled(Box<HeaderMap>),
    /// An event stream.
    Streaming,
    /// Something else, collected to be classified.
    Document(Box<Document>),
}

impl Phase {
    /// A document begins.
    pub(crate) fn document(status: u16, headers: HeaderMap) -> Self {
        Self::Document(Box::new(Document { status, headers, body: Vec::new() }))
    }

    pub(crate) const fn is_streaming(&self) -> bool {
        matches!(self, Self::Streaming)
    }
}

/// A response that is not an event stream.
pub(crate) struct Document {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// How the transport ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    Clean,
    Broke(Break),
}

/// The events of one generation on their way to the consumer. It outlives its attempt where the
/// provider keeps the response.
pub(crate) struct Flow {
    /// The attempt that reads it, or the last one that did.
    pub(crate) attempt: AttemptId,
    pub(crate) rung: Rung,
    /// How the provider was asked for it.
    pub(crate) asked: Rung,
    pub(crate) began: Nanos,
    /// Where the provider keeps it.
    pub(crate) cursor: Option<Box<Cursor>>,
    /// The request, where it is sent again to read on.
    pub(crate) asked_with: Option<Box<Asked>>,
    /// The id under which the provider was asked to keep it (llama.cpp).
    pub(crate) conversation: Option<String>,
    /// It is read on by another attempt than the one that asked for it.
    pub(crate) is_read_on: bool,
    /// An earlier process read it until now.
    pub(crate) is_taken_over: bool,
    /// Its events go on in another attempt, which the consumer was not told yet.
    pub(crate) rejoins: bool,
    pub(crate) hold: Hold,
    pub(crate) held: Held,
    pub(crate) joiner: Joiner,
    /// Where this attempt's blocks go downstream; `None` while they go unchanged.
    pub(crate) blocks: Option<Blocks>,
    /// Where the parts of its output items go (Responses).
    pub(crate) parts: Parts,
    /// The response began in this attempt.
    pub(crate) begun: bool,
    /// More than one event says so (Chat Completions).
    pub(crate) begins_often: bool,
    /// The id of this attempt's response (Chat Completions).
    pub(crate) id: Option<String>,
    /// What it was asked of in the place of the caller's model.
    pub(crate) asked_model: Option<Arc<str>>,
    /// Something was shown before that another model wrote.
    pub(crate) is_foreign: bool,
    /// Something was shown of it.
    pub(crate) has_shown: bool,
    /// The model of this attempt, as the provider names it.
    pub(crate) model: Option<Arc<str>>,
    /// More than one event had it.
    pub(crate) id_repeated: bool,
    /// What is told of a response that was fetched whole, less what was told before.
    pub(crate) catch_up: Option<CatchUp>,
    /// Bytes of repetition that were dropped before the seam was decided.
    pub(crate) eaten: usize,
    pub(crate) stops: Stops,
    /// Which of its blocks is open, where that is known (Messages).
    pub(crate) nesting: Option<Nesting>,
    /// As the provider reported it.
    pub(crate) usage: Usage,
    /// The output count is the provider's final one.
    pub(crate) usage_final: bool,
    /// Content that came, whether or not it is new.
    pub(crate) meter: Meter,
    /// Tokens of its request, once they were asked for and not reported.
    pub(crate) estimated_input: OnceLock<u64>,
    /// The caller's stop sequence over the seam: no new content belongs to the response.
    pub(crate) stopped_at: Option<String>,
    /// Its content as it came, where a pause may need it.
    pub(crate) turn: Option<Box<TurnContent>>,
    /// Its end is not told, and the response goes on behind it.
    pub(crate) goes_on: Option<StopReason>,
    /// New bytes of text that it brought to the consumer.
    pub(crate) text_bytes: u64,
}

impl Flow {
    /// Whether its thinking is that of another answer than the one which is shown.
    pub(crate) fn leaves_thinking(&self) -> bool {
        self.blocks.is_some() && self.rung != Rung::Turn
    }

    pub(crate) fn new(attempt: AttemptId, rung: Rung, stops: Stops, began: Nanos) -> Self {
        Self {
            attempt,
            rung,
            asked: rung,
            began,
            cursor: None,
            asked_with: None,
            conversation: None,
            is_read_on: false,
            is_taken_over: false,
            rejoins: false,
            hold: Hold::Lifecycle,
            held: Held::default(),
            joiner: Joiner::default(),
            blocks: None,
            parts: Parts::default(),
            begun: false,
            begins_often: false,
            id: None,
            asked_model: None,
            is_foreign: false,
            has_shown: false,
            model: None,
            id_repeated: false,
            catch_up: None,
            eaten: 0,
            stops,
            nesting: None,
            usage: Usage::default(),
            usage_final: false,
            meter: Meter::default(),
            estimated_input: OnceLock::new(),
            stopped_at: None,
            turn: None,
            goes_on: None,
            text_bytes: 0,
        }
    }
}

/// Why events wait.
pub(crate) enum Hold {
    /// They do not.
    Nothing,
    /// Nothing was shown yet: another attempt may still take this one's place.
    Lifecycle,
    /// The seam is not decided. The request contained this many bytes of the text.
    Seam(Box<Stitch>, usize),
    /// A tool call is only released when the model stopped.
    Tools,
}

/// Which choices stopped, of how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stops {
    choices: u32,
    finished: Choices,
}

impl Stops {
    pub(crate) fn new(choices: u32) -> Self {
        Self { choices, finished: Choices::default() }
    }

    /// The reason, when this event is the one after which all choices stopped.
    pub(crate) fn take(&mut self, note: &Note) -> Option<StopReason> {
        self.finished = self.finished.union(note.finished);
        note.stop.filter(|_| self.choices <= 1 || self.finished.count() >= self.choices)
    }
}

/// Where the content blocks of a continuation go downstream.
#[derive(Debug, Default)]
pub(crate) struct Blocks(Vec<(u32, Place)>);

/// Where one block goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It has this index downstream.
    At(u32),
    /// It is not forwarded.
    Nowhere,
}

impl Blocks {
    pub(crate) fn insert(&mut self, index: u32, place: Place) {
        self.0.push((index, place));
    }

    /// Whether a block of this attempt goes there.
    pub(crate) fn reach(&self, downstream: u32) -> bool {
        self.0.iter().any(|(_, place)| *place == Place::At(downstream))
    }

    /// A block that never opened keeps its index.
    pub(crate) fn place(&self, index: u32) -> Place {
        let found = self.0.iter().rev().find(|(upstream, _)| *upstream == index);
        found.map_or(Place::At(index), |(_, place)| *place)
    }
}

/// Where the parts of a continuation's output items go downstream.
#[derive(Debug, Default)]
pub(crate) struct Parts(Vec<(NodePlace, NodePlace)>);

/// The index of an item and that of a part in it.
pub(crate) type NodePlace = (u32, u32);

impl Parts {
    pub(crate) fn insert(&mut self, upstream: NodePlace, downstream: NodePlace) {
        self.0.push((upstream, downstream));
    }

    pub(crate) fn place(&self, upstream: NodePlace) -> Option<NodePlace> {
        self.0.iter().rev().find(|(place, _)| *place == upstream).map(|(_, place)| *place)
    }

    /// Whether a part of this attempt goes there.
    pub(crate) fn reach(&self, downstream: NodePlace) -> bool {
        self.0.iter().any(|(_, place)| *place == downstream)
    }
}

/// Whether a continuation's block goes on where the open one was cut.
pub(crate) fn merges(open: Option<(u32, Block)>, block: Block) -> Option<u32> {
    match (open, block) {
        (Some((index, Block::Text)), Block::Text) => Some(index),
        _ => None,
    }
}
