//! Which of several endpoints takes a request: the one to which a connection stands, or the one that
//! holds its prompt cache, if its load allows, else the better of two drawn at random.

use retry_policy::Nanos;

use crate::EndpointSet;
use crate::affinity::{self, Homes, Share};
use crate::config::Config;
use crate::endpoint::{EndpointId, Upstream};
use crate::rng::Rng;

/// What a choice depends on.
pub(crate) struct Choice<'a> {
    pub(crate) upstreams: &'a [Upstream],
    pub(crate) config: &'a Config,
    /// The endpoints in use, with room or without.
    pub(crate) in_use: EndpointSet,
    pub(crate) now: Nanos,
}

/// A request, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) prefers: Option<EndpointId>,
    pub(crate) affinity: Option<u64>,
    pub(crate) units: u32,
}

impl Choice<'_> {
    /// One of `from`, which is not empty.
    pub(crate) fn make(
        &self,
        from: EndpointSet,
        candidate: Candidate,
        homes: &mut Homes,
        rng: &mut Rng,
    ) -> Option<EndpointId> {
        if self.upstreams.len() == 1 {
            return from.nth(0);
        }
        let fallback = self.median_latency();
        if let Some(endpoint) = self.preferred(from, candidate, fallback) {
            return Some(endpoint);
        }
        if let Some(key) = candidate.affinity
            && let Some(endpoint) = self.affine(from, key, candidate.units, fallback, homes)
        {
            return Some(endpoint);
        }
        self.better_of_two(from, fallback, rng)
    }

    /// The endpoint of `from` with the least load and latency.
    pub(crate) fn best(&self, from: EndpointSet) -> Option<EndpointId> {
        let fallback = self.median_latency();
        from.iter().min_by_key(|&id| self.at(id).score(self.now, fallback, self.config))
    }

    fn preferred(
        &self,
        from: EndpointSet,
        candidate: Candidate,
        fallback: Nanos,
    ) -> Option<EndpointId> {
        let endpoint = candidate.prefers?;
        let is_there = !from.and(EndpointSet::of(endpoint)).is_empty();
        let allows = || Bounds::new(self, from, fallback).allow(self, endpoint, candidate.units);
        (is_there && allows()).then_some(endpoint)
    }

    fn better_of_two(
        &self,
        from: EndpointSet,
        fallback: Nanos,
        rng: &mut Rng,
    ) -> Option<EndpointId> {
        let count = u64::from(from.len());
        let first = from.nth(rng.below(count))?;
        let rest = from.without(EndpointSet::of(first));
        let Some(second) = rest.nth(rng.below(count - 1)) else { return Some(first) };
        let score = |id: EndpointId| self.at(id).score(self.now, fallback, self.config);
        Some(if score(second) < score(first) { second } else { first })
    }

    /// The first endpoint in the key's own order that is neither loaded nor slow nor failing.
    fn affine(
        &self,
        from: EndpointSet,
        key: u64,
        units: u32,
        fallback: Nanos,
        homes: &mut Homes,
    ) -> Option<EndpointId> {
        let bounds = Bounds::new(self, from, fallback);
        let home = homes.find(key, self.now);
        if let Some(home) = home.filter(|&home| !from.and(EndpointSet::of(home)).is_empty())
            && bounds.allow(self, home, units)
        {
            return Some(home);
        }
        let mut rest = self.in_use.or(from);
        let own = self.own(EndpointSet::first(self.upstreams.len()), key)?;
        while let Some(endpoint) = self.own(rest, key) {
            rest = rest.without(EndpointSet::of(endpoint));
            if from.and(EndpointSet::of(endpoint)).is_empty()
                || !bounds.allow(self, endpoint, units)
            {
                continue;
            }
            let has_sound_home = home.is_some_and(|home| self.is_sound(home));
            if !self.is_sound(own) && !has_sound_home {
                let until = self.now.saturating_add(self.config.affinity.home);
                homes.insert(key, endpoint, self.now, until);
            }
            return Some(endpoint);
        }
        None
    }

    /// The endpoint of a set that comes first in a key's order.
    fn own(&self, set: EndpointSet, key: u64) -> Option<EndpointId> {
        set.iter().max_by_key(|&id| affinity::rendezvous(key, self.at(id).endpoint.identity))
    }

    fn is_sound(&self, endpoint: EndpointId) -> bool {
        let upstream = self.at(endpoint);
        upstream.health.is_up() && !upstream.latency.is_penalised(self.now)
    }

    /// Stands in for the latency of an endpoint that is not known yet.
    fn median_latency(&self) -> Nanos {
        let mut known = [Nanos::ZERO; crate::ENDPOINTS_MAX];
        let mut count = 0;
        for average in self.upstreams.iter().filter_map(|upstream| upstream.latency.average()) {
            known[count] = average;
            count += 1;
        }
        if count == 0 {
            return Nanos::from_secs(1);
        }
        *known[..count].select_nth_unstable(count / 2).1
    }

    fn at(&self, endpoint: EndpointId) -> &Upstream {
        &self.upstreams[endpoint.index()]
    }
}

/// What an endpoint may be at most to be given a request for its cache, or for its connection.
struct Bounds {
    load: u64,
    weight: u64,
    cost: Nanos,
    fallback: Nanos,
}

impl Bounds {
    fn new(choice: &Choice<'_>, from: EndpointSet, fallback: Nanos) -> Self {
        let all = || choice.in_use.or(from).iter().map(|id| choice.at(id));
        let costs = all().map(|it| it.latency.cost(choice.now, fallback, &choice.config.balance));
        let slower = u64::from(choice.config.affinity.slower_max.max(1));
        Self {
            load: all().map(|upstream| upstream.load).sum(),
            weight: all().map(|upstream| u64::from(upstream.endpoint.weight)).sum(),
            cost: costs.min().unwrap_or(Nanos::MAX).saturating_mul(slower),
            fallback,
        }
    }

    fn allow(&self, choice: &Choice<'_>, endpoint: EndpointId, units: u32) -> bool {
        let upstream = choice.at(endpoint);
        let share = Share { weight: u64::from(upstream.endpoint.weight), all: self.weight };
        let excess = choice.config.affinity.excess;
        affinity::has_room(upstream.load, u64::from(units), self.load, share, excess)
            && upstream.latency.cost(choice.now, self.fallback, &choice.config.balance) <= self.cost
    }
}
