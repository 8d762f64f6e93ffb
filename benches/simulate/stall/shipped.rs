//! The clocks that the shipped pool learns, asked when a stream begins, as the client does.

use endpoint_pool::{Action, Config, Endpoint, EndpointId, Kind, Pool, Request, Sign, Ticket};
use retry_policy::{Class, Nanos, Sent, Verdict};

use super::{Judge, Policy};

/// See the module.
#[derive(Debug)]
pub(super) struct Shipped {
    policy: Policy,
    pool: Pool,
    ticket: Option<Ticket>,
    limit: Nanos,
}

impl Shipped {
    pub(super) fn new(policy: Policy, seed: u64) -> Self {
        let pool = Pool::new(Config::default(), &[Endpoint::new(1)], seed);
        let pool = pool.expect("the defaults are valid");
        Self { policy, pool, ticket: None, limit: Nanos::ZERO }
    }

    fn ticket(&self) -> Ticket {
        self.ticket.expect("a stream has begun")
    }
}

impl Judge for Shipped {
    fn begin(&mut self, now: Nanos) -> Nanos {
        let ticket = self.pool.acquire(Request::new(Kind::First), now);
        let action = self.pool.poll(now);
        assert!(matches!(action, Action::Grant(grant) if grant.ticket == ticket), "{action:?}");
        self.pool.head(ticket, now);
        self.ticket = Some(ticket);
        let learned = self.pool.learned(EndpointId(0));
        self.limit = match self.policy {
            Policy::Suspect => learned.suspect_after,
            _ => learned.dead_after,
        };
        self.limit
    }

    fn sign(&mut self, _: Nanos, heartbeat: bool, now: Nanos) -> Nanos {
        let sign = if heartbeat { Sign::Ping } else { Sign::Content };
        self.pool.heard(self.ticket(), sign, now);
        self.limit
    }

    fn end(&mut self, stalled: bool, now: Nanos) {
        if stalled {
            let verdict = Verdict::new(Class::Timeout, Sent::Streaming { delivered: 1000 });
            self.pool.failed(self.ticket(), &verdict, now);
        } else {
            self.pool.finished(self.ticket(), now);
        }
        assert!(matches!(self.pool.poll(now), Action::Wait(_)), "nothing else is waiting");
    }
}
