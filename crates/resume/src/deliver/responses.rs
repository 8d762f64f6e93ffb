//! The Responses wire downstream: dense numbers, the items and parts of the first attempt, and
//! everything that is repeated whole repeated for all attempts.

use bytes::Bytes;
use protocol::{Act, Block, Node, PartKind, Spans, decode, items_of, json_string};

use super::Edits;
use crate::attempt::{Flow, Place, merges};
use crate::items::{Item, Repeats, Stage, Told};
use crate::outcome::Cause;
use crate::session::Session;
use crate::transcript::Note;

impl Session {
    /// Takes note of where in the output an event stands that is about to be emitted.
    ///
    /// # Errors
    ///
    /// [`Cause::TooLarge`] when more than the limit of text is kept of items.
    pub(super) fn trace(
        &mut self,
        note: &Note,
        name: &[u8],
        data: &[u8],
        spans: &Spans,
        from: usize,
        half: bool,
    ) -> Result<Repeats, Cause> {
        let Some(node) = note.node else { return Ok(Repeats::Yes) };
        if let Act::Says(_) | Act::Other = node.act {
            let thought = spans.text.and_then(|span| data.get(span.range())).unwrap_or_default();
            let told = Told { node, item_id: None, raw: b"", whole: None, thought, from, half };
            return self.keep(&told);
        }
        // It may have been changed, so its values are looked for once more.
        let wire = self.request.wire();
        let decoded = decode(wire, name, data).map_err(|_| Cause::Malformed)?;
        let told = Told::of(&decoded, data, from, half);
        told.map_or(Ok(Repeats::Yes), |told| self.keep(&told))
    }

    fn keep(&mut self, told: &Told<'_>) -> Result<Repeats, Cause> {
        let repeats = self.transcript.trace(told);
        let kept = self.transcript.items.kept_bytes();
        if kept > self.config.limits.text_bytes { Err(Cause::TooLarge) } else { Ok(repeats) }
    }

    /// Finds the place of a continuation's event; `None` when it has none.
    pub(super) fn place_node(
        &mut self,
        flow: &mut Flow,
        note: &mut Note,
        data: &[u8],
        spans: &Spans,
    ) -> Option<Edits> {
        let thinks = note.part == Some(protocol::Part::Thinking);
        if note.underway || thinks && note.stop.is_none() {
            return None;
        }
        let mut edits = match note.node {
            Some(node) => self.place_in_output(flow, note, node)?,
            None => Edits::default(),
        };
        if note.stop.is_some() {
            self.end_cut_item(flow);
            edits.list = self.whole_output(flow, data, spans);
        }
        let next = self.transcript.items.next_sequence();
        note.sequence = note.sequence.map(|number| next.unwrap_or(number));
        Some(Edits { renamed: true, sequence: note.sequence, ..edits })
    }

    fn place_in_output(&mut self, flow: &mut Flow, note: &mut Note, node: Node) -> Option<Edits> {
        if let Act::OpensItem(block) = node.act {
            return self.place_item(flow, note, node.item, block);
        }
        let Place::At(item) = flow.blocks.as_ref()?.place(node.item) else { return None };
        let part = match node.part {
            Some(part) => Some(self.place_part(flow, node, part, item)?),
            None => None,
        };
        if let Act::EndsItem(_) = node.act {
            self.end_cut_parts(item);
        }
        note.node = Some(Node { item, part, ..node });
        note.index = item;
        note.close = note.close.map(|_| item);
        let (text, known) = (self.transcript.text.as_str(), self.transcript.items.get(item));
        let whole = || known?.text(part.unwrap_or(0), text);
        Some(Edits {
            index: Some(item),
            part_index: part,
            item_id: known.and_then(|item| item.id.clone()),
            whole: match node.act {
                Act::EndsText(PartKind::Text) | Act::EndsPart(PartKind::Text) => whole(),
                _ => None,
            }
            .map(str::to_owned),
            list: match node.act {
                Act::EndsItem(Block::Text) => known.map(|item| item.list(text)),
                _ => None,
            },
            ..Edits::default()
        })
    }

    fn place_item(
        &mut self,
        flow: &mut Flow,
        note: &mut Note,
        item: u32,
        block: Block,
    ) -> Option<Edits> {
        if let Some(open) = merges(self.transcript.open, block) {
            flow.blocks.as_mut()?.insert(item, Place::At(open));
            return None;
        }
        if block == Block::Thinking {
            flow.blocks.as_mut()?.insert(item, Place::Nowhere);
            return None;
        }
        self.end_cut_item(flow);
        let at = self.transcript.next_index;
        flow.blocks.as_mut()?.insert(item, Place::At(at));
        note.open = Some((at, block));
        note.node = Some(Node { item: at, part: None, act: Act::OpensItem(block) });
        Some(Edits { index: Some(at), ..Edits::default() })
    }

    /// Where a part goes in its item downstream. One of text goes on in that which a cut left
    /// open; then the event that opens it goes nowhere.
    fn place_part(&mut self, flow: &mut Flow, node: Node, part: u32, item: u32) -> Option<u32> {
        let kind = match node.act {
            Act::OpensPart(kind) | Act::Says(kind) => kind,
            Act::EndsText(kind) | Act::EndsPart(kind) => kind,
            _ => return Some(flow.parts.place((node.item, part)).map_or(part, |(_, part)| part)),
        };
        if let Some((_, part)) = flow.parts.place((node.item, part)) {
            return Some(part);
        }
        let known = self.transcript.items.get(item);
        let cut = known.and_then(|item| item.open_part());
        let cut = cut.filter(|cut| !flow.parts.reach((item, cut.index)));
        if let Some(cut) = cut
            && (cut.kind, cut.stage, kind) == (PartKind::Text, Stage::Open, PartKind::Text)
        {
            flow.parts.insert((node.item, part), (item, cut.index));
            return (!matches!(node.act, Act::OpensPart(_))).then_some(cut.index);
        }
        if cut.is_some() {
            self.end_cut_parts(item);
        }
        let next = self.transcript.items.get(item).map_or(part, Item::next_part);
        flow.parts.insert((node.item, part), (item, next));
        Some(next)
    }

    /// The items of all attempts, as the event that ends the answer lists them.
    fn whole_output(&self, flow: &Flow, data: &[u8], spans: &Spans) -> Option<String> {
        spans.list.as_ref()?;
        let (text, known) = (self.transcript.text.as_str(), &self.transcript.items);
        let mut items = Vec::new();
        for (own, range) in (0..).zip(items_of(data, spans)) {
            let Place::At(at) = flow.blocks.as_ref()?.place(own) else { continue };
            let own = data.get(range)?;
            let json = known.get(at).map(|item| item.json(Some(own), text));
            let json = json.flatten().unwrap_or_else(|| String::from_utf8_lossy(own).into_owned());
            items.push((at, json));
        }
        for item in known.iter() {
            let listed = items.iter().any(|(at, _)| *at == item.index);
            if let Some(json) = item.json(None, text).filter(|_| !listed) {
                items.push((item.index, json));
            }
        }
        items.sort_by_key(|(at, _)| *at);
        let items: Vec<String> = items.into_iter().map(|(_, json)| json).collect();
        Some(format!("[{}]", items.join(",")))
    }

    // ---- what a cut left open and nothing goes on with

    fn end_cut_item(&mut self, flow: &Flow) {
        let Some((index, Block::Text | Block::Thinking)) = self.transcript.open else { return };
        if flow.blocks.as_ref().is_some_and(|blocks| blocks.reach(index)) {
            return;
        }
        self.end_cut_parts(index);
        let item = self.transcript.items.get(index);
        let Some(json) = item.and_then(|item| item.incomplete(&self.transcript.text)) else {
            return;
        };
        let rest = format!(r#""output_index":{index},"item":{json}"#);
        self.emit_ending("response.output_item.done", &rest);
    }

    fn end_cut_parts(&mut self, index: u32) {
        loop {
            let Some(item) = self.transcript.items.get(index) else { return };
            let Some(part) = item.open_part() else { return };
            let text = self.transcript.text.as_str();
            let (said, whole, place) = match part.kind {
                PartKind::Summary => {
                    ("reasoning_summary_text", "reasoning_summary_part", "summary_index")
                }
                PartKind::Reasoning => ("reasoning_text", "content_part", "content_index"),
                PartKind::Text => ("output_text", "content_part", "content_index"),
                PartKind::Refusal | PartKind::Other => return,
            };
            let id = json_string(item.id.as_deref().unwrap_or_default());
            let place =
                format!(r#""item_id":{id},"output_index":{index},"{place}":{}"#, part.index);
            let (name, rest) = if part.stage == Stage::Open {
                let logprobs = if part.kind == PartKind::Text { r#","logprobs":[]"# } else { "" };
                (said, format!(r#"{place},"text":{}{logprobs}"#, part.text_json(text)))
            } else {
                (whole, format!(r#"{place},"part":{}"#, part.json(text)))
            };
            let before = (part.kind, part.index, part.stage);
            self.emit_ending(&format!("response.{name}.done"), &rest);
            let cut = self.transcript.items.get(index).and_then(|item| item.open_part());
            if cut.is_some_and(|part| (part.kind, part.index, part.stage) == before) {
                // Nothing ends a part whose form says that it is another.
                return;
            }
        }
    }

    /// Emits an event that ends something, as the provider would have.
    fn emit_ending(&mut self, name: &str, rest: &str) {
        let sequence = self.transcript.items.next_sequence();
        let sequence =
            sequence.map_or(String::new(), |number| format!(r#""sequence_number":{number},"#));
        let data = Bytes::from(format!(r#"{{"type":"{name}",{sequence}{rest}}}"#));
        let end = self.transcript.text.len();
        if let Ok(decoded) = decode(self.request.wire(), name.as_bytes(), &data) {
            self.transcript.apply(&Note::of(&decoded));
            if let Some(told) = Told::of(&decoded, &data, end, false) {
                // It was made of the text, so it repeats it.
                let _ = self.transcript.trace(&told);
            }
        }
        self.emit(Bytes::copy_from_slice(name.as_bytes()), data, end..end);
    }
}
