//! Granting: first come, first served, as far as endpoints have slots and quota; a probe when an
//! endpoint that is out is due for one.

use retry_policy::Nanos;

use super::waiting::avoided;
use crate::EndpointSet;
use crate::choice::{Candidate, Choice};
use crate::tickets::{Permit, Progress, Stage};
use crate::{EndpointId, Grant, Kind, Pool, Purpose, Refusal, Request, Route, Ticket, Tokens};

/// A hedge is refused when less than this is left of any quota. Unit: percent.
const SPARE_QUOTA: u64 = 25;
/// Output tokens that weigh as much in the load of an endpoint as the request itself.
const TOKENS_PER_UNIT: u32 = 1024;

/// The endpoints at one instant.
#[derive(Clone, Copy, Debug)]
struct View {
    /// In use.
    up: EndpointSet,
    /// In use, with a slot, and not held.
    free: EndpointSet,
    /// Out of use and due for a probe.
    due: EndpointSet,
}

impl Pool {
    /// The first request in the queue that can go, if any.
    pub(super) fn next_grant(&mut self, now: Nanos) -> Option<Grant> {
        if self.queue.is_empty() {
            return None;
        }
        self.quota_at = None;
        let view = self.view(now);
        // Endpoints that an earlier request waits for: nobody overtakes it there.
        let mut claimed = EndpointSet::EMPTY;
        let mut index = 0;
        while let Some(slot) = self.queue.slot(index) {
            index += 1;
            if view.free.without(claimed).is_empty() && view.due.is_empty() {
                return None;
            }
            let entry = self.tickets.at(slot);
            let (request, ticket) = (entry.request, self.tickets.ticket(slot));
            if self.is_too_late(&request, now) {
                continue;
            }
            if let Some(endpoint) = self.probe_for(&request, view, now) {
                return Some(self.grant(ticket, endpoint, Purpose::Probe, now));
            }
            let wanted = self.wanted(request.route, view.up);
            let ready = self.ready(&request, wanted.and(view.free).without(claimed), now);
            if let Some(endpoint) = self.choose(&request, ready, view.up, now) {
                return Some(self.grant(ticket, endpoint, Purpose::Ordinary, now));
            }
            claimed = claimed.or(wanted);
        }
        None
    }

    /// Where a request of this route would best go now, by load and latency: nothing is reserved. `None`
    /// while no endpoint is in use that it may go to.
    ///
    /// Whoever opens a connection there says so with the request ([`Request::prefers`]).
    #[must_use]
    pub fn likely(&self, route: Route, now: Nanos) -> Option<EndpointId> {
        let in_use = self.in_use();
        let (upstreams, config) = (&self.upstreams, &self.config);
        Choice { upstreams, config, in_use, now }.best(self.wanted(route, in_use))
    }

    /// Grants a second copy at once, or refuses it.
    pub(super) fn admit_copy(&mut self, ticket: Ticket, now: Nanos) {
        let request = self.tickets.at(ticket.slot).request;
        let view = self.view(now);
        let mut spare = self.eligible(request.route).and(view.up).and(view.free);
        if !self.queue.is_empty() || self.prober.is_some() || self.is_too_late(&request, now) {
            spare = EndpointSet::EMPTY;
        }
        for endpoint in spare.iter() {
            if self.at(endpoint).quotas.is_below(SPARE_QUOTA, now) {
                spare = spare.without(EndpointSet::of(endpoint));
            }
        }
        let ready = self.ready(&request, spare, now);
        match self.choose(&request, ready, view.up, now) {
            Some(endpoint) => {
                let grant = self.grant(ticket, endpoint, Purpose::Ordinary, now);
                self.decided.push_back(crate::Action::Grant(grant));
            }
            None => self.refuse(ticket.key(), Refusal::NoSpare),
        }
    }

    /// The next instant at which a request that waits could go without an input.
    ///
    /// An instant that has passed is none: what holds the request up then is a slot, which an
    /// input will free.
    pub(super) fn next_ready(&self, now: Nanos) -> Option<Nanos> {
        if self.queue.is_empty() {
            return None;
        }
        let probe = self.prober.as_ref().map(|it| it.next(self.queue.len(), &self.config.probing));
        let endpoints = self.upstreams.iter().map(|upstream| {
            let probe = probe.or_else(|| upstream.health.probe_at(self.picks));
            if upstream.health.is_up() {
                upstream.held_until
            } else {
                upstream.held_until.max(probe.unwrap_or(Nanos::ZERO))
            }
        });
        endpoints.chain(self.quota_at).filter(|&at| at > now).min()
    }

    fn view(&self, now: Nanos) -> View {
        let up = self.in_use();
        let slots_max = self.config.slots.max;
        let free = self.filter(|upstream| upstream.has_slot(slots_max, now)).and(up);
        let due = match &self.prober {
            Some(prober) if now < prober.next(self.queue.len(), &self.config.probing) => {
                EndpointSet::EMPTY
            }
            Some(_) => self.filter(|it| !it.health.is_up() && it.held_until <= now),
            None => {
                self.filter(|it| it.health.is_probe_due(now, self.picks) && it.held_until <= now)
            }
        };
        View { up, free, due }
    }

    /// The endpoint that this request is to test, if one is due.
    fn probe_for(&mut self, request: &Request, view: View, now: Nanos) -> Option<EndpointId> {
        let eligible = self.eligible(request.route);
        let due = eligible.and(view.due);
        if due.is_empty() {
            return None;
        }
        // While others serve, a request that has failed already is not put at risk again.
        let is_spared = request.kind != Kind::First && !eligible.and(view.up).is_empty();
        if is_spared {
            return None;
        }
        let due = self.ready(request, due, now);
        due.iter().min_by_key(|id| self.upstreams[id.index()].last_probe)
    }

    /// Where a request would go among the endpoints in use.
    fn wanted(&self, route: Route, up: EndpointSet) -> EndpointSet {
        let eligible = self.eligible(route).and(up);
        let Some(avoided) = avoided(route) else { return eligible };
        let others = eligible.without(EndpointSet::of(avoided));
        if others.is_empty() { eligible } else { others }
    }

    /// Those of `from` whose quota allows the request.
    fn ready(&mut self, request: &Request, from: EndpointSet, now: Nanos) -> EndpointSet {
        let mut ready = from;
        for endpoint in from.iter() {
            let at = self.at(endpoint).quotas.ready_at(request.tokens, now);
            if at > now {
                ready = ready.without(EndpointSet::of(endpoint));
                self.quota_at = Some(self.quota_at.map_or(at, |earlier| earlier.min(at)));
            }
        }
        ready
    }

    fn choose(
        &mut self,
        request: &Request,
        from: EndpointSet,
        up: EndpointSet,
        now: Nanos,
    ) -> Option<EndpointId> {
        if from.is_empty() {
            return None;
        }
        let choice = Choice { upstreams: &self.upstreams, config: &self.config, in_use: up, now };
        let candidate = Candidate {
            prefers: request.prefers,
            affinity: request.affinity,
            units: units(request.tokens),
        };
        choice.make(from, candidate, &mut self.homes, &mut self.rng)
    }

    fn is_too_late(&self, request: &Request, now: Nanos) -> bool {
        let attempt_min = self.config.queue.attempt_min;
        request.deadline.is_some_and(|deadline| deadline.saturating_sub(attempt_min) < now)
    }

    fn grant(
        &mut self,
        ticket: Ticket,
        endpoint: EndpointId,
        purpose: Purpose,
        now: Nanos,
    ) -> Grant {
        self.queue.remove(ticket.order, ticket.slot);
        let entry = self.tickets.find_mut(ticket.key()).expect("only a live ticket is granted");
        let tokens = entry.request.tokens;
        let upstream = &mut self.upstreams[endpoint.index()];
        entry.stage = Stage::Granted(Permit {
            endpoint,
            purpose,
            at: now,
            epoch: upstream.health.epoch(),
            round: upstream.window.round(),
            units: units(tokens),
            progress: Progress::Asked,
            last_sign: now,
            is_measured: false,
            actual: None,
        });
        let waited = now.saturating_sub(entry.asked_at);
        upstream.active += 1;
        upstream.current += 1;
        upstream.load += u64::from(units(tokens));
        upstream.picks += 1;
        upstream.quotas.reserve(tokens);
        self.counters.granted += 1;
        match purpose {
            Purpose::Ordinary => self.picks += 1,
            Purpose::Probe => self.note_probe(endpoint, now),
        }
        Grant { ticket, endpoint, purpose, waited }
    }

    fn note_probe(&mut self, endpoint: EndpointId, now: Nanos) {
        self.counters.probes += 1;
        let ejection = self.config.ejection;
        let upstream = self.at(endpoint);
        upstream.last_probe = now;
        upstream.health.on_probe_sent(now, &ejection);
        if let Some(prober) = &mut self.prober {
            prober.on_probe_sent(now.saturating_add(ejection.probe_patience));
        }
    }
}

const fn units(tokens: Tokens) -> u32 {
    1 + tokens.output / TOKENS_PER_UNIT
}
