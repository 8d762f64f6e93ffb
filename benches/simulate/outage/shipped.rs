//! One process of the shipped code: `endpoint-pool` admits, `retry-policy` decides whether to try
//! again. Here is only what a driver does between the two.

use std::collections::{BTreeMap, HashMap, VecDeque};

use endpoint_pool::{
    Action as PoolAction, Config, Endpoint, Grant, Kind, Pool, Request, Sign, Ticket,
};
use retry_policy::{
    Call, Class, ConnectFailures, Limits, Nanos, Policy, Sent, ServerHint, Unlimited, Verdict,
};

use super::process::{Action, Id, Input, Process, Reply};
use crate::dice::Dice;

/// See the module.
#[derive(Debug)]
pub(crate) struct Shipped {
    pool: Pool,
    sessions: BTreeMap<Id, Session>,
    /// Whose each ticket is.
    owners: HashMap<Ticket, Id>,
    ready: VecDeque<Action>,
    /// How long a response goes on after its answer.
    body: Nanos,
    /// The responses that go on, and until when. All take as long, so the first ends first.
    bodies: VecDeque<(Nanos, Session)>,
    dice: Dice,
}

/// One request.
#[derive(Debug)]
struct Session {
    call: Call,
    policy: Policy,
    deadline: Nanos,
    ticket: Ticket,
    /// What this attempt has delivered.
    delivered: u64,
}

/// The bytes that a request which is cut has delivered.
const DELIVERED: u64 = 1000;

impl Shipped {
    pub(crate) fn new(body: Nanos, mut dice: Dice) -> Self {
        let pool = Pool::new(Config::default(), &[Endpoint::new(1)], dice.next());
        Self {
            pool: pool.expect("the defaults are valid"),
            sessions: BTreeMap::new(),
            owners: HashMap::new(),
            ready: VecDeque::new(),
            body,
            bodies: VecDeque::new(),
            dice,
        }
    }

    fn open(&mut self, id: Id, deadline: Nanos, now: Nanos) {
        let limits = Limits {
            deadline: Some(deadline.saturating_sub(now)),
            connect: ConnectFailures::UseDeadline,
            ..Limits::DEFAULT
        };
        let request = Request { deadline: Some(deadline), ..Request::new(Kind::First) };
        let session = Session {
            call: Call::new(self.dice.next(), now),
            policy: Policy { limits, ..Policy::DEFAULT },
            deadline,
            ticket: self.pool.acquire(request, now),
            delivered: 0,
        };
        self.owners.insert(session.ticket, id);
        self.sessions.insert(id, session);
    }

    /// Brings a request that the world began to where it is: granted, answered, in mid-stream.
    fn resume_midway(&mut self, id: Id, now: Nanos) {
        let session = self.sessions.get_mut(&id).expect("the session was just opened");
        let granted = self.pool.poll(now);
        assert!(
            matches!(granted, PoolAction::Grant(Grant { ticket, .. }) if ticket == session.ticket)
        );
        session.call.on_attempt();
        session.call.on_progress(DELIVERED);
        session.delivered = DELIVERED;
        self.pool.head(session.ticket, now);
        self.pool.heard(session.ticket, Sign::Content, now);
    }

    fn answered(&mut self, id: Id, now: Nanos) {
        let Some(session) = self.forget(id) else { return };
        self.pool.head(session.ticket, now);
        self.pool.heard(session.ticket, Sign::Content, now);
        self.bodies.push_back((now.saturating_add(self.body), session));
        self.end_bodies(now);
    }

    fn end_bodies(&mut self, now: Nanos) {
        while let Some((_, mut session)) = self.bodies.pop_front_if(|(end, _)| *end <= now) {
            session.call.on_success(&Unlimited, now);
            self.pool.finished(session.ticket, now);
        }
    }

    fn failed(&mut self, id: Id, reply: Reply, now: Nanos) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let verdict = verdict(reply, session.delivered);
        let before = session.ticket;
        self.pool.failed(before, &verdict, now);
        let decision = session.call.on_failure(&session.policy, &verdict, &Unlimited, now);
        let Some(at) = decision.at() else {
            self.forget(id);
            self.ready.push_back(Action::GiveUp(id));
            return;
        };
        let kind = if session.call.is_committed() { Kind::Continuation } else { Kind::Retry };
        let request = Request {
            deadline: Some(session.deadline),
            not_before: at,
            follows: Some(before),
            ..Request::new(kind)
        };
        session.ticket = self.pool.acquire(request, now);
        self.owners.remove(&before);
        self.owners.insert(session.ticket, id);
    }

    fn forget(&mut self, id: Id) -> Option<Session> {
        let session = self.sessions.remove(&id)?;
        self.owners.remove(&session.ticket);
        Some(session)
    }
}

impl Process for Shipped {
    fn handle(&mut self, input: Input, now: Nanos) {
        match input {
            Input::Start { id, deadline } => self.open(id, deadline, now),
            Input::Running { id, deadline } => {
                self.open(id, deadline, now);
                self.resume_midway(id, now);
            }
            Input::Reply { id, reply: Reply::Success } => self.answered(id, now),
            Input::Reply { id, reply } => self.failed(id, reply, now),
            Input::Expire { id } => {
                if let Some(session) = self.forget(id) {
                    self.pool.cancel(session.ticket, now);
                }
            }
        }
    }

    fn poll(&mut self, now: Nanos) -> Action {
        self.end_bodies(now);
        if let Some(action) = self.ready.pop_front() {
            return action;
        }
        match self.pool.poll(now) {
            PoolAction::Grant(grant) => {
                let id = self.owners[&grant.ticket];
                let session = self.sessions.get_mut(&id).expect("a ticket has a session");
                session.call.on_attempt();
                session.delivered = 0;
                Action::Send(id)
            }
            PoolAction::Refuse { ticket, .. } => {
                let id = self.owners[&ticket];
                self.forget(id);
                Action::GiveUp(id)
            }
            PoolAction::Wait(at) => {
                let end = self.bodies.front().map(|(end, _)| *end);
                Action::Wait(at.into_iter().chain(end).min())
            }
        }
    }
}

fn verdict(reply: Reply, delivered: u64) -> Verdict {
    let (class, sent) = match reply {
        Reply::Success | Reply::Refused => (Class::Connect, Sent::NotSent),
        Reply::TimedOut => (Class::Timeout, Sent::MaybeProcessed),
        Reply::Rejected { .. } => (Class::Throttle, Sent::MaybeProcessed),
    };
    let verdict = match (class, delivered) {
        (_, 0) => Verdict::new(class, sent),
        // A stream that breaks, however its connection ended.
        (Class::Connect, _) => Verdict::new(Class::Transient, Sent::Streaming { delivered }),
        _ => Verdict::new(class, Sent::Streaming { delivered }),
    };
    match reply {
        Reply::Rejected { retry_after } => {
            verdict.with_hint(ServerHint { after: retry_after, retry: None })
        }
        _ => verdict,
    }
}
