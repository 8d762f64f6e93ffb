//! How a session ended, and what every attempt of it cost.

use cost::{Money, StreamCost, Usage};
use protocol::{Failure, FrameError, StopReason};
use retry_policy::{GiveUp, Nanos};
use std::fmt;
use std::sync::Arc;

use crate::admission::Refusal;
use crate::input::{AttemptId, Break};
use crate::ladder::Choice;
use crate::oddities::Oddities;
use crate::seam::{Rung, Seam};

/// The end of a session. There is no other way for one to end.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The provider said that the response is finished.
    Complete(Summary),
    /// The response is not whole. The journal holds a checkpoint from which any process can
    /// go on.
    Incomplete {
        /// Why no further attempt was made.
        cause: Cause,
        /// What there is so far.
        summary: Summary,
    },
    /// The provider refused before anything was shown, and would refuse again.
    Refused {
        /// What it said.
        cause: Cause,
        /// What was spent.
        summary: Summary,
    },
}

impl Outcome {
    /// What was delivered and spent.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        match self {
            Self::Complete(summary)
            | Self::Incomplete { summary, .. }
            | Self::Refused { summary, .. } => summary,
        }
    }

    /// Whether the provider finished.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self, Self::Complete(_))
    }
}

/// Why an attempt or a session ended without a whole response.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// The transport failed.
    Broke(Break),
    /// The body ended without the wire's terminal event.
    Truncated,
    /// The provider said no, in a status or in the stream.
    Provider(Box<Failure>),
    /// The connection did not come about in time.
    ConnectTimeout,
    /// No content came in time.
    FirstTokenTimeout,
    /// No content for too long after the first.
    IdleTimeout,
    /// No byte for too long.
    ByteTimeout,
    /// Content came too slowly.
    PaceTimeout,
    /// An event took too long to come whole.
    EventTimeout,
    /// An event is not what the wire allows.
    Malformed,
    /// A frame that carries events is not as it should be, such as one whose checksum does not match;
    /// nothing of it was given to the consumer.
    BadFrame(FrameError),
    /// An event or the response is larger than its limit.
    TooLarge,
    /// An event of a response that the provider keeps is missing in the stream.
    Gap,
    /// The response that was fetched is not finished yet.
    Unfinished,
    /// A second response began inside the stream.
    Restarted,
    /// A replay did not reproduce what was shown.
    Diverged,
    /// The text that the provider repeats at its end is not what it streamed: something in the
    /// middle was lost on the way.
    Contradicted,
    /// The seam could not be verified and the policy asks for it.
    SeamUnverified,
    /// What was shown cannot be continued on this wire (a tool call, several choices, a
    /// structured output).
    NotContinuable,
    /// What was shown could be continued, by a way that the caller does not want
    /// ([`Ways`](crate::Ways)).
    RuledOut,
    /// Attempts brought nothing new.
    NoProgress,
    /// A copy of the same request brought content first ([`Hedging`](crate::Hedging)), or this was the
    /// copy and it came second.
    Outraced,
    /// The retry policy gave up; what failed last.
    GaveUp {
        /// Which limit.
        reason: GiveUp,
        /// The last failure.
        last: Box<Cause>,
    },
    /// The next attempt was not admitted.
    NotAdmitted {
        /// Why.
        refusal: Refusal,
        /// The last failure, if there was one.
        last: Option<Box<Cause>>,
    },
    /// The deadline of the whole response passed.
    Deadline,
    /// The budget is spent, that of the response or one that streams share.
    OverBudget,
    /// There is a budget, and what the response costs is not known.
    Unpriced,
    /// The store failed.
    Store,
    /// The caller stopped it.
    Cancelled,
}

impl Cause {
    /// The provider's failure, also when a limit came after it.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Provider(failure) => Some(failure),
            Self::GaveUp { last, .. } => last.failure(),
            Self::NotAdmitted { last, .. } => last.as_ref()?.failure(),
            _ => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broke(cause) => cause.fmt(f),
            Self::Truncated => f.write_str("stream ended before the response did"),
            Self::Provider(failure) => failure.fmt(f),
            Self::ConnectTimeout => f.write_str("no connection in time"),
            Self::FirstTokenTimeout => f.write_str("no content in time"),
            Self::IdleTimeout => f.write_str("no more content in time"),
            Self::PaceTimeout => f.write_str("content came too slowly"),
            Self::EventTimeout => f.write_str("an event did not come whole in time"),
            Self::ByteTimeout => f.write_str("no sign of life in time"),
            Self::Malformed => f.write_str("malformed event"),
            Self::BadFrame(error) => error.fmt(f),
            Self::TooLarge => f.write_str("larger than its limit"),
            Self::Gap => f.write_str("events are missing"),
            Self::Unfinished => f.write_str("the response is not finished yet"),
            Self::Restarted => f.write_str("a second response began inside the stream"),
            Self::Contradicted => f.write_str("the repeated text is not what was streamed"),
            Self::Diverged => f.write_str("replay differs from what was shown"),
            Self::SeamUnverified => f.write_str("seam not verified"),
            Self::NotContinuable => f.write_str("what was shown cannot be continued"),
            Self::RuledOut => f.write_str("no way to go on that the policy allows"),
            Self::Outraced => f.write_str("another copy of the request was quicker"),
            Self::NoProgress => f.write_str("attempts brought nothing new"),
            Self::GaveUp { reason, last } => write!(f, "{reason}; last: {last}"),
            Self::NotAdmitted { refusal, last: None } => refusal.fmt(f),
            Self::NotAdmitted { refusal, last: Some(last) } => write!(f, "{refusal}; last: {last}"),
            Self::Deadline => f.write_str("deadline passed"),
            Self::OverBudget => f.write_str("budget spent"),
            Self::Unpriced => f.write_str("cost not known, so no budget can be kept"),
            Self::Store => f.write_str("checkpoint store failed"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

/// The account of one session.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Bytes of text delivered, those of earlier processes included.
    pub text_bytes: u64,
    /// Why the model stopped.
    pub stop: Option<StopReason>,
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
    /// Every connection made by this process.
    pub attempts: Vec<AttemptSummary>,
    /// Every joint, those of earlier processes included.
    pub seams: Vec<Seam>,
    /// The wire's last event never came, although the response was whole.
    pub sentinel_missing: bool,
    /// A continuation said at once that there was nothing to add.
    pub empty_continuation: bool,
    /// The caller's stop sequence that stands over the last seam: it begins in what was shown and
    /// ends in the continuation, where no provider sees it. The text ends at the seam, with the
    /// beginning of the sequence; what the provider wrote after it was left out.
    pub stopped_at_seam: Option<String>,
    /// A continuation of text called a tool.
    pub continued_with_tool: bool,
    /// The end of the turn is not the provider's: it broke behind whole tool calls, and the caller
    /// wants the turn to end there ([`BrokenCalls`](crate::BrokenCalls)). Calls may be missing.
    pub own_end: bool,
    /// Ends of answers behind which the response went on because the caller wanted it
    /// ([`GoOn`](crate::GoOn)), those of earlier processes included. What each answer used is in the
    /// account of its attempt.
    pub went_on: Vec<StopReason>,
    /// Why nothing follows the end of the last answer, where more was wanted behind it: its end was
    /// told after all.
    pub not_gone_on: Option<Cause>,
    /// What the response cost, attempts of earlier processes included; `None` where it is not
    /// known, which is not nothing.
    pub cost: Option<StreamCost>,
}

impl Summary {
    /// Token counts of all attempts together, and whether any of them is an estimate.
    ///
    /// An attempt with which a count does not fit in 64 bits is left out whole, and what is left
    /// is an estimate.
    #[must_use]
    pub fn usage(&self) -> (Usage, bool) {
        self.attempts.iter().fold((Usage::default(), false), |(sum, estimated), attempt| match sum
            .checked_add(&attempt.usage)
        {
            Ok(sum) => (sum, estimated || attempt.estimated),
            Err(_) => (sum, true),
        })
    }

    /// What was odd in the answers of all attempts of this process, and did no harm.
    #[must_use]
    pub fn oddities(&self) -> Oddities {
        let each = self.attempts.iter().map(|attempt| attempt.oddities);
        each.fold(Oddities::default(), Oddities::plus)
    }
}

/// The account of one attempt.
#[derive(Clone, Debug)]
pub struct AttemptSummary {
    /// Which one.
    pub attempt: AttemptId,
    /// How it went on.
    pub rung: Rung,
    /// Why in this way, and in no better one.
    pub choice: Choice,
    /// Where it went, when a driver chose among endpoints.
    pub endpoint: Option<Arc<str>>,
    /// The model that was asked.
    pub model: Option<Arc<str>>,
    /// When it began, on the caller's clock.
    pub began: Nanos,
    /// When it ended.
    pub ended: Nanos,
    /// Bytes of new text that it brought.
    pub text_bytes: u64,
    /// Tokens, as the provider reported them or as an estimate.
    pub usage: Usage,
    /// The provider did not report all that it bills: the rest is worked out from the bytes.
    pub estimated: bool,
    /// What it cost; `None` where that is not known.
    pub cost: Option<Money>,
    /// What was odd about its answer, and did no harm.
    pub oddities: Oddities,
    /// Why it ended without a whole response.
    pub cause: Option<Cause>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(output: u64, estimated: bool) -> AttemptSummary {
        AttemptSummary {
            attempt: AttemptId(1),
            rung: Rung::Retry,
            choice: Choice::default(),
            endpoint: None,
            model: None,
            began: Nanos::ZERO,
            ended: Nanos::ZERO,
            text_bytes: 1,
            usage: Usage { output, ..Usage::default() },
            estimated,
            cost: None,
            oddities: Oddities::default(),
            cause: None,
        }
    }

    #[track_caller]
    fn check(attempts: &[AttemptSummary], output: u64, estimated: bool) {
        let summary = Summary { attempts: attempts.to_vec(), ..Summary::default() };
        assert_eq!(summary.usage(), (Usage { output, ..Usage::default() }, estimated));
    }

    #[test]
    fn a_sum_that_lacks_an_attempt_is_an_estimate() {
        check(&[], 0, false);
        check(&[attempt(1, false), attempt(2, false)], 3, false);
        check(&[attempt(1, true), attempt(2, false)], 3, true);
        check(&[attempt(u64::MAX, false), attempt(1, false)], u64::MAX, true);
        check(&[attempt(1, false), attempt(u64::MAX, false), attempt(2, false)], 3, true);
    }
}
