//! The event queue of the balancer's scenarios, in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use retry_policy::Nanos;

use super::backend::{Backend, Course, Kind, REFUSAL, Trouble};
use super::balancer::{Action, Ask, Balancer, Id, Input};
use super::scenario::{ENDPOINTS, ODD, Prompts, Scenario};
use crate::dice::Dice;

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pick {
    pub(crate) at: Nanos,
    pub(crate) endpoint: usize,
    pub(crate) bill: Bill,
}

/// What the prompt of an attempt is billed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bill {
    /// It failed before.
    Nothing,
    Cached,
    Fresh,
}

/// What became of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) start: Nanos,
    pub(crate) first_token: Option<Nanos>,
    pub(crate) attempts: u32,
    pub(crate) success: bool,
    prompt: Option<u64>,
    endpoint: usize,
}

/// What happened in a run.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) picks: Vec<Pick>,
    pub(crate) requests: Vec<Record>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Start(Id),
    FirstToken(Id, u32, Nanos),
    Done(Id, u32),
    Failed(Id, u32),
    Death(usize),
    Wake,
}

/// See the module.
pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    balancer: Box<dyn Balancer>,
    backends: Vec<Backend>,
    active: Vec<BTreeSet<Id>>,
    events: BinaryHeap<Reverse<(Nanos, u64, Event)>>,
    next: u64,
    wake: Option<Nanos>,
    now: Nanos,
    dice: Dice,
    history: History,
}

impl<'a> World<'a> {
    /// Runs a scenario to its end.
    pub(crate) fn run(
        scenario: &'a Scenario,
        balancer: Box<dyn Balancer>,
        dice: &mut Dice,
    ) -> History {
        let none = Trouble { kind: Kind::None, ..scenario.trouble };
        let trouble = |e| if e == ODD { scenario.trouble } else { none };
        let mut world = Self {
            scenario,
            balancer,
            backends: (0..ENDPOINTS).map(|e| Backend::new(trouble(e))).collect(),
            active: vec![BTreeSet::new(); ENDPOINTS],
            events: BinaryHeap::new(),
            next: 0,
            wake: None,
            now: Nanos::ZERO,
            dice: dice.fork(),
            history: History::default(),
        };
        world.plan_arrivals(dice);
        for at in world.backends[ODD].deaths() {
            world.plan(at, Event::Death(ODD));
        }
        while let Some(Reverse((now, _, event))) = world.events.pop() {
            world.now = now;
            world.happen(event);
        }
        world.history
    }

    fn plan_arrivals(&mut self, dice: &mut Dice) {
        let rate = f64::from(self.scenario.per_second);
        let mut prompter = Prompter::new(self.scenario.prompts);
        let mut at = dice.exponential(rate);
        while at < self.scenario.end {
            self.plan(at, Event::Start(self.history.requests.len()));
            self.history.requests.push(Record {
                start: at,
                first_token: None,
                attempts: 0,
                success: false,
                prompt: prompter.next(dice),
                endpoint: 0,
            });
            at = at.saturating_add(dice.exponential(rate));
        }
    }

    fn plan(&mut self, at: Nanos, event: Event) {
        self.next += 1;
        self.events.push(Reverse((at, self.next, event)));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Start(id) => {
                let joined = self.now >= self.scenario.trouble.start;
                let absent = self.scenario.trouble.kind == Kind::Cold && !joined;
                let prompt = self.history.requests[id].prompt;
                let ask = Ask { id, prompt, except: absent.then_some(ODD) };
                self.tell(Input::Start(ask));
            }
            Event::FirstToken(id, attempt, body) => {
                let now = self.now;
                if let Some(record) = self.current(id, attempt) {
                    record.first_token.get_or_insert(now);
                    self.plan(now.saturating_add(body), Event::Done(id, attempt));
                    self.tell(Input::FirstToken(id));
                }
            }
            Event::Done(id, attempt) => {
                if let Some(record) = self.current(id, attempt) {
                    record.success = true;
                    self.leave(id);
                    self.tell(Input::Done(id));
                }
            }
            Event::Failed(id, attempt) => {
                if self.current(id, attempt).is_some() {
                    self.leave(id);
                    self.tell(Input::Failed(id));
                }
            }
            Event::Death(endpoint) => {
                let at = self.now.saturating_add(REFUSAL);
                for id in self.active[endpoint].clone() {
                    self.plan(at, Event::Failed(id, self.history.requests[id].attempts));
                }
            }
            Event::Wake => {
                if self.wake == Some(self.now) {
                    self.wake = None;
                    self.drain();
                }
            }
        }
    }

    /// The request, if this attempt of it is still running.
    fn current(&mut self, id: Id, attempt: u32) -> Option<&mut Record> {
        let record = &mut self.history.requests[id];
        let running = record.attempts == attempt && self.active[record.endpoint].contains(&id);
        running.then_some(record)
    }

    fn leave(&mut self, id: Id) {
        self.active[self.history.requests[id].endpoint].remove(&id);
    }

    fn tell(&mut self, input: Input) {
        self.balancer.handle(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.balancer.poll(self.now) {
                Action::Send { id, endpoint } => self.send(id, endpoint),
                Action::GiveUp => {}
                Action::Wait(None) => return,
                Action::Wait(Some(at)) => {
                    assert!(at > self.now, "a balancer waits for the past");
                    if self.wake != Some(at) {
                        self.wake = Some(at);
                        self.plan(at, Event::Wake);
                    }
                    return;
                }
            }
        }
    }

    fn send(&mut self, id: Id, endpoint: usize) {
        let record = &mut self.history.requests[id];
        record.attempts += 1;
        record.endpoint = endpoint;
        let (attempt, prompt) = (record.attempts, record.prompt);
        let active = self.active[endpoint].len();
        let backend = &mut self.backends[endpoint];
        let course = backend.begin(prompt, active, self.now, &mut self.dice);
        self.active[endpoint].insert(id);
        let (after, event, bill) = match course {
            Course::Fails { after } => (after, Event::Failed(id, attempt), Bill::Nothing),
            Course::Answers { first_token, body, cached } => {
                let bill = if cached { Bill::Cached } else { Bill::Fresh };
                (first_token, Event::FirstToken(id, attempt, body), bill)
            }
        };
        self.history.picks.push(Pick { at: self.now, endpoint, bill });
        self.plan(self.now.saturating_add(after), event);
    }
}

/// Who asks next.
struct Prompter {
    prompts: Prompts,
    /// The hash of each open conversation and its turns so far.
    open: Vec<(u64, u32)>,
}

impl Prompter {
    const fn new(prompts: Prompts) -> Self {
        Self { prompts, open: Vec::new() }
    }

    fn next(&mut self, dice: &mut Dice) -> Option<u64> {
        let Prompts::Conversations { open, turns } = self.prompts else { return None };
        while self.open.len() < open {
            // They are in the middle of it when the run starts.
            self.open.push((dice.next(), dice.below(turns as usize) as u32));
        }
        let conversation = &mut self.open[dice.below(open)];
        if conversation.1 == turns {
            *conversation = (dice.next(), 0);
        }
        conversation.1 += 1;
        Some(conversation.0)
    }
}
