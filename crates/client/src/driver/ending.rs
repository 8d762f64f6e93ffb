//! The end of a stream: the journal is settled before the end is told.

use checkpoint_store::{ErrorKind, StoreError, StreamWriter};
use resume::{Cause, Outcome};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Driver, Phase};
use crate::error::Error;
use crate::event::Event;

/// An outcome that waits for the store, and then to be told once.
pub(crate) struct Ending {
    is_complete: bool,
    outcome: Option<Box<Outcome>>,
    settling: Option<Settling>,
}

type Settling = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

impl Ending {
    fn new(outcome: Box<Outcome>, writer: Option<StreamWriter>) -> Self {
        let is_complete = outcome.is_complete();
        let settling = writer.map(|writer| -> Settling {
            match is_complete {
                true => Box::pin(writer.close()),
                false => Box::pin(flush(writer)),
            }
        });
        Self { is_complete, outcome: Some(outcome), settling }
    }

    /// Ready when the store has everything; the error comes once.
    pub(crate) fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StoreError>> {
        let Some(settling) = &mut self.settling else { return Poll::Ready(Ok(())) };
        let settled = ready!(settling.as_mut().poll(cx));
        self.settling = None;
        Poll::Ready(settled)
    }

    /// Waits for the store no longer.
    pub(super) fn abandon(&mut self) {
        self.settling = None;
    }

    /// Whether the provider finished.
    pub(super) const fn is_complete(&self) -> bool {
        self.is_complete
    }

    pub(super) const fn take_outcome(&mut self) -> Option<Box<Outcome>> {
        self.outcome.take()
    }
}

/// Leaves the journal open, so that another process can go on.
async fn flush(mut writer: StreamWriter) -> Result<(), StoreError> {
    writer.flush().await
}

impl Driver {
    pub(super) fn begin_ending(&mut self, mut outcome: Box<Outcome>) {
        self.live = None;
        self.hedges.clear();
        self.asking.leave();
        if let Some(tab) = &mut self.tab {
            tab.charge(&self.session);
        }
        if self.session.prefill_refused() {
            self.client.refusals.learn(self.session.model());
        }
        let summary = match &mut *outcome {
            Outcome::Complete(summary) => {
                self.spans.end(&"complete");
                summary
            }
            Outcome::Incomplete { cause, summary } | Outcome::Refused { cause, summary } => {
                self.scrub(cause);
                self.spans.end(cause);
                summary
            }
        };
        summary.attempts.iter_mut().flat_map(|a| &mut a.cause).for_each(|c| self.scrub(c));
        tracing::debug!(id = %self.id, complete = outcome.is_complete(), "over");
        self.tell_late_failure();
        let writer = self.journal.take_writer();
        self.phase = Phase::Ending(Ending::new(outcome, writer));
    }

    /// What the consumer is told last.
    pub(super) fn tell(&mut self, outcome: Outcome) -> Result<Event, Error> {
        self.tell_of_end(&outcome);
        let proxy_failure = self.proxy_failure.take();
        self.tell_outcome(outcome).map_err(|error| error.by_proxy(proxy_failure))
    }

    fn tell_outcome(&self, outcome: Outcome) -> Result<Event, Error> {
        let fatal = self.journal.fatal().map(|error| self.store_error(error));
        match (outcome, fatal) {
            (Outcome::Complete(summary), None) => Ok(Event::End(Box::new(summary))),
            (Outcome::Complete(summary), Some(error)) => {
                Err(error.with_cause(Cause::Store).with_summary(summary))
            }
            (Outcome::Incomplete { cause, summary }, None) => {
                Err(Error::incomplete(cause, summary, &self.id))
            }
            (Outcome::Refused { cause, summary }, None) => Err(Error::refused(cause, summary)),
            (
                Outcome::Incomplete { cause, summary } | Outcome::Refused { cause, summary },
                Some(error),
            ) => Err(error.with_cause(cause).with_summary(summary)),
        }
    }

    /// What the store said of this stream. One that is not there cannot be gone on with.
    pub(super) fn store_error(&self, error: &StoreError) -> Error {
        match error.kind() {
            ErrorKind::NotFound => Error::store(error.clone()),
            _ => Error::store(error.clone()).at(&self.id),
        }
    }
}
