//! The output items of a response on the Responses wire, as far as the consumer was told of
//! them. Its events repeat whole what was said in pieces, so a continuation has to know it.
//!
//! Kept are messages and thinking: after anything else there is no continuation.

use bytes::Bytes;
use protocol::{Act, Block, Decoded, Node, PartKind, Span, ended_item, ended_part, json_string};

use crate::text;
use crate::transcript::Transcript;

/// Whether the form of an item or a part is kept.
const fn is_kept(act: Act) -> bool {
    match act {
        Act::OpensItem(block) | Act::EndsItem(block) => {
            matches!(block, Block::Text | Block::Thinking)
        }
        Act::OpensPart(_) | Act::EndsPart(_) => true,
        Act::Says(_) | Act::EndsText(_) | Act::Other => false,
    }
}

/// The form of a part that no event opened.
const fn bare_part(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Reasoning => r#"{"type":"reasoning_text","text":""}"#,
        PartKind::Summary => r#"{"type":"summary_text","text":""}"#,
        _ => r#"{"type":"output_text","text":"","annotations":[]}"#,
    }
}

/// What an item is that no event opened, by its parts.
const fn block_of(kind: PartKind) -> Block {
    match kind {
        PartKind::Reasoning | PartKind::Summary => Block::Thinking,
        _ => Block::Text,
    }
}

/// What the consumer was told of the response's output.
#[derive(Clone, Debug, Default)]
pub(crate) struct Items {
    items: Vec<Item>,
    /// The number of the next event, where events have numbers.
    next_sequence: Option<u64>,
    /// The part that the latest text belongs to, by its item and its own index.
    talking: Option<(u32, u32)>,
    /// Bytes of items, parts and thinking that were kept, those that later ones replaced included.
    kept_bytes: usize,
}

/// One output item.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) index: u32,
    pub(crate) block: Block,
    pub(crate) id: Option<String>,
    /// The item as its latest event has it.
    raw: Bytes,
    parts: Vec<Part>,
    ended: bool,
}

/// One part of an item.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) kind: PartKind,
    pub(crate) index: u32,
    pub(crate) stage: Stage,
    /// The part as its latest event has it.
    raw: Bytes,
    /// Where in the response's text its own lies.
    said: std::ops::Range<usize>,
    /// Its thinking, as it stands between the quotes of JSON strings.
    thought: Vec<u8>,
}

/// How far a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Open,
    /// Everything was said.
    Said,
    Ended,
}

/// What an event that was delivered says of an item or a part.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) node: Node,
    pub(crate) item_id: Option<&'a str>,
    /// The item or the part.
    pub(crate) raw: &'a [u8],
    /// All that the part said.
    pub(crate) whole: Option<&'a [u8]>,
    /// The piece of thinking, with the quotes of its JSON string.
    pub(crate) thought: &'a [u8],
    /// Where in the text that of the event begins.
    pub(crate) from: usize,
    /// Half a character waits, so that the text is not whole.
    pub(crate) half: bool,
}

impl<'a> Told<'a> {
    /// What an event says as it was delivered; `None` where it speaks of no item.
    pub(crate) fn of(
        decoded: &'a Decoded<'_>,
        data: &'a [u8],
        from: usize,
        half: bool,
    ) -> Option<Self> {
        let slice = |span: Option<Span>| data.get(span?.range());
        Some(Self {
            node: decoded.node?,
            item_id: decoded.item_id.as_deref(),
            raw: slice(decoded.spans.node).unwrap_or_default(),
            whole: decoded.whole.as_deref(),
            thought: slice(decoded.spans.text).unwrap_or_default(),
            from,
            half,
        })
    }
}

/// Whether what the provider repeats is what was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Repeats {
    Yes,
    No,
}

impl Transcript {
    /// Takes note of what was said of an item or a part. The event's text is in the text already.
    ///
    /// Text that differs from its repetition has a hole that nothing fills, and text of parts in
    /// turns lies in no order that a request could have: neither can be taken up again.
    pub(crate) fn trace(&mut self, told: &Told<'_>) -> Repeats {
        let traced = self.items.trace(told, &self.text);
        self.final_content |= !matches!(traced, Traced::Fits);
        if matches!(traced, Traced::Differs) { Repeats::No } else { Repeats::Yes }
    }
}

enum Traced {
    Fits,
    Differs,
    Tangled,
}

impl Items {
    /// The number that the next event gets, where events have numbers.
    pub(crate) const fn next_sequence(&self) -> Option<u64> {
        self.next_sequence
    }

    /// Bytes that were kept.
    pub(crate) const fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Counts an event that was delivered.
    pub(crate) fn count(&mut self, sequence: Option<u64>) {
        self.next_sequence = sequence.map(|number| number.saturating_add(1)).or(self.next_sequence);
    }

    /// Every item, in the order in which they opened.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Item> {
        self.items.iter()
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Item> {
        self.items.iter().rev().find(|item| item.index == index)
    }

    fn trace(&mut self, told: &Told<'_>, text: &str) -> Traced {
        let Node { item, part, act } = told.node;
        let part = part.unwrap_or(0);
        if is_kept(act) {
            self.kept_bytes += told.raw.len();
        }
        match act {
            Act::OpensItem(block) => self.open(item, block, told),
            Act::EndsItem(block) => {
                let raw =
                    if is_kept(act) { Bytes::copy_from_slice(told.raw) } else { Bytes::new() };
                let item = self.item(item, block);
                (item.raw, item.ended) = (raw, true);
                item.parts.clear();
            }
            Act::OpensPart(kind) => {
                let new = Part { raw: Bytes::copy_from_slice(told.raw), ..Part::new(kind, part) };
                self.item(item, block_of(kind)).parts.push(new);
            }
            Act::Says(PartKind::Text) => return self.talk(item, part, told, text),
            Act::Says(kind) => {
                let inside = told.thought.get(1..told.thought.len().saturating_sub(1));
                self.kept_bytes += told.thought.len();
                let part = self.item(item, block_of(kind)).part(kind, part);
                part.thought.extend_from_slice(inside.unwrap_or_default());
            }
            Act::EndsText(kind) => {
                let part = self.item(item, block_of(kind)).part(kind, part);
                part.stage = Stage::Said;
                if kind == PartKind::Text && !told.half && !part.repeats(told.whole, text) {
                    return Traced::Differs;
                }
            }
            Act::EndsPart(kind) => {
                let raw = Bytes::copy_from_slice(told.raw);
                let part = self.item(item, block_of(kind)).part(kind, part);
                (part.raw, part.stage) = (raw, Stage::Ended);
            }
            Act::Other => {}
        }
        Traced::Fits
    }

    fn open(&mut self, index: u32, block: Block, told: &Told<'_>) {
        self.items.push(Item {
            index,
            block,
            id: told.item_id.map(str::to_owned),
            raw: if is_kept(told.node.act) {
                Bytes::copy_from_slice(told.raw)
            } else {
                Bytes::new()
            },
            parts: Vec::new(),
            ended: false,
        });
    }

    fn talk(&mut self, item: u32, part: u32, told: &Told<'_>, text: &str) -> Traced {
        let place = (item, part);
        let goes_on = self.talking.replace(place) == Some(place);
        let part = self.item(item, Block::Text).part(PartKind::Text, part);
        if !goes_on && !part.said.is_empty() {
            return Traced::Tangled;
        }
        if part.said.is_empty() {
            part.said.start = told.from;
        }
        part.said.end = text.len();
        Traced::Fits
    }

    /// The item of this index; one that no event opened is what `block` says.
    fn item(&mut self, index: u32, block: Block) -> &mut Item {
        let found = self.items.iter().rposition(|item| item.index == index);
        let at = found.unwrap_or_else(|| {
            self.items.push(Item {
                index,
                block,
                id: None,
                raw: Bytes::new(),
                parts: Vec::new(),
                ended: false,
            });
            self.items.len() - 1
        });
        &mut self.items[at]
    }
}

impl Item {
    /// The part that waits for its end, if one does.
    pub(crate) fn open_part(&self) -> Option<&Part> {
        self.parts.iter().find(|part| part.stage != Stage::Ended)
    }

    /// Whether the provider ended it.
    pub(crate) const fn is_ended(&self) -> bool {
        self.ended
    }

    /// How far the part of this kind and index is; `None` where there is none.
    pub(crate) fn stage(&self, kind: PartKind, index: u32) -> Option<Stage> {
        Some(self.find(kind, index)?.stage)
    }

    /// The thinking of a part, as it stands between the quotes of JSON strings.
    pub(crate) fn thought(&self, kind: PartKind, index: u32) -> Option<&[u8]> {
        Some(&self.find(kind, index)?.thought)
    }

    fn find(&self, kind: PartKind, index: u32) -> Option<&Part> {
        let in_summary = |kind| kind == PartKind::Summary;
        let is_it = |part: &&Part| part.index == index && in_summary(part.kind) == in_summary(kind);
        self.parts.iter().find(is_it)
    }

    /// The index of the next content part.
    pub(crate) fn next_part(&self) -> u32 {
        let content = self.parts.iter().filter(|part| part.kind != PartKind::Summary);
        content.map(|part| part.index.saturating_add(1)).max().unwrap_or(0)
    }

    /// What the text part of this index said so far.
    pub(crate) fn text<'a>(&self, part: u32, text: &'a str) -> Option<&'a str> {
        let is_it = |one: &&Part| one.kind == PartKind::Text && one.index == part;
        text.get(self.parts.iter().find(is_it)?.said.clone())
    }

    /// The parts as a JSON array.
    pub(crate) fn list(&self, text: &str) -> String {
        let parts: Vec<String> = self.parts.iter().map(|part| part.json(text)).collect();
        format!("[{}]", parts.join(","))
    }

    /// The item as it stands in the output. `own` is what the event that ends the answer says of
    /// it, and says it best where the item is nothing that was kept.
    pub(crate) fn json(&self, own: Option<&[u8]>, text: &str) -> Option<String> {
        let lossy = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
        match (self.block, own) {
            (Block::Text | Block::Thinking, _) if self.ended => Some(lossy(&self.raw)),
            (Block::Text, Some(own)) => {
                self.with_parts(own, None, text).or_else(|| Some(lossy(own)))
            }
            (_, own) => own.map(lossy),
        }
    }

    /// The item as one that the provider did not end.
    pub(crate) fn incomplete(&self, text: &str) -> Option<String> {
        self.with_parts(&self.raw, Some("incomplete"), text)
    }

    fn with_parts(&self, raw: &[u8], status: Option<&str>, text: &str) -> Option<String> {
        let parts: Vec<_> = self.parts.iter().map(|part| (part.kind, part.json(text))).collect();
        let parts: Vec<_> = parts.iter().map(|(kind, part)| (*kind, part.as_str())).collect();
        ended_item(raw, self.id.as_deref(), status, &parts)
    }

    fn part(&mut self, kind: PartKind, index: u32) -> &mut Part {
        let in_summary = |kind| kind == PartKind::Summary;
        let is_it = |part: &Part| part.index == index && in_summary(part.kind) == in_summary(kind);
        let at = self.parts.iter().position(is_it).unwrap_or_else(|| {
            self.parts.push(Part::new(kind, index));
            self.parts.len() - 1
        });
        &mut self.parts[at]
    }
}

impl Part {
    fn new(kind: PartKind, index: u32) -> Self {
        let (raw, thought) = (Bytes::new(), Vec::new());
        Self { kind, index, stage: Stage::Open, raw, said: 0..0, thought }
    }

    /// Its text, as a JSON string.
    pub(crate) fn text_json(&self, text: &str) -> String {
        match self.kind {
            PartKind::Text => json_string(text.get(self.said.clone()).unwrap_or_default()),
            _ => format!("\"{}\"", String::from_utf8_lossy(&self.thought)),
        }
    }

    /// The part with all that it said.
    pub(crate) fn json(&self, text: &str) -> String {
        let raw = || String::from_utf8_lossy(&self.raw).into_owned();
        if self.stage == Stage::Ended && !self.raw.is_empty() {
            return raw();
        }
        let said = self.text_json(text);
        let form = if self.raw.is_empty() { bare_part(self.kind).as_bytes() } else { &self.raw };
        ended_part(form, &said).unwrap_or_else(raw)
    }

    fn repeats(&self, whole: Option<&[u8]>, text: &str) -> bool {
        let Some(whole) = whole else { return true };
        let shown = text.get(self.said.clone()).unwrap_or_default();
        if whole == shown.as_bytes() {
            return true;
        }
        // The shown text has no halves of characters any more.
        text::whole(whole) == shown
    }
}
