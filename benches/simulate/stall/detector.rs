//! The classic detectors: fixed times, the estimators of gaps that TCP and Akka use, and a quantile
//! of all gaps of all streams.

use std::collections::VecDeque;

use retry_policy::Nanos;

use super::Judge;
use super::stream::Stream;
use crate::dice::{as_seconds, seconds};
use benches::quantile;

/// How long a gap condemns a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    /// So many seconds.
    Fixed(u64),
    /// Mean and four times the mean deviation, from 5 to 90 s.
    Jacobson,
    /// Phi 8 over the last 200 gaps, with this acceptable pause in seconds.
    Phi(u64),
    /// Twice this quantile of all gaps, known beforehand.
    Fleet(f64),
}

impl Rule {
    pub(crate) const ALL: [Self; 9] = [
        Self::Fixed(15),
        Self::Fixed(30),
        Self::Fixed(60),
        Self::Fixed(120),
        Self::Jacobson,
        Self::Phi(3),
        Self::Phi(10),
        Self::Fleet(0.9995),
        Self::Fleet(0.9999),
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fixed(15) => "fixed 15 s (naive)",
            Self::Fixed(30) => "fixed 30 s",
            Self::Fixed(60) => "fixed 60 s",
            Self::Fixed(_) => "fixed 120 s",
            Self::Jacobson => "Jacobson, k = 4",
            Self::Phi(3) => "phi 8, pause 3 s",
            Self::Phi(_) => "phi 8, pause 10 s",
            Self::Fleet(part) if part < 0.9999 => "twice q99.95 of all gaps",
            Self::Fleet(_) => "twice q99.99 of all gaps",
        }
    }

    pub(super) fn judge(self, streams: &[Stream]) -> Classic {
        let fleet = match self {
            Self::Fleet(part) => {
                let gaps = streams.iter().flat_map(|stream| &stream.signs);
                let mut gaps: Vec<f64> = gaps.map(|sign| as_seconds(sign.gap)).collect();
                gaps.sort_by(f64::total_cmp);
                2.0 * quantile(&gaps, part)
            }
            _ => 0.0,
        };
        Classic { rule: self, fleet, gaps: Gaps::default() }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Classic {
    rule: Rule,
    fleet: f64,
    gaps: Gaps,
}

/// What is known about the gaps of one stream, in seconds.
#[derive(Debug, Default)]
struct Gaps {
    mean: f64,
    deviation: f64,
    count: u64,
    recent: VecDeque<f64>,
    sum: f64,
    squares: f64,
}

impl Gaps {
    const RECENT_MAX: usize = 200;

    fn learn(&mut self, gap: f64) {
        if self.count == 0 {
            (self.mean, self.deviation) = (gap, gap / 2.0);
        } else {
            self.deviation = 0.75 * self.deviation + 0.25 * (self.mean - gap).abs();
            self.mean = 0.875 * self.mean + 0.125 * gap;
        }
        self.count += 1;
        self.recent.push_back(gap);
        (self.sum, self.squares) = (self.sum + gap, self.squares + gap * gap);
        if self.recent.len() > Self::RECENT_MAX {
            let old = self.recent.pop_front().unwrap_or_default();
            (self.sum, self.squares) = (self.sum - old, self.squares - old * old);
        }
    }

    fn phi_limit(&self, pause: f64) -> f64 {
        // Where the logistic approximation of the normal tail that Akka uses reaches 10^-8.
        const DEVIATIONS: f64 = 5.605;
        const DEVIATION_MIN: f64 = 0.1;
        let count = self.recent.len() as f64;
        if count < 2.0 {
            return 1.0 + pause + DEVIATIONS * 0.25;
        }
        let mean = self.sum / count;
        let deviation = (self.squares / count - mean * mean).max(0.0).sqrt();
        mean + pause + DEVIATIONS * deviation.max(DEVIATION_MIN)
    }
}

impl Classic {
    fn limit(&self) -> Nanos {
        seconds(match self.rule {
            Rule::Fixed(limit) => return Nanos::from_secs(limit),
            Rule::Jacobson => (self.gaps.mean + 4.0 * self.gaps.deviation).clamp(5.0, 90.0),
            Rule::Phi(pause) => self.gaps.phi_limit(pause as f64),
            Rule::Fleet(_) => self.fleet,
        })
    }
}

impl Judge for Classic {
    fn begin(&mut self, _: Nanos) -> Nanos {
        self.gaps = Gaps::default();
        self.limit()
    }

    fn sign(&mut self, gap: Nanos, _: bool, _: Nanos) -> Nanos {
        self.gaps.learn(as_seconds(gap));
        self.limit()
    }

    fn end(&mut self, _: bool, _: Nanos) {}
}
