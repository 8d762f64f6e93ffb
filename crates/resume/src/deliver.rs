//! From events to one coherent downstream stream: one start, continuous block indices, one
//! id, merged usage, one end.

mod calls;
mod late;
mod responses;
mod stop;

use bytes::Bytes;
use protocol::{Block, Part, Rewrite, Spans, Wire};

use crate::attempt::{Flow, Hold, Place, merges};
use crate::config::{SeamPolicy, Tools};
use crate::frame::Frame;
use crate::held::{Event, Trimmed, Waiting};
use crate::items::Repeats;
use crate::journal;
use crate::outcome::Cause;
use crate::output::Output;
use crate::seam::{Seam, SeamLabel};
use crate::session::Session;
use crate::source::Moved;
use crate::text::Joiner;
use crate::transcript::{Note, Tool};

pub use calls::BrokenCalls;
pub(crate) use late::Unsaid;

/// The text of an event.
#[derive(Clone, Copy)]
pub(crate) enum Words<'a> {
    /// It has none.
    None,
    /// As it stands in the event, perhaps with half a character at either end.
    Raw(&'a [u8]),
    /// Ready, as it was held.
    Joined(&'a str),
}

impl Words<'_> {
    /// Bytes that it adds, or a few less when halves of a character are joined.
    pub(crate) const fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Raw(bytes) => bytes.len(),
            Self::Joined(text) => text.len(),
        }
    }

    /// Returns how much of it is no text and was replaced.
    pub(crate) fn append_to(self, out: &mut String, joiner: &mut Joiner) -> u64 {
        match self {
            Self::None => {}
            Self::Raw(bytes) => return joiner.push(bytes, out),
            Self::Joined(text) => out.push_str(text),
        }
        0
    }
}

/// What of an event is changed on its way, and whether it goes at all.
#[derive(Default)]
struct Edits {
    index: Option<u32>,
    drop_role: bool,
    drop_thoughts: bool,
    renamed: bool,
    renames_model: bool,
    output_added: u64,
    /// All that a part said.
    whole: Option<String>,
    sequence: Option<u64>,
    item_id: Option<String>,
    part_index: Option<u32>,
    list: Option<String>,
    /// The stop sequence that ends the answer, in the wire's words.
    stop: Option<(&'static str, String)>,
}

impl Session {
    /// Gives an event to the consumer, as the downstream stream needs it.
    pub(crate) fn deliver(
        &mut self,
        flow: &mut Flow,
        event: Event,
        words: Words<'_>,
    ) -> Result<(), Cause> {
        self.forward(flow, event, words, Trimmed::No)
    }

    /// Releases every waiting event.
    pub(crate) fn release(&mut self, flow: &mut Flow) -> Result<(), Cause> {
        flow.hold = Hold::Nothing;
        while let Some(Waiting { event, text, trimmed }) = flow.held.pop() {
            let words = if text.is_empty() { Words::None } else { Words::Joined(&text) };
            self.forward(flow, event, words, trimmed)?;
        }
        Ok(())
    }

    /// Releases waiting events up to a call of a tool that waits for the stop reason.
    fn release_to_call(&mut self, flow: &mut Flow) -> Result<(), Cause> {
        flow.hold = Hold::Nothing;
        while let Some(next) = flow.held.front() {
            if next.note.tool == Tool::Call && self.config.tools == Tools::Held {
                flow.hold = Hold::Tools;
                return Ok(());
            }
            let Some(Waiting { event, text, trimmed }) = flow.held.pop() else { break };
            let words = if text.is_empty() { Words::None } else { Words::Joined(&text) };
            self.forward(flow, event, words, trimmed)?;
        }
        Ok(())
    }

    /// Closes the seam: drops the repetition and releases the rest.
    pub(crate) fn join(
        &mut self,
        flow: &mut Flow,
        drop: usize,
        label: SeamLabel,
    ) -> Result<(), Cause> {
        self.note_seam(flow, drop, label)?;
        flow.held.eat(drop);
        self.release_to_call(flow)
    }

    fn note_seam(&mut self, flow: &Flow, drop: usize, label: SeamLabel) -> Result<(), Cause> {
        if label == SeamLabel::None && self.config.seams == SeamPolicy::RefuseUnverified {
            return Err(Cause::SeamUnverified);
        }
        let seam = Seam {
            attempt: flow.attempt,
            rung: flow.rung,
            offset: self.transcript.text.len() as u64,
            label,
            dropped: (flow.eaten + drop) as u64,
            model: flow.model.clone().filter(|model| {
                self.transcript.model.as_deref().is_some_and(|first| first != &**model)
            }),
            moved: self.moved(),
        };
        self.record(journal::seam(&seam));
        self.summary.seams.push(seam.clone());
        self.queue.push_back(Output::Seam(seam));
        Ok(())
    }

    /// What the seam says of who goes on.
    fn moved(&self) -> Option<Box<Moved>> {
        let writer = self.author.last()?;
        let (from, to) = (writer.source.clone(), self.source());
        let is_elsewhere = match writer.upstream {
            Some(upstream) => upstream != self.upstream,
            None => self.upstream > 0 && from.endpoint != to.endpoint,
        };
        (is_elsewhere || from.model != to.model).then(|| Box::new(Moved { from, to }))
    }

    pub(crate) fn emit_heartbeat(&mut self, name: Bytes, data: Bytes) {
        let end = self.transcript.text.len();
        self.queue
            .push_back(Output::Emit { seq: None, frame: Frame { name, data, text: end..end } });
    }

    fn forward(
        &mut self,
        flow: &mut Flow,
        event: Event,
        words: Words<'_>,
        trimmed: Trimmed,
    ) -> Result<(), Cause> {
        if event.note.ping {
            self.emit_heartbeat(event.name, event.data);
            return Ok(());
        }
        let Event { mut note, name, data, spans } = event;
        if note.usage_only && !self.request.wants_usage() {
            return Ok(());
        }
        let Some(mut edits) = self.place(flow, &mut note, &data, &spans) else { return Ok(()) };
        edits.renames_model = edits.renamed && flow.is_foreign;
        let start = self.transcript.text.len();
        if start + words.len() > self.config.limits.text_bytes {
            return Err(Cause::TooLarge);
        }
        let half = flow.joiner.is_open();
        self.oddities.replaced += words.append_to(&mut self.transcript.text, &mut flow.joiner);
        let half = half || flow.joiner.is_open();
        let end = self.transcript.text.len();
        if end > start {
            self.transcript.text_events += 1;
            flow.text_bytes += (end - start) as u64;
            self.call.on_progress((end - start) as u64);
        }
        let continues = flow.blocks.is_some();
        let text = match note.part {
            _ if edits.whole.is_some() => edits.whole.as_deref(),
            // Half a character is no text: what follows a cut would begin with all of it.
            Some(Part::Text) if trimmed == Trimmed::Yes || half => {
                Some(&self.transcript.text[start..end])
            }
            // It only comes this far beside a stop reason.
            Some(Part::Thinking) if flow.leaves_thinking() => Some(""),
            _ => None,
        };
        let data = if continues || text.is_some() {
            self.edited(&data, &spans, &edits, text)
        } else {
            data
        };
        self.summary.continued_with_tool |= continues && note.tool == Tool::Call;
        self.transcript.apply(&note);
        flow.has_shown |= note.part.is_some();
        let half = flow.joiner.is_open();
        let repeats = self.trace(&note, &name, &data, &spans, start, half)?;
        self.emit(name, data, start..end);
        // It is delivered first: its record is what tells a resume that the text has a hole.
        if repeats == Repeats::No { Err(Cause::Contradicted) } else { Ok(()) }
    }

    /// The event's data with its edits made.
    fn edited(&self, data: &[u8], spans: &Spans, edits: &Edits, text: Option<&str>) -> Bytes {
        let rewrite = Rewrite {
            id: self.transcript.id.as_deref().filter(|_| edits.renamed),
            model: self.transcript.model.as_deref().filter(|_| edits.renames_model),
            created: self.transcript.created.filter(|_| edits.renamed),
            index: edits.index,
            text,
            drop_stop: false,
            drop_role: edits.drop_role,
            drop_thoughts: edits.drop_thoughts,
            output_added: edits.output_added,
            sequence: edits.sequence,
            item_id: edits.item_id.as_deref(),
            part_index: edits.part_index,
            list: edits.list.as_deref(),
            stop: edits.stop.as_ref().map(|(word, _)| *word),
            stop_sequence: edits.stop.as_ref().map(|(_, sequence)| sequence.as_str()),
        };
        Bytes::from(protocol::rewrite(data, spans, &rewrite))
    }

    fn emit(&mut self, name: Bytes, data: Bytes, text: std::ops::Range<usize>) {
        let seq = self.next_seq(journal::emitted_records(data.len()) as u64);
        self.queue.push_back(Output::Emit { seq: Some(seq), frame: Frame { name, data, text } });
    }

    /// Finds an event's place downstream; `None` when it has none. Events of the first
    /// attempt go unchanged.
    fn place(
        &mut self,
        flow: &mut Flow,
        note: &mut Note,
        data: &[u8],
        spans: &Spans,
    ) -> Option<Edits> {
        if flow.blocks.is_none() {
            return Some(Edits::default());
        }
        // From the stop reason on, counts are those of the whole response.
        let counts = note.stop.is_some() || note.usage_only || self.transcript.stop.is_some();
        let edits = match self.request.wire() {
            Wire::AnthropicMessages => self.place_block(flow, note)?,
            Wire::OpenAiChat | Wire::Gemini => self.place_chunk(note)?,
            Wire::OpenAiResponses => self.place_node(flow, note, data, spans)?,
        };
        let output_added = if counts { self.earlier_output } else { 0 };
        let stop = self.stop_in_words(flow, note);
        Some(Edits { output_added, stop, ..edits })
    }

    fn place_chunk(&self, note: &mut Note) -> Option<Edits> {
        let repeats = note.begin && self.transcript.begun;
        let thinks = note.part == Some(Part::Thinking) && note.stop.is_none();
        // Some servers say the counts after the stop reason in a chunk that has a role.
        let begins = repeats && note.is_lifecycle() && self.transcript.stop.is_none();
        if begins || thinks {
            return None;
        }
        Some(Edits { renamed: true, drop_role: repeats, drop_thoughts: true, ..Edits::default() })
    }

    fn place_block(&mut self, flow: &mut Flow, note: &mut Note) -> Option<Edits> {
        if note.begin && self.transcript.begun {
            return None;
        }
        if let Some((index, block)) = note.open {
            return self.place_open(flow, note, index, block);
        }
        if note.stop.is_some() {
            self.close_open_block();
        }
        let upstream = note.close.or_else(|| note.part.map(|_| note.index));
        let Some(upstream) = upstream else { return Some(Edits::default()) };
        match flow.blocks.as_ref()?.place(upstream) {
            Place::Nowhere => None,
            Place::At(index) => {
                note.close = note.close.map(|_| index);
                Some(Edits { index: (index != upstream).then_some(index), ..Edits::default() })
            }
        }
    }

    fn place_open(
        &mut self,
        flow: &mut Flow,
        note: &mut Note,
        index: u32,
        block: Block,
    ) -> Option<Edits> {
        let leaves_thinking = flow.leaves_thinking();
        let blocks = flow.blocks.as_mut()?;
        if let Some(open) = merges(self.transcript.open, block) {
            blocks.insert(index, Place::At(open));
            return None;
        }
        if block == Block::Thinking && leaves_thinking {
            blocks.insert(index, Place::Nowhere);
            return None;
        }
        let downstream = self.transcript.next_index;
        blocks.insert(index, Place::At(downstream));
        self.close_open_block();
        note.open = Some((downstream, block));
        Some(Edits { index: Some(downstream), ..Edits::default() })
    }

    /// Closes the block that a cut left open and that nothing goes on with.
    fn close_open_block(&mut self) {
        let Some((index, _)) = self.transcript.open else { return };
        let data = format!(r#"{{"type":"content_block_stop","index":{index}}}"#);
        self.transcript.apply(&Note { close: Some(index), ..Note::default() });
        let end = self.transcript.text.len();
        self.emit(Bytes::from_static(b"content_block_stop"), Bytes::from(data), end..end);
    }
}
