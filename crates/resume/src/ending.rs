//! The end of an attempt and of the session: their books, and what is said last.

use cost::Usage;
use protocol::StopReason;
use retry_policy::{Budget, GiveUp, Nanos, Unlimited};

use crate::admission::{Admission, Fate};
use crate::attempt::Attempt;
use crate::clocks::Clocks;
use crate::config::OnStoreFailure;
use crate::input::Break;
use crate::journal;
use crate::oddities::Oddities;
use crate::outcome::{AttemptSummary, Cause, Outcome, Summary};
use crate::output::{Output, State};
use crate::seam::Rung;
use crate::session::{Closed, Session, Store};
use crate::source::{Source, Writer, Wrote};
use crate::spending::Spent;

impl Session {
    /// Closes the books of an attempt and its connection.
    pub(crate) fn account(&mut self, live: &Attempt, fate: Fate, cause: Option<Cause>, now: Nanos) {
        self.clocks.stop();
        let oddities = self.take_oddities(live);
        self.enter(live, fate, cause, oddities, now);
    }

    /// Enters an attempt that is over into the books, and closes its connection.
    pub(crate) fn enter(
        &mut self,
        live: &Attempt,
        fate: Fate,
        cause: Option<Cause>,
        oddities: Oddities,
        now: Nanos,
    ) {
        if live.ended.is_none() {
            self.queue.push_back(Output::Abort(live.id));
        }
        let flow = &live.flow;
        // What goes on at the provider is billed when it is known to be over.
        let goes_on = (flow.cursor.is_some() || live.rung == Rung::Fetch) && cause.is_some();
        let kept = self.kept.as_ref().map_or(0, |kept| kept.text_bytes);
        let is_paused = flow.goes_on == Some(StopReason::PauseTurn);
        let spent = Spent {
            usage: if goes_on { Usage::default() } else { self.billed(flow) },
            rung: flow.asked,
            brought: (flow.text_bytes + kept > 0 || is_paused) && !goes_on,
            is_estimate: !flow.usage_final && !goes_on,
            model: flow.asked_model.clone(),
        };
        self.count_output(&spent);
        let usage = spent.usage;
        self.record(journal::usage(live.id, &usage));
        if self.config.admission == Admission::Asked {
            self.queue.push_back(Output::Over { attempt: live.id, fate, usage });
        }
        let cost = self.spend(&spent, flow.began);
        let source = self.source();
        self.note_author(live, &source);
        self.summary.attempts.push(AttemptSummary {
            attempt: live.id,
            rung: live.rung,
            choice: live.choice.clone(),
            endpoint: source.endpoint,
            model: source.model,
            began: live.began,
            ended: now,
            text_bytes: live.brought(),
            usage,
            estimated: spent.is_estimate,
            cost,
            oddities,
            cause,
        });
    }

    /// Takes note of who made this attempt, if it showed something.
    fn note_author(&mut self, live: &Attempt, source: &Source) {
        let is_paused = live.flow.goes_on == Some(StopReason::PauseTurn);
        if is_paused || live.brought() > 0 || live.flow.has_shown {
            let has_written = is_paused || live.flow.text_bytes > 0;
            let wrote = if has_written { Wrote::Text } else { Wrote::Else };
            let writer = Writer { source: source.clone(), upstream: Some(self.upstream) };
            self.author.note(writer, wrote);
        }
    }

    fn take_oddities(&mut self, live: &Attempt) -> Oddities {
        let mut oddities = std::mem::take(&mut self.oddities);
        // What a provider kept is there at once when it is read again.
        let is_new = !live.rung.is_same_generation();
        oddities.buffered = (is_new && self.arrival.is_buffered(live.began)).into();
        oddities
    }

    pub(crate) fn count_output(&mut self, spent: &Spent) {
        if spent.brought {
            let output = spent.usage.output_total().unwrap_or(u64::MAX);
            self.earlier_output = self.earlier_output.saturating_add(output);
        }
    }

    // ---- the end

    pub(crate) fn finish(&mut self, live: &Attempt, now: Nanos) {
        if live.flow.goes_on.is_some() {
            return self.go_on(live, now);
        }
        self.summary.empty_continuation = live.flow.blocks.is_some()
            && live.rung != Rung::Turn
            && live.flow.text_bytes == 0
            && live.flow.stopped_at.is_none()
            && !live.rung.is_same_generation();
        self.summary.stopped_at_seam.clone_from(&live.flow.stopped_at);
        self.end_race(&Cause::Outraced, now);
        self.account(live, Fate::Complete, None, now);
        self.kept = None;
        self.call.on_success(&Unlimited as &dyn Budget, now);
        self.complete(Closed::No);
    }

    pub(crate) fn complete(&mut self, closed: Closed) {
        if closed == Closed::No {
            self.record(journal::close());
        }
        self.queue.push_back(Output::State(State::Done));
        let summary = self.sum_up();
        self.done = Some(Box::new(Outcome::Complete(summary)));
    }

    /// Ends the session from outside an attempt.
    pub(crate) fn stop(&mut self, cause: Cause, now: Nanos) {
        if let Some(live) = self.live.take() {
            self.account(&live, Fate::Dropped, Some(cause.clone()), now);
            self.keep_generation(*live);
        }
        self.give_up(cause, now);
    }

    pub(crate) fn give_up(&mut self, cause: Cause, now: Nanos) {
        self.next = None;
        self.end_race(&cause, now);
        let cause = self.most_useful(cause);
        let is_over = self.end_late(&cause) || self.end_with_calls(&cause);
        if is_over || matches!(cause, Cause::Cancelled | Cause::OverBudget) {
            self.stop_kept();
        }
        self.write_off_kept();
        self.clocks = Clocks::default();
        if is_over {
            return;
        }
        self.queue.push_back(Output::State(State::Failed { cause: cause.clone() }));
        let summary = self.sum_up();
        self.done = Some(Box::new(if !self.transcript.shown && is_refusal(&cause) {
            Outcome::Refused { cause, summary }
        } else {
            Outcome::Incomplete { cause, summary }
        }));
    }

    pub(crate) fn lose_store(&mut self, now: Nanos) {
        match self.config.on_store_failure {
            OnStoreFailure::Stop => self.stop(Cause::Store, now),
            OnStoreFailure::GoOn if self.store == Store::Works => {
                self.store = Store::Failed;
                self.queue.push_back(Output::State(State::NotDurable));
            }
            OnStoreFailure::GoOn => {}
        }
    }

    fn sum_up(&mut self) -> Summary {
        let mut summary = std::mem::take(&mut self.summary);
        summary.text_bytes = self.transcript.text.len() as u64;
        summary.stop = self.transcript.stop;
        summary.cost = self.cost();
        summary.went_on.clone_from(&self.transcript.went_on);
        summary.model.clone_from(&self.transcript.model);
        summary
    }
}

/// Whether the same request would fail the same way again.
fn is_refusal(cause: &Cause) -> bool {
    match cause {
        Cause::Provider(failure) => failure.verdict.class.is_terminal(),
        Cause::Broke(cause) => {
            matches!(cause, Break::Certificate | Break::UnknownName | Break::ProxyRefused)
        }
        Cause::GaveUp { reason, .. } => *reason == GiveUp::ServerForbids,
        _ => false,
    }
}
