//! One run: the shipped engine between a scripted provider, a store and a consumer, on
//! simulated time. It drives as a real driver must: one input, then drain; input before the
//! clock; deliver what is durable.

mod inputs;
mod outputs;

use std::collections::BTreeMap;

use resume::{AttemptId, Checkpoint, Input, Origin, Outcome, Output, Seam, Session};
use retry_policy::{IdempotencyKey, Nanos};

use crate::consumer::Consumer;
use crate::dice::Dice;
use crate::network::Sight;
use crate::provider::Provider;
use crate::scenario::{Interruption, Reader, Scenario};
use crate::store::Store;
use crate::upstream::Upstream;
use crate::violation::{Harm, Violation};

/// More inputs than any run may take.
const INPUTS_MAX: usize = 60_000;
/// Longer than any clock of a session. Unit: nanoseconds.
const PAUSE_MAX: usize = 500_000_000_000;
/// Events that a slow consumer takes at a time, less one.
const SIPS: usize = 4;
/// Ticks in a row that bring neither time nor output.
const IDLE_TICKS_MAX: usize = 3;

/// Everything that happened.
#[derive(Debug)]
pub(crate) struct World<'s> {
    pub(crate) scenario: &'s Scenario,
    pub(crate) provider: Provider<'s>,
    pub(crate) store: Store,
    /// Who admits the attempts; the session itself where there is none.
    upstream: Option<Upstream>,
    pub(crate) consumer: Consumer,
    /// Which bytes of the text came from which request: where each begins, and its seam.
    pub(crate) spans: Vec<Span>,
    pub(crate) deaths: usize,
    /// Attempts of the process that is running.
    pub(crate) attempts: usize,
    pub(crate) trace: Option<Vec<String>>,
    dice: Dice,
    now: Nanos,
    began: Nanos,
    agenda: BTreeMap<(u64, u64), Due>,
    order: u64,
    outputs: usize,
    /// The request of the live attempt, in the ledger, and how many bytes of it came.
    live: Option<(AttemptId, usize, usize)>,
    /// Before which instant an endpoint wants no request.
    not_before: Vec<u64>,
    committing: bool,
    interrupted: bool,
    /// The consumer has something else to do until then.
    away: Option<Nanos>,
}

/// The text that one request brought.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) entry: usize,
    pub(crate) start: usize,
    pub(crate) seam: Option<Seam>,
    /// A crash took some of it back from the journal; nobody had seen that.
    pub(crate) torn: bool,
}

#[derive(Debug)]
enum Due {
    Sight(AttemptId, Sight, Hint),
    Commit,
    /// The pool has an answer, or knows when.
    Pool,
}

/// How long an endpoint wants no request, from what was just seen on. Unit: nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Hint {
    endpoint: usize,
    wait: u64,
}

/// How a drain ended.
enum Drained {
    Waits(Option<Nanos>),
    Done(Box<Outcome>),
    Died,
}

impl<'s> World<'s> {
    pub(crate) fn new(scenario: &'s Scenario, traced: bool) -> Self {
        let mut dice = Dice::new(scenario.dice);
        Self {
            scenario,
            provider: Provider::new(scenario, dice.fork()),
            store: Store::new(scenario.durability, &mut dice),
            upstream: None,
            consumer: Consumer::new(scenario.wire(), scenario.caller.wants_usage()),
            spans: Vec::new(),
            deaths: 0,
            attempts: 0,
            trace: traced.then(Vec::new),
            dice,
            now: Nanos::from_secs(1),
            began: Nanos::from_secs(1),
            agenda: BTreeMap::new(),
            order: 0,
            outputs: 0,
            live: None,
            not_before: Vec::new(),
            committing: false,
            interrupted: false,
            away: None,
        }
    }

    /// Runs until the session is over and says how.
    pub(crate) fn run(&mut self) -> Result<Outcome, Violation> {
        let mut session = self.begin();
        let mut idle = 0;
        for _ in 0..INPUTS_MAX {
            let (outputs, now) = (self.outputs, self.now);
            match self.drain(&mut session)? {
                Drained::Died => session = self.revive()?,
                Drained::Done(outcome) => {
                    if let Some(revived) = self.close(&mut session, &outcome)? {
                        session = revived;
                        continue;
                    }
                    return Ok(*outcome);
                }
                Drained::Waits(until) => {
                    let idles = self.outputs == outputs + 1 && self.now == now;
                    idle = if idles { idle + 1 } else { 0 };
                    self.step(&mut session, until, &mut idle)?;
                }
            }
        }
        Err(Harm::Hang.because("the run does not end"))
    }

    fn begin(&mut self) -> Session {
        let origin = Origin { endpoint: "http://provider/v1".to_owned(), headers: Vec::new() };
        let key = IdempotencyKey::from_bytes([7; 16]);
        let seed = self.dice.next();
        self.reset();
        Session::new(
            self.scenario.config.clone(),
            &origin,
            self.scenario.request.clone(),
            key,
            seed,
            self.now,
        )
    }

    /// Another process reads the journal and goes on.
    fn revive(&mut self) -> Result<Session, Violation> {
        self.deaths += 1;
        self.store.crash(self.now.0, &mut self.dice)?;
        self.now = Nanos(self.now.0 + self.dice.below(5_000_000_000) as u64);
        self.note(|| "the process died".to_owned());
        let checkpoint = match Checkpoint::fold(self.store.bytes()) {
            Ok(checkpoint) => checkpoint,
            Err(_) if self.store.records.is_empty() => {
                self.spans.clear();
                return Ok(self.begin());
            }
            Err(error) => return Err(format!("the journal does not fold: {error}").into()),
        };
        let kept = checkpoint.text().len();
        if !checkpoint.text().starts_with(&self.consumer.text) {
            return Err(Harm::Lost.because("the journal holds less than the consumer was given"));
        }
        self.spans.retain(|span| span.start < kept);
        if let Some(last) = self.spans.last_mut() {
            last.torn = true;
        }
        self.reset();
        // What was durable is delivered by whoever reads the journal.
        self.deliver(usize::MAX)?;
        let seed = self.dice.next();
        Ok(Session::resume(self.scenario.config.clone(), checkpoint, seed, self.now))
    }

    fn reset(&mut self) {
        self.agenda.clear();
        self.live = None;
        self.committing = false;
        self.away = None;
        self.not_before = vec![0; self.scenario.routes.len()];
        self.attempts = 0;
        self.began = self.now;
        if self.scenario.admits() {
            self.upstream = Some(Upstream::new(self.scenario, self.dice.next(), self.now));
        }
    }

    // ---- outputs

    fn drain(&mut self, session: &mut Session) -> Result<Drained, String> {
        loop {
            if self.scenario.deaths.contains(&self.outputs)
                && self.deaths < self.scenario.deaths.len()
            {
                self.outputs += 1;
                return Ok(Drained::Died);
            }
            self.outputs += 1;
            let output = session.poll(self.now);
            if let Some(upstream) = &mut self.upstream {
                upstream.hear(session, self.now);
            }
            match output {
                Output::Wait(until) => {
                    self.note(|| format!("wait {until:?}"));
                    self.plan_commit(session)?;
                    return Ok(Drained::Waits(until));
                }
                Output::Done(outcome) => {
                    self.note(|| format!("done {outcome:?}"));
                    return Ok(Drained::Done(outcome));
                }
                Output::Connect(request) => self.connect(&request, session)?,
                // Nobody has a place for a copy, and connections are there at once.
                Output::Hedge | Output::Warm { .. } => {}
                Output::Decline | Output::Promote(_) => return Err("there is no copy".to_owned()),
                Output::Admit(ask) => self.admit(&ask)?,
                Output::Over { fate, .. } => self.over(fate)?,
                Output::Abort(attempt) => self.abort(attempt)?,
                Output::Cancel(request) => self.cancel(&request)?,
                Output::Record { seq, record } => {
                    self.store.append(seq, record.as_ref().to_vec(), None)?;
                }
                Output::Emit { seq, frame } => self.emit(seq, frame, session)?,
                Output::Seam(seam) => self.seam(seam)?,
                Output::State(state) => self.state(&state),
            }
        }
    }

    // ---- the store

    fn plan_commit(&mut self, session: &mut Session) -> Result<(), String> {
        if self.committing { Ok(()) } else { self.commit(session) }
    }

    /// Lets the store do what is due, and comes again when it has more to do.
    fn commit(&mut self, session: &mut Session) -> Result<(), String> {
        let (rest, durable) = self.store.commit(self.now.0, &mut self.dice);
        if let Some(rest) = rest {
            self.committing = true;
            self.plan(self.now.0 + rest, Due::Commit);
        }
        if let Some(seq) = durable {
            self.note(|| format!("persisted {seq}"));
            session.handle(Input::Persisted(seq), self.now);
        }
        self.offer()
    }

    /// The consumer takes what is there, or as much of it as it likes.
    fn offer(&mut self) -> Result<(), String> {
        let most = match self.scenario.reader {
            Reader::Prompt => usize::MAX,
            Reader::Slow => self.dice.below(SIPS),
        };
        self.deliver(most)
    }

    fn deliver(&mut self, most: usize) -> Result<(), String> {
        for delivery in self.store.release(most) {
            self.consumer.take(&delivery)?;
        }
        Ok(())
    }

    // ---- the end

    /// The session says that it is over: nothing may come after, and the journal is closed.
    /// A process that dies before that leaves another one to go on.
    fn close(
        &mut self,
        session: &mut Session,
        outcome: &Outcome,
    ) -> Result<Option<Session>, Violation> {
        let last = AttemptId(u32::MAX);
        for input in
            [Input::Tick, Input::Cancel, Input::PersistFailed, Input::End { attempt: last }]
        {
            session.handle(input, self.now);
            if !matches!(session.poll(self.now), Output::Done(_)) {
                return Err("an output after the end".into());
            }
        }
        if let Some(upstream) = &mut self.upstream {
            upstream.leave(self.now)?;
        }
        if let Some(deadline) = self.scenario.config.policy.limits.deadline
            && self.now.0 > self.began.0 + deadline.0
        {
            return Err(Harm::Hang.because("the deadline passed without an end"));
        }
        let late = self.scenario.deaths.len() > self.deaths && self.dice.percent(30);
        if late {
            return self.revive().map(Some);
        }
        let stopped = self.interrupted
            && matches!(self.scenario.interruption, Some(Interruption::StoreFails(_)))
            && !outcome.is_complete();
        if !stopped {
            self.store.settle(self.now.0, &mut self.dice);
        }
        self.deliver(usize::MAX)?;
        Ok(None)
    }

    fn plan(&mut self, at: u64, due: Due) {
        self.order += 1;
        self.agenda.insert((at, self.order), due);
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>12} {}", self.now.0 / 1_000, line()));
        }
    }
}
