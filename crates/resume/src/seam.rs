//! Where one attempt ended and the next went on, and how sure we are of the joint.

use std::fmt;
use std::sync::Arc;

use crate::input::AttemptId;
use crate::source::Moved;

/// A way to go on after a break, from the best guarantee to none.
///
/// The names follow the resume ladder: each rung is chosen only where the provider and the
/// state of the stream allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rung {
    /// Nothing was shown yet: the identical request again. Exactly once for the consumer.
    Retry,
    /// The response goes on at the provider, and its events are read again behind the last one
    /// (rung A). The same generation, so exactly once.
    Cursor,
    /// The response is finished at the provider and is fetched whole; what was not shown follows
    /// (rung A'). The same generation, so exactly once.
    Fetch,
    /// The partial text as the beginning of the assistant's turn (rung B).
    Prefill,
    /// The partial text as a finished turn, and a user message that asks to go on (rung C).
    Instruct,
    /// The identical request again; what repeats the shown text is swallowed (rung D).
    Replay,
    /// The turn that the provider paused, sent back as it came: no break, the same turn goes on
    /// ([`GoOn`](crate::GoOn)).
    Turn,
}

impl Rung {
    /// The rung's name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Cursor => "cursor",
            Self::Fetch => "fetch",
            Self::Prefill => "prefill",
            Self::Instruct => "instruct",
            Self::Replay => "replay",
            Self::Turn => "turn",
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Retry => 0,
            Self::Cursor => 1,
            Self::Prefill => 2,
            Self::Instruct => 3,
            Self::Replay => 4,
            Self::Fetch => 5,
            Self::Turn => 6,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Retry,
            1 => Self::Cursor,
            2 => Self::Prefill,
            3 => Self::Instruct,
            4 => Self::Replay,
            5 => Self::Fetch,
            6 => Self::Turn,
            _ => return None,
        })
    }
}

impl Rung {
    /// Whether it goes on with a generation that was paid for before.
    pub(crate) const fn is_same_generation(self) -> bool {
        matches!(self, Self::Cursor | Self::Fetch)
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How sure it is that no byte was lost or repeated at a seam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeamLabel {
    /// The wire itself guarantees it: the model was conditioned on the exact prefix, or the
    /// replay, or a model that began again by itself, reproduced it.
    Exact,
    /// The continuation repeated the fragment that it was asked to repeat, and that fragment
    /// is unique in the text.
    Anchored,
    /// A repetition at the joint was removed that was not asked for, or whose end is not certain.
    Overlap,
    /// Nothing could be verified and nothing was removed, but for white space at the end of the
    /// shown text.
    None,
}

impl SeamLabel {
    /// The label's name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Anchored => "anchored",
            Self::Overlap => "overlap",
            Self::None => "none",
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Exact => 0,
            Self::Anchored => 1,
            Self::Overlap => 2,
            Self::None => 3,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Exact,
            1 => Self::Anchored,
            2 => Self::Overlap,
            3 => Self::None,
            _ => return None,
        })
    }
}

impl fmt::Display for SeamLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One joint between two attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seam {
    /// The attempt that went on.
    pub attempt: AttemptId,
    /// How it was asked to.
    pub rung: Rung,
    /// Bytes of text that the consumer had when it went on.
    pub offset: u64,
    /// How sure the joint is.
    pub label: SeamLabel,
    /// Bytes of the continuation that repeated shown text and were removed.
    pub dropped: u64,
    /// The model that went on, where it gives another name than the one that began: an alias that
    /// moved, or a gateway that went elsewhere.
    pub model: Option<Arc<str>>,
    /// Who wrote until here and who goes on, where that is another model than the one that was asked
    /// before, or a [fallback](crate::Fallback).
    pub moved: Option<Box<Moved>>,
}
