//! A journal read back: the fold of its records.
//!
//! What was emitted is the truth. The text, the open block and the stop reason are derived
//! from it by the same rules that delivered it.

use bytes::Bytes;
use protocol::{Part, RequestBody, Wire};
use retry_policy::IdempotencyKey;
use std::fmt;

use crate::attempt::Stops;
use crate::input::AttemptId;
use crate::journal::{self, Fields, Kind, Origin, Part as RecordPart, Seq};
use crate::seam::{Rung, Seam};
use crate::session::Closed;
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
    pub(crate) seams: Vec<Seam>,
    pub(crate) closed: Closed,
    origin: Origin,
    endpoints: Vec<String>,
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

    /// Where attempts were made, as far as the journal says; each endpoint once.
    #[must_use]
    pub fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    fn note_endpoint(&mut self, endpoint: &str) {
        if !self.endpoints.iter().any(|known| known == endpoint) {
            self.endpoints.push(endpoint.to_owned());
        }
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

    fn settle(&mut self, attempt: &Reading) {
        let output = attempt.output_tokens(&self.transcript);
        self.output_tokens = self.output_tokens.saturating_add(output);
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
    /// Payloads of a content whose last record is still to come.
    pending: Vec<u8>,
    pending_kind: Option<Kind>,
    reading: Reading,
    seq: u64,
}

/// What is remembered from one event of an attempt to the next.
#[derive(Default)]
struct Reading {
    joiner: Joiner,
    stops: Option<Stops>,
    /// Text events before the attempt.
    text_events: u64,
    /// The attempt's output tokens, once they are recorded.
    output: Option<u64>,
}

impl Reading {
    /// Output tokens of the attempt, if it brought any text: recorded, or at least its events.
    fn output_tokens(&self, transcript: &Transcript) -> u64 {
        let events = transcript.text_events - self.text_events;
        if events == 0 { 0 } else { self.output.unwrap_or(events) }
    }
}

impl Fold {
    fn push(&mut self, record: &[u8], seq: u64) -> Result<(), CheckpointError> {
        self.seq = seq;
        let malformed = CheckpointError::Malformed { seq: Seq(seq) };
        let part = RecordPart::read(record).ok_or(malformed)?;
        if self.pending_kind.is_some_and(|kind| kind != part.kind) {
            // The writer died inside a content and another one went on after it.
            self.pending.clear();
        }
        let payload = match part.kind {
            // Only the first record of an event has a name; the others repeat its empty length.
            Kind::Emitted if self.pending_kind == Some(Kind::Emitted) => {
                part.payload.get(1..).ok_or(malformed)?
            }
            _ => part.payload,
        };
        self.pending.extend_from_slice(payload);
        self.pending_kind = part.more.then_some(part.kind);
        if part.more {
            return Ok(());
        }
        let content = std::mem::take(&mut self.pending);
        match (part.kind, &mut self.checkpoint) {
            (Kind::Start, None) => self.checkpoint = Some(read_start(&content, malformed)?),
            (Kind::Start, Some(_)) | (_, None) => return Err(malformed),
            (kind, Some(checkpoint)) => {
                take(checkpoint, &mut self.reading, kind, &content).ok_or(malformed)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Checkpoint, CheckpointError> {
        let mut checkpoint = self.checkpoint.ok_or(CheckpointError::Empty)?;
        checkpoint.seq = Seq(self.seq);
        checkpoint.settle(&self.reading);
        Ok(checkpoint)
    }
}

fn read_start(content: &[u8], malformed: CheckpointError) -> Result<Checkpoint, CheckpointError> {
    let mut fields = Fields(content);
    match fields.u8() {
        Some(journal::FORMAT) => {}
        Some(found) => return Err(CheckpointError::Version { found }),
        None => return Err(malformed),
    }
    read_request(&mut fields).ok_or(malformed)
}

fn read_request(fields: &mut Fields<'_>) -> Option<Checkpoint> {
    let key = IdempotencyKey::from_bytes(fields.bytes(16)?.try_into().ok()?);
    let wire: Wire = fields.text()?.parse().ok()?;
    let profile = fields.text()?.to_owned();
    let endpoint = fields.text()?.to_owned();
    let headers = (0..fields.u32()?)
        .map(|_| Some((fields.text()?.to_owned(), fields.text()?.to_owned())))
        .collect::<Option<Vec<_>>>()?;
    let request = RequestBody::parse(wire, Bytes::copy_from_slice(fields.0)).ok()?;
    Some(Checkpoint {
        request,
        key,
        transcript: Transcript::default(),
        seq: Seq(0),
        attempts: 0,
        output_tokens: 0,
        seams: Vec::new(),
        closed: Closed::No,
        origin: Origin { endpoint, headers },
        endpoints: Vec::new(),
        profile,
    })
}

/// Takes one whole content; `None` when it is malformed.
fn take(
    checkpoint: &mut Checkpoint,
    reading: &mut Reading,
    kind: Kind,
    content: &[u8],
) -> Option<()> {
    let mut fields = Fields(content);
    match kind {
        Kind::Start => return None,
        Kind::Emitted => {
            let len = usize::from(fields.u8()?);
            let name = fields.bytes(len)?;
            emit(checkpoint, reading, name, fields.0)?;
        }
        Kind::Attempt => {
            let (attempt, _rung, _offset) = attempt(&mut fields)?;
            checkpoint.attempts = checkpoint.attempts.max(attempt.0);
            if let Some(endpoint) = fields.text() {
                checkpoint.note_endpoint(endpoint);
            }
            checkpoint.settle(reading);
            let text_events = checkpoint.transcript.text_events;
            *reading = Reading { text_events, ..Reading::default() };
        }
        Kind::Seam => checkpoint.seams.push(fields.seam()?),
        Kind::Usage => {
            fields.u32()?;
            reading.output = Some(fields.usage()?.output);
        }
        Kind::Cancel => {}
        Kind::Close => checkpoint.closed = Closed::Yes,
    }
    Some(())
}

fn attempt(fields: &mut Fields<'_>) -> Option<(AttemptId, Rung, u64)> {
    Some((AttemptId(fields.u32()?), fields.rung()?, fields.u64()?))
}

fn emit(
    checkpoint: &mut Checkpoint,
    reading: &mut Reading,
    name: &[u8],
    data: &[u8],
) -> Option<()> {
    let decoded = protocol::decode(checkpoint.request.wire(), name, data).ok()?;
    let mut note = Note::of(&decoded);
    let stops = reading.stops.get_or_insert_with(|| Stops::new(checkpoint.request.choices()));
    note.stop = stops.take(&note);
    let transcript = &mut checkpoint.transcript;
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
    Some(())
}
