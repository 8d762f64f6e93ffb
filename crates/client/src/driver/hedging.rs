//! Copies of the live attempt: their places in the pool, and their exchanges until one has won.

use cost::Usage;
use endpoint_pool::{EndpointId, EndpointSet, Grant, Kind, Purpose, Request, Route};
use http::HeaderMap;
use resume::{AttemptId, Fate, Input};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Driver;
use super::asking::{Asking, Ear, Stage, report_head, settle_permit};
use super::calling::Calling;
use crate::hedge_budget::HedgeBudget;
use crate::transport::Way;
use crate::upstream::Permit;

/// The copies of one stream.
pub(super) struct Hedges {
    budget: Arc<HedgeBudget>,
    /// A place is asked for.
    wanted: Option<Permit>,
    copies: Vec<Copy>,
}

/// A copy that has a place.
struct Copy {
    /// `None` until the engine has made it.
    attempt: Option<AttemptId>,
    at: EndpointId,
    purpose: Purpose,
    permit: Permit,
}

impl Hedges {
    pub(super) const fn new(budget: Arc<HedgeBudget>) -> Self {
        Self { budget, wanted: None, copies: Vec::new() }
    }

    /// An ordinary attempt is asked for.
    pub(super) fn earn(&self, input: u32) {
        self.budget.earn(input);
    }

    /// Gives back whatever is held.
    pub(super) fn leave(&mut self) {
        self.wanted = None;
        self.copies.clear();
    }
}

impl Asking {
    /// Asks for a place of a copy, where that is within the budget.
    pub(super) fn ask_hedge(&mut self) {
        let input = self.tokens.input;
        if !self.hedges.budget.take(input) {
            return;
        }
        let mut taken = EndpointSet::of(self.at);
        self.hedges.copies.iter().for_each(|copy| taken.insert(copy.at));
        self.hedges.wanted = Some(self.upstream.acquire(Request {
            route: Route::Except(taken),
            deadline: self.deadline,
            tokens: self.tokens,
            ..Request::new(Kind::Hedge)
        }));
    }

    /// The pool's answer to that. A refusal is none: the copy is only not made.
    pub(super) fn poll_hedge(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        let Some(wanted) = &mut self.hedges.wanted else { return Poll::Pending };
        let Poll::Ready(answer) = wanted.poll_answer(cx) else { return Poll::Pending };
        match (answer, self.hedges.wanted.take()) {
            (Ok(Grant { endpoint, purpose, .. }), Some(permit)) => {
                let copy = Copy { attempt: None, at: endpoint, purpose, permit };
                self.hedges.copies.push(copy);
                let profile = *self.upstream.at(endpoint).profile();
                Poll::Ready(Input::HedgeAdmitted(self.place_at(endpoint, profile)))
            }
            _ => {
                self.hedges.budget.give_back(self.tokens.input);
                Poll::Pending
            }
        }
    }

    /// The engine makes no copy of it.
    pub(super) fn decline_hedge(&mut self) {
        if self.hedges.copies.pop_if(|copy| copy.attempt.is_none()).is_some() {
            self.hedges.budget.give_back(self.tokens.input);
        }
    }

    /// The engine has made the copy; where it goes.
    fn begin_hedge(&mut self, attempt: AttemptId) -> Option<EndpointId> {
        let copy = self.hedges.copies.iter_mut().find(|copy| copy.attempt.is_none())?;
        copy.attempt = Some(attempt);
        Some(copy.at)
    }

    fn hedge(&self, attempt: AttemptId) -> Option<&Copy> {
        self.hedges.copies.iter().find(|copy| copy.attempt == Some(attempt))
    }

    /// A response to a copy began; `false` where it is none.
    pub(super) fn hedge_head(&self, attempt: AttemptId, status: u16, headers: &HeaderMap) -> bool {
        let copy = self.hedge(attempt);
        copy.inspect(|copy| report_head(&copy.permit, status, headers)).is_some()
    }

    /// The copy takes the place of the live attempt, which was settled.
    fn promote(&mut self, attempt: AttemptId) {
        let Some(at) = self.hedges.copies.iter().position(|copy| copy.attempt == Some(attempt))
        else {
            return;
        };
        let Copy { at, purpose, permit, .. } = self.hedges.copies.remove(at);
        (self.at, self.purpose) = (at, purpose);
        self.ear = Ear::of_next(self.ear);
        self.carriage.go_over_http();
        self.stage = Stage::Granted(permit);
    }

    /// The copy is over; `false` where the attempt is none.
    pub(super) fn settle_hedge(&mut self, attempt: AttemptId, fate: Fate, usage: &Usage) -> bool {
        let found = self.hedges.copies.iter().position(|copy| copy.attempt == Some(attempt));
        let Some(at) = found else { return false };
        let Copy { permit, .. } = self.hedges.copies.remove(at);
        settle_permit(permit, fate, usage);
        true
    }
}

impl Driver {
    /// Sends a copy beside the live attempt. It goes over HTTP, whatever carries that one.
    pub(super) fn call_hedge(&mut self, request: &resume::Request) {
        let Some(at) = self.asking.begin_hedge(request.attempt) else { return };
        let endpoint = self.asking.upstream.at(at);
        let message = self.message(endpoint, request);
        let way = Way::Http(request.connection);
        self.spans.begin(request, self.asking.upstream.name(at), None);
        let transport = &self.client.transport;
        self.hedges.push(Calling::new(request.attempt, endpoint, transport, message, way));
    }

    /// The copy is the live attempt from now on.
    pub(super) fn promote(&mut self, attempt: AttemptId) {
        self.asking.promote(attempt);
        let at = self.hedges.iter().position(|hedge| hedge.attempt == attempt);
        self.live = at.map(|at| self.hedges.remove(at));
    }

    /// Drops the exchange of an attempt.
    pub(super) fn abort(&mut self, attempt: AttemptId) {
        self.live.take_if(|live| live.attempt == attempt);
        self.hedges.retain(|hedge| hedge.attempt != attempt);
    }
}
