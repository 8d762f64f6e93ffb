//! The event queue: carries attempts to the server and answers back, in virtual time.
//! It decides nothing; what it records is what happened.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use retry_policy::Nanos;

use super::process::{Action, Id, Input, Process, Reply};
use super::scenario::{Load, Rejections, Scenario};
use super::server::{Admission, Mode, Server};
use crate::dice::Dice;

/// Half of the round trip of 50 ms.
const HALF_TRIP: Nanos = Nanos::from_millis(25);
/// The time that an attempt may take.
const PATIENCE: Nanos = Nanos::from_secs(10);

/// One attempt of a request, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attempt {
    request: Id,
    number: u32,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record {
    pub(crate) start: Nanos,
    pub(crate) attempts: u32,
    /// When it ended, and how.
    pub(crate) end: Option<(Nanos, Ending)>,
    /// Whether the last attempt is without an answer.
    open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    GaveUp,
    Expired,
}

/// What happened in a run.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) requests: Vec<Record>,
    /// The instants at which attempts reached the server, in order.
    pub(crate) arrivals: Vec<Nanos>,
    /// The instants at which attempts failed.
    pub(crate) failures: Vec<Nanos>,
    /// The instants at which attempts succeeded.
    pub(crate) successes: Vec<Nanos>,
}

/// Whether a caller gives up by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Deadline,
    Endless,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Trouble(Phase),
    Start(Id),
    Arrive(Attempt),
    Served(u32),
    Reply(Attempt, Answer),
    Expire(Id),
    Wake(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Begins,
    Ends,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Success,
    Refused,
    TimedOut,
    Rejected(Option<Nanos>),
}

/// See the module.
pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    patience: Patience,
    processes: Vec<Box<dyn Process>>,
    /// When each process is woken next.
    wakes: Vec<Option<Nanos>>,
    server: Server,
    events: BinaryHeap<Reverse<(Nanos, u64, Event)>>,
    /// Orders events of one instant.
    next: u64,
    now: Nanos,
    history: History,
}

impl<'a> World<'a> {
    /// Runs a scenario to its end.
    pub(crate) fn run(
        scenario: &'a Scenario,
        patience: Patience,
        processes: Vec<Box<dyn Process>>,
        dice: &mut Dice,
    ) -> History {
        let mut world = Self {
            scenario,
            patience,
            wakes: vec![None; processes.len()],
            processes,
            server: Server::new(),
            events: BinaryHeap::new(),
            next: 0,
            now: Nanos::ZERO,
            history: History::default(),
        };
        world.plan(scenario.trouble.start, Event::Trouble(Phase::Begins));
        world.plan(scenario.trouble.end, Event::Trouble(Phase::Ends));
        for (id, start) in scenario.arrivals(dice).into_iter().enumerate() {
            world.history.requests.push(Record { start, ..Record::default() });
            world.plan(start, Event::Start(id));
        }
        while let Some(Reverse((now, _, event))) = world.events.pop() {
            world.now = now;
            world.happen(event);
        }
        world.history
    }

    fn plan(&mut self, at: Nanos, event: Event) {
        self.next += 1;
        self.events.push(Reverse((at, self.next, event)));
    }

    fn plan_in(&mut self, span: Nanos, event: Event) {
        self.plan(self.now.saturating_add(span), event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Trouble(phase) => self.change(phase),
            Event::Start(id) => self.begin(id),
            Event::Arrive(attempt) => self.arrive(attempt),
            Event::Served(life) => {
                if let Some(attempt) = self.server.complete(life) {
                    self.plan_in(HALF_TRIP, Event::Reply(attempt, Answer::Success));
                }
            }
            Event::Reply(attempt, answer) => self.answer(attempt, answer),
            Event::Expire(id) => self.expire(id),
            Event::Wake(process) => {
                if self.wakes[process] == Some(self.now) {
                    self.wakes[process] = None;
                    self.drain(process);
                }
            }
        }
    }

    fn begin(&mut self, id: Id) {
        let deadline = self.now.saturating_add(self.scenario.deadline);
        if self.patience == Patience::Deadline {
            self.plan(deadline, Event::Expire(id));
        }
        match self.scenario.load {
            Load::Stream { .. } => self.tell(id, Input::Start { id, deadline }),
            Load::Herd(_) => {
                self.send(id);
                self.tell(id, Input::Running { id, deadline });
            }
        }
    }

    fn change(&mut self, phase: Phase) {
        let mode = match phase {
            Phase::Begins => self.scenario.trouble.mode,
            Phase::Ends => Mode::Up,
        };
        for attempt in self.server.enter(mode) {
            // A connection that breaks is noticed; a server that falls silent is not.
            if mode == Mode::Refuse {
                self.plan_in(HALF_TRIP, Event::Reply(attempt, Answer::Refused));
            }
        }
    }

    fn arrive(&mut self, attempt: Attempt) {
        self.history.arrivals.push(self.now);
        let answer = match self.server.arrive(attempt, self.now) {
            Admission::Queued { at, life } => return self.plan(at, Event::Served(life)),
            Admission::Lost => return,
            Admission::Refused => Answer::Refused,
            Admission::Overflow { backlog } => Answer::Rejected(match self.scenario.rejections {
                Rejections::Bare => None,
                Rejections::RetryAfter => Some(backlog),
            }),
        };
        self.plan_in(HALF_TRIP, Event::Reply(attempt, answer));
    }

    fn answer(&mut self, attempt: Attempt, answer: Answer) {
        let record = &mut self.history.requests[attempt.request];
        if !record.open || record.attempts != attempt.number {
            return;
        }
        record.open = false;
        let reply = match answer {
            Answer::Success => {
                record.end = Some((self.now, Ending::Success));
                Reply::Success
            }
            Answer::Refused => Reply::Refused,
            Answer::TimedOut => Reply::TimedOut,
            Answer::Rejected(retry_after) => Reply::Rejected { retry_after },
        };
        let log = match reply {
            Reply::Success => &mut self.history.successes,
            _ => &mut self.history.failures,
        };
        log.push(self.now);
        let id = attempt.request;
        self.tell(id, Input::Reply { id, reply });
    }

    fn expire(&mut self, id: Id) {
        let record = &mut self.history.requests[id];
        if record.end.is_some() {
            return;
        }
        record.end = Some((self.now, Ending::Expired));
        if std::mem::take(&mut record.open) {
            self.history.failures.push(self.now);
        }
        self.tell(id, Input::Expire { id });
    }

    /// Gives an input to the process of a request.
    fn tell(&mut self, id: Id, input: Input) {
        let process = id % self.processes.len();
        self.processes[process].handle(input, self.now);
        self.drain(process);
    }

    fn drain(&mut self, process: usize) {
        loop {
            match self.processes[process].poll(self.now) {
                Action::Send(id) => self.send(id),
                Action::GiveUp(id) => {
                    let record = &mut self.history.requests[id];
                    assert!(record.end.is_none() && !record.open, "request {id} is not waiting");
                    record.end = Some((self.now, Ending::GaveUp));
                }
                Action::Wait(None) => return,
                Action::Wait(Some(at)) => {
                    assert!(at > self.now, "a process waits for the past");
                    if self.wakes[process] != Some(at) {
                        self.wakes[process] = Some(at);
                        self.plan(at, Event::Wake(process));
                    }
                    return;
                }
            }
        }
    }

    fn send(&mut self, id: Id) {
        let record = &mut self.history.requests[id];
        assert!(record.end.is_none() && !record.open, "request {id} is not waiting");
        record.attempts += 1;
        record.open = true;
        let attempt = Attempt { request: id, number: record.attempts };
        self.plan_in(HALF_TRIP, Event::Arrive(attempt));
        self.plan_in(PATIENCE, Event::Reply(attempt, Answer::TimedOut));
    }
}
