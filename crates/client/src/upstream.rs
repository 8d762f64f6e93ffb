//! The endpoints of a client and the pool that its streams share. Which endpoint, and when, is
//! decided by `endpoint-pool`; here are the lock around it, the wakers and its clock.

mod desk;
mod permit;
mod timer;
mod upstreams;

use endpoint_pool::{EndpointId, Learned, Pool, Request, Route, Snapshot};
use retry_policy::Nanos;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::random;
use desk::Desk;
use timer::Timer;

pub(crate) use permit::Permit;
pub(crate) use upstreams::Upstreams;

/// The endpoints of one logical upstream and who may use them now.
///
/// The lock is held for one call of the pool and never over an await.
pub(crate) struct Upstream {
    endpoints: Vec<Place>,
    desk: Mutex<Desk>,
    epoch: Instant,
}

/// An endpoint and its name in journals.
struct Place {
    endpoint: Endpoint,
    name: Arc<str>,
}

impl Upstream {
    /// # Errors
    ///
    /// `InvalidConfig` without an endpoint, for endpoints of different wires, and for settings
    /// that the pool refuses.
    pub(crate) fn new(
        endpoints: Vec<Endpoint>,
        config: endpoint_pool::Config,
    ) -> Result<Self, Error> {
        let Some(first) = endpoints.first() else {
            return Err(Error::config("no endpoint is given"));
        };
        let wire = first.profile().wire;
        if endpoints.iter().any(|endpoint| endpoint.profile().wire != wire) {
            return Err(Error::config("the endpoints speak different wires"));
        }
        for endpoint in &endpoints {
            endpoint.request_headers(&[])?;
        }
        let pool = Pool::new(config, &identities(&endpoints), random::seed()?);
        let pool = pool.map_err(Error::pool)?;
        let place = |endpoint: Endpoint| Place { name: endpoint.base_url().into(), endpoint };
        Ok(Self {
            endpoints: endpoints.into_iter().map(place).collect(),
            desk: Mutex::new(Desk::new(pool)),
            epoch: Instant::now(),
        })
    }

    /// The endpoint that a new journal names.
    pub(crate) fn primary(&self) -> &Endpoint {
        &self.endpoints[0].endpoint
    }

    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().map(|place| &place.endpoint)
    }

    /// Whether there is no choice among endpoints.
    pub(crate) fn is_one(&self) -> bool {
        self.endpoints.len() == 1
    }

    pub(crate) fn at(&self, id: EndpointId) -> &Endpoint {
        &self.endpoints[usize::from(id.0)].endpoint
    }

    pub(crate) fn name(&self, id: EndpointId) -> &Arc<str> {
        &self.endpoints[usize::from(id.0)].name
    }

    /// Every endpoint, in their order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = EndpointId> + Clone {
        (0..=u16::MAX).take(self.endpoints.len()).map(EndpointId)
    }

    /// The first endpoint of this name.
    pub(crate) fn find(&self, name: &str) -> Option<EndpointId> {
        self.ids().find(|id| &**self.name(*id) == name)
    }

    /// An instant on the clock of the pool.
    pub(crate) fn time(&self, instant: Instant) -> Nanos {
        Nanos::from_duration(instant.saturating_duration_since(self.epoch))
    }

    /// Gets into the line for an attempt.
    pub(crate) fn acquire(self: &Arc<Self>, request: Request) -> Permit {
        let ticket = self.act(|desk, now| desk.acquire(request, now));
        Permit::new(Arc::clone(self), ticket)
    }

    /// Where a request of this route would go now.
    pub(crate) fn likely(&self, route: Route) -> Option<EndpointId> {
        let desk = self.lock();
        desk.pool.likely(route, self.now())
    }

    pub(crate) fn learned(&self, id: EndpointId) -> Learned {
        self.lock().pool.learned(id)
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let desk = self.lock();
        desk.pool.snapshot(self.now())
    }

    /// Makes one input, then hands out what the pool has to say.
    fn act<T>(self: &Arc<Self>, input: impl FnOnce(&mut Desk, Nanos) -> T) -> T {
        let mut woken = Vec::new();
        let (said, order) = {
            let mut desk = self.lock();
            // Under the lock, so that the pool's instants never go back.
            let now = self.now();
            let said = input(&mut desk, now);
            desk.drain(now, &mut woken);
            (said, desk.next_timer())
        };
        // Outside the lock: a waker or a runtime that shuts down may call back.
        woken.into_iter().for_each(std::task::Waker::wake);
        if let Some(order) = order {
            Timer::start(self, order);
        }
        said
    }

    fn now(&self) -> Nanos {
        self.time(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.endpoints()).finish()
    }
}

/// What the pool knows the endpoints by: the same in every process, different for two keys of
/// one server.
fn identities(endpoints: &[Endpoint]) -> Vec<endpoint_pool::Endpoint> {
    let of = |at: usize| {
        let url = endpoints[at].base_url();
        let twins = endpoints[..at].iter().filter(|other| other.base_url() == url).count();
        endpoint_pool::Endpoint::new(hash(&[url.as_bytes(), &twins.to_le_bytes()].concat()))
    };
    (0..endpoints.len()).map(of).collect()
}

/// The affinity of a request: those that begin alike share a prompt cache. `None` for bodies
/// below the length that providers cache.
pub(crate) fn affinity(body: &[u8]) -> Option<u64> {
    body.get(..AFFINITY_BYTES).map(hash)
}

/// FNV-1a: the same in every version and on every machine.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Bytes of a body that decide its affinity: about the 1024 tokens from which on providers
/// cache.
const AFFINITY_BYTES: usize = 4096;

#[cfg(test)]
mod tests;
