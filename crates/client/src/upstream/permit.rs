//! One stream's ticket: first a place in the line, then a permit for one attempt. It is given
//! back exactly once, when it is dropped at the latest.

use endpoint_pool::{Gate, Grant, RateLimits, Refusal, Sign, Ticket, Tokens};
use retry_policy::{Nanos, Verdict};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::Upstream;

/// A ticket of the pool. Dropping it takes it back without evidence about the endpoint.
pub(crate) struct Permit {
    upstream: Arc<Upstream>,
    ticket: Ticket,
}

impl Permit {
    pub(super) const fn new(upstream: Arc<Upstream>, ticket: Ticket) -> Self {
        Self { upstream, ticket }
    }

    pub(crate) const fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Whether it waits for others or for an endpoint, and not only for its own delay.
    pub(crate) fn is_in_line(&self, not_before: Nanos) -> bool {
        self.upstream.act(|desk, now| {
            let is_delayed = not_before > now && desk.pool.gate() == Gate::Closed;
            !is_delayed && !desk.is_answered(self.ticket)
        })
    }

    /// The answer to what is never put into the line: it is there at once.
    pub(crate) fn answer(&mut self) -> Option<Grant> {
        match self.poll_answer(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer.ok(),
            Poll::Pending => None,
        }
    }

    /// The answer of the pool; once.
    pub(crate) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Grant, Refusal>> {
        let ticket = self.ticket;
        self.upstream.act(|desk, _| desk.poll_answer(ticket, cx))
    }

    /// A response began.
    pub(crate) fn head(&self) {
        self.upstream.act(|desk, now| desk.pool.head(self.ticket, now));
    }

    /// A response named limits.
    pub(crate) fn rate_limits(&self, limits: &RateLimits) {
        self.upstream.act(|desk, now| desk.pool.rate_limits(self.ticket, limits, now));
    }

    /// A sign of life came just now.
    pub(crate) fn heard(&self, sign: Sign) {
        self.upstream.act(|desk, now| desk.pool.heard(self.ticket, sign, now));
    }

    /// The response is whole, at this price.
    pub(crate) fn finish(self, tokens: Tokens) {
        self.upstream.act(|desk, now| {
            desk.pool.settle(self.ticket, tokens);
            desk.pool.finished(self.ticket, now);
        });
    }

    /// Another copy of the request was quicker; what this one cost.
    pub(crate) fn outraced(self, tokens: Tokens) {
        self.upstream.act(|desk, now| {
            desk.pool.settle(self.ticket, tokens);
            desk.pool.outraced(self.ticket, now);
        });
    }

    /// The attempt failed, at this price.
    pub(crate) fn fail(self, verdict: &Verdict, tokens: Tokens) {
        self.upstream.act(|desk, now| {
            desk.pool.settle(self.ticket, tokens);
            desk.pool.failed(self.ticket, verdict, now);
        });
    }
}

impl Drop for Permit {
    /// A ticket that is over is not touched by it.
    fn drop(&mut self) {
        self.upstream.act(|desk, now| desk.cancel(self.ticket, now));
    }
}
