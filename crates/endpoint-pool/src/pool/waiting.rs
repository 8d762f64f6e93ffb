//! Asking and waiting: who is let into the queue, who is refused and when.

use retry_policy::Nanos;

use crate::EndpointSet;
use crate::gate::{Gate, Prober};
use crate::tickets::{Key, Stage};
use crate::{Action, EndpointId, Kind, Pool, Refusal, Request, Route, Ticket};

impl Pool {
    /// Takes a ticket back: a request that waits is removed from the queue, a permit is given
    /// back without any evidence about the endpoint.
    pub fn cancel(&mut self, ticket: Ticket, now: Nanos) {
        self.is_stale = true;
        let Some(entry) = self.tickets.find(ticket.key()) else {
            return;
        };
        match entry.stage {
            Stage::Over | Stage::Asked => {}
            Stage::Delayed | Stage::Queued => {
                self.counters.cancelled += 1;
                self.leave(ticket.key());
            }
            Stage::Granted(_) => {
                self.counters.cancelled += 1;
                self.give_up(ticket, now);
            }
        }
    }

    /// Lets a request in, or decides at once that it is refused.
    pub(super) fn admit(&mut self, request: Request, now: Nanos) -> Ticket {
        self.counters.asked += 1;
        let ticket = self.tickets.insert(request, now);
        if request.kind == Kind::Hedge {
            self.admit_copy(ticket, now);
            return ticket;
        }
        if let Some(refusal) = self.objection(&request, now) {
            if let Some(prober) = &mut self.prober {
                prober.on_refused();
            }
            self.refuse(ticket.key(), refusal);
            return ticket;
        }
        let key = ticket.key();
        if request.not_before > now && self.prober.is_none() {
            self.delayed += 1;
            self.tickets.find_mut(key).expect("it was just made").stage = Stage::Delayed;
            let tickets = &self.tickets;
            self.delays.push(request.not_before, key, |key| tickets.is_delayed(key));
        } else {
            self.enqueue(key);
        }
        let refuse_at = self.refuse_at(&request, now);
        let tickets = &self.tickets;
        self.deadlines
            .push(refuse_at, key, |key| tickets.is_delayed(key) || tickets.is_queued(key));
        ticket
    }

    /// Why a request is not even let into the queue.
    fn objection(&mut self, request: &Request, now: Nanos) -> Option<Refusal> {
        if self.queue.len() + self.delayed >= self.config.queue.waiting_max {
            return Some(Refusal::QueueFull);
        }
        if self.eligible(request.route).is_empty() {
            return Some(Refusal::NoSpare);
        }
        if self.is_better_elsewhere(request, now) || self.is_sooner_elsewhere(request, now) {
            return Some(Refusal::UpstreamDown);
        }
        let deadline = request.deadline?;
        let latest = deadline.saturating_sub(self.config.queue.attempt_min);
        if latest < self.earliest(request, now) {
            return Some(Refusal::DeadlineTooNear);
        }
        let prober = self.prober.as_ref()?;
        let probing = &self.config.probing;
        let is_hopeless = prober.is_hopeless(now, deadline.saturating_sub(now), probing);
        (is_hopeless && !self.is_next_probe(prober, now)).then_some(Refusal::UpstreamDown)
    }

    /// Whoever is the next probe goes out, however long the outage: nobody else would find out
    /// that it is over.
    fn is_next_probe(&self, prober: &Prober, now: Nanos) -> bool {
        self.queue.is_empty() && prober.next(1, &self.config.probing) <= now
    }

    /// Whether a request that another pool can take has nothing to wait for here.
    fn is_better_elsewhere(&self, request: &Request, now: Nanos) -> bool {
        let Some(spare) = request.spare else { return false };
        let until = now.saturating_add(spare);
        let is_held = |id: EndpointId| self.upstreams[id.index()].held_until > until;
        let is_down = self.prober.as_ref().is_some_and(|prober| !self.is_next_probe(prober, now));
        is_down || self.eligible(request.route).iter().all(is_held)
    }

    /// Whether a request that another pool can take would wait for quota for too long.
    fn is_sooner_elsewhere(&mut self, request: &Request, now: Nanos) -> bool {
        let Some(until) = patience(request, now) else { return false };
        self.eligible(request.route).iter().all(|id| {
            let upstream = &mut self.upstreams[id.index()];
            upstream.quotas.ready_at(request.tokens, now).max(upstream.held_until) > until
        })
    }

    /// Refuses those that wait and that another pool can take, where it is better for them.
    pub(super) fn refuse_spares(&mut self, now: Nanos) {
        for key in self.tickets.spares() {
            let request = self.tickets.at(key.slot).request;
            if self.is_better_elsewhere(&request, now) {
                self.refuse(key, Refusal::UpstreamDown);
            }
        }
    }

    /// The earliest instant at which a request could be granted, as far as that is known.
    fn earliest(&mut self, request: &Request, now: Nanos) -> Nanos {
        let own = if self.prober.is_some() { now } else { request.not_before.max(now) };
        let eligible = self.eligible(request.route);
        let probe = self
            .prober
            .as_ref()
            .map(|prober| prober.next(self.queue.len() + 1, &self.config.probing));
        let times = eligible.iter().map(|id| {
            let upstream = &mut self.upstreams[id.index()];
            let ready = upstream.quotas.ready_at(request.tokens, now).max(upstream.held_until);
            match (upstream.health.is_up(), probe) {
                (true, _) => ready,
                (false, Some(probe)) => ready.max(probe),
                (false, None) => ready,
            }
        });
        times.min().unwrap_or(Nanos::MAX).max(own)
    }

    pub(super) fn eligible(&self, route: Route) -> EndpointSet {
        let all = EndpointSet::first(self.upstreams.len());
        match route {
            Route::Any | Route::Avoid(_) => all,
            Route::Except(endpoints) => all.without(endpoints),
            Route::Only(endpoint) => all.and(EndpointSet::of(endpoint)),
        }
    }

    /// When a request that still waits is refused.
    fn refuse_at(&self, request: &Request, now: Nanos) -> Nanos {
        let queue = &self.config.queue;
        let longest = now.saturating_add(queue.wait_max);
        let longest = patience(request, now).map_or(longest, |until| until.min(longest));
        let Some(deadline) = request.deadline else { return longest };
        let usual = self.silences.median_first_token().unwrap_or(Nanos::ZERO);
        let needed = queue.attempt_min.max(usual);
        deadline.saturating_sub(needed).max(now).min(longest)
    }

    fn enqueue(&mut self, key: Key) {
        let entry = self.tickets.find_mut(key).expect("only a live ticket is queued");
        entry.stage = Stage::Queued;
        self.queue.insert(entry.order, key.slot);
    }

    /// Moves those whose own time has come into the queue; while the gate is open, all.
    pub(super) fn release_delayed(&mut self, now: Nanos) {
        while let Some(key) = self.delays.pop_due(now) {
            if self.tickets.is_delayed(key) {
                self.delayed -= 1;
                self.enqueue(key);
            }
        }
    }

    /// The gate has opened: its queue takes the place of all backoff.
    pub(super) fn release_all_delayed(&mut self) {
        debug_assert!(self.gate() != Gate::Closed);
        let mut from = 0;
        while let Some(key) = self.tickets.next_delayed(from) {
            self.delayed -= 1;
            self.enqueue(key);
            from = key.slot + 1;
        }
    }

    /// Refuses those that can wait no longer.
    pub(super) fn refuse_late(&mut self, now: Nanos) {
        while let Some(key) = self.deadlines.pop_due(now) {
            let Some(entry) = self.tickets.find(key) else { continue };
            if matches!(entry.stage, Stage::Granted(_)) {
                continue;
            }
            let waited = now.saturating_sub(entry.asked_at);
            let until = patience(&entry.request, entry.asked_at);
            let is_spared = until.is_some_and(|until| until <= now);
            let refusal = if is_spared || waited >= self.config.queue.wait_max {
                Refusal::Timeout
            } else {
                Refusal::DeadlineTooNear
            };
            self.refuse(key, refusal);
        }
    }

    pub(super) fn refuse(&mut self, key: Key, refusal: Refusal) {
        let ticket = self.tickets.ticket(key.slot);
        self.counters.refused[refusal.index()] += 1;
        self.decided.push_back(Action::Refuse { ticket, refusal });
        self.leave(key);
    }

    /// Removes a ticket that waits.
    fn leave(&mut self, key: Key) {
        let Some(entry) = self.tickets.find(key) else { return };
        match entry.stage {
            Stage::Queued => self.queue.remove(entry.order, key.slot),
            Stage::Delayed => self.delayed -= 1,
            Stage::Over | Stage::Asked | Stage::Granted(_) => {}
        }
        self.tickets.remove(key);
    }

    /// When something happens without an input.
    pub(super) fn next_instant(&mut self, now: Nanos) -> Option<Nanos> {
        let tickets = &self.tickets;
        let delay = self.delays.next(|key| tickets.is_delayed(key));
        let is_waiting = |key| tickets.is_delayed(key) || tickets.is_queued(key);
        let deadline = self.deadlines.next(is_waiting);
        let ready = self.next_ready(now);
        [delay, deadline, ready].into_iter().flatten().min()
    }
}

/// Until when a request waits that was asked at this instant and that another pool can take.
fn patience(request: &Request, asked_at: Nanos) -> Option<Nanos> {
    Some(request.not_before.max(asked_at).saturating_add(request.spare?))
}

/// Whether a route leaves an endpoint out as long as there is another.
pub(super) const fn avoided(route: Route) -> Option<EndpointId> {
    match route {
        Route::Avoid(endpoint) => Some(endpoint),
        Route::Any | Route::Except(_) | Route::Only(_) => None,
    }
}
