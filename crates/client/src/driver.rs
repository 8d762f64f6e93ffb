//! The loop between engine, socket, store and clock. It decides nothing: what to send, when
//! to try again and what is new text is the engine's.

mod asking;
mod calling;
mod carriage;
mod clock;
mod ending;
mod farewell;
mod hedging;
mod journal;
mod outbox;
mod persist;
mod spans;
mod warming;
mod watching;

use bytes::Bytes;
use checkpoint_store::{ErrorKind, StreamId};
use http::header::{ACCEPT, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderValue};
use http_body_util::Full;
use protocol::Wire;
use resume::{Ask, AttemptId, Cause, Input, Notice, Origin, Output, Rung, Session, Sign, State};
use retry_policy::Nanos;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::client::Shared;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::leftovers::Leaving;
use crate::patience::Patience;
use crate::proxy::ProxyFailure;
use crate::spending::Tab;
use crate::transport::Arrival;
use asking::Line;
use calling::Calling;
use clock::{Alarm, Clock, Watch};
use ending::Ending;
use farewell::Farewell;
use outbox::{Item, Outbox};
use persist::Stalled;
use spans::Spans;
use watching::Watching;

pub(crate) use asking::Asking;
pub(crate) use journal::Journal;

/// One response being received. It is polled by its consumer; there is no task and no channel.
pub(crate) struct Driver {
    client: Arc<Shared>,
    id: StreamId,
    session: Session,
    journal: Journal,
    /// Where a resumed stream began.
    origin: Option<Origin>,
    /// Admission of the next attempt, permit of the live one.
    asking: Asking,
    live: Option<Calling>,
    /// Copies of the live attempt.
    hedges: Vec<Calling>,
    /// What the provider is told beside the attempts, and nobody waits for but who cancels.
    farewell: Option<Farewell>,
    /// What a proxy did to the last attempt.
    proxy_failure: Option<ProxyFailure>,
    outbox: Outbox,
    /// Which events the consumer has.
    events: Events,
    /// What the store had no room for; the engine waits.
    stalled: Option<Box<Stalled>>,
    /// What the engine said last.
    engine: Engine,
    now: Nanos,
    clock: Clock,
    watch: Watch,
    /// The machine slept; the engine has not heard of it.
    woke: bool,
    /// The consumer was away for long; the engine has not heard of it.
    unheard: bool,
    alarm: Alarm,
    patience: Patience,
    /// Bytes of the session's text that the consumer has.
    delivered: usize,
    /// What was charged to the budget that streams share.
    tab: Option<Tab>,
    spans: Spans,
    watching: Watching,
    phase: Phase,
}

/// All that a driver needs beside its session.
pub(crate) struct Plan {
    pub(crate) client: Arc<Shared>,
    pub(crate) id: StreamId,
    pub(crate) origin: Option<Origin>,
    pub(crate) asking: Asking,
    pub(crate) journal: Journal,
}

/// Whether the engine has more to say.
#[derive(Clone, Copy)]
enum Engine {
    Speaking,
    Waiting(Option<Nanos>),
}

enum Phase {
    Running,
    Ending(Ending),
}

impl Driver {
    pub(crate) fn new(plan: Plan, begin: impl FnOnce(Nanos) -> Session) -> Self {
        let Plan { client, id, origin, mut asking, journal } = plan;
        if let Some(leftovers) = &client.leftovers {
            leftovers.take_up(&id);
        }
        let clock = Clock::start();
        asking.start(clock);
        let patience = Patience::new(client.store_timeout);
        let now = clock.now();
        let session = begin(now);
        if let Some(last) = session.endpoint() {
            asking.went_to(session.upstream(), last);
        }
        let delivered = session.text().len();
        let wire = client.config.profile.wire.name();
        let spans = Spans::open(id.as_str(), session.model(), wire);
        let all_or_text = client.events;
        let tab = client.budget.as_ref().map(|budget| Tab::open(budget, &session));
        let watching = Watching::new(&client);
        let is_resumed = origin.is_some();
        let driver = Self {
            client,
            id,
            session,
            journal,
            origin,
            asking,
            live: None,
            hedges: Vec::new(),
            farewell: None,
            proxy_failure: None,
            outbox: Outbox::default(),
            events: all_or_text,
            stalled: None,
            engine: Engine::Speaking,
            now,
            clock,
            watch: Watch::default(),
            woke: false,
            unheard: false,
            alarm: Alarm::new(clock),
            patience,
            delivered,
            tab,
            spans,
            watching,
            phase: Phase::Running,
        };
        let (wire, model) = (driver.wire(), driver.session.model());
        driver.tell_of(|| Notice::Began { wire, model, is_resumed });
        driver
    }

    /// Has every event from now on.
    pub(crate) const fn ask_all(&mut self) {
        self.events = Events::All;
    }

    pub(crate) fn wire(&self) -> Wire {
        self.client.config.profile.wire
    }

    pub(crate) const fn id(&self) -> &StreamId {
        &self.id
    }

    /// The text that the consumer has.
    pub(crate) fn text(&self) -> &str {
        &self.session.text()[..self.delivered]
    }

    /// The next event; `None` after the end or an error.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        self.now = self.clock.now();
        self.woke |= self.watch.has_slept(self.now);
        self.unheard |= self.asking.come_back(self.now);
        loop {
            self.say_farewell();
            if let Some(item) = self.outbox.pop(self.journal.deliverable()) {
                self.asking.go_away(self.now);
                self.count_delivered(&item);
                return Poll::Ready(Some(Ok(self.hand_out(item))));
            }
            let Phase::Ending(ending) = &mut self.phase else {
                if self.poll_running(cx).is_pending() {
                    self.tell_of_delivered();
                    return Poll::Pending;
                }
                continue;
            };
            let settled = ending.poll_settled(cx);
            match ready!(self.patience.wait(cx, settled)).flatten() {
                Ok(()) if self.outbox.is_empty() => {
                    let outcome = ending.take_outcome();
                    self.say_farewell();
                    return Poll::Ready(outcome.map(|outcome| self.tell(*outcome)));
                }
                // The rest became durable after it was looked for above.
                Ok(()) if self.outbox.awaited() <= Some(self.journal.deliverable()) => {}
                // Waiting longer cannot bring what a settled journal does not hold.
                Ok(()) => self.lose_ending(ErrorKind::Io.into()),
                Err(error) => self.lose_ending(error),
            }
        }
    }

    /// Makes all that was received durable.
    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        if let Phase::Ending(ending) = &mut self.phase {
            let settled = poll_fn(|cx| ending.poll_settled(cx));
            if let Err(error) = self.client.answer(settled).await {
                self.lose_ending(error);
            }
        } else {
            self.hear_out();
            if let Some(writer) = self.journal.writer()
                && let Err(error) = self.client.answer(writer.flush()).await
            {
                self.lose_store(error);
            }
        }
        match self.journal.failure() {
            Some(error) => Err(self.store_error(error)),
            None => Ok(()),
        }
    }

    /// Drops the connection and makes all that was received durable.
    pub(crate) async fn halt(&mut self) -> Result<(), Error> {
        self.live = None;
        self.hedges.clear();
        self.asking.leave();
        self.flush().await
    }

    /// Gives the response up, and has a provider that goes on with it told so.
    pub(crate) async fn cancel(&mut self) -> Result<(), Error> {
        self.now = self.clock.now();
        if matches!(self.phase, Phase::Running) {
            self.session.handle(Input::Cancel, self.now);
            self.engine = Engine::Speaking;
        }
        poll_fn(|cx| self.poll_hushed(cx)).await;
        let flushed = self.flush().await;
        self.part().await;
        flushed
    }

    /// Hears the engine out, for a consumer that is not there any longer.
    fn poll_hushed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while matches!((&self.phase, self.engine), (Phase::Running, Engine::Speaking)) {
            self.outbox = Outbox::default();
            match self.stalled.take() {
                Some(stalled) => ready!(self.poll_stalled(cx, stalled)),
                None => self.listen(),
            }
        }
        Poll::Ready(())
    }

    // ---- running

    /// Makes one step: hears one thing, or lets the engine say one.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(stalled) = self.stalled.take() {
            return self.poll_stalled(cx, stalled);
        }
        if self.outbox.is_full()
            && let Some(seq) = self.outbox.awaited()
        {
            return self.poll_store(cx, |journal, cx| journal.poll_durable(cx, seq));
        }
        let Engine::Waiting(deadline) = self.engine else {
            self.listen();
            return Poll::Ready(());
        };
        let input = ready!(self.poll_input(cx, deadline));
        self.alarm.on_input();
        self.engine = Engine::Speaking;
        self.session.handle(input, self.now);
        Poll::Ready(())
    }

    /// The next input: what the socket has comes before any deadline, so that a slow consumer
    /// is not taken for a dead provider.
    fn poll_input(&mut self, cx: &mut Context<'_>, deadline: Option<Nanos>) -> Poll<Input> {
        loop {
            if let Some(input) = self.journal.take_failure() {
                return Poll::Ready(input);
            }
            if let Some(input) = self.journal.take_progress() {
                self.patience.rest();
                return Poll::Ready(input);
            }
            if std::mem::take(&mut self.woke) {
                return Poll::Ready(Input::Woke);
            }
            if std::mem::take(&mut self.unheard) {
                return Poll::Ready(Input::Unheard);
            }
            // Before the socket, which may always have more.
            if let Some(input) = self.tab.as_mut().and_then(|tab| tab.charge(&self.session)) {
                return Poll::Ready(input);
            }
            for calling in self.live.iter_mut().chain(&mut self.hedges) {
                if let Poll::Ready(arrival) = calling.poll(cx) {
                    let attempt = calling.attempt;
                    return Poll::Ready(self.input(attempt, arrival));
                }
            }
            if let Poll::Ready(input) = self.asking.poll(cx) {
                return Poll::Ready(input);
            }
            if self.journal.poll_news(cx).is_pending() {
                break;
            }
            self.cut_outbox();
        }
        if self.outbox.awaited().is_some()
            && let Poll::Ready(Err(error)) = self.patience.wait(cx, Poll::<()>::Pending)
        {
            self.lose_store(error);
            return self.poll_input(cx, deadline);
        }
        ready!(self.alarm.poll(cx, deadline));
        self.now = self.clock.now();
        Poll::Ready(Input::Tick)
    }

    fn input(&mut self, attempt: AttemptId, arrival: Arrival) -> Input {
        match arrival {
            Arrival::Connected => Input::Connected { attempt },
            Arrival::Leaving => Input::Leaving { attempt },
            Arrival::Head { status, mut headers } => {
                self.tell_of(|| Notice::Head { attempt, status });
                // The engine has no calendar: a date in a hint is measured against this one.
                headers.entry(DATE).or_insert_with(clock::http_date);
                if !self.asking.hedge_head(attempt, status, &headers) {
                    self.asking.head(status, &headers);
                }
                Input::Head { attempt, status, headers }
            }
            Arrival::Chunk(chunk) => {
                if self.live.as_ref().is_some_and(|live| live.attempt == attempt) {
                    self.asking.chunk();
                }
                Input::Body { attempt, chunk }
            }
            Arrival::End => {
                self.abort(attempt);
                Input::End { attempt }
            }
            Arrival::Broke(cause) => {
                if let Some(mut live) = self.live.take_if(|live| live.attempt == attempt) {
                    self.proxy_failure = live.proxy_failure();
                }
                self.abort(attempt);
                Input::Broke { attempt, cause }
            }
        }
    }

    /// Takes what the engine has to say without hearing anything: what was asked, at first.
    fn hear_out(&mut self) {
        self.now = self.clock.now();
        while matches!((&self.phase, self.engine), (Phase::Running, Engine::Speaking))
            && self.stalled.is_none()
            && !self.outbox.is_full()
        {
            self.listen();
        }
    }

    /// Takes one output of the engine.
    fn listen(&mut self) {
        let output = self.session.poll(self.now);
        // Before the consumer has the event: what it does with it takes time.
        if let Some(sign) = self.session.take_sign() {
            self.asking.hear(sign);
            if sign == Sign::Content {
                self.tell_of_content();
            }
        }
        match output {
            Output::Admit(ask) => self.ask(&ask),
            Output::Over { attempt, fate, usage } => {
                if !self.asking.settle_hedge(attempt, fate, &usage) {
                    self.asking.settle(fate, &usage);
                }
                self.close_attempt(attempt);
            }
            Output::Hedge => self.asking.ask_hedge(),
            Output::Decline => self.asking.decline_hedge(),
            Output::Promote(attempt) => self.promote(attempt),
            Output::Warm { stays } => self.warm(stays),
            Output::Connect(request) if request.is_hedge => self.call_hedge(&request),
            Output::Connect(request) => {
                let (endpoint, transport) = (self.asking.endpoint(), &self.client.transport);
                let message = self.message(endpoint, &request);
                let (attempt, way) = (request.attempt, self.asking.way(&request));
                let name = Arc::clone(self.asking.endpoint_name());
                self.spans.begin(&request, &name, self.session.choice());
                if !matches!(request.rung, Rung::Cursor | Rung::Fetch) {
                    self.asking.hedges.earn();
                }
                self.live = Some(Calling::new(attempt, endpoint, transport, message, way));
                self.tell_of_attempt(&request, &name);
            }
            Output::Cancel(request) => self.take_leave(&request),
            Output::Abort(attempt) => self.abort(attempt),
            Output::Record { seq, record } => self.append_record(seq, record),
            Output::Emit { seq: Some(seq), frame } => self.append_frame(seq, frame, 0),
            Output::Emit { seq: None, frame } => {
                if self.events == Events::All {
                    self.outbox.push(0, Item::Frame(frame));
                }
            }
            Output::Seam(seam) => {
                tracing::debug!(id = %self.id, ?seam, "joined");
                self.tell_of(|| Notice::Seam(&seam));
                self.outbox.push(0, Item::Seam(seam));
            }
            Output::State(state) => self.note(state),
            Output::Wait(deadline) => self.engine = Engine::Waiting(deadline),
            Output::Done(outcome) => self.begin_ending(outcome),
        }
    }

    fn message(
        &self,
        endpoint: &Endpoint,
        request: &resume::Request,
    ) -> http::Request<Full<Bytes>> {
        let mut headers = self.headers(endpoint);
        if request.body.is_empty() {
            headers.remove(CONTENT_TYPE);
        }
        if request.rung == Rung::Fetch {
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        }
        if let Some(key) = &request.key {
            let key = HeaderValue::from_bytes(&key.encode());
            headers.insert("idempotency-key", key.expect("an idempotency key is printable ASCII"));
        }
        headers.extend(request.headers.clone());
        let mut message = http::Request::new(Full::new(request.body.clone()));
        *message.method_mut() = request.method.clone();
        *message.uri_mut() = endpoint.uri(&request.path);
        *message.headers_mut() = headers;
        message
    }

    /// What a checkpoint kept of the headers goes only to the endpoint that it is from.
    fn headers(&self, endpoint: &Endpoint) -> HeaderMap {
        let is_from = |it: &&Origin| self.client.upstreams.is_first_at(endpoint, &it.endpoint);
        let kept = self.origin.as_ref().filter(is_from).map_or(&[][..], |origin| &origin.headers);
        endpoint.request_headers(kept).expect("the client was built with this key")
    }

    fn ask(&mut self, ask: &Ask) {
        if self.asking.ask(ask) == Line::Long {
            self.note(State::Waiting);
        }
    }

    /// Says how the attempt ended that is over, and what was odd about it, once for each kind.
    fn close_attempt(&mut self, attempt: AttemptId) {
        self.tell_of_account(attempt);
        let span = self.spans.take(attempt);
        let Some(attempt) = self.session.account_of(attempt) else { return };
        for (kind, count, meaning) in attempt.oddities.kinds() {
            let number = attempt.attempt.0;
            tracing::warn!(parent: &span, id = %self.id, attempt = number, kind, count, "{meaning}");
        }
        if span.is_disabled() {
            return;
        }
        match attempt.cause.clone() {
            None => Spans::end_attempt(&span, attempt, &"complete"),
            Some(mut cause) => {
                self.scrub(&mut cause);
                Spans::end_attempt(&span, attempt, &cause);
            }
        }
    }

    fn note(&mut self, mut state: State) {
        if let State::Disconnected { cause, .. } | State::Failed { cause } = &mut state {
            self.scrub(cause);
        }
        tracing::debug!(id = %self.id, ?state, "state");
        self.tell_of(|| Notice::State(&state));
        self.outbox.push(0, Item::State(state));
    }

    // ---- the consumer

    fn hand_out(&mut self, item: Item) -> Event {
        match item {
            Item::Text(range) => {
                self.delivered = range.end;
                Event::Text(self.session.text()[range].to_owned())
            }
            Item::Frame(frame) => Event::Frame(frame),
            Item::Seam(seam) => Event::Seam(seam),
            Item::State(state) => Event::State(state),
        }
    }

    /// Says itself what the engine, being over, no longer can.
    pub(crate) fn tell_late_failure(&mut self) {
        if self.journal.take_failure().is_some() && !self.journal.stops() {
            self.note(State::NotDurable);
        }
    }

    /// A provider may quote the key, or a header, in what it says.
    fn scrub(&self, cause: &mut Cause) {
        match cause {
            Cause::Provider(failure) => {
                for endpoint in self.client.upstreams.endpoints() {
                    endpoint.scrub(&mut failure.message);
                    // A code with a placeholder in it would be no code.
                    failure.code.take_if(|code| endpoint.scrub(code));
                }
            }
            Cause::GaveUp { last, .. } | Cause::NotAdmitted { last: Some(last), .. } => {
                self.scrub(last);
            }
            _ => {}
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.tell_of_leaving();
        if let Some(tab) = &mut self.tab {
            tab.charge(&self.session);
        }
        let Some(leftovers) = &self.client.leftovers else { return };
        let leaving = match &self.phase {
            Phase::Ending(ending) if ending.is_complete() => Leaving::Finished,
            _ => Leaving::Unfinished,
        };
        leftovers.leave(&self.id, leaving);
    }
}
