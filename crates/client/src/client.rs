//! The client: it opens a stream's journal and hands out the stream. Receiving is the
//! stream's own work.

use checkpoint_store::{
    ErrorKind as StoreErrorKind, Page, Seq, Store, StoreError, StreamId, StreamWriter,
};
use cost::Money;
use endpoint_pool::Snapshot;
use protocol::RequestBody;
use resume::{Checkpoint, Config, PricedModel, Pricing, Session};
use retry_policy::Nanos;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

use crate::builder::Builder;
use crate::driver::{Asking, Driver, Journal, Plan};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::event::Events;
use crate::hedge_budget::HedgeBudget;
use crate::leftovers::Leftovers;
use crate::observing::Observing;
use crate::patience::Patience;
use crate::random;
use crate::refusals::Refusals;
use crate::request::Request;
use crate::resume_options::{IfHeld, ResumeOptions};
#[cfg(feature = "prices")]
use crate::spending;
use crate::spending::SharedBudget;
use crate::stream::ResponseStream;
use crate::transport::Transport;
use crate::upstream::Upstreams;

/// Streams responses from one upstream. Cloning shares its connections and its pool.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What all streams of a client share.
pub(crate) struct Shared {
    pub(crate) upstreams: Upstreams,
    pub(crate) clocks: Clocks,
    pub(crate) store: Store,
    pub(crate) transport: Transport,
    pub(crate) config: Arc<Config>,
    pub(crate) store_timeout: Duration,
    pub(crate) events: Events,
    pub(crate) refusals: Refusals,
    #[cfg(feature = "prices")]
    pub(crate) prices: Option<Arc<cost::Catalog>>,
    pub(crate) budget: Option<SharedBudget>,
    pub(crate) hedge_budget: Arc<HedgeBudget>,
    pub(crate) observing: Observing,
    /// Where the clock of what an observer is told begins.
    pub(crate) epoch: Instant,
    /// There when the caller named no store.
    pub(crate) leftovers: Option<Leftovers>,
}

/// Where the clocks of an attempt come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clocks {
    /// The caller.
    Given,
    /// What was learned about the endpoint, else the defaults.
    Learned,
}

impl Client {
    /// Begins to put a client together.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Begins a new response. The request is sent when the stream is first polled.
    ///
    /// # Errors
    ///
    /// `InvalidRequest` for a body that is not the wire's, or where there is a budget and the price of
    /// a model is unknown that may be asked, that of a fallback included; `Exists` for a name that is taken,
    /// or what the store says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave an empty journal of that name.
    pub async fn stream(&self, request: Request) -> Result<ResponseStream, Error> {
        // In a box, so that the caller's future keeps no room for what beginning takes.
        Box::pin(self.begin(request)).await
    }

    /// Goes on with a response that another stream, perhaps of another process, left.
    ///
    /// Earlier writers are fenced off. A response that is complete yields its end at once. What is
    /// there already is in [`ResponseStream::recovered_text`].
    ///
    /// # Errors
    ///
    /// `NotFound`, `Held` while another stream of this name may be received somewhere,
    /// `UnreadableCheckpoint`, `EndpointMismatch` when no endpoint of this client is one that the
    /// response began at or went on at, or when it is on another wire, or what the store says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; the earlier writer may be fenced off already.
    pub async fn resume(&self, id: &StreamId) -> Result<ResponseStream, Error> {
        self.resume_with(id, ResumeOptions::default()).await
    }

    /// [`resume`](Self::resume), with options.
    ///
    /// # Errors
    ///
    /// Those of [`resume`](Self::resume), and `CursorAhead` when the consumer has more than the
    /// checkpoint.
    ///
    /// # Cancel safety
    ///
    /// That of [`resume`](Self::resume).
    pub async fn resume_with(
        &self,
        id: &StreamId,
        options: ResumeOptions,
    ) -> Result<ResponseStream, Error> {
        Box::pin(self.take_up(id, options)).await
    }

    async fn take_up(
        &self,
        id: &StreamId,
        options: ResumeOptions,
    ) -> Result<ResponseStream, Error> {
        let shared = &self.shared;
        let (checkpoint, writer) =
            shared.recover(id, options).await.map_err(|error| match error.kind() {
                ErrorKind::NotFound => error,
                _ => error.at(id),
            })?;
        let seed = random::seed()?;
        let origin = Some(checkpoint.origin().clone());
        let (asked, others) = (checkpoint.request(), checkpoint.other_models());
        let config = shared.config(asked, others, options.within, options.budget);
        let journal = shared.journal(writer);
        let asked = checkpoint.request().bytes();
        let asking = Asking::new(shared, asked, config.policy.limits.deadline);
        let plan = Plan { client: Arc::clone(shared), id: id.clone(), origin, asking, journal };
        let begin = |now| Session::resume(config, checkpoint, seed, now);
        Ok(ResponseStream::new(Driver::new(plan, begin)))
    }

    /// The base URLs of the endpoints, in the order of the [`Snapshot`]'s.
    pub fn endpoints(&self) -> impl Iterator<Item = &str> {
        self.shared.upstreams.first().endpoints().map(Endpoint::base_url)
    }

    /// The base URLs of the fallbacks, in their order.
    pub fn fallbacks(&self) -> impl Iterator<Item = &str> {
        let fallbacks = self.shared.upstreams.fallbacks().iter();
        fallbacks.map(|upstream| upstream.primary().base_url())
    }

    /// The pool in numbers: who is active, who waits, what was refused, how each endpoint does.
    #[must_use]
    pub fn pool_statistics(&self) -> Snapshot {
        self.shared.upstreams.first().snapshot()
    }

    /// The pool of each fallback in numbers, in their order.
    pub fn fallback_statistics(&self) -> impl Iterator<Item = Snapshot> {
        self.shared.upstreams.fallbacks().iter().map(|upstream| upstream.snapshot())
    }

    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn begin(&self, request: Request) -> Result<ResponseStream, Error> {
        let shared = &self.shared;
        let endpoint = shared.upstreams.first().primary();
        let body = request.body(endpoint.profile())?;
        let id = request.id.map_or_else(random::stream_id, Ok)?;
        let key = request.key.map_or_else(random::idempotency_key, Ok)?;
        let seed = random::seed()?;
        let origin = endpoint.origin();
        let config = shared.config(&body, [].iter(), request.deadline, request.budget);
        if config.budget.is_some() && !shared.knows_prices(&config) {
            return Err(Error::unpriced());
        }
        shared.clear_surplus().await;
        let writer = shared.answer(shared.store.create(&id)).await.map_err(Error::store)?;
        let journal = shared.journal(Some(writer));
        let asking = Asking::new(shared, body.bytes(), config.policy.limits.deadline);
        let plan = Plan { client: Arc::clone(shared), id, origin: None, asking, journal };
        let begin = |now| Session::new(config, &origin, body, key, seed, now);
        Ok(ResponseStream::new(Driver::new(plan, begin)))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("upstreams", &self.shared.upstreams).finish_non_exhaustive()
    }
}

impl Shared {
    /// `others` are models that were asked before, whoever declared them.
    fn config<'a>(
        &'a self,
        request: &RequestBody,
        others: impl Iterator<Item = &'a Arc<str>>,
        deadline: Option<Duration>,
        budget: Option<Money>,
    ) -> Arc<Config> {
        let prefill_refused = self.refusals.contains(request.model());
        let pricing = request.model().and_then(|model| self.pricing(model, request));
        let priced = |model| {
            Some(PricedModel { model: Arc::clone(model), pricing: self.pricing(model, request)? })
        };
        let priced_models: Vec<_> = self.models().chain(others).filter_map(priced).collect();
        let is_usual = !prefill_refused && deadline.is_none() && budget.is_none();
        if is_usual && pricing.is_none() && priced_models.is_empty() {
            return Arc::clone(&self.config);
        }
        let mut config = Config::clone(&self.config);
        config.prefill_refused |= prefill_refused;
        if let Some(deadline) = deadline {
            config.policy.limits.deadline = Some(Nanos::from_duration(deadline));
        }
        (config.pricing, config.priced_models) = (pricing, priced_models);
        config.budget = budget.or(config.budget);
        Arc::new(config)
    }

    #[cfg(feature = "prices")]
    fn pricing(&self, model: &str, request: &RequestBody) -> Option<Pricing> {
        spending::pricing(self.prices.as_ref()?, model, request)
    }

    #[cfg(not(feature = "prices"))]
    const fn pricing(&self, _: &str, _: &RequestBody) -> Option<Pricing> {
        None
    }

    /// What endpoints ask in the place of a request's model.
    fn models(&self) -> impl Iterator<Item = &Arc<str>> {
        self.upstreams.endpoints().filter_map(Endpoint::asked_model)
    }

    /// Whether the price is known of every model that may be asked.
    fn knows_prices(&self, config: &Config) -> bool {
        let is_priced =
            |model: &Arc<str>| config.priced_models.iter().any(|priced| priced.model == *model);
        self.upstreams.endpoints().all(|endpoint| match endpoint.asked_model() {
            None => config.pricing.is_some(),
            Some(model) => is_priced(model),
        })
    }

    /// An instant on the clock of all streams.
    pub(crate) fn time(&self, instant: Instant) -> Nanos {
        Nanos::from_duration(instant.saturating_duration_since(self.epoch))
    }

    fn journal(&self, writer: Option<StreamWriter>) -> Journal {
        Journal::new(writer, self.config.deliver, self.config.on_store_failure)
    }

    /// Asks the store, with a limit to waiting for it.
    pub(crate) async fn answer<T>(
        &self,
        asked: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        Patience::new(self.store_timeout).answer(asked).await
    }

    /// Deletes journals that nobody will ask for.
    async fn clear_surplus(&self) {
        let Some(leftovers) = &self.leftovers else { return };
        while let Some(id) = leftovers.next_surplus() {
            // It may be gone already.
            let _ = self.store.delete(&id).await;
        }
    }

    /// Reads a journal and takes it over; there is no writer for one that is closed.
    ///
    /// It is read before it is taken over, so that a resume that cannot succeed disturbs
    /// nobody, and its tail once more after that. Where nothing was written yet, its writer may be about
    /// to: who takes over nobody waits for that one to be gone.
    async fn recover(
        &self,
        id: &StreamId,
        options: ResumeOptions,
    ) -> Result<(Checkpoint, Option<StreamWriter>), Error> {
        let mut pages = Vec::new();
        self.read_on(id, &mut pages).await?;
        let is_new = pages.is_empty() && options.if_held == IfHeld::Refuse;
        let early = if is_new { self.take(id, options.if_held).await? } else { None };
        if is_new {
            self.read_on(id, &mut pages).await?;
        }
        let checkpoint = self.fold(&pages)?;
        let shown = options.shown.unwrap_or(0);
        if shown > checkpoint.text().len() as u64 {
            return Err(Error::cursor_ahead());
        }
        let writer = match early {
            Some(writer) => Some(writer),
            None => self.take(id, options.if_held).await?,
        };
        let read = pages.len();
        self.read_on(id, &mut pages).await?;
        let checkpoint = if pages.len() > read { self.fold(&pages)? } else { checkpoint };
        if writer.is_none() && !checkpoint.is_complete() {
            return Err(Error::closed_early());
        }
        Ok((checkpoint, writer))
    }

    /// The writer of a journal; there is none for one that is closed.
    async fn take(&self, id: &StreamId, if_held: IfHeld) -> Result<Option<StreamWriter>, Error> {
        match self.answer(self.writer(id, if_held)).await {
            Ok(writer) => Ok(Some(writer)),
            Err(error) if matches!(error.kind(), StoreErrorKind::Closed { .. }) => Ok(None),
            Err(error) => Err(Error::store(error)),
        }
    }

    async fn writer(&self, id: &StreamId, if_held: IfHeld) -> Result<StreamWriter, StoreError> {
        match if_held {
            IfHeld::Refuse => self.store.recover(id).await,
            IfHeld::TakeOver => {
                let over = self.store.info(id).await?.epoch;
                self.store.take_over(id, over).await
            }
        }
    }

    /// Reads what follows the last page.
    async fn read_on(&self, id: &StreamId, pages: &mut Vec<Page>) -> Result<(), Error> {
        let mut after: Option<Seq> = pages.last().and_then(Page::last);
        loop {
            let page = self.answer(self.store.read(id, after, usize::MAX)).await;
            let page = page.map_err(Error::store)?;
            if page.is_empty() {
                return Ok(());
            }
            after = page.last();
            let more = page.more();
            pages.push(page);
            if !more {
                return Ok(());
            }
        }
    }

    fn fold(&self, pages: &[Page]) -> Result<Checkpoint, Error> {
        let records = pages.iter().flat_map(Page::records).map(|record| record.bytes);
        let checkpoint = Checkpoint::fold(records).map_err(Error::unreadable)?;
        if checkpoint.wire() != self.upstreams.first().primary().profile().wire {
            return Err(Error::mismatch("it is on another wire"));
        }
        if !self.upstreams.have_served(&checkpoint) {
            return Err(Error::mismatch("it was made at another server"));
        }
        Ok(checkpoint)
    }
}
