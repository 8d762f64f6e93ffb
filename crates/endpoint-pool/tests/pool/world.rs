//! Made-up endpoints, and callers that ask a pool for them, in virtual time.
//! There is no retry here beyond what a test asks for.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use endpoint_pool::{
    Action, Endpoint, EndpointId, Grant, Kind, Pool, Refusal, Request, Sign, Ticket,
};
use retry_policy::{Class, Nanos, Sent, Verdict};

/// What an endpoint does with a request that reaches it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Conduct {
    /// The first token after this span, the end after that one more.
    Serve { first_token: Nanos, body: Nanos },
    /// A failure after this span.
    Fail { after: Nanos, class: Class },
}

/// An endpoint's conduct at an instant. The number is a draw, uniform in 0..1000.
pub(crate) type Script = fn(now: Nanos, draw: u64) -> Conduct;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Ask,
    FirstToken(u32),
    End(u32),
    Fail(u32, u8),
    Poll,
}

/// A grant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pick {
    pub(crate) at: Nanos,
    pub(crate) endpoint: EndpointId,
    /// Of the prompt cache.
    pub(crate) key: Option<u64>,
}

/// One pool, its endpoints, and a steady stream of callers.
pub(crate) struct World {
    pub(crate) pool: Pool,
    pub(crate) now: Nanos,
    pub(crate) picks: Vec<Pick>,
    pub(crate) refusals: Vec<Refusal>,
    scripts: Vec<Script>,
    agenda: BinaryHeap<Reverse<(Nanos, u64, What)>>,
    serial: u64,
    live: HashMap<u32, Ticket>,
    keys: HashMap<Ticket, u64>,
    draws: u64,
    /// The key of each caller's prompt cache.
    pub(crate) affinity: fn(draw: u64) -> Option<u64>,
}

impl World {
    pub(crate) fn new(pool: Pool, scripts: &[Script]) -> Self {
        Self {
            pool,
            now: Nanos::from_secs(1000),
            picks: Vec::new(),
            refusals: Vec::new(),
            keys: HashMap::new(),
            scripts: scripts.to_vec(),
            agenda: BinaryHeap::new(),
            serial: 0,
            live: HashMap::new(),
            draws: 1,
            affinity: |_| None,
        }
    }

    /// Lets callers ask at this rate for this time, about evenly.
    pub(crate) fn run(&mut self, per_second: u64, span: Nanos) {
        let end = self.now.saturating_add(span);
        let step = 1_000_000_000 / per_second;
        let mut at = self.now.0 + 1;
        while at < end.0 {
            let jitter = self.draw() % step;
            self.plan(Nanos(at + jitter), What::Ask);
            at += step;
        }
        while let Some(&Reverse((at, _, what))) = self.agenda.peek()
            && at < end
        {
            self.agenda.pop();
            self.now = at;
            self.happen(what);
            self.drain();
        }
        self.now = end;
    }

    /// Picks of an endpoint from an instant on, in thousandths of all.
    pub(crate) fn share(&self, endpoint: u16, from: Nanos) -> usize {
        let recent = || self.picks.iter().filter(|pick| pick.at >= from);
        let own = recent().filter(|pick| pick.endpoint == EndpointId(endpoint)).count();
        own * 1000 / recent().count().max(1)
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Ask => {
                let affinity = (self.affinity)(self.draw());
                let deadline = Some(self.now.saturating_add(Nanos::from_secs(60)));
                let request = Request { affinity, deadline, ..Request::new(Kind::First) };
                let ticket = self.pool.acquire(request, self.now);
                if let Some(key) = affinity {
                    self.keys.insert(ticket, key);
                }
            }
            What::FirstToken(id) => self.pool.heard(self.live[&id], Sign::Content, self.now),
            What::End(id) => {
                let ticket = self.live.remove(&id).expect("it is live");
                self.pool.finished(ticket, self.now);
            }
            What::Fail(id, class) => {
                let class = [Class::Connect, Class::Throttle, Class::Timeout][usize::from(class)];
                let ticket = self.live.remove(&id).expect("it is live");
                let verdict = Verdict::new(class, Sent::MaybeProcessed);
                self.pool.failed(ticket, &verdict, self.now);
            }
            What::Poll => {}
        }
    }

    fn drain(&mut self) {
        loop {
            match self.pool.poll(self.now) {
                Action::Grant(grant) => self.begin(grant),
                Action::Refuse { refusal, .. } => self.refusals.push(refusal),
                Action::Wait(at) => {
                    if let Some(at) = at {
                        assert!(at > self.now, "a wait ends in the future");
                        self.plan(at, What::Poll);
                    }
                    return;
                }
            }
        }
    }

    fn begin(&mut self, grant: Grant) {
        let key = self.keys.remove(&grant.ticket);
        self.picks.push(Pick { at: self.now, endpoint: grant.endpoint, key });
        let id = u32::try_from(self.picks.len()).expect("few");
        self.live.insert(id, grant.ticket);
        let draw = self.draw() % 1000;
        match self.scripts[usize::from(grant.endpoint.0)](self.now, draw) {
            Conduct::Serve { first_token, body } => {
                let first = self.now.saturating_add(first_token);
                self.plan(first, What::FirstToken(id));
                self.plan(first.saturating_add(body), What::End(id));
            }
            Conduct::Fail { after, class } => {
                let class = match class {
                    Class::Throttle => 1,
                    Class::Timeout => 2,
                    _ => 0,
                };
                self.plan(self.now.saturating_add(after), What::Fail(id, class));
            }
        }
    }

    fn plan(&mut self, at: Nanos, what: What) {
        self.serial += 1;
        self.agenda.push(Reverse((at, self.serial, what)));
    }

    fn draw(&mut self) -> u64 {
        self.draws ^= self.draws << 13;
        self.draws ^= self.draws >> 7;
        self.draws ^= self.draws << 17;
        self.draws >> 11
    }
}

/// As many endpoints, named by their places.
pub(crate) fn endpoints(count: u64) -> Vec<Endpoint> {
    (0..count).map(Endpoint::new).collect()
}

pub(crate) const fn serve(millis: u64) -> Conduct {
    Conduct::Serve { first_token: Nanos::from_millis(millis), body: Nanos::from_millis(500) }
}

pub(crate) const fn fail(millis: u64) -> Conduct {
    Conduct::Fail { after: Nanos::from_millis(millis), class: Class::Connect }
}
