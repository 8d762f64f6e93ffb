//! Synthetic streams: tokens in quick succession, rare long pauses, and a few that stall for good.

use retry_policy::Nanos;

use crate::dice::{Dice, seconds};

/// Tokens of a stream.
const TOKENS: usize = 400;
/// Seconds between tokens: log-normal.
const GAP: (f64, f64) = (0.025, 1.0);
/// So many of 1000 gaps are pauses.
const PAUSES: usize = 3;
/// Seconds of a pause: log-normal.
const PAUSE: (f64, f64) = (4.0, 0.9);
/// So many of 100 streams stall.
const STALLS: usize = 3;
/// Seconds between heartbeats, which come whatever the tokens do: log-normal.
const HEARTBEAT: (f64, f64) = (10.0, 0.1);

/// Whether the server sends heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heartbeats {
    None,
    Sent,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) signs: Vec<Sign>,
    pub(crate) ending: Ending,
}

/// A token or a heartbeat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sign {
    /// The time since the sign before.
    pub(crate) gap: Nanos,
    pub(crate) heartbeat: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Complete,
    /// After the last sign nothing ever comes.
    Stalled,
}

impl Stream {
    pub(crate) fn generate(heartbeats: Heartbeats, dice: &mut Dice) -> Self {
        let stalls = dice.below(100) < STALLS;
        let tokens = if stalls { 1 + dice.below(TOKENS) } else { TOKENS };
        let mut signs = Vec::with_capacity(tokens);
        let mut until_beat = beat(heartbeats, dice);
        for _ in 0..tokens {
            let (median, sigma) = if dice.below(1000) < PAUSES { PAUSE } else { GAP };
            let mut gap = seconds(dice.lognormal(median, sigma));
            while until_beat < gap {
                signs.push(Sign { gap: until_beat, heartbeat: true });
                gap = gap.saturating_sub(until_beat);
                until_beat = beat(heartbeats, dice);
            }
            until_beat = until_beat.saturating_sub(gap);
            signs.push(Sign { gap, heartbeat: false });
        }
        let ending = if stalls { Ending::Stalled } else { Ending::Complete };
        Self { signs, ending }
    }
}

fn beat(heartbeats: Heartbeats, dice: &mut Dice) -> Nanos {
    let (median, sigma) = HEARTBEAT;
    match heartbeats {
        Heartbeats::None => Nanos::MAX,
        Heartbeats::Sent => seconds(dice.lognormal(median, sigma)),
    }
}
