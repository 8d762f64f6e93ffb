//! The pool: what its users call, and the state behind it. Which request goes where is decided in
//! `pool/admission.rs`, what a result means in `pool/reports.rs`.

mod admission;
mod reports;
mod waiting;

use std::collections::VecDeque;

use retry_policy::Nanos;

use crate::EndpointSet;
use crate::affinity::Homes;
use crate::config::ENDPOINTS_MAX;
use crate::endpoint::Upstream;
use crate::gate::Prober;
use crate::health::Evidence;
use crate::queue::Queue;
use crate::rng::Rng;
use crate::snapshot::{Counters, EndpointSnapshot, Snapshot};
use crate::stalls::Silences;
use crate::tickets::Tickets;
use crate::timers::Timers;
use crate::{Action, Config, ConfigError, Endpoint, EndpointId, Gate, Learned, Request, Ticket};

/// Admits the requests of one logical upstream to its endpoints.
///
/// It is a state machine without a clock: make one input ([`acquire`](Self::acquire),
/// [`cancel`](Self::cancel), a report), then drain [`poll`](Self::poll) until it says
/// [`Action::Wait`]. Each ticket ends in exactly one grant, refusal or `cancel`; a grant is given
/// back by exactly one of [`finished`](Self::finished), [`failed`](Self::failed) and `cancel`.
/// A report may cause grants to other tickets. Reports on a ticket that is over do nothing.
///
/// The endpoints of a pool serve the same requests under the same limits: one account, one family
/// of models. Instants are on one clock and do not go back.
///
/// ```
/// use endpoint_pool::{Action, Config, Endpoint, Kind, Pool, Request, Sign};
/// use retry_policy::Nanos;
///
/// let mut pool = Pool::new(Config::default(), &[Endpoint::new(1), Endpoint::new(2)], 7)?;
/// let now = Nanos::from_secs(1);
///
/// let ticket = pool.acquire(Request::new(Kind::First), now);
/// let Action::Grant(grant) = pool.poll(now) else { panic!() };
/// assert_eq!(grant.ticket, ticket);
/// assert_eq!(pool.poll(now), Action::Wait(None));
///
/// pool.head(ticket, now);
/// pool.heard(ticket, Sign::Content, now);
/// pool.finished(ticket, now);
/// assert_eq!(pool.snapshot(now).active, 0);
/// # Ok::<(), endpoint_pool::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pool {
    config: Config,
    upstreams: Vec<Upstream>,
    tickets: Tickets,
    queue: Queue,
    /// Tickets that wait for their own time.
    delays: Timers,
    delayed: usize,
    /// Tickets that wait, by when they are refused.
    deadlines: Timers,
    /// What was decided and not yet said.
    decided: VecDeque<Action>,
    /// There while no endpoint is in use.
    prober: Option<Prober>,
    homes: Homes,
    /// Of all endpoints.
    silences: Silences,
    /// Attempts granted at endpoints in use.
    picks: u64,
    counters: Counters,
    rng: Rng,
    /// When quota will be there for a request that was looked at and had none.
    quota_at: Option<Nanos>,
    /// Whether something changed since the last answer to `poll`.
    is_stale: bool,
    /// The last answer to `poll`.
    wait: Option<Nanos>,
}

impl Pool {
    /// A pool in which all endpoints are in use. Equal seeds and inputs give equal answers.
    ///
    /// # Errors
    ///
    /// When there are no endpoints or too many, or the settings contradict each other.
    pub fn new(config: Config, endpoints: &[Endpoint], seed: u64) -> Result<Self, ConfigError> {
        config.check()?;
        if endpoints.is_empty() {
            return Err(ConfigError::NoEndpoint);
        }
        if endpoints.len() > ENDPOINTS_MAX {
            return Err(ConfigError::TooManyEndpoints);
        }
        if endpoints.iter().any(|endpoint| endpoint.weight == 0) {
            return Err(ConfigError::NoWeight);
        }
        Ok(Self {
            config,
            upstreams: endpoints.iter().map(|&it| Upstream::new(it, &config)).collect(),
            tickets: Tickets::default(),
            queue: Queue::default(),
            delays: Timers::default(),
            delayed: 0,
            deadlines: Timers::default(),
            decided: VecDeque::new(),
            prober: None,
            homes: Homes::new(config.affinity.homes_max),
            silences: Silences::new(),
            picks: 0,
            counters: Counters::default(),
            rng: Rng::new(seed),
            quota_at: None,
            is_stale: true,
            wait: None,
        })
    }

    /// Asks for a permit to begin an attempt. The answer comes from [`poll`](Self::poll).
    pub fn acquire(&mut self, request: Request, now: Nanos) -> Ticket {
        self.is_stale = true;
        self.admit(request, now)
    }

    /// The next thing to do; [`Action::Wait`] when there is nothing more.
    pub fn poll(&mut self, now: Nanos) -> Action {
        if let Some(action) = self.decided.pop_front() {
            return action;
        }
        if !self.is_stale && self.wait.is_none_or(|at| now < at) {
            return Action::Wait(self.wait);
        }
        self.release_delayed(now);
        if let Some(grant) = self.next_grant(now) {
            return Action::Grant(grant);
        }
        self.refuse_late(now);
        if let Some(action) = self.decided.pop_front() {
            return action;
        }
        self.wait = self.next_instant(now);
        self.is_stale = false;
        Action::Wait(self.wait)
    }

    /// Spans for the clocks of a stream at an endpoint.
    ///
    /// # Panics
    ///
    /// When the endpoint is of another pool.
    #[must_use]
    pub fn learned(&self, endpoint: EndpointId) -> Learned {
        self.upstreams[endpoint.index()].silences.learned(&self.silences, &self.config.stalls)
    }

    /// Whether any endpoint is in use.
    #[must_use]
    pub fn gate(&self) -> Gate {
        match &self.prober {
            None => Gate::Closed,
            Some(prober) => Gate::Open { since: prober.since() },
        }
    }

    /// Numbers for people and monitors.
    #[must_use]
    pub fn snapshot(&self, now: Nanos) -> Snapshot {
        let of = |upstream: &Upstream| EndpointSnapshot::new(upstream, now);
        let endpoints: Vec<_> = self.upstreams.iter().map(of).collect();
        Snapshot {
            gate: self.gate(),
            active: endpoints.iter().map(|endpoint| endpoint.active).sum(),
            waiting: self.queue.len(),
            delayed: self.delayed,
            counters: self.counters,
            endpoints,
        }
    }

    // ---- sets of endpoints

    fn filter(&self, keep: impl Fn(&Upstream) -> bool) -> EndpointSet {
        let mut set = EndpointSet::EMPTY;
        for (index, upstream) in (0..).zip(&self.upstreams) {
            if keep(upstream) {
                set.insert(EndpointId(index));
            }
        }
        set
    }

    fn up(&self) -> EndpointSet {
        self.filter(|upstream| upstream.health.is_up())
    }

    /// Those in use. The panic threshold: rather those that answer too little than none.
    fn in_use(&self) -> EndpointSet {
        let up = self.up();
        if up.is_empty() {
            return self.filter(|it| it.health.evidence() == Some(Evidence::Rate));
        }
        up
    }

    fn at(&mut self, endpoint: EndpointId) -> &mut Upstream {
        &mut self.upstreams[endpoint.index()]
    }
}
