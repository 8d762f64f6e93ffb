//! A journal read back: the fold of its records.
//!
//! What was emitted is the truth. The text, the open block and the stop reason are derived
//! from it by the same rules that delivered it.

mod fold;
mod reading;

use cost::Usage;
use protocol::{RequestBody, StopReason, Wire};
use retry_policy::{IdempotencyKey, Nanos};
use std::fmt;
use std::sync::Arc;

use crate::attempt::{Flow, Hold, Stops};
use crate::input::AttemptId;
use crate::journal::{Origin, Seq};
use crate::seam::Seam;
use crate::session::Closed;
use crate::source::{Author, Writer, Wrote};
use crate::spending::Spent;
use crate::transcript::Transcript;
use fold::Fold;
use reading::{Copy, Reading};

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
    /// The end of the turn is our own.
    pub(crate) has_own_end: bool,
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
        flow.cursor = Some(Box::new(cursor));
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
