//! How many answers, how long each takes, and how many at a time.

use std::time::Duration;

use mock_provider::{Hazard, Pace, Split};

/// The size of one cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) streams: usize,
    /// Streams at a time; each has a socket at either end, and systems allow 1,024 files by default.
    pub(crate) width: usize,
    /// Cells at a time: more than one where their times do not matter.
    pub(crate) cells: usize,
    /// Time before the first token of each response.
    pub(crate) lead: Duration,
    /// Time before each token.
    pub(crate) per_token: Duration,
}

/// Tokens of each answer.
pub(crate) const TOKENS: u32 = 200;

impl Scale {
    /// 1.2 s to the first token and 5 s in all.
    pub(crate) const FULL: Self = Self {
        streams: 1_000,
        width: 250,
        cells: 1,
        lead: Duration::from_millis(1_200),
        per_token: Duration::from_millis(19),
    };

    /// A few of them in a fraction of the time, to show that it runs.
    pub(crate) const SMOKE: Self = Self {
        streams: 60,
        width: 30,
        cells: 12,
        lead: Duration::from_millis(80),
        per_token: Duration::from_millis(1),
    };

    pub(crate) const fn answer(&self) -> Duration {
        self.lead.saturating_add(self.per_token.saturating_mul(TOKENS))
    }

    pub(crate) fn pace(&self) -> Pace {
        Pace {
            delay_per_token: self.per_token,
            delay_before_first: self.lead,
            split: Split::Whole,
            ..Pace::default()
        }
    }

    /// Breaks in proportion to time, that before the first token included.
    pub(crate) fn hazard(&self, per_million: u32) -> Hazard {
        let lead = self.lead.as_micros() / self.per_token.as_micros();
        let lead = u32::try_from(lead).expect("a few tokens");
        Hazard { seed: 11, per_million, tokens: TOKENS, lead }
    }
}
