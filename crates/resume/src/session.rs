//! The session: one response, over as many attempts as it takes.

use protocol::{Profile, Reader, RequestBody, Wire};
use retry_policy::{Call, IdempotencyKey, Nanos};
use std::collections::VecDeque;
use std::sync::Arc;

use crate::admission::Sign;
use crate::attempt::{Attempt, Blocks, Ended, Flow, Hold, Phase, Stops};
use crate::catch_up::CatchUp;
use crate::checkpoint::Checkpoint;
use crate::clocks::{Clocks, Due};
use crate::config::{Config, Timeouts};
use crate::hedge::Hedge;
use crate::input::{AttemptId, Input};
use crate::journal::{self, Origin, Record, Seq, Spot, Start};
use crate::ladder::{self, Choice, Learned};
use crate::oddities::{Arrival, Nesting, Oddities};
use crate::outcome::{AttemptSummary, Cause, Outcome, Summary};
use crate::output::{Connection, Output, Request, State};
use crate::receive::Progress;
use crate::seam::Rung;
use crate::source::Author;
use crate::spending::Spending;
use crate::transcript::Transcript;

/// One response out of as many attempts as it takes.
///
/// Feed it one [`Input`], then call [`poll`](Self::poll) until it answers
/// [`Output::Wait`] or [`Output::Done`]; only then feed the next. A driver that breaks this
/// rule with a second body chunk loses the first (debug builds panic).
///
/// Instants are nanoseconds on any clock of the caller's that never goes back.
///
/// ```
/// use protocol::{Profile, RequestBody};
/// use resume::{Config, Input, Origin, Output, Session};
/// use retry_policy::{IdempotencyKey, Nanos};
///
/// let body = r#"{"model":"gpt-5","messages":[{"role":"user","content":"hi"}]}"#;
/// let request = RequestBody::parse(Profile::OPENAI.wire, body.into()).unwrap();
/// let key = IdempotencyKey::from_bytes([7; 16]);
/// let now = Nanos::ZERO;
/// let mut session =
///     Session::new(Config::new(Profile::OPENAI), &Origin::default(), request, key, 1, now);
///
/// let mut attempt = None;
/// loop {
///     match session.poll(now) {
///         Output::Connect(request) => attempt = Some(request.attempt),
///         Output::Wait(_) => break,
///         _ => {}
///     }
/// }
/// let attempt = attempt.unwrap();
/// session.handle(Input::Head { attempt, status: 200, headers: http::HeaderMap::new() }, now);
/// assert!(matches!(session.poll(now), Output::Wait(Some(_))));
///
/// let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"}}]}\n\n";
/// session.handle(Input::Body { attempt, chunk: chunk.into() }, now);
/// while !matches!(session.poll(now), Output::Wait(_)) {}
/// assert_eq!(session.text(), "Hello");
/// ```
pub struct Session {
    pub(crate) config: Arc<Config>,
    /// Wire and quirks of where it goes.
    pub(crate) profile: Profile,
    /// The clocks of the live attempt.
    pub(crate) timeouts: Timeouts,
    /// The request as it is sent: to the model that is asked at present.
    pub(crate) request: RequestBody,
    /// As the caller wrote it, once another model was asked.
    pub(crate) caller: Option<Box<RequestBody>>,
    /// What is asked in the place of the caller's model.
    pub(crate) model: Option<Arc<str>>,
    /// Where it goes: 0 is the first upstream, any other the fallback of this number.
    pub(crate) upstream: usize,
    /// Who wrote what was shown.
    pub(crate) author: Author,
    pub(crate) transcript: Transcript,
    pub(crate) summary: Summary,
    pub(crate) call: Call,
    pub(crate) clocks: Clocks,
    /// Output tokens of earlier attempts whose text the consumer has, audio included.
    pub(crate) earlier_output: u64,
    pub(crate) spending: Spending,
    pub(crate) queue: VecDeque<Output>,
    seq: u64,
    pub(crate) key: IdempotencyKey,
    pub(crate) learned: Learned,
    pub(crate) live: Option<Box<Attempt>>,
    /// Copies of its request, until one of them or it has content.
    pub(crate) hedges: Vec<Hedge>,
    /// Copies that the live attempt had, and those of them that came to nothing.
    pub(crate) hedges_made: usize,
    pub(crate) hedges_unprocessed: u32,
    /// How long content may take before a copy is worth its price, where that is known.
    pub(crate) hedge_after: Option<Nanos>,
    /// How long it may be silent before it is suspected, where that is known.
    pub(crate) suspect_after: Option<Nanos>,
    /// The generation that the provider goes on with while no attempt reads it.
    pub(crate) kept: Option<Box<Flow>>,
    pub(crate) next: Option<Rung>,
    /// Where the live attempt goes, or the last one went.
    pub(crate) endpoint: Option<Arc<str>>,
    /// The last failure of an attempt.
    pub(crate) last: Option<Cause>,
    /// Why the upstream was left that wrote last, or the first where none has.
    pub(crate) left: Option<Cause>,
    pub(crate) sign: Option<Sign>,
    /// Why no other endpoint than the last writer's can go on, once another was admitted.
    pub(crate) bound: Option<Cause>,
    attempts: u32,
    /// What was odd in the live attempt so far.
    pub(crate) oddities: Oddities,
    pub(crate) arrival: Arrival,
    pub(crate) futile: u32,
    /// Attempts in a row that did not reach the endpoint which keeps the response.
    pub(crate) unreached: u32,
    /// Attempts in a row that came to nothing and were made again at once.
    pub(crate) unprocessed: u32,
    /// Attempts in a row at a name that does not exist.
    pub(crate) unknown_names: u32,
    pub(crate) store: Store,
    pub(crate) done: Option<Box<Outcome>>,
}

/// Whether records still reach the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Works,
    Failed,
}

impl Session {
    /// Begins a new response. The first outputs are its Start record and its first request.
    ///
    /// `seed` makes the retry delays; give each session its own. `key` names the response for
    /// the provider's or a gateway's deduplication. Sessions may share their settings.
    #[must_use]
    pub fn new(
        config: impl Into<Arc<Config>>,
        origin: &Origin,
        request: RequestBody,
        key: IdempotencyKey,
        seed: u64,
        now: Nanos,
    ) -> Self {
        let mut session = Self::blank(config.into(), request, key, seed, now);
        let start = Start {
            wire: session.request.wire().name(),
            profile: session.profile.name.as_str(),
            key,
            origin,
            body: session.request.bytes(),
        };
        for record in start.encode() {
            session.record(record);
        }
        session.schedule(Rung::Retry, now, now);
        session
    }

    /// Goes on with a response whose journal was read back.
    ///
    /// Text that the journal holds is not emitted again; it is in [`text`](Self::text).
    #[must_use]
    pub fn resume(
        config: impl Into<Arc<Config>>,
        mut checkpoint: Checkpoint,
        seed: u64,
        now: Nanos,
    ) -> Self {
        let left_at = checkpoint.left_at();
        let kept = checkpoint.take_kept(now);
        let origin = checkpoint.origin().endpoint.clone();
        let mut session = Self::blank(config.into(), checkpoint.request, checkpoint.key, seed, now);
        session.author = checkpoint.author;
        session.transcript = checkpoint.transcript;
        session.seq = checkpoint.seq.0;
        session.attempts = checkpoint.attempts;
        session.earlier_output = checkpoint.output_tokens;
        session.summary.seams = checkpoint.seams;
        session.summary.own_end = checkpoint.has_own_end && session.transcript.stop.is_some();
        for attempt in &checkpoint.spent {
            session.spend(attempt, now);
        }
        session.kept = kept;
        let settled = session.take_up(left_at, &origin);
        if checkpoint.is_cancelled {
            // Whoever cancelled it told the provider.
            session.write_off_kept();
            session.give_up(Cause::Cancelled, now);
        } else if session.transcript.stop.is_some() {
            if checkpoint.closed == Closed::No {
                session.say_rest_of_end(checkpoint.has_own_end);
            }
            if !session.transcript.ended {
                session.miss_last_event();
            }
            session.complete(checkpoint.closed);
        } else if let Err(cause) = settled {
            session.give_up(cause, now);
        } else {
            session.plan_next(now, now);
        }
        session
    }

    fn blank(
        config: Arc<Config>,
        request: RequestBody,
        key: IdempotencyKey,
        seed: u64,
        now: Nanos,
    ) -> Self {
        let call = Call::new(seed, now);
        let clocks = Clocks::until(call.deadline(&config.policy));
        let request = if config.background { request.in_background() } else { request };
        let learned = Learned { prefill_refused: config.prefill_refused, ..Learned::default() };
        Self {
            profile: config.profile,
            timeouts: config.timeouts,
            config,
            request,
            caller: None,
            model: None,
            upstream: 0,
            author: Author::default(),
            transcript: Transcript::default(),
            summary: Summary::default(),
            call,
            clocks,
            earlier_output: 0,
            spending: Spending::default(),
            queue: VecDeque::new(),
            seq: 0,
            key,
            learned,
            live: None,
            hedges: Vec::new(),
            hedges_made: 0,
            hedges_unprocessed: 0,
            hedge_after: None,
            suspect_after: None,
            kept: None,
            next: None,
            endpoint: None,
            last: None,
            left: None,
            sign: None,
            bound: None,
            attempts: 0,
            oddities: Oddities::default(),
            arrival: Arrival::default(),
            futile: 0,
            unreached: 0,
            unprocessed: 0,
            unknown_names: 0,
            store: Store::Works,
            done: None,
        }
    }

    /// All text that was delivered, that of a resumed journal included.
    ///
    /// [`Frame::text`](crate::Frame::text) is a range of it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.transcript.text
    }

    /// Why the live attempt goes on as it does.
    #[must_use]
    pub fn choice(&self) -> Option<&Choice> {
        self.live().map(|live| &live.choice)
    }

    /// The account of an attempt that is over.
    #[must_use]
    pub fn account_of(&self, attempt: AttemptId) -> Option<&AttemptSummary> {
        let summary = self.done.as_ref().map_or(&self.summary, |outcome| outcome.summary());
        summary.attempts.iter().rfind(|summary| summary.attempt == attempt)
    }

    /// Whether the model turned out to refuse prefill; worth remembering for other sessions.
    #[must_use]
    pub const fn prefill_refused(&self) -> bool {
        self.learned.prefill_refused
    }

    /// Tells the session that something happened. Inputs of a dead attempt change nothing.
    pub fn handle(&mut self, input: Input, now: Nanos) {
        if self.done.is_some() {
            return;
        }
        if self.clocks.due(now) == Some(Due::Total) && !matches!(input, Input::Cancel) {
            // A driver hears the socket before its alarm; this one clock no input winds.
            if let Input::End { attempt } | Input::Broke { attempt, .. } = input {
                self.with_live(attempt, |_, live| live.ended = Some(Ended::Clean));
            }
            return self.tick(now);
        }
        match input {
            input @ (Input::Admitted(_) | Input::NotAdmitted(_)) => {
                self.take_admission(input, now);
            }
            Input::HedgeAdmitted(place) => self.begin_hedge(place, now),
            Input::HedgeNotAdmitted => self.wait_for_hedge(now),
            input if self.is_of_hedge(&input) => self.hear_hedge(input, now),
            Input::Connected { attempt } if self.is_live(attempt) => {
                self.clocks.connected(now, &self.timeouts);
            }
            Input::Head { attempt, status, headers } => {
                self.with_live(attempt, |session, live| {
                    session.take_head(live, status, headers, now);
                });
            }
            Input::Body { attempt, chunk } => {
                self.with_live(attempt, |session, live| session.take_body(live, chunk, now));
            }
            Input::End { attempt } => self.with_live(attempt, |_, live| live.end()),
            Input::Broke { attempt, cause } => {
                self.with_live(attempt, |_, live| live.ended = Some(Ended::Broke(cause)));
            }
            Input::Woke => {
                self.arrival.miss();
                if self.live.is_some() {
                    self.clocks.woken(now);
                    self.suspect();
                }
                self.hedges.iter_mut().for_each(|hedge| hedge.woken(now));
            }
            Input::Leaving { attempt } if self.is_live(attempt) => self.suspect(),
            Input::Unheard => self.arrival.miss(),
            Input::Tick => self.tick(now),
            Input::Cancel => {
                self.record(journal::cancel());
                self.stop(Cause::Cancelled, now);
            }
            Input::TakenOver => self.stop(Cause::Store, now),
            // A response that is whole is paid for: only its last event is missing.
            Input::OverBudget if self.transcript.stop.is_some() => {}
            Input::OverBudget => self.stop(Cause::OverBudget, now),
            Input::PersistFailed => self.lose_store(now),
            Input::Persisted(_) | Input::Connected { .. } | Input::Leaving { .. } => {}
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self, now: Nanos) -> Output {
        loop {
            if let Some(output) = self.queue.pop_front() {
                return output;
            }
            if let Some(outcome) = &self.done {
                return Output::Done(outcome.clone());
            }
            if !self.advance(now) {
                return Output::Wait(self.next_instant());
            }
        }
    }

    /// Makes one step by itself; `false` when there is nothing left to do.
    fn advance(&mut self, now: Nanos) -> bool {
        let Some(mut live) = self.live.take() else {
            return self.connect_if_due(now);
        };
        match self.read(&mut live, now) {
            Ok(Progress::Read) => {
                let is_decided = !self.hedges.is_empty() && !live.is_replaceable();
                if is_decided && let Err(cause) = self.settle_race(&live, now) {
                    self.fail(live, cause, now);
                    return true;
                }
                self.live = Some(live);
            }
            Ok(Progress::Drained) => {
                self.live = Some(live);
                return false;
            }
            Ok(Progress::Finished) => self.finish(&live, now),
            Err(cause) => self.fail(live, cause, now),
        }
        true
    }

    fn tick(&mut self, now: Nanos) {
        self.tick_hedges(now);
        let Some(due) = self.clocks.due(now) else { return };
        match (due, self.live.take()) {
            (Due::Sentinel | Due::Total, Some(live)) if self.transcript.stop.is_some() => {
                self.miss_last_event();
                self.finish(&live, now);
            }
            (Due::Sentinel, Some(live)) if live.flow.goes_on.is_some() => self.finish(&live, now),
            (Due::Total, live) => {
                self.live = live;
                self.stop(Cause::Deadline, now);
            }
            (Due::Attempt(cause), Some(live)) => {
                // What a refusal says counts, also when its body never ends.
                let cause = self.refusal_so_far(&live).unwrap_or(cause);
                self.fail(live, cause, now);
            }
            (Due::Hedge, live) => {
                self.live = live;
                self.want_hedge(now);
            }
            (Due::Suspect, live) => {
                self.live = live;
                self.suspect_late(now);
            }
            (Due::Sentinel, live) => self.live = live,
            (Due::Attempt(_), None) => {}
        }
    }

    // ---- attempts

    fn connect_if_due(&mut self, now: Nanos) -> bool {
        let due = self.clocks.retry.is_some_and(|at| at <= now);
        let Some(rung) = self.next.take_if(|_| due) else { return false };
        self.call.on_attempt();
        if !self.transcript.begun && rung != Rung::Cursor {
            // An attempt that showed nothing leaves no trace, not even its id.
            self.transcript = Transcript::default();
        }
        let (attempt, request) = self.make_attempt(rung, now);
        (self.oddities, self.arrival) = Default::default();
        let (id, offset) = (attempt.id, self.transcript.text.len() as u64);
        self.record(journal::attempt(id, rung, offset, self.spot()));
        self.live = Some(attempt);
        self.clocks.connecting(now, &self.timeouts);
        (self.hedges_made, self.hedges_unprocessed) = (0, 0);
        self.clocks.hedge = self.hedge_at(now);
        let endpoint = self.endpoint.clone();
        self.queue.push_back(Output::State(State::Connecting { attempt: id, rung, endpoint }));
        self.queue.push_back(Output::Connect(Box::new(request)));
        true
    }

    /// The place that is asked at present, for the journal.
    pub(crate) fn spot(&self) -> Spot<'_> {
        let (endpoint, model) = (self.endpoint.as_deref(), self.model.as_deref());
        Spot { endpoint, model, upstream: self.upstream }
    }

    /// The next attempt, in this way and at the place that is asked at present, and its request.
    pub(crate) fn make_attempt(&mut self, rung: Rung, now: Nanos) -> (Box<Attempt>, Request) {
        self.attempts = self.attempts.saturating_add(1);
        let id = AttemptId(self.attempts);
        let standing = self.standing(now);
        let choice = ladder::explain(&standing, rung, self.attempts);
        let mut plan = ladder::plan(&standing, rung, id, &self.operation_key());
        let mut flow = match self.kept.take_if(|_| rung == Rung::Cursor) {
            Some(kept) => *kept,
            None => self.flow(id, rung, plan.hold(), now),
        };
        flow.attempt = id;
        flow.is_read_on |= rung == Rung::Cursor;
        let headers = self.offer_to_keep(&mut flow, &plan);
        flow.rejoins = rung == Rung::Cursor && self.transcript.begun;
        flow.cursor.iter_mut().for_each(|cursor| cursor.read_on());
        let attempt = Box::new(Attempt {
            id,
            rung,
            choice,
            began: now,
            phase: Phase::Waiting,
            reader: Reader::framed(
                self.profile.framing,
                self.request.wire(),
                self.config.limits.event_bytes,
            ),
            earlier_bytes: flow.text_bytes,
            flow,
            ended: None,
            ends_behind: false,
        });
        let request = Request {
            attempt: id,
            method: plan.method,
            path: plan.path,
            body: plan.body,
            key: plan.key,
            headers,
            rung,
            connection: if self.unprocessed > 0 { Connection::New } else { Connection::Any },
            is_hedge: false,
        };
        (attempt, request)
    }

    /// The events of a new generation; `seam` is how they join what was shown.
    fn flow(&self, id: AttemptId, rung: Rung, seam: Hold, now: Nanos) -> Flow {
        let mut flow = Flow::new(id, rung, Stops::new(self.request.choices()), now);
        let has_blocks = self.request.wire() == Wire::AnthropicMessages;
        flow.nesting = has_blocks.then(Nesting::default);
        flow.asked_model.clone_from(&self.model);
        flow.is_foreign = self.author.has_others_than(self.request.model());
        if let (Rung::Fetch, Some(kept)) = (rung, &self.kept) {
            flow.asked = kept.asked;
            flow.catch_up = CatchUp::behind(&self.transcript);
            if self.transcript.begun {
                flow.hold = Hold::Nothing;
            }
        } else if self.transcript.begun {
            // A turn that goes on has no seam; until it says something it can be asked for again.
            flow.hold = if rung == Rung::Turn { Hold::Lifecycle } else { seam };
            flow.blocks = Some(Blocks::default());
        }
        flow.turn = self.gather(rung);
        flow
    }

    // ---- small parts

    pub(crate) fn record(&mut self, record: Record) {
        let seq = self.next_seq(1);
        self.queue.push_back(Output::Record { seq, record });
    }

    pub(crate) const fn next_seq(&mut self, records: u64) -> Seq {
        self.seq += records;
        Seq(self.seq)
    }

    pub(crate) fn live(&self) -> Option<&Attempt> {
        self.live.as_deref()
    }

    fn is_live(&self, attempt: AttemptId) -> bool {
        self.live.as_ref().is_some_and(|live| live.id == attempt)
    }

    fn with_live(&mut self, attempt: AttemptId, act: impl FnOnce(&mut Self, &mut Attempt)) {
        if let Some(mut live) = self.live.take_if(|live| live.id == attempt) {
            act(self, &mut live);
            self.live = Some(live);
        }
    }
}

/// Whether the journal already ends with a Close record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    Yes,
    No,
}
