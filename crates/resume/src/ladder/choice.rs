//! Why an attempt goes on as it does, and why by none of the ways with a better guarantee.

use std::fmt;

use super::Standing;
use crate::config::Ways;
use crate::partial::sendable_len;
use crate::seam::Rung;

/// How it was decided in which way an attempt goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Why this way.
    pub reason: Reason,
    /// The ways before it on the ladder, the best one first, and why each was passed over.
    pub passed: Vec<(Rung, Reason)>,
}

/// Why a way to go on is taken, or is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Taken: it is the first attempt.
    #[default]
    First,
    /// Taken: no text was shown yet.
    NothingShown,
    /// Taken: the provider keeps the events of the response.
    EventsKept,
    /// Taken: the provider keeps the response as a whole.
    WholeKept,
    /// Taken: the provider paused the turn, and the caller wants it to go on.
    Paused,
    /// Taken: the model continues a turn that was begun.
    TakesPrefill,
    /// Taken: the same request gives the same answer.
    SameAgain,
    /// Taken: what was shown is too short to find again in a continuation.
    TooShort,
    /// Taken: it is left, and the model can be asked in words.
    Left,
    /// Passed over: the provider keeps no response, or not this one any longer.
    NotKept,
    /// Passed over: the request asks for what no second one can continue.
    RequestForbids,
    /// Passed over: nothing of what was shown can be sent back.
    NothingToSend,
    /// Passed over: the model is not known to take a prefill.
    NoPrefill,
    /// Passed over: the model refused a prefill.
    PrefillRefused,
    /// Passed over: the same request need not give the same answer.
    NewSample,
    /// Passed over: the same request gave another answer.
    Diverged,
    /// Passed over: what was shown is more than one answer.
    SeveralAnswers,
    /// Passed over: another model wrote some of what was shown.
    Foreign,
    /// Passed over: it costs more.
    Dearer,
    /// Passed over: the caller does not want it.
    NotWanted,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "first attempt",
            Self::NothingShown => "nothing was shown",
            Self::EventsKept => "its events are kept",
            Self::WholeKept => "it is kept whole",
            Self::Paused => "the turn is paused",
            Self::TakesPrefill => "the model takes a prefill",
            Self::SameAgain => "the same request gives the same answer",
            Self::TooShort => "too short to find again",
            Self::Left => "no better way is left",
            Self::NotKept => "not kept",
            Self::RequestForbids => "the request forbids it",
            Self::NothingToSend => "nothing to send back",
            Self::NoPrefill => "no prefill known for the model",
            Self::PrefillRefused => "prefill refused",
            Self::NewSample => "another answer is likely",
            Self::Diverged => "it gave another answer",
            Self::SeveralAnswers => "more than one answer was shown",
            Self::Foreign => "another model wrote what was shown",
            Self::Dearer => "it costs more",
            Self::NotWanted => "not wanted",
        })
    }
}

/// Says why this rung is the one.
pub(crate) fn explain(standing: &Standing<'_>, rung: Rung, attempts: u32) -> Choice {
    let reason = match rung {
        Rung::Retry if attempts <= 1 => Reason::First,
        Rung::Retry => Reason::NothingShown,
        Rung::Cursor => Reason::EventsKept,
        Rung::Fetch => Reason::WholeKept,
        Rung::Turn => Reason::Paused,
        Rung::Prefill => Reason::TakesPrefill,
        Rung::Replay if standing.profile.deterministic => Reason::SameAgain,
        Rung::Replay => Reason::TooShort,
        Rung::Instruct => Reason::Left,
    };
    let before: &[Rung] = match rung {
        Rung::Retry | Rung::Cursor | Rung::Turn => &[],
        Rung::Fetch => &[Rung::Cursor],
        Rung::Prefill => &[Rung::Cursor, Rung::Fetch],
        Rung::Replay => &[Rung::Cursor, Rung::Fetch, Rung::Prefill],
        Rung::Instruct => &[Rung::Cursor, Rung::Fetch, Rung::Prefill, Rung::Replay],
    };
    let passed = before.iter().map(|rung| (*rung, standing.against(*rung))).collect();
    Choice { reason, passed }
}

impl Standing<'_> {
    /// Why this rung is not taken.
    fn against(&self, rung: Rung) -> Reason {
        let is_continuable = self.request.continuable().is_ok();
        let is_replayed = self.possible().contains(&Some(Rung::Replay));
        match rung {
            Rung::Cursor | Rung::Fetch => Reason::NotKept,
            _ if !self.allows(rung) && self.ways != Ways::Any => Reason::NotWanted,
            _ if self.is_foreign => Reason::Foreign,
            Rung::Replay if is_replayed => Reason::Dearer,
            Rung::Replay if self.has_gone_on => Reason::SeveralAnswers,
            Rung::Replay if self.learned.replay_diverged => Reason::Diverged,
            Rung::Replay => Reason::NewSample,
            _ if !is_continuable => Reason::RequestForbids,
            _ if sendable_len(&self.transcript.text) == 0 => Reason::NothingToSend,
            _ if self.learned.prefill_refused => Reason::PrefillRefused,
            _ => Reason::NoPrefill,
        }
    }
}
