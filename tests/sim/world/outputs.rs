//! What the engine asks for: connections, records, events for the consumer.

use resume::{Ask, AttemptId, Fate, Frame, Request, Rung, Seam, SeamLabel, Seq, Session, State};

use super::{Due, Hint, Span, World};
use crate::network::Course;
use crate::store::Delivery;

impl World<'_> {
    pub(super) fn connect(&mut self, request: &Request, session: &Session) -> Result<(), String> {
        self.note(|| {
            let Request { attempt, rung, path, body, .. } = request;
            format!("connect {attempt} {rung} {path} {}", String::from_utf8_lossy(body))
        });
        let endpoint = match &mut self.upstream {
            Some(upstream) => upstream.begin()?,
            None => 0,
        };
        let early = self.not_before[endpoint].saturating_sub(self.now.0);
        if early > 0 {
            return Err(format!("connects {early} ns too early"));
        }
        if self.live.is_some() {
            return Err("two attempts are live".to_owned());
        }
        self.attempts += 1;
        let entry = self.provider.ledger.len();
        let reply = self.provider.answer(request, endpoint, session.text())?;
        let timeouts = &self.scenario.config.timeouts;
        let record = &self.provider.ledger[entry];
        let course = Course::plot(&reply, record, timeouts, &mut self.dice);
        let asked = record.fault;
        self.note(|| format!("meets {asked:?}"));
        let mut at = self.now.0;
        let last = course.steps.len();
        for (step, (wait, sight)) in course.steps.into_iter().enumerate() {
            at += wait;
            let wait = if step + 1 == last { course.hint } else { 0 };
            self.plan(at, Due::Sight(request.attempt, sight, Hint { endpoint, wait }));
        }
        self.live = Some((request.attempt, entry, 0));
        self.span(entry, session.text().len());
        Ok(())
    }

    /// Notes where the text begins that a request brings, unless it reads on what another began.
    fn span(&mut self, entry: usize, start: usize) {
        let root = self.provider.ledger[entry].root.unwrap_or(entry);
        let torn = root != entry;
        if !torn || self.spans.last().is_none_or(|last| last.entry != root) {
            self.spans.push(Span { entry: root, start, seam: None, torn });
        }
    }

    pub(super) fn cancel(&mut self, request: &Request) -> Result<(), String> {
        self.note(|| format!("cancel {}", request.path));
        self.provider.cancel(request)
    }

    pub(super) fn admit(&mut self, ask: &Ask) -> Result<(), String> {
        self.note(|| format!("asks {ask:?}"));
        let Some(upstream) = &mut self.upstream else {
            return Err("asked for an admission that nobody gives".to_owned());
        };
        upstream.ask(ask, self.now)?;
        self.plan(self.now.0, Due::Pool);
        Ok(())
    }

    pub(super) fn over(&mut self, fate: Fate) -> Result<(), String> {
        let Some(upstream) = &mut self.upstream else {
            return Err("told the end of an attempt that nobody admitted".to_owned());
        };
        upstream.settle(fate, self.now)
    }

    pub(super) fn abort(&mut self, attempt: AttemptId) -> Result<(), String> {
        self.note(|| format!("abort {attempt}"));
        match self.live.take_if(|(live, ..)| *live == attempt) {
            // A socket may still have something for an attempt that is over.
            Some(_) if self.dice.percent(70) => {
                self.agenda.retain(|_, due| !matches!(due, Due::Sight(of, ..) if *of == attempt));
                Ok(())
            }
            Some(_) => Ok(()),
            None => Err(format!("attempt {attempt} is aborted and not live")),
        }
    }

    pub(super) fn emit(
        &mut self,
        seq: Option<Seq>,
        frame: Frame,
        session: &Session,
    ) -> Result<(), String> {
        let text = session.text()[frame.text.clone()].to_owned();
        self.note(|| format!("emit {}", String::from_utf8_lossy(&frame.data)));
        let Some(last) = seq else {
            // A heartbeat has no record: it goes out when nothing waits before it.
            return Ok(());
        };
        let mut records: Vec<_> = frame.records().map(|pieces| pieces.concat()).collect();
        let final_record = records.pop().ok_or("an event without a record")?;
        let first = last.0 - records.len() as u64;
        for (at, record) in records.into_iter().enumerate() {
            self.store.append(Seq(first + at as u64), record, None)?;
        }
        self.store.append(last, final_record, Some(Delivery { frame, text }))
    }

    pub(super) fn seam(&mut self, seam: Seam) -> Result<(), String> {
        self.note(|| format!("seam {seam:?}"));
        let span = self.spans.last_mut().ok_or("a seam before an attempt")?;
        if matches!(seam.rung, Rung::Cursor | Rung::Fetch) {
            let fits = seam.label == SeamLabel::Exact && seam.offset >= span.start as u64;
            let drops = if seam.rung == Rung::Fetch { seam.offset } else { 0 };
            let fits = fits && seam.dropped <= drops;
            return if fits { Ok(()) } else { Err(format!("reads on over a seam: {seam:?}")) };
        }
        if span.seam.is_some() || seam.offset != span.start as u64 {
            return Err(format!("a seam at {} in the span at {}", seam.offset, span.start));
        }
        span.seam = Some(seam);
        Ok(())
    }

    pub(super) fn state(&mut self, state: &State) {
        self.note(|| format!("state {state:?}"));
        self.store.failed |= *state == State::NotDurable;
    }
}
