//! One endpoint of the model: how it answers at an instant, and which prompts it has cached.

use std::collections::HashMap;

use retry_policy::Nanos;

use crate::dice::{Dice, seconds};

/// Seconds to the first token of a healthy, idle endpoint: log-normal.
const FIRST_TOKEN: (f64, f64) = (0.4, 0.4);
/// So many streams double the time to the first token.
const KNEE: f64 = 50.0;
/// The same while an endpoint is cold.
const KNEE_COLD: f64 = 5.0;
/// The part of the time to the first token that a cached prompt takes.
const CACHED_PART: f64 = 0.3;
/// A cached prompt is kept this long after its last use.
const CACHE_TTL: Nanos = Nanos::from_secs(300);
/// The body after the first token: exponential with this mean, in seconds.
const BODY: f64 = 2.0;
/// One request in so many fails anywhere.
const FAILS_ONE_IN: usize = 500;
/// The time after which an endpoint that is dead has refused.
pub(crate) const REFUSAL: Nanos = Nanos::from_millis(5);

/// What is special about an endpoint, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    pub(crate) start: Nanos,
    pub(crate) end: Nanos,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    None,
    /// Refuses at once; what was running breaks.
    Dead,
    /// Ten times as long to the first token.
    Slow,
    /// Dead and alive in turn, so long each.
    Flapping(Nanos),
    /// Takes no traffic before `start`, and little until `end`.
    Cold,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Backend {
    trouble: Trouble,
    cached: HashMap<u64, Nanos>,
}

/// How an attempt goes that nothing cuts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Course {
    Fails { after: Nanos },
    Answers { first_token: Nanos, body: Nanos, cached: bool },
}

impl Backend {
    pub(crate) fn new(trouble: Trouble) -> Self {
        Self { trouble, cached: HashMap::new() }
    }

    pub(crate) fn is_dead(&self, now: Nanos) -> bool {
        let Trouble { kind, start, end } = self.trouble;
        let within = (start..end).contains(&now);
        match kind {
            Kind::Dead => within,
            Kind::Flapping(span) => within && ((now.0 - start.0) / span.0).is_multiple_of(2),
            Kind::None | Kind::Slow | Kind::Cold => false,
        }
    }

    /// The instants at which it dies.
    pub(crate) fn deaths(&self) -> Vec<Nanos> {
        let Trouble { kind, start, end } = self.trouble;
        match kind {
            Kind::Dead => vec![start],
            Kind::Flapping(span) => {
                (start.0..end.0).step_by(2 * span.0 as usize).map(Nanos).collect()
            }
            Kind::None | Kind::Slow | Kind::Cold => Vec::new(),
        }
    }

    pub(crate) fn begin(
        &mut self,
        prompt: Option<u64>,
        active: usize,
        now: Nanos,
        dice: &mut Dice,
    ) -> Course {
        if self.is_dead(now) {
            return Course::Fails { after: REFUSAL };
        }
        let within = (self.trouble.start..self.trouble.end).contains(&now);
        let (knee, factor) = match self.trouble.kind {
            Kind::Slow if within => (KNEE, 10.0),
            Kind::Cold if within => (KNEE_COLD, 1.0),
            _ => (KNEE, 1.0),
        };
        let cached = prompt.is_some_and(|prompt| {
            let used = self.cached.insert(prompt, now);
            used.is_some_and(|used| now.saturating_sub(used) < CACHE_TTL)
        });
        let part = if cached { CACHED_PART } else { 1.0 };
        let (median, sigma) = FIRST_TOKEN;
        let idle = dice.lognormal(median, sigma) * factor * part;
        let first_token = seconds(idle * (1.0 + active as f64 / knee));
        if dice.below(FAILS_ONE_IN) == 0 {
            return Course::Fails { after: first_token };
        }
        Course::Answers { first_token, body: dice.exponential(1.0 / BODY), cached }
    }
}
