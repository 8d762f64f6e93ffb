//! The shipped pool as a balancer, with `retry-policy` for what follows a failure.

use std::collections::{BTreeMap, HashMap, VecDeque};

use endpoint_pool::{
    Action as PoolAction, Config, Endpoint, EndpointId, EndpointSet, Kind, Pool, Request, Route,
    Sign, Ticket,
};
use retry_policy::{Call, Class, Endpoints, Nanos, Policy, Sent, Unlimited, Verdict};

use super::balancer::{Action, Ask, Balancer, Id, Input};
use crate::dice::Dice;

/// See the module.
#[derive(Debug)]
pub(crate) struct Shipped {
    pool: Pool,
    sessions: BTreeMap<Id, Session>,
    /// Whose each ticket is.
    owners: HashMap<Ticket, Id>,
    ready: VecDeque<Action>,
    dice: Dice,
}

/// One request.
#[derive(Debug)]
struct Session {
    call: Call,
    prompt: Option<u64>,
    ticket: Ticket,
    endpoint: EndpointId,
    /// What this attempt has delivered.
    delivered: u64,
}

/// The bytes that the first token stands for.
const DELIVERED: u64 = 300;

/// Other endpoints exist, so a failure goes there.
const POLICY: Policy = Policy { endpoints: Endpoints::Several, ..Policy::DEFAULT };

impl Shipped {
    pub(crate) fn new(endpoints: usize, mut dice: Dice) -> Self {
        let endpoints: Vec<_> =
            (0..endpoints).map(|e| Endpoint::new(Dice::new(e as u64).next())).collect();
        let pool = Pool::new(Config::default(), &endpoints, dice.next());
        Self {
            pool: pool.expect("the defaults are valid"),
            sessions: BTreeMap::new(),
            owners: HashMap::new(),
            ready: VecDeque::new(),
            dice,
        }
    }

    fn start(&mut self, ask: Ask, now: Nanos) {
        let route = match ask.except {
            Some(endpoint) => Route::Except(EndpointSet::of(id_of(endpoint))),
            None => Route::Any,
        };
        let request = Request { route, affinity: ask.prompt, ..Request::new(Kind::First) };
        let ticket = self.pool.acquire(request, now);
        let call = Call::new(self.dice.next(), now);
        let (prompt, endpoint) = (ask.prompt, EndpointId(0));
        self.owners.insert(ticket, ask.id);
        self.sessions.insert(ask.id, Session { call, prompt, ticket, endpoint, delivered: 0 });
    }

    fn failed(&mut self, id: Id, now: Nanos) {
        let session = self.sessions.get_mut(&id).expect("an open request");
        let before = session.ticket;
        let verdict = match session.delivered {
            0 => Verdict::new(Class::Connect, Sent::NotSent),
            delivered => Verdict::new(Class::Transient, Sent::Streaming { delivered }),
        };
        self.owners.remove(&before);
        self.pool.failed(before, &verdict, now);
        let Some(at) = session.call.on_failure(&POLICY, &verdict, &Unlimited, now).at() else {
            self.sessions.remove(&id);
            self.ready.push_back(Action::GiveUp);
            return;
        };
        let kind = if session.call.is_committed() { Kind::Continuation } else { Kind::Retry };
        let request = Request {
            route: Route::Avoid(session.endpoint),
            not_before: at,
            affinity: session.prompt,
            follows: Some(before),
            ..Request::new(kind)
        };
        session.ticket = self.pool.acquire(request, now);
        self.owners.insert(session.ticket, id);
    }
}

impl Balancer for Shipped {
    fn handle(&mut self, input: Input, now: Nanos) {
        match input {
            Input::Start(ask) => self.start(ask, now),
            Input::FirstToken(id) => {
                let session = self.sessions.get_mut(&id).expect("an open request");
                session.delivered = DELIVERED;
                session.call.on_progress(DELIVERED);
                self.pool.head(session.ticket, now);
                self.pool.heard(session.ticket, Sign::Content, now);
            }
            Input::Done(id) => {
                let mut session = self.sessions.remove(&id).expect("an open request");
                self.owners.remove(&session.ticket);
                session.call.on_success(&Unlimited, now);
                self.pool.finished(session.ticket, now);
            }
            Input::Failed(id) => self.failed(id, now),
        }
    }

    fn poll(&mut self, now: Nanos) -> Action {
        if let Some(action) = self.ready.pop_front() {
            return action;
        }
        match self.pool.poll(now) {
            PoolAction::Grant(grant) => {
                let id = self.owners[&grant.ticket];
                let session = self.sessions.get_mut(&id).expect("a ticket has a session");
                session.call.on_attempt();
                (session.endpoint, session.delivered) = (grant.endpoint, 0);
                Action::Send { id, endpoint: usize::from(grant.endpoint.0) }
            }
            PoolAction::Refuse { ticket, .. } => {
                let id = self.owners.remove(&ticket).expect("a ticket has an owner");
                self.sessions.remove(&id);
                Action::GiveUp
            }
            PoolAction::Wait(at) => Action::Wait(at),
        }
    }
}

fn id_of(endpoint: usize) -> EndpointId {
    EndpointId(u16::try_from(endpoint).expect("there are three"))
}
