//! The balancers that clients use today. A failed request is picked for again at once, four
//! attempts in all.

use std::collections::{BTreeMap, VecDeque};

use retry_policy::Nanos;

use super::balancer::{Action, Ask, Balancer, Id, Input};
use crate::dice::{Dice, as_seconds};

const ATTEMPTS_MAX: u32 = 4;

/// How to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    RoundRobin,
    /// At random by `(1 - error rate) / latency`, the error rate upside down and the latency of
    /// failures included, as in a widely copied recipe.
    Naive,
    /// The less busy of two.
    LeastLoaded,
    /// The lower peak-sensitive average of latency times load of two, failures included.
    PeakEwma,
}

impl Rule {
    pub(crate) const ALL: [Self; 4] =
        [Self::RoundRobin, Self::Naive, Self::LeastLoaded, Self::PeakEwma];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round robin",
            Self::Naive => "naive weights",
            Self::LeastLoaded => "P2C least loaded",
            Self::PeakEwma => "P2C peak EWMA",
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Classic {
    rule: Rule,
    endpoints: Vec<Endpoint>,
    calls: BTreeMap<Id, Call>,
    ready: VecDeque<Action>,
    turn: usize,
    dice: Dice,
}

#[derive(Clone, Copy, Debug, Default)]
struct Endpoint {
    pending: u32,
    /// Seconds.
    latency: f64,
    error_rate: f64,
    sampled: Nanos,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    ask: Ask,
    attempts: u32,
    endpoint: usize,
    begun: Nanos,
}

impl Classic {
    pub(crate) fn new(rule: Rule, endpoints: usize, dice: Dice) -> Self {
        let endpoints = vec![Endpoint::default(); endpoints];
        Self { rule, endpoints, calls: BTreeMap::new(), ready: VecDeque::new(), turn: 0, dice }
    }

    fn attempt(&mut self, mut call: Call, now: Nanos) {
        call.endpoint = self.pick(call.ask.except, now);
        (call.attempts, call.begun) = (call.attempts + 1, now);
        self.endpoints[call.endpoint].pending += 1;
        let id = call.ask.id;
        self.calls.insert(id, call);
        self.ready.push_back(Action::Send { id, endpoint: call.endpoint });
    }

    fn pick(&mut self, except: Option<usize>, now: Nanos) -> usize {
        let open: Vec<usize> = (0..self.endpoints.len()).filter(|e| Some(*e) != except).collect();
        match self.rule {
            Rule::RoundRobin => {
                self.turn += 1;
                open[self.turn % open.len()]
            }
            Rule::Naive => self.weighted(&open),
            Rule::LeastLoaded => self.better_of_two(&open, |endpoint| f64::from(endpoint.pending)),
            Rule::PeakEwma => self.better_of_two(&open, |endpoint| {
                let age = as_seconds(now.saturating_sub(endpoint.sampled));
                endpoint.latency * (-age / 10.0).exp() * f64::from(endpoint.pending + 1)
            }),
        }
    }

    fn weighted(&mut self, open: &[usize]) -> usize {
        let weight = |e: usize| {
            let Endpoint { latency, error_rate, .. } = self.endpoints[e];
            (1.0 - error_rate) / latency.max(0.001)
        };
        let mut left = self.dice.unit() * open.iter().map(|e| weight(*e)).sum::<f64>();
        for e in open {
            left -= weight(*e);
            if left < 0.0 {
                return *e;
            }
        }
        open[0]
    }

    fn better_of_two(&mut self, open: &[usize], load: impl Fn(&Endpoint) -> f64) -> usize {
        let first = self.dice.below(open.len());
        let second = (first + 1 + self.dice.below(open.len() - 1)) % open.len();
        let (first, second) = (open[first], open[second]);
        let better = load(&self.endpoints[first]) <= load(&self.endpoints[second]);
        if better { first } else { second }
    }

    /// Learns from an attempt that got its first token or failed.
    fn sample(&mut self, call: Call, success: f64, now: Nanos) {
        let took = as_seconds(now.saturating_sub(call.begun));
        let endpoint = &mut self.endpoints[call.endpoint];
        endpoint.latency = match self.rule {
            Rule::PeakEwma => {
                let age = as_seconds(now.saturating_sub(endpoint.sampled));
                let kept = (-age / 10.0).exp();
                took.max(endpoint.latency * kept + took * (1.0 - kept))
            }
            _ => 0.2 * took + 0.8 * endpoint.latency,
        };
        endpoint.error_rate = 0.2 * success + 0.8 * (1.0 - endpoint.error_rate);
        endpoint.sampled = now;
    }

    fn end(&mut self, id: Id) -> Call {
        let call = self.calls.remove(&id).expect("a request ends once");
        self.endpoints[call.endpoint].pending -= 1;
        call
    }
}

impl Balancer for Classic {
    fn handle(&mut self, input: Input, now: Nanos) {
        match input {
            Input::Start(ask) => {
                self.attempt(Call { ask, attempts: 0, endpoint: 0, begun: now }, now);
            }
            Input::FirstToken(id) => {
                let call = *self.calls.get(&id).expect("an open request");
                self.sample(call, 1.0, now);
            }
            Input::Done(id) => {
                self.end(id);
            }
            Input::Failed(id) => {
                let call = self.end(id);
                self.sample(call, 0.0, now);
                if call.attempts < ATTEMPTS_MAX {
                    self.attempt(call, now);
                } else {
                    self.ready.push_back(Action::GiveUp);
                }
            }
        }
    }

    fn poll(&mut self, _: Nanos) -> Action {
        self.ready.pop_front().unwrap_or(Action::Wait(None))
    }
}
