//! How a client is put together. Construction opens no connection.

use checkpoint_store::Store;
use cost::Money;
use http::Uri;
use resume::{
    Admission, BrokenCalls, Deliver, GoOn, Hedging, Instruction, Limits, Observer, OnStoreFailure,
    Pace, SeamPolicy, Timeouts, Tools, Ways,
};
use retry_policy::{ConnectFailures, Endpoints, Policy};
use rustls::ClientConfig;
use std::env;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

use crate::carrier::SocketLimits;
use crate::client::{Client, Clocks, Shared};
use crate::connect::{Connect, Connector};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::event::Events;
use crate::hedge_budget::HedgeBudget;
use crate::leftovers::Leftovers;
use crate::observing::Observing;
use crate::proxy::{Proxy, Routes};
use crate::refusals::Refusals;
use crate::spending::SharedBudget;
use crate::transport::{Tcp, Transport};
use crate::upstream::Upstreams;

/// Who says which proxy there is.
#[derive(Clone, Debug, Default)]
enum Proxying {
    #[default]
    Environment,
    None,
    Given(Proxy),
}

/// How long the store may keep a stream waiting, unless told otherwise.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);

/// Settings of a [`Client`]; only an endpoint is required.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    endpoints: Vec<Endpoint>,
    fallbacks: Vec<Endpoint>,
    pool: endpoint_pool::Config,
    store: Option<Store>,
    timeouts: Option<Timeouts>,
    pace: Pace,
    policy: Policy,
    limits: Limits,
    seams: SeamPolicy,
    background: bool,
    ways: Ways,
    instruction: Instruction,
    tools: Tools,
    broken_calls: BrokenCalls,
    go_on: GoOn,
    hedging: Option<Hedging>,
    observing: Observing,
    deliver: Deliver,
    on_store_failure: OnStoreFailure,
    store_timeout: Option<Duration>,
    events: Events,
    tls: Option<ClientConfig>,
    connector: Option<Connector>,
    proxy: Proxying,
    socket_limits: SocketLimits,
    #[cfg(feature = "prices")]
    prices: Option<Arc<cost::Catalog>>,
    response_budget: Option<Money>,
    shared_budget: Option<SharedBudget>,
}

impl Proxying {
    fn routes(self, targets: impl Iterator<Item = Uri>) -> Result<Routes, Error> {
        match self {
            Self::Environment => Routes::from_environment(|name| env::var_os(name), targets),
            Self::None => Ok(Routes::default()),
            Self::Given(proxy) => Ok(Routes::by(proxy)),
        }
    }
}

impl Builder {
    /// Where requests go; given again, one more place where they may go.
    ///
    /// Several endpoints serve the same requests: they speak one wire and know the model by the
    /// same name. A response that breaks at one of them goes on at another. Each has its own key
    /// and headers.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// Where a response goes on when all of [`endpoint`](Self::endpoint) failed for good; given again,
    /// the next such place. It may be another provider or, with [`Endpoint::model`], another model.
    ///
    /// It is used while none of the endpoints before it answers, when their attempts are used up or
    /// their wait is longer than [`Limits::fallback_wait`], and when they refuse for a reason of their
    /// own: the key, the quota, a model that they do not have. Streams that begin later use the first
    /// endpoints again as soon as one answers; one that moved does not move back.
    ///
    /// A response of which nothing was shown is asked for anew. Behind shown text another model goes
    /// on by an [`Instruction`] alone, where [`Ways`] allow it, and a seam names
    /// [both](crate::Moved). Nothing else of the first answer is sent: no thinking, no tool call. The
    /// caller's body is, as it is: the fallback speaks the same wire, and is to take the same
    /// parameters. A body that names what one provider keeps, such as an earlier response, does not
    /// move.
    ///
    /// [`Policy::limits`] count the attempts at each such place anew; the deadline and the budget are
    /// those of the whole response.
    pub fn fallback(mut self, endpoint: Endpoint) -> Self {
        self.fallbacks.push(endpoint);
        self
    }

    /// Who is told what happens to every stream: attempts, first content, seams, ends, in the middle of
    /// reading it. Default: nobody.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observing = Observing::by(observer);
        self
    }

    /// What becomes of a response that broke behind whole tool calls which were shown. Default: it is
    /// incomplete.
    pub const fn broken_calls(mut self, broken_calls: BrokenCalls) -> Self {
        self.broken_calls = broken_calls;
        self
    }

    /// Sends a request that is slow to begin to another endpoint as well, and goes on with whichever
    /// brings content first; the others are cancelled at once. Default: no.
    ///
    /// A copy is made when content is later than for 95 of 100 requests, once 20 were seen, or after
    /// [`Hedging::after`]. It goes to an endpoint that is in use and has more than a quarter of each
    /// quota left, and is not made while requests wait for one. All copies of a client together, beside
    /// the first, have at most 5 % of the input that its other attempts had. What a copy costs is in the
    /// account of the response like that of any attempt, as an estimate where its provider did not come
    /// to report it. It needs a second [`endpoint`](Self::endpoint). Nothing is sent twice where a
    /// provider keeps the response, and before the first byte where [`Policy::repeat`] forbids it.
    ///
    /// ```
    /// use client::{Client, Endpoint, Hedging, Profile};
    ///
    /// let client = Client::builder()
    ///     .endpoint(Endpoint::new("http://127.0.0.1:8001", Profile::VLLM)?)
    ///     .endpoint(Endpoint::new("http://127.0.0.1:8002", Profile::VLLM)?)
    ///     .hedging(Hedging::default())
    ///     .build()?;
    /// assert_eq!(Hedging::default().copies, 1);
    /// # drop(client);
    /// # Ok::<(), client::Error>(())
    /// ```
    pub const fn hedging(mut self, hedging: Hedging) -> Self {
        self.hedging = Some(hedging);
        self
    }

    /// How attempts are admitted: slots, the queue, ejection, probes, balancing.
    pub const fn pool(mut self, config: endpoint_pool::Config) -> Self {
        self.pool = config;
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

    /// The clocks of each attempt, exactly.
    ///
    /// Without it they are the defaults, except that the time without a byte and the time to the
    /// first token follow what was learned about each endpoint.
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = Some(timeouts);
        self
    }

    /// How fast a response must come. Without a rate, which is the default, any will do.
    pub const fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// When to try again, how often, and until when.
    ///
    /// What a failed connection uses up and whether there are several endpoints is set by
    /// [`build`](Self::build).
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

    /// Which ways to go on are taken once something was shown.
    pub const fn ways(mut self, ways: Ways) -> Self {
        self.ways = ways;
        self
    }

    /// What a model is told that takes no prefill, in place of the words that come with the crate.
    pub fn instruction(mut self, instruction: Instruction) -> Self {
        self.instruction = instruction;
        self
    }

    /// When the consumer gets a tool call.
    pub const fn tools(mut self, tools: Tools) -> Self {
        self.tools = tools;
        self
    }

    /// Behind which ends of an answer the response goes on. Default: behind none. Every answer more
    /// is a request more, within the budget, and is in [`Summary::attempts`](crate::Summary).
    ///
    /// What a stream went on behind is in its checkpoint: a process that resumes it goes on from
    /// there, whatever it says here.
    pub const fn go_on(mut self, go_on: GoOn) -> Self {
        self.go_on = go_on;
        self
    }

    /// Has the provider go on with a response while no connection reads it, and keep it for a
    /// while, where the wire can say so: `background` and `store` on OpenAI's Responses. A stream
    /// that breaks is read on then, exactly, without a second generation.
    ///
    /// It changes what the provider retains, and a stream that is dropped goes on being generated
    /// and billed there; [`ResponseStream::cancel`](crate::ResponseStream::cancel) ends it. A body that
    /// says `"background": false` or `"store": false` is sent as it is. Default: no.
    pub const fn background(mut self, background: bool) -> Self {
        self.background = background;
        self
    }

    /// Which events a stream yields.
    pub const fn events(mut self, events: Events) -> Self {
        self.events = events;
        self
    }

    /// What models cost. Without it no cost is known, and no budget can be kept.
    #[cfg(feature = "prices")]
    pub fn prices(mut self, catalog: Arc<cost::Catalog>) -> Self {
        self.prices = Some(catalog);
        self
    }

    /// The most that each response may cost, over all its attempts.
    ///
    /// It is asked before each attempt and during the stream; what is on its way when it is spent is
    /// paid for in addition. A request of unknown price is refused then.
    pub const fn response_budget(mut self, limit: Money) -> Self {
        self.response_budget = Some(limit);
        self
    }

    /// A budget that all streams of the client share, and those of other clients that are given
    /// it. A request of unknown price is refused then.
    pub fn shared_budget(mut self, budget: SharedBudget) -> Self {
        self.shared_budget = Some(budget);
        self
    }

    /// TLS settings in place of Mozilla's roots with ring; the ALPN protocols are set here.
    pub fn tls_config(mut self, config: ClientConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Opens connections in place of TCP: to endpoints, and to the proxy where there is one.
    pub fn connector(mut self, connect: impl Connect) -> Self {
        self.connector = Some(Connector::new(connect));
        self
    }

    /// Bounds of the WebSockets that carry responses, where an endpoint
    /// [asks for them](Endpoint::carried_by).
    pub const fn socket_limits(mut self, limits: SocketLimits) -> Self {
        self.socket_limits = limits;
        self
    }

    /// The proxy that every endpoint is reached through, in place of those that the environment
    /// names.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Proxying::Given(proxy);
        self
    }

    /// Reaches every endpoint without a proxy.
    ///
    /// Unless this or [`proxy`](Self::proxy) says otherwise, [`build`](Self::build) reads
    /// `https_proxy`, `HTTPS_PROXY`, `http_proxy` (in small letters only, because of CGI),
    /// `all_proxy`, `ALL_PROXY`, `no_proxy` and `NO_PROXY` as curl does, except that this machine itself
    /// is reached without a proxy. An empty one counts as none.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = Proxying::None;
        self
    }

    /// Puts the client together.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` without an endpoint, with a key that no header can carry, for endpoints of
    /// different wires, a fallback of another wire included, for a model that no request can name,
    /// for a variable that names a proxy and does not name one, or for settings of the pool that
    /// contradict each other.
    pub fn build(self) -> Result<Client, Error> {
        let upstreams = Upstreams::new(self.endpoints, self.fallbacks, self.pool)?;
        let upstream = upstreams.first();
        let timeouts = self.timeouts.unwrap_or_default();
        let targets = upstreams.endpoints().map(|endpoint| endpoint.uri(""));
        let routes = self.proxy.routes(targets)?;
        let (tcp, connect) = (Tcp::by(self.connector), timeouts.connect.as_duration());
        let transport = Transport::new(tcp, self.tls, connect, routes)?;
        let transport = transport.with_sockets(self.socket_limits);
        let mut config = resume::Config::new(*upstream.primary().profile());
        config.admission = Admission::Asked;
        config.timeouts = timeouts;
        config.pace = self.pace;
        config.policy = self.policy;
        config.policy.limits.connect = ConnectFailures::UseDeadline;
        if !upstream.is_one() {
            config.policy.endpoints = Endpoints::Several;
        }
        config.limits = self.limits;
        config.seams = self.seams;
        config.background = self.background;
        config.ways = self.ways;
        config.instruction = self.instruction;
        config.tools = self.tools;
        config.broken_calls = self.broken_calls;
        config.go_on = self.go_on;
        config.hedging = self.hedging;
        config.deliver = self.deliver;
        config.on_store_failure = self.on_store_failure;
        // An engine that keeps a budget, however large, refuses what has no price.
        let boundless = self.shared_budget.as_ref().map(|_| Money::from_units(i128::MAX));
        config.fallbacks = upstreams.declared();
        config.budget = self.response_budget.or(boundless);
        Ok(Client::new(Arc::new(Shared {
            upstreams,
            clocks: if self.timeouts.is_some() { Clocks::Given } else { Clocks::Learned },
            leftovers: self.store.is_none().then(Leftovers::default),
            store: self.store.unwrap_or_else(Store::memory),
            store_timeout: self.store_timeout.unwrap_or(STORE_TIMEOUT),
            transport,
            config: Arc::new(config),
            events: self.events,
            refusals: Refusals::default(),
            #[cfg(feature = "prices")]
            prices: self.prices,
            budget: self.shared_budget,
            hedge_budget: Arc::new(HedgeBudget::default()),
            observing: self.observing,
            epoch: Instant::now(),
        })))
    }
}
