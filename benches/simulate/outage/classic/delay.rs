//! The delays of the classic policies, each with the faults that it ships with.

use retry_policy::Nanos;

use super::super::process::Reply;
use crate::dice::Dice;

/// How long to wait after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delay {
    /// 2, 4, 8, ... 60 s without jitter; after a 429 30 s, which counts as no failure.
    Naive,
    Exact {
        base: Nanos,
        cap: Nanos,
    },
    Full {
        base: Nanos,
        cap: Nanos,
    },
    Equal {
        base: Nanos,
        cap: Nanos,
    },
    /// With the cap outside, as published: the delays pile up at it.
    Decorrelated {
        base: Nanos,
        cap: Nanos,
    },
    /// The delay and up to as much again, beyond the cap.
    Added {
        base: Nanos,
        cap: Nanos,
    },
    /// 0.5 to 8 s, less up to a quarter. A hint of at most 60 s is followed exactly.
    Sdk,
    /// Full jitter with a base of 1 s after a 429. A hint counts for at most 5 s more.
    Aws {
        base: Nanos,
        cap: Nanos,
    },
    /// Added jitter in whole seconds; the process gives every request the same draws.
    Tower {
        base: Nanos,
        cap: Nanos,
    },
}

impl Delay {
    pub(crate) const fn aws(base: Nanos) -> Self {
        Self::Aws { base, cap: Nanos::from_secs(20) }
    }

    /// The previous delay of a request that had none.
    pub(super) const fn first_previous(self) -> Nanos {
        match self {
            Self::Decorrelated { base, .. } => base,
            _ => Nanos::ZERO,
        }
    }

    /// By how much a failure raises the count that ends a request.
    pub(super) const fn counts(self, reply: Reply) -> u32 {
        !matches!((self, reply), (Self::Naive, Reply::Rejected { .. })) as u32
    }

    /// The delay before retry number `retry`, from 0.
    pub(super) fn draw(self, retry: u32, previous: Nanos, reply: Reply, dice: &mut Dice) -> Nanos {
        let (told, rejected) = match reply {
            Reply::Rejected { retry_after } => (retry_after, true),
            _ => (None, false),
        };
        let own = match self {
            Self::Naive if rejected => Nanos::from_secs(30),
            Self::Naive => grown(Nanos::from_secs(2), Nanos::from_secs(60), retry),
            Self::Exact { base, cap } => grown(base, cap, retry),
            Self::Full { base, cap } => dice.span(grown(base, cap, retry)),
            Self::Equal { base, cap } => {
                let half = Nanos(grown(base, cap, retry).0 / 2);
                half.saturating_add(dice.span(half))
            }
            Self::Decorrelated { base, cap } => {
                let reach = previous.saturating_mul(3).saturating_sub(base);
                base.saturating_add(dice.span(reach)).min(cap)
            }
            Self::Added { base, cap } => {
                let whole = grown(base, cap, retry);
                whole.saturating_add(dice.span(whole))
            }
            Self::Sdk => {
                let whole = grown(Nanos::from_millis(500), Nanos::from_secs(8), retry);
                whole.saturating_sub(dice.span(Nanos(whole.0 / 4)))
            }
            Self::Aws { base, cap } => {
                let base = if rejected { Nanos::from_secs(1) } else { base };
                dice.span(grown(base, cap, retry))
            }
            Self::Tower { base, cap } => {
                let whole = grown(base, cap, retry);
                whole.saturating_add(Nanos::from_secs(dice.span(whole).as_secs()))
            }
        };
        told.map_or(own, |told| self.obey(told, own))
    }

    /// What becomes of an own delay when the server names a time.
    fn obey(self, told: Nanos, own: Nanos) -> Nanos {
        match self {
            Self::Naive => own,
            Self::Sdk if told > Nanos::from_secs(60) => own,
            Self::Sdk => told,
            Self::Aws { .. } => told.clamp(own, own.saturating_add(Nanos::from_secs(5))),
            _ => own.max(told),
        }
    }
}

/// `base` doubled `retry` times, at most `cap`.
fn grown(base: Nanos, cap: Nanos, retry: u32) -> Nanos {
    base.saturating_mul(1_u64.checked_shl(retry).unwrap_or(u64::MAX)).min(cap)
}
