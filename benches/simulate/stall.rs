//! Stalls: how often a live stream is called dead, and how soon a dead one is, with and without
//! heartbeats, under the clocks that the shipped pool learns and under classic detectors.

mod detector;
mod shipped;
mod stream;

use retry_policy::Nanos;

pub(crate) use detector::Rule;
pub(crate) use stream::Heartbeats;

use self::shipped::Shipped;
use self::stream::{Ending, Stream};
use crate::dice::{Dice, as_seconds};
use benches::quantile;

/// A run has so many streams.
const STREAMS: usize = 2500;

/// A way to tell when a stream is dead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Policy {
    Classic(Rule),
    /// The pool's clock for the end of the attempt.
    Dead,
    /// The pool's clock for the opening of another connection.
    Suspect,
}

impl Policy {
    /// Every policy, in the order of the table.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Rule::ALL.into_iter().map(Self::Classic).chain([Self::Suspect, Self::Dead])
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Classic(rule) => rule.name(),
            Self::Dead => "endpoint-pool: dead",
            Self::Suspect => "endpoint-pool: suspect",
        }
    }
}

/// The figures of a policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// The part of all streams that were condemned while alive.
    pub(crate) wrong: f64,
    /// Seconds from the last sign of a stream that stalled to the verdict.
    pub(crate) p50: f64,
    pub(crate) max: f64,
}

/// Judges streams one after the other, so that what one teaches is known to the next.
trait Judge {
    /// The time without a sign after which the stream is condemned, before its first sign.
    fn begin(&mut self, now: Nanos) -> Nanos;
    /// The same after a sign, which came after a gap.
    fn sign(&mut self, gap: Nanos, heartbeat: bool, now: Nanos) -> Nanos;
    /// The stream ended or was condemned.
    fn end(&mut self, stalled: bool, now: Nanos);
}

/// The figures of a policy over this many samples of the streams.
pub(crate) fn run(policy: Policy, heartbeats: Heartbeats, samples: u64) -> Outcome {
    let mut wrong = 0;
    let mut detected = Vec::new();
    for seed in 0..samples {
        let mut dice = Dice::new(seed);
        let streams: Vec<_> =
            (0..STREAMS).map(|_| Stream::generate(heartbeats, &mut dice)).collect();
        let mut judge: Box<dyn Judge> = match policy {
            Policy::Classic(rule) => Box::new(rule.judge(&streams)),
            Policy::Dead | Policy::Suspect => Box::new(Shipped::new(policy, seed)),
        };
        let mut now = Nanos::from_secs(1);
        for stream in &streams {
            match judge_one(policy, judge.as_mut(), stream, &mut now) {
                Verdict::Wrong => wrong += 1,
                Verdict::Alive => {}
                Verdict::Right(after) => detected.push(as_seconds(after)),
            }
        }
    }
    detected.sort_by(f64::total_cmp);
    Outcome {
        wrong: f64::from(wrong) / (STREAMS as u64 * samples) as f64,
        p50: quantile(&detected, 0.5),
        max: quantile(&detected, 1.0),
    }
}

enum Verdict {
    Alive,
    Wrong,
    Right(Nanos),
}

fn judge_one(policy: Policy, judge: &mut dyn Judge, stream: &Stream, now: &mut Nanos) -> Verdict {
    let mut limit = judge.begin(*now);
    let mut suspected = false;
    for sign in &stream.signs {
        if sign.gap > limit && policy == Policy::Suspect {
            suspected = true;
        } else if sign.gap > limit {
            *now = now.saturating_add(limit);
            judge.end(true, *now);
            return Verdict::Wrong;
        }
        *now = now.saturating_add(sign.gap);
        limit = judge.sign(sign.gap, sign.heartbeat, *now);
    }
    match stream.ending {
        Ending::Complete => {
            judge.end(false, *now);
            if suspected { Verdict::Wrong } else { Verdict::Alive }
        }
        Ending::Stalled => {
            *now = now.saturating_add(limit);
            judge.end(true, *now);
            Verdict::Right(limit)
        }
    }
}
