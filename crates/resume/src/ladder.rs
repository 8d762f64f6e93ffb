//! Which rung a broken stream goes on from, and the request that it takes.
//!
//! The order is that of the guarantees: the same generation where the provider keeps it, the
//! identical request while nothing was shown, then the exact prefix, then the instruction. Cost
//! decides only where the caller says so, and only between ways that both work.

mod choice;
mod plan;

pub(crate) use choice::explain;
pub use choice::{Choice, Reason};
pub(crate) use plan::{Plan, plan};

use protocol::{Profile, RequestBody};

use crate::config::Ways;
use crate::cursor::{Cursor, Way};
use crate::instruction::Instruction;
use crate::outcome::Cause;
use crate::partial::sendable_len;
use crate::seam::Rung;
use crate::stitch::{Restarts, anchor};
use crate::transcript::Transcript;

/// What was learned about the provider in this stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Learned {
    /// It answered a prefill with 400.
    pub(crate) prefill_refused: bool,
    /// A replay gave other text.
    pub(crate) replay_diverged: bool,
    /// Attempts that ended as restarts by an id that came only once.
    pub(crate) doubtful_restarts: u8,
}

/// Restarts in doubt after which every chunk is taken to have an id of its own.
const DOUBTFUL_RESTARTS_MAX: u8 = 2;

impl Learned {
    pub(crate) const fn id_per_chunk(self) -> bool {
        self.doubtful_restarts >= DOUBTFUL_RESTARTS_MAX
    }

    const fn restarts(self) -> Restarts {
        if self.replay_diverged { Restarts::Kept } else { Restarts::Compared }
    }
}

/// Where a stream stands when it is to go on.
pub(crate) struct Standing<'a> {
    pub(crate) transcript: &'a Transcript,
    pub(crate) request: &'a RequestBody,
    pub(crate) profile: &'a Profile,
    pub(crate) learned: Learned,
    /// There is shown text that another model wrote than the one that is asked.
    pub(crate) is_foreign: bool,
    pub(crate) kept: Option<&'a Cursor>,
    pub(crate) ways: Ways,
    /// The response went on behind the end of an answer: what was shown is no single one.
    pub(crate) has_gone_on: bool,
    pub(crate) instruction: &'a Instruction,
    /// Shown tokens above which an instruction costs less than a replay, where that decides.
    pub(crate) instruct_above: Option<u64>,
}

/// Chooses the rung.
///
/// # Errors
///
/// [`Cause::NotContinuable`] when what was shown cannot be taken up again by any,
/// [`Cause::RuledOut`] when it could be by one that the caller does not want.
pub(crate) fn choose(standing: &Standing<'_>) -> Result<Rung, Cause> {
    match standing.kept.map(Cursor::way) {
        Some(Way::Events) => return Ok(Rung::Cursor),
        Some(Way::Whole) => return Ok(Rung::Fetch),
        Some(Way::Gone) | None => {}
    }
    if standing.transcript.paused().is_some() {
        // Its blocks hold signatures, and results of tools, that are one model's own.
        return if standing.is_foreign { Err(Cause::NotContinuable) } else { Ok(Rung::Turn) };
    }
    if standing.transcript.final_content {
        return Err(Cause::NotContinuable);
    }
    if standing.transcript.text.is_empty() {
        return if standing.allows_retry() { Ok(Rung::Retry) } else { Err(Cause::RuledOut) };
    }
    let mut possible = standing.possible().into_iter().flatten().peekable();
    if possible.peek().is_none() {
        return Err(Cause::NotContinuable);
    }
    possible.find(|rung| standing.allows(*rung)).ok_or(Cause::RuledOut)
}

impl Standing<'_> {
    /// The ways to go on behind what was shown, the first one first.
    fn possible(&self) -> [Option<Rung>; 3] {
        let Self { transcript, request, profile, learned, .. } = self;
        let sent = &transcript.text[..sendable_len(&transcript.text)];
        let continuable = request.continuable().is_ok();
        if self.is_foreign {
            // Only a finished turn says nothing of who wrote it.
            return [(continuable && !sent.is_empty()).then_some(Rung::Instruct), None, None];
        }
        let short = sent.chars().nth(anchor::ANCHOR_CHARS_MIN - 1).is_none();
        let prefill = continuable && !learned.prefill_refused && request.takes_prefill(profile);
        let is_one = !self.has_gone_on;
        let replay =
            is_one && !learned.replay_diverged && (profile.deterministic || continuable && short);
        let prefill = (prefill && !sent.is_empty()).then_some(Rung::Prefill);
        let replay = replay.then_some(Rung::Replay);
        let instruct = (continuable && !sent.is_empty()).then_some(Rung::Instruct);
        let is_cheaper = self.instruct_above.is_some_and(|most| transcript.text_events > most);
        if is_cheaper { [prefill, instruct, replay] } else { [prefill, replay, instruct] }
    }

    /// Whether the caller wants another answer where no text was shown. Thinking may have been.
    const fn allows_retry(&self) -> bool {
        let is_same = !self.transcript.shown || self.profile.deterministic;
        is_same || !matches!(self.ways, Ways::NoNewSample)
    }

    /// Whether the caller wants it.
    fn allows(&self, rung: Rung) -> bool {
        match self.ways {
            Ways::Any | Ways::Cheapest => true,
            Ways::ExactOnly => rung != Rung::Instruct,
            Ways::NoNewSample => rung == Rung::Replay && self.profile.deterministic,
        }
    }
}
