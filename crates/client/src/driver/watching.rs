//! What an observer is told of one stream. Without an observer nothing is counted.

use resume::{AttemptId, Notice, Outcome, Request};
use retry_policy::Nanos;

use super::Driver;
use super::outbox::Item;
use crate::client::Shared;

/// The observer's side of one stream.
#[derive(Default)]
pub(super) struct Watching {
    is_on: bool,
    /// What the consumer has and the observer does not know of.
    bytes: u64,
    events: u64,
    /// When the attempts were sent that have no content yet, copies included.
    sent: Vec<(AttemptId, Nanos)>,
    is_over: bool,
}

impl Watching {
    pub(super) fn new(shared: &Shared) -> Self {
        Self { is_on: shared.observing.observer().is_some(), ..Self::default() }
    }

    pub(super) const fn is_on(&self) -> bool {
        self.is_on
    }
}

impl Driver {
    /// Tells the observer, if there is one.
    pub(super) fn tell_of<'a>(&self, notice: impl FnOnce() -> Notice<'a>) {
        if let Some(observer) = self.client.observing.observer() {
            let at = self.client.time(self.clock.instant(self.now));
            observer.notice(self.id.as_str(), at, &notice());
        }
    }

    /// An attempt is sent to an endpoint.
    pub(super) fn tell_of_attempt(&mut self, request: &Request, endpoint: &str) {
        if !self.watching.is_on() {
            return;
        }
        self.watching.sent.push((request.attempt, self.now));
        self.tell_of(|| Notice::Attempt {
            attempt: request.attempt,
            rung: request.rung,
            endpoint,
            model: self.session.model(),
            is_hedge: request.is_hedge,
        });
    }

    /// Content came on the live attempt.
    pub(super) fn tell_of_content(&mut self) {
        let Some(attempt) = self.live.as_ref().map(|live| live.attempt) else { return };
        let sent = &mut self.watching.sent;
        let Some(at) = sent.iter().position(|(sent, _)| *sent == attempt) else { return };
        let (_, since) = sent.swap_remove(at);
        let after = self.now.saturating_sub(since);
        self.tell_of(|| Notice::FirstContent { attempt, after });
    }

    /// The consumer has this.
    pub(super) fn count_delivered(&mut self, item: &Item) {
        if self.watching.is_on() {
            self.watching.events += 1;
            if let Item::Text(range) = item {
                self.watching.bytes += range.len() as u64;
            }
        }
    }

    /// Says what the consumer has by now.
    pub(super) fn tell_of_delivered(&mut self) {
        let bytes = std::mem::take(&mut self.watching.bytes);
        let events = std::mem::take(&mut self.watching.events);
        if events > 0 {
            self.tell_of(|| Notice::Delivered { bytes, events });
        }
    }

    /// Says the account of an attempt, without keys.
    pub(super) fn tell_of_account(&mut self, attempt: AttemptId) {
        self.watching.sent.retain(|(sent, _)| *sent != attempt);
        if !self.watching.is_on() {
            return;
        }
        let Some(mut account) = self.session.account_of(attempt).cloned() else { return };
        account.cause.iter_mut().for_each(|cause| self.scrub(cause));
        self.tell_of(|| Notice::AttemptOver(&account));
    }

    pub(super) fn tell_of_end(&mut self, outcome: &Outcome) {
        self.tell_of_delivered();
        self.watching.is_over = true;
        self.tell_of(|| Notice::Ended(outcome));
    }

    /// The consumer goes.
    pub(super) fn tell_of_leaving(&mut self) {
        if !self.watching.is_over {
            self.tell_of_delivered();
            self.tell_of(|| Notice::Left);
        }
    }
}
