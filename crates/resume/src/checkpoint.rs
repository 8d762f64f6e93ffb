//! A journal read back: the fold of its records.
//!
//! What was emitted is the truth. The text, the open block and the stop reason are derived
//! from it by the same rules that delivered it.

use bytes::Bytes;
use cost::Usage;
use protocol::{Part, RequestBody, StopReason, Wire};
use retry_policy::{IdempotencyKey, Nanos};
use std::fmt;
use std::sync::Arc;

use crate::attempt::{Flow, Hold, Stops};
use crate::cursor::Cursor;
use crate::deliver::Unsaid;
use crate::entry::{Entries, Entry, Start};
use crate::input::AttemptId;
use crate::items::Told;
use crate::journal::{Origin, Seq};
use crate::meter::{Meter, estimated_input};
use crate::seam::{Rung, Seam};
use crate::session::Closed;
use crate::source::{Author, Source, Writer, Wrote};
use crate::spending::Spent;
use crate::text::Joiner;
use crate::transcript::{Note, Transcript};

/// All that a process needs to go on with a stream that another one began.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    pub(crate) request: RequestBody,
    pub(crate) key: IdempotencyKey,
    pub(crate) transcript: Transcript,
    pub(crate) seq: Seq,
    pub(crate) attempts: u32,
    pub(crate) output_tokens: u64,
    /// What each attempt is billed for, as far as is known.
    pub(crate) spent: Vec<Spent>,
    copies: Vec<Copy>,
    /// The last generation, where the provider keeps it.
    kept: Option<Box<Reading>>,
    pub(crate) seams: Vec<Seam>,
    pub(crate) closed: Closed,
    pub(crate) is_cancelled: bool,
    origin: Origin,
    endpoints: Vec<String>,
    /// Where the last attempt was made.
    pub(crate) last_endpoint: Option<Arc<str>>,
    /// What it was asked of in the place of the request's model.
    pub(crate) last_model: Option<Arc<str>>,
    /// Who wrote the text.
    pub(crate) author: Author,
    profile: String,
}

impl Checkpoint {
    /// Folds the records of one journal, in order, from the first on.
    ///
    /// An emitted event whose last records are missing is left out: it was never delivered.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] when the records are not a journal that this version reads.
    pub fn fold<R: AsRef<[u8]>>(
        records: impl IntoIterator<Item = R>,
    ) -> Result<Self, CheckpointError> {
        let mut fold = Fold::default();
        for (at, record) in records.into_iter().enumerate() {
            fold.push(record.as_ref(), at as u64 + 1)?;
        }
        fold.finish()
    }

    /// The text that was emitted.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.transcript.text
    }

    /// Where the request goes.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Where attempts were made, as far as the journal says; each endpoint once, the latest last.
    #[must_use]
    pub fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    /// Where the last attempt was made, as far as the journal says.
    #[must_use]
    pub fn last_endpoint(&self) -> Option<&str> {
        self.last_endpoint.as_deref()
    }

    /// The model that the last attempt was made with.
    #[must_use]
    pub fn last_model(&self) -> Option<&str> {
        self.last_model.as_deref().or_else(|| self.model())
    }

    fn note_endpoint(&mut self, endpoint: &str) {
        self.endpoints.retain(|known| known != endpoint);
        self.endpoints.push(endpoint.to_owned());
    }

    /// The name of the profile that was in use.
    #[must_use]
    pub fn profile_name(&self) -> &str {
        &self.profile
    }

    /// The wire of the request.
    #[must_use]
    pub fn wire(&self) -> Wire {
        self.request.wire()
    }

    /// The model that was asked for.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.request.model()
    }

    /// What attempts were asked in the place of the request's model, more than once where several
    /// were.
    pub fn other_models(&self) -> impl Iterator<Item = &Arc<str>> {
        let kept = self.kept.as_ref().and_then(|reading| reading.model.as_ref());
        self.spent.iter().filter_map(|spent| spent.model.as_ref()).chain(kept)
    }

    /// The request as the caller wrote it.
    #[must_use]
    pub const fn request(&self) -> &RequestBody {
        &self.request
    }

    /// The response's idempotency key.
    #[must_use]
    pub const fn key(&self) -> &IdempotencyKey {
        &self.key
    }

    /// Whether the provider had finished.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.transcript.stop.is_some()
    }

    /// Why the model stopped, once it had.
    #[must_use]
    pub const fn stop(&self) -> Option<StopReason> {
        self.transcript.stop
    }

    /// Whether the journal says that it ends here.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.closed, Closed::Yes)
    }

    /// The number of the last record.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.seq
    }

    /// Connection attempts so far.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Who has to go on: where the provider keeps the last generation, or else who wrote the end of
    /// the text.
    pub(crate) fn left_at(&self) -> Option<Writer> {
        let kept = self.kept.as_ref().map(|reading| reading.writer(&self.request));
        kept.or_else(|| self.author.last().cloned())
    }

    /// The last generation as a flow of events, where the provider keeps it; its books are open.
    pub(crate) fn take_kept(&mut self, began: Nanos) -> Option<Box<Flow>> {
        let reading = *self.kept.take()?;
        let stops = reading.stops.unwrap_or_else(|| Stops::new(self.request.choices()));
        let attempt = AttemptId(self.attempts);
        let mut flow = Flow::new(attempt, reading.rung?, stops, began);
        let cursor = reading.cursor?;
        flow.begun = !cursor.is_at_start();
        flow.is_taken_over = true;
        flow.asked_model = reading.model;
        flow.cursor = Some(cursor);
        if self.transcript.begun {
            flow.hold = Hold::Nothing;
        }
        (flow.usage, flow.meter, flow.joiner) = (reading.reported, reading.meter, reading.joiner);
        flow.text_bytes = (self.transcript.text.len() - reading.text_bytes) as u64;
        Some(Box::new(flow))
    }

    /// Closes the books of an attempt. One whose process died left no usage: it is what was
    /// emitted.
    fn settle(&mut self, attempt: &Reading) {
        let Some(rung) = attempt.rung else { return };
        let brought = self.has_written(attempt);
        let usage = attempt.used(&self.request);
        if brought {
            let output = usage.output_total().unwrap_or(u64::MAX);
            self.output_tokens = self.output_tokens.saturating_add(output);
        }
        let is_over = attempt.is_over || self.transcript.stop.is_some();
        let is_estimate = attempt.recorded.is_none() || !is_over;
        let model = attempt.model.clone();
        self.note_author(attempt);
        self.spent.push(Spent { usage, rung, brought, is_estimate, model });
    }

    /// Whether the answer has text of this attempt, or a turn that was paused.
    fn has_written(&self, attempt: &Reading) -> bool {
        self.transcript.text_events > attempt.text_events
            || attempt.is_over && self.transcript.paused().is_some()
    }

    /// Takes note of who made this attempt, if it showed something.
    fn note_author(&mut self, attempt: &Reading) {
        let has_written = self.has_written(attempt);
        if has_written || attempt.has_shown {
            let wrote = if has_written { Wrote::Text } else { Wrote::Else };
            self.author.note(attempt.writer(&self.request), wrote);
        }
    }
}

impl Checkpoint {
    /// Enters a copy of a request that another one outran, or whose process died.
    fn spend_copy(&mut self, at: usize, usage: Usage) {
        let Copy { rung, model, .. } = self.copies.remove(at);
        self.spent.push(Spent { usage, rung, brought: false, is_estimate: true, model });
    }
}

/// A journal that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckpointError {
    /// There is no whole Start record: nothing was asked yet.
    Empty,
    /// A record is not what its place requires.
    Malformed {
        /// The number of the record.
        seq: Seq,
    },
    /// The journal was written by a newer version.
    Version {
        /// The version that it names.
        found: u8,
    },
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("checkpoint holds no request"),
            Self::Malformed { seq } => write!(f, "checkpoint record {seq} is malformed"),
            Self::Version { found } => write!(f, "checkpoint format {found} is not known"),
        }
    }
}

impl std::error::Error for CheckpointError {}

/// A fold in progress.
#[derive(Default)]
struct Fold {
    checkpoint: Option<Checkpoint>,
    entries: Entries,
    reading: Reading,
    seq: u64,
}

/// A copy of a request whose end is not told yet.
#[derive(Clone, Debug)]
struct Copy {
    attempt: AttemptId,
    rung: Rung,
    model: Option<Arc<str>>,
}

/// What is remembered from one event of an attempt to the next.
#[derive(Clone, Debug, Default)]
struct Reading {
    joiner: Joiner,
    stops: Option<Stops>,
    /// How the attempt goes on; `None` before the first.
    rung: Option<Rung>,
    endpoint: Option<Arc<str>>,
    model: Option<Arc<str>>,
    upstream: Option<usize>,
    /// Something was shown of its answer.
    has_shown: bool,
    /// Text events before the attempt.
    text_events: u64,
    /// Bytes of text before the attempt.
    text_bytes: usize,
    /// It goes on with a response that was begun, and its last counts are those of all of it.
    continues: bool,
    meter: Meter,
    /// What its events say that it used.
    reported: Usage,
    /// What it used, once that is recorded.
    recorded: Option<Usage>,
    /// Its answer came to its end, which was not told.
    is_over: bool,
    /// Where the provider keeps the generation.
    cursor: Option<Cursor>,
}

impl Reading {
    fn writer(&self, request: &RequestBody) -> Writer {
        let own = || request.model().map(Arc::from);
        let (endpoint, model) = (self.endpoint.clone(), self.model.clone().or_else(own));
        Writer { source: Source { endpoint, model }, upstream: self.upstream }
    }

    /// What it used. An attempt whose response goes on at the provider is recorded with nothing.
    fn used(&self, request: &RequestBody) -> Usage {
        let recorded = self.recorded.filter(|usage| *usage != Usage::default());
        recorded.unwrap_or_else(|| self.estimate(request))
    }

    fn estimate(&self, request: &RequestBody) -> Usage {
        if self.meter.is_empty() {
            return self.reported;
        }
        self.meter.complete(self.reported, || estimated_input(request, self.text_bytes))
    }
}

impl Fold {
    fn push(&mut self, record: &[u8], seq: u64) -> Result<(), CheckpointError> {
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

    fn finish(self) -> Result<Checkpoint, CheckpointError> {
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
        Entry::Attempt { attempt, rung, endpoint, model, upstream, .. } => {
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
                return Some(());
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
        Entry::GoOn { reason, turn } => {
            checkpoint.transcript.go_on(reason, turn.map(Arc::from));
            // The provider is done with that answer.
            (reading.cursor, reading.is_over) = (None, true);
        }
        Entry::Unsaid { events, .. } => {
            let unsaid = |(name, data)| Unsaid {
                name: Bytes::copy_from_slice(name),
                data: Bytes::copy_from_slice(data),
            };
            checkpoint.transcript.unsaid = events.into_iter().map(unsaid).collect();
        }
        Entry::Cancel => checkpoint.is_cancelled = true,
        Entry::Close => checkpoint.closed = Closed::Yes,
    }
    Some(())
}

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
    reading.meter.read(&decoded);
    if let (Some(cursor), Some(number)) = (&mut reading.cursor, decoded.sequence) {
        cursor.reach(number);
    }
    let mut note = Note::of(&decoded);
    let stops = reading.stops.get_or_insert_with(|| Stops::new(checkpoint.request.choices()));
    note.stop = stops.take(&note);
    if let Some(mut usage) = decoded.usage {
        let is_stopped = note.stop.is_some() || checkpoint.transcript.stop.is_some();
        if reading.continues && (is_stopped || note.usage_only) {
            // What the consumer was told is the count of the whole response.
            usage.output = usage.output.saturating_sub(checkpoint.output_tokens);
        }
        reading.reported = reading.reported.max(&usage);
    }
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
