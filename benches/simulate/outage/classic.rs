//! The policies that clients use today, as a process: each request retries for itself, and at most
//! a budget is shared. They are what the shipped code is compared with.

mod budget;
mod delay;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use retry_policy::Nanos;

pub(crate) use budget::Budget;
pub(crate) use delay::Delay;

use super::process::{Action, Id, Input, Process, Reply};
use crate::dice::Dice;

/// A policy and its constants.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) delay: Delay,
    /// Attempts in all.
    pub(crate) attempts_max: Option<u32>,
    pub(crate) budget: Budget,
}

/// One process that follows a rule.
#[derive(Debug)]
pub(crate) struct Classic {
    rule: Rule,
    calls: BTreeMap<Id, Call>,
    due: BinaryHeap<Reverse<(Nanos, Id)>>,
    ready: VecDeque<Action>,
    dice: Dice,
    /// What a generator that is cloned for every request starts from.
    cloned: u64,
}

/// What a request has done so far.
#[derive(Clone, Copy, Debug)]
struct Call {
    deadline: Nanos,
    /// Failures that the policy counts.
    failures: u32,
    previous: Nanos,
    /// The last failure.
    failure: Option<Reply>,
}

impl Rule {
    /// Every classic policy, in the order of the table.
    pub(crate) fn all() -> Vec<Self> {
        let unlimited =
            |name, delay| Self { name, delay, attempts_max: None, budget: Budget::Unlimited };
        let (base, cap) = (Nanos::from_secs(1), Nanos::from_secs(60));
        let full = Delay::Full { base, cap };
        vec![
            Self { attempts_max: Some(5), ..unlimited("naive", Delay::Naive) },
            unlimited("exponential, no jitter", Delay::Exact { base, cap }),
            unlimited("full jitter", full),
            unlimited("equal jitter", Delay::Equal { base, cap }),
            unlimited("decorrelated jitter", Delay::Decorrelated { base, cap }),
            unlimited("added jitter (backon)", Delay::Added { base, cap }),
            Self { attempts_max: Some(5), ..unlimited("full jitter, 5 attempts", full) },
            Self { attempts_max: Some(3), ..unlimited("Anthropic/OpenAI SDK", Delay::Sdk) },
            Self {
                attempts_max: Some(3),
                budget: Budget::aws_2_0(),
                ..unlimited("AWS 2.0", Delay::aws(Nanos::from_secs(1)))
            },
            Self {
                attempts_max: Some(3),
                budget: Budget::aws_2_1(),
                ..unlimited("AWS 2.1", Delay::aws(Nanos::from_millis(50)))
            },
            Self { budget: Budget::finagle(), ..unlimited("Finagle/tower budget", full) },
            Self {
                budget: Budget::finagle(),
                ..unlimited("tower as shipped", Delay::Tower { base, cap })
            },
            Self {
                attempts_max: Some(5),
                budget: Budget::grpc(),
                ..unlimited("gRPC throttle", full)
            },
            Self {
                attempts_max: Some(3),
                budget: Budget::sre(),
                ..unlimited("SRE adaptive", full)
            },
        ]
    }

    pub(crate) const fn is_endless(&self) -> bool {
        matches!(self.delay, Delay::Naive)
    }
}

impl Classic {
    pub(crate) fn new(rule: Rule, mut dice: Dice) -> Self {
        let (calls, due, cloned) = (BTreeMap::new(), BinaryHeap::new(), dice.next());
        Self { rule, calls, due, ready: VecDeque::new(), dice, cloned }
    }

    fn open(&mut self, id: Id, deadline: Nanos) {
        let previous = self.rule.delay.first_previous();
        self.calls.insert(id, Call { deadline, failures: 0, previous, failure: None });
    }

    fn attempt(&mut self, id: Id, now: Nanos) {
        let admitted = self.rule.budget.admit(now, &mut self.dice);
        let action = if admitted { Action::Send(id) } else { self.give_up(id) };
        self.ready.push_back(action);
    }

    fn give_up(&mut self, id: Id) -> Action {
        self.calls.remove(&id);
        Action::GiveUp(id)
    }

    fn failed(&mut self, id: Id, reply: Reply, now: Nanos) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        self.rule.budget.fail();
        call.failures += self.rule.delay.counts(reply);
        let exhausted = self.rule.attempts_max.is_some_and(|max| call.failures >= max);
        let retry = call.failures.saturating_sub(1);
        let mut clone = Dice::new(self.cloned.wrapping_add(u64::from(retry)));
        let shipped = matches!(self.rule.delay, Delay::Tower { .. });
        let dice = if shipped { &mut clone } else { &mut self.dice };
        call.previous = self.rule.delay.draw(retry, call.previous, reply, dice);
        call.failure = Some(reply);
        let at = now.saturating_add(call.previous);
        let late = at >= call.deadline && !self.rule.is_endless();
        if exhausted || late || !self.rule.budget.withdraw(reply, now) {
            let action = self.give_up(id);
            self.ready.push_back(action);
        } else {
            self.due.push(Reverse((at, id)));
        }
    }
}

impl Process for Classic {
    fn handle(&mut self, input: Input, now: Nanos) {
        match input {
            Input::Start { id, deadline } => {
                self.open(id, deadline);
                self.attempt(id, now);
            }
            Input::Running { id, deadline } => self.open(id, deadline),
            Input::Reply { id, reply: Reply::Success } => {
                let failure = self.calls.remove(&id).and_then(|call| call.failure);
                self.rule.budget.succeed(failure, now);
            }
            Input::Reply { id, reply } => self.failed(id, reply, now),
            Input::Expire { id } => {
                self.calls.remove(&id);
            }
        }
    }

    fn poll(&mut self, now: Nanos) -> Action {
        loop {
            if let Some(action) = self.ready.pop_front() {
                return action;
            }
            match self.due.peek() {
                Some(&Reverse((at, id))) if at <= now => {
                    self.due.pop();
                    if self.calls.contains_key(&id) {
                        self.attempt(id, now);
                    }
                }
                next => return Action::Wait(next.map(|Reverse((at, _))| *at)),
            }
        }
    }
}
