//! How a client is put together. Construction opens no connection.

use checkpoint_store::Store;
use resume::{Deliver, Limits, OnStoreFailure, SeamPolicy, Timeouts};
use retry_policy::Policy;
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;

use crate::client::{Client, Shared};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::event::Events;
use crate::leftovers::Leftovers;
use crate::refusals::Refusals;
use crate::transport::Transport;

/// How long the store may keep a stream waiting, unless told otherwise.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);

/// Settings of a [`Client`]; only the endpoint is required.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    endpoint: Option<Endpoint>,
    store: Option<Store>,
    timeouts: Timeouts,
    policy: Policy,
    limits: Limits,
    seams: SeamPolicy,
    deliver: Deliver,
    on_store_failure: OnStoreFailure,
    store_timeout: Option<Duration>,
    events: Events,
    tls: Option<ClientConfig>,
}

impl Builder {
    /// Where requests go.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    /// Where checkpoints are kept.
    ///
    /// Without it they are in memory, for the life of the client: a finished response is
    /// forgotten, and of the unfinished ones the latest 64 can be resumed.
    pub fn checkpoints(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// The clocks of each attempt.
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// When to try again, how often, and until when.
    pub const fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Bounds on memory and on futile attempts.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What to do with a joint that nothing verifies.
    pub const fn seams(mut self, seams: SeamPolicy) -> Self {
        self.seams = seams;
        self
    }

    /// When the consumer gets an event whose record is not durable yet.
    pub const fn deliver(mut self, deliver: Deliver) -> Self {
        self.deliver = deliver;
        self
    }

    /// What a failing store does to a stream.
    ///
    /// A stream that another process took over, ended or deleted stops whatever is said here:
    /// the store did not fail.
    pub const fn on_store_failure(mut self, what: OnStoreFailure) -> Self {
        self.on_store_failure = what;
        self
    }

    /// How long the store may keep a stream waiting before it counts as failed. Default 30 s.
    ///
    /// It holds for each thing that the store is asked, the opening of a stream included.
    pub const fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = Some(timeout);
        self
    }

    /// Which events a stream yields.
    pub const fn events(mut self, events: Events) -> Self {
        self.events = events;
        self
    }

    /// TLS settings in place of Mozilla's roots with ring; the ALPN protocols are set here.
    pub fn tls_config(mut self, config: ClientConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Puts the client together.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` without an endpoint, or with a key that no header can carry.
    pub fn build(self) -> Result<Client, Error> {
        let endpoint = self.endpoint.ok_or_else(|| Error::config("no endpoint is given"))?;
        endpoint.request_headers(&[])?;
        let transport = Transport::new(self.tls, self.timeouts.connect.as_duration())?;
        let mut config = resume::Config::new(*endpoint.profile());
        config.timeouts = self.timeouts;
        config.policy = self.policy;
        config.limits = self.limits;
        config.seams = self.seams;
        config.deliver = self.deliver;
        config.on_store_failure = self.on_store_failure;
        Ok(Client::new(Arc::new(Shared {
            endpoint,
            leftovers: self.store.is_none().then(Leftovers::default),
            store: self.store.unwrap_or_else(Store::memory),
            store_timeout: self.store_timeout.unwrap_or(STORE_TIMEOUT),
            transport,
            config,
            events: self.events,
            refusals: Refusals::default(),
        })))
    }
}
