//! The fold of a journal's entries, in order.

use cost::Usage;
use protocol::{Decoded, Part, StopReason};
use std::sync::Arc;

use super::reading::{Copy, Reading};
use super::{Checkpoint, CheckpointError};
use crate::attempt::Stops;
use crate::cursor::Cursor;
use crate::deliver::Unsaid;
use crate::entry::{Entries, Entry, Start};
use crate::items::Told;
use crate::journal::Seq;
use crate::seam::Rung;
use crate::session::Closed;
use crate::source::Author;
use crate::transcript::{Note, Transcript, Turn};

/// A fold in progress.
#[derive(Default)]
pub(super) struct Fold {
    checkpoint: Option<Checkpoint>,
    entries: Entries,
    reading: Reading,
    seq: u64,
}

impl Fold {
    pub(super) fn push(&mut self, record: &[u8], seq: u64) -> Result<(), CheckpointError> {
        self.seq = seq;
        let malformed = CheckpointError::Malformed { seq: Seq(seq) };
        let Some((_, entry)) = self.entries.push(record)? else { return Ok(()) };
        match (entry, &mut self.checkpoint) {
            (Entry::Start(start), None) => self.checkpoint = Some(begin(*start)),
            (Entry::Start(_), Some(_)) | (_, None) => return Err(malformed),
            (entry, Some(checkpoint)) => {
                take(checkpoint, &mut self.reading, entry).ok_or(malformed)?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Checkpoint, CheckpointError> {
        let mut checkpoint = self.checkpoint.ok_or(CheckpointError::Empty)?;
        checkpoint.seq = Seq(self.seq);
        while !checkpoint.copies.is_empty() {
            checkpoint.spend_copy(0, Usage::default());
        }
        if self.reading.cursor.is_some() && checkpoint.transcript.stop.is_none() {
            checkpoint.note_author(&self.reading);
            checkpoint.kept = Some(Box::new(self.reading));
        } else {
            checkpoint.settle(&self.reading);
        }
        Ok(checkpoint)
    }
}

fn begin(start: Start) -> Checkpoint {
    Checkpoint {
        request: start.request,
        key: start.key,
        transcript: Transcript::default(),
        seq: Seq(0),
        attempts: 0,
        output_tokens: 0,
        spent: Vec::new(),
        copies: Vec::new(),
        kept: None,
        seams: Vec::new(),
        closed: Closed::No,
        is_cancelled: false,
        has_own_end: false,
        origin: start.origin,
        endpoints: Vec::new(),
        last_endpoint: None,
        last_model: None,
        author: Author::default(),
        profile: start.profile,
    }
}

/// Takes one entry; `None` when it says what cannot be.
fn take(checkpoint: &mut Checkpoint, reading: &mut Reading, entry: Entry<'_>) -> Option<()> {
    match entry {
        Entry::Start(_) => return None,
        Entry::Emitted { name, data } => emit(checkpoint, reading, name, data)?,
        Entry::Hedge { attempt, rung, endpoint, model } => {
            checkpoint.attempts = checkpoint.attempts.max(attempt.0);
            checkpoint.note_endpoint(endpoint);
            checkpoint.copies.push(Copy { attempt, rung, model: model.map(Arc::from) });
        }
        entry @ Entry::Attempt { .. } => begin_attempt(checkpoint, reading, &entry),
        Entry::Seam(seam) => checkpoint.seams.push(seam),
        Entry::Usage { attempt, usage } => {
            match checkpoint.copies.iter().position(|copy| copy.attempt == attempt) {
                Some(at) => checkpoint.spend_copy(at, usage),
                None => reading.recorded = Some(usage),
            }
        }
        Entry::Cursor { response, .. } => {
            // A later generation is joined to what was shown in ways that are not written down.
            let is_first = !checkpoint.transcript.begun;
            reading.cursor = is_first.then(|| Cursor::by_number(response, None)).flatten();
        }
        Entry::GoOn { reason, turn, container } => {
            let container = container.map(Arc::from);
            let turn = turn.map(|blocks| Turn { blocks: blocks.into(), container });
            checkpoint.transcript.go_on(reason, turn);
            // The provider is done with that answer.
            (reading.cursor, reading.is_over) = (None, true);
        }
        Entry::Unsaid { events, .. } => {
            checkpoint.transcript.unsaid = events.into_iter().map(Unsaid::of).collect();
        }
        Entry::OwnEnd => checkpoint.has_own_end = true,
        Entry::Cancel => checkpoint.is_cancelled = true,
        Entry::Close => checkpoint.closed = Closed::Yes,
    }
    Some(())
}

/// Takes an attempt: another answer, or one more that reads the same.
fn begin_attempt(checkpoint: &mut Checkpoint, reading: &mut Reading, entry: &Entry<'_>) {
    let Entry::Attempt { attempt, rung, endpoint, model, upstream, .. } = *entry else { return };
    checkpoint.attempts = checkpoint.attempts.max(attempt.0);
    checkpoint.copies.retain(|copy| copy.attempt != attempt);
    if let Some(endpoint) = endpoint {
        checkpoint.note_endpoint(endpoint);
    }
    let (endpoint, model) = (endpoint.map(Arc::from), model.map(Arc::from));
    checkpoint.last_endpoint.clone_from(&endpoint);
    checkpoint.last_model.clone_from(&model);
    if rung.is_same_generation() {
        reading.recorded = None;
        if let (Rung::Fetch, Some(cursor)) = (rung, &mut reading.cursor) {
            cursor.lose_events();
        }
        return;
    }
    checkpoint.settle(reading);
    let transcript = &checkpoint.transcript;
    *reading = Reading {
        rung: Some(rung),
        endpoint,
        model,
        upstream: upstream.map(|number| number as usize),
        text_events: transcript.text_events,
        text_bytes: transcript.text.len(),
        continues: transcript.begun,
        ..Reading::default()
    };
}

/// Takes an event that the consumer was given.
fn emit(
    checkpoint: &mut Checkpoint,
    reading: &mut Reading,
    name: &[u8],
    data: &[u8],
) -> Option<()> {
    let wire = checkpoint.request.wire();
    let decoded = protocol::decode(wire, name, data).ok()?;
    if checkpoint.transcript.is_unsaid(name, data) {
        // It is the end of an earlier attempt, and its counts are that one's.
        checkpoint.transcript.say_late(wire, name, data);
        return Some(());
    }
    let mut note = Note::of(&decoded);
    count(checkpoint, reading, &decoded, &mut note);
    let transcript = &mut checkpoint.transcript;
    if note.end && transcript.stop.is_none() {
        // It was only delivered because it is the sign of the end by itself.
        note.stop = note.stop.or(Some(StopReason::EndTurn));
    }
    transcript.identify(&decoded);
    let before = transcript.text.len();
    if let Some(delta) = &decoded.delta
        && delta.part == Part::Text
        && note.choice == 0
    {
        reading.joiner.push(&delta.text, &mut transcript.text);
    }
    if note.stop.is_some() {
        reading.joiner.finish(&mut transcript.text);
    }
    transcript.text_events += u64::from(transcript.text.len() > before);
    transcript.apply(&note);
    reading.has_shown |= note.part.is_some();
    if let Some(told) = Told::of(&decoded, data, before, reading.joiner.is_open()) {
        // What differs was the end of that process, and is not taken up again by this one.
        let _ = transcript.trace(&told);
    }
    Some(())
}

/// Takes what an event says of the attempt that brought it: where it was read to, what it used, and
/// whether it stopped.
fn count(checkpoint: &Checkpoint, reading: &mut Reading, decoded: &Decoded<'_>, note: &mut Note) {
    reading.meter.read(decoded);
    if let (Some(cursor), Some(number)) = (&mut reading.cursor, decoded.sequence) {
        cursor.reach(number);
    }
    let stops = reading.stops.get_or_insert_with(|| Stops::new(checkpoint.request.choices()));
    note.stop = stops.take(note);
    if let Some(mut usage) = decoded.usage {
        let is_stopped = note.stop.is_some() || checkpoint.transcript.stop.is_some();
        if reading.continues && (is_stopped || note.usage_only) {
            // What the consumer was told is the count of the whole response.
            usage.output = usage.output.saturating_sub(checkpoint.output_tokens);
        }
        reading.reported = reading.reported.max(&usage);
    }
}
