//! Copies of the live attempt: their places in the pool, and their exchanges until one has won.

use cost::Usage;
use endpoint_pool::{EndpointId, EndpointSet, Grant, Kind, Purpose, Request, Route};
use http::HeaderMap;
use resume::{AttemptId, Fate, Input, Place};
use std::sync::Arc;
use std::task::Poll;

use super::Driver;
use super::asking::{Asking, Ear, Stage, report_head, settle_permit};
use super::calling::Calling;
use crate::hedge_budget::HedgeBudget;
use crate::transport::Way;
use crate::upstream::Permit;

/// The copies of one stream.
pub(super) struct Hedges {
    budget: Arc<HedgeBudget>,
    /// Tokens of input of a copy.
    input: u32,
    /// What the engine is told of the place that it asked for.
    answer: Option<Box<Input>>,
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
    pub(super) const fn new(budget: Arc<HedgeBudget>, input: u32) -> Self {
        Self { budget, input, answer: None, copies: Vec::new() }
    }

    /// An ordinary attempt that is paid for is made.
    pub(super) fn earn(&self) {
        self.budget.earn(self.input);
    }

    pub(super) fn poll_answer(&mut self) -> Poll<Input> {
        self.answer.take().map_or(Poll::Pending, |answer| Poll::Ready(*answer))
    }

    /// Gives back whatever is held.
    pub(super) fn leave(&mut self) {
        self.answer = None;
        self.decline();
        self.copies.clear();
    }

    /// Gives back the place of a copy that is not made.
    fn decline(&mut self) {
        if self.copies.pop_if(|copy| copy.attempt.is_none()).is_some() {
            self.budget.give_back(self.input);
        }
    }
}

impl Drop for Hedges {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Asking {
    /// Asks for a place of a copy, where that is within the budget. The answer is the next input.
    pub(super) fn ask_hedge(&mut self) {
        let place = self.find_hedge();
        let answer = place.map_or(Input::HedgeNotAdmitted, Input::HedgeAdmitted);
        self.hedges.answer = Some(Box::new(answer));
    }

    fn find_hedge(&mut self) -> Option<Place> {
        if !self.hedges.budget.take(self.hedges.input) {
            return None;
        }
        let mut taken = EndpointSet::of(self.at);
        self.hedges.copies.iter().for_each(|copy| taken.insert(copy.at));
        let mut permit = self.upstream.acquire(Request {
            route: Route::Except(taken),
            deadline: self.deadline,
            tokens: self.tokens,
            ..Request::new(Kind::Hedge)
        });
        let Some(Grant { endpoint, purpose, .. }) = permit.answer() else {
            self.hedges.budget.give_back(self.hedges.input);
            return None;
        };
        self.hedges.copies.push(Copy { attempt: None, at: endpoint, purpose, permit });
        Some(self.place_at(endpoint, *self.upstream.at(endpoint).profile()))
    }

    /// The engine makes no copy of it.
    pub(super) fn decline_hedge(&mut self) {
        self.hedges.decline();
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
        if fate == Fate::Unsent {
            self.hedges.budget.give_back(self.hedges.input);
        }
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
        let name = Arc::clone(self.asking.upstream.name(at));
        self.spans.begin(request, &name, None);
        let transport = &self.client.transport;
        self.hedges.push(Calling::new(request.attempt, endpoint, transport, message, way));
        self.tell_of_attempt(request, &name);
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
