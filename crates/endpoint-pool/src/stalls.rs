//! What is learned about an endpoint's silences and its times to the first token, and the spans
//! for the clocks of a stream that follow from it. Who watches the clocks is not decided here.

use retry_policy::Nanos;

use crate::sketch::Sketch;

/// Bounds on what is learned, and what holds before anything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stalls {
    /// The longest span without a sign of life before a stream is suspected, where heartbeats
    /// are known. Default 15 s.
    pub suspect_max: Nanos,
    /// The span without a sign of life after which a stream is dead, until gaps are known; with
    /// heartbeats the longest. Default 60 s.
    pub dead_max: Nanos,
    /// The longest such span without heartbeats, where gaps are known to be long. Default 90 s.
    pub dead_max_silent: Nanos,
    /// The shortest such span without heartbeats. Default 30 s.
    pub dead_min: Nanos,
    /// The shortest such span with heartbeats. Default 20 s.
    pub dead_min_heartbeats: Nanos,
    /// Bounds on the time to the first token. Default 20 s.
    pub first_token_min: Nanos,
    /// Default 300 s.
    pub first_token_max: Nanos,
}

impl Default for Stalls {
    fn default() -> Self {
        Self {
            suspect_max: Nanos::from_secs(15),
            dead_max: Nanos::from_secs(60),
            dead_max_silent: Nanos::from_secs(90),
            dead_min: Nanos::from_secs(30),
            dead_min_heartbeats: Nanos::from_secs(20),
            first_token_min: Nanos::from_secs(20),
            first_token_max: Nanos::from_secs(300),
        }
    }
}

/// A sign of life in the body of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// A heartbeat: a comment or a ping event.
    Ping,
    /// Anything else.
    Content,
}

/// Spans for the clocks of a stream at one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learned {
    /// Without a sign of life for this long, it is worth while to warm another connection.
    pub suspect_after: Nanos,
    /// Without a sign of life for this long, the attempt is over.
    pub dead_after: Nanos,
    /// Without content for this long from the request on, the attempt is over.
    pub first_token_after: Option<Nanos>,
    /// Without content for this long from the request on, a second copy is worth its price.
    pub hedge_after: Option<Nanos>,
    /// Whether silences are filled with heartbeats.
    pub heartbeats: Heartbeats,
}

/// Whether an endpoint sends heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Heartbeats {
    /// It was not seen to.
    Unknown,
    /// It fills silences with them.
    Learned,
}

/// Silences ended by a heartbeat before heartbeats are relied upon.
const HEARTBEATS_MIN: u32 = 3;
/// A heartbeat after a shorter silence is no evidence that longer ones are filled: some servers
/// send one with the first event and never again.
const SILENCE_MIN: Nanos = Nanos::from_secs(1);
/// Gaps before their highest quantile means something.
const GAPS_MIN: u64 = 10_000;
/// How much longer than their 99.99th percentile gaps get in live streams without heartbeats.
/// Pauses have a long tail: at twice the percentile, one stream in two hundred would be given up.
const TAIL: u64 = 4;
const GAPS_MAX: u64 = 1 << 20;
const FIRST_TOKENS_MAX: u64 = 4096;
/// First tokens before their 95th percentile means something.
const HEDGE_MIN: u64 = 20;
/// First tokens before their 99.9th percentile means something.
const FIRST_TOKEN_MIN: u64 = 1000;

/// The silences and times to the first token of one endpoint, or of all.
#[derive(Clone, Debug)]
pub(crate) struct Silences {
    gaps: Sketch,
    first_tokens: Sketch,
    /// The longest recent silence that a heartbeat ended; shrinks slowly.
    heartbeat: Nanos,
    heartbeats: u32,
    /// The median time to the first token.
    median: Option<Nanos>,
}

impl Silences {
    pub(crate) fn new() -> Self {
        Self {
            gaps: Sketch::new(GAPS_MAX),
            first_tokens: Sketch::new(FIRST_TOKENS_MAX),
            heartbeat: Nanos::ZERO,
            heartbeats: 0,
            median: None,
        }
    }

    /// A sign of life came after a silence of `gap` in the body.
    pub(crate) fn on_sign(&mut self, gap: Nanos, sign: Sign) {
        self.gaps.record(gap);
        if sign == Sign::Ping && gap >= SILENCE_MIN {
            self.heartbeats = self.heartbeats.saturating_add(1);
            let fade = Nanos(self.heartbeat.0.saturating_sub(gap.0) / 16);
            self.heartbeat = self.heartbeat.saturating_sub(fade).max(gap);
        }
    }

    pub(crate) fn on_first_token(&mut self, span: Nanos) {
        self.first_tokens.record(span);
        // The median moves slowly once there are many.
        if self.first_tokens.len() < 64 || self.first_tokens.len().is_multiple_of(16) {
            self.median = self.first_tokens.quantile(50_000);
        }
    }

    pub(crate) const fn median_first_token(&self) -> Option<Nanos> {
        self.median
    }

    /// The spans that follow; `fleet` stands in for what this endpoint has too little of. A second copy
    /// goes to another endpoint, so when it is worth its price is known of all of them.
    pub(crate) fn learned(&self, fleet: &Self, rule: &Stalls) -> Learned {
        let heartbeats = if self.heartbeats >= HEARTBEATS_MIN {
            Heartbeats::Learned
        } else {
            Heartbeats::Unknown
        };
        let dead_after = self.dead_after(fleet, heartbeats, rule);
        let suspect_after = match heartbeats {
            Heartbeats::Learned => {
                let late = self.heartbeat.saturating_add(Nanos(self.heartbeat.0 / 2));
                late.min(rule.suspect_max).min(Nanos(dead_after.0 / 2)).max(SILENCE_MIN)
            }
            Heartbeats::Unknown => Nanos(dead_after.0 / 2),
        };
        let first_token = |per_100k, least| {
            let known = [self, fleet].into_iter().find(|it| it.first_tokens.len() >= least)?;
            known.first_tokens.quantile(per_100k)
        };
        let first_token_after = first_token(99_900, FIRST_TOKEN_MIN).map(|span| {
            let span = span.saturating_add(Nanos(span.0 / 2));
            span.max(rule.first_token_min).min(rule.first_token_max)
        });
        let of_all = fleet.first_tokens.len() >= HEDGE_MIN;
        let first_tokens = &if of_all { fleet } else { self }.first_tokens;
        let is_known = first_tokens.len() >= HEDGE_MIN;
        let hedge_after = first_tokens.quantile(95_000).filter(|_| is_known);
        Learned { suspect_after, dead_after, first_token_after, hedge_after, heartbeats }
    }

    fn dead_after(&self, fleet: &Self, heartbeats: Heartbeats, rule: &Stalls) -> Nanos {
        let gaps = [self, fleet].into_iter().find(|it| it.gaps.len() >= GAPS_MIN);
        let gap = gaps.and_then(|it| it.gaps.quantile(99_990));
        match heartbeats {
            Heartbeats::Learned => {
                let beat = Nanos(self.heartbeat.0 / 2).saturating_mul(5);
                let gap = gap.unwrap_or(Nanos::ZERO).saturating_mul(2);
                beat.max(gap).max(rule.dead_min_heartbeats).min(rule.dead_max)
            }
            Heartbeats::Unknown => {
                let gap = gap.map_or(rule.dead_max, |gap| gap.saturating_mul(TAIL));
                gap.max(rule.dead_min).min(rule.dead_max_silent.max(rule.dead_max))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: fn() -> Stalls = Stalls::default;

    fn learned(feed: impl FnOnce(&mut Silences)) -> Learned {
        let mut silences = Silences::new();
        feed(&mut silences);
        silences.learned(&Silences::new(), &RULE())
    }

    #[test]
    fn before_anything_is_known_the_defaults_hold() {
        assert_eq!(
            learned(|_| {}),
            Learned {
                suspect_after: Nanos::from_secs(30),
                dead_after: Nanos::from_secs(60),
                first_token_after: None,
                hedge_after: None,
                heartbeats: Heartbeats::Unknown,
            }
        );
    }

    #[test]
    fn regular_heartbeats_make_silence_suspect_early() {
        let ten = learned(|silences| {
            for _ in 0..3 {
                silences.on_sign(Nanos::from_secs(10), Sign::Ping);
            }
        });
        assert_eq!(ten.heartbeats, Heartbeats::Learned);
        assert!(ten.suspect_after <= Nanos::from_secs(15) && ten.suspect_after.as_secs() > 10);
        assert_eq!(ten.dead_after, Nanos::from_secs(25));
        let forty = learned(|silences| {
            for _ in 0..3 {
                silences.on_sign(Nanos::from_secs(40), Sign::Ping);
            }
        });
        assert_eq!(forty.dead_after, Nanos::from_secs(60));
        assert_eq!(forty.suspect_after, Nanos::from_secs(15));
    }

    #[test]
    fn a_ping_with_the_first_event_is_no_heartbeat() {
        let first = learned(|silences| {
            for _ in 0..1000 {
                silences.on_sign(Nanos::from_millis(2), Sign::Ping);
            }
        });
        assert_eq!(first.heartbeats, Heartbeats::Unknown);
        assert_eq!(first.dead_after, Nanos::from_secs(60));
    }

    #[test]
    fn without_heartbeats_the_longest_usual_gap_decides() {
        let quick = learned(|silences| {
            for _ in 0..20_000 {
                silences.on_sign(Nanos::from_millis(30), Sign::Content);
            }
        });
        assert_eq!(quick.dead_after, Nanos::from_secs(30));
        let halting = learned(|silences| {
            for index in 0..20_000 {
                let secs = if index % 1000 == 0 { 10 } else { 0 };
                silences.on_sign(Nanos::from_secs(secs), Sign::Content);
            }
        });
        assert!((40..=43).contains(&halting.dead_after.as_secs()), "{halting:?}");
    }

    #[test]
    fn a_second_copy_is_worth_while_after_the_slowest_twentieth() {
        let learned = learned(|silences| {
            for millis in 1..=1000 {
                silences.on_first_token(Nanos::from_millis(millis));
            }
        });
        let hedge = learned.hedge_after.unwrap().as_millis();
        assert!((950..1020).contains(&hedge), "{hedge}");
        assert_eq!(learned.first_token_after, Some(Nanos::from_secs(20)));
    }

    #[test]
    fn a_new_endpoint_borrows_from_the_others() {
        let mut fleet = Silences::new();
        for _ in 0..20 {
            fleet.on_first_token(Nanos::from_secs(2));
        }
        let fresh = Silences::new().learned(&fleet, &RULE());
        assert!(fresh.hedge_after.is_some());
        let mut slow = Silences::new();
        (0..1000).for_each(|_| slow.on_first_token(Nanos::from_secs(60)));
        assert_eq!(slow.learned(&fleet, &RULE()).hedge_after, fresh.hedge_after);
        assert!(fleet.median_first_token().is_some());
    }
}
