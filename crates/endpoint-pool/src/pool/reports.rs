//! What became of granted attempts, and what that says about their endpoints.

use retry_policy::{Class, Nanos, Verdict};

use crate::buckets::Measured;
use crate::gate::Prober;
use crate::health::{Change, Evidence};
use crate::tickets::{Permit, Progress, Stage};
use crate::{EndpointId, Pool, Purpose, RateLimits, Sign, Ticket, Tokens};

/// Bounds of what is added to the time that a server named.
const JITTER_MIN: Nanos = Nanos::from_millis(500);
const JITTER_MAX: Nanos = Nanos::from_secs(5);

impl Pool {
    /// The head of a good response came: the server has counted the request, and was not too busy
    /// for it, so the endpoint's window grows.
    pub fn head(&mut self, ticket: Ticket, now: Nanos) {
        let Some((permit, tokens)) = self.permit(ticket) else { return };
        if permit.progress >= Progress::Head {
            return;
        }
        permit.progress = Progress::Head;
        permit.last_sign = now;
        let Permit { endpoint, epoch, .. } = *permit;
        let upstream = self.at(endpoint);
        upstream.quotas.charge(tokens, now);
        if epoch == upstream.health.epoch() {
            upstream.window.on_answer(upstream.current);
            upstream.current -= 1;
        }
        self.is_stale = true;
    }

    /// A sign of life came in the body of a response, at its time of arrival.
    ///
    /// The first one brings an endpoint back into use, the first content is a sample of its
    /// latency, and the silences between them are learned.
    pub fn heard(&mut self, ticket: Ticket, sign: Sign, now: Nanos) {
        self.head(ticket, now);
        let Some((permit, tokens)) = self.permit(ticket) else { return };
        let gap = now.saturating_sub(permit.last_sign);
        permit.last_sign = now;
        let before = permit.progress;
        permit.progress = before.max(match sign {
            Sign::Ping => Progress::Alive,
            Sign::Content => Progress::Content,
        });
        let Permit { endpoint, at, epoch, .. } = *permit;
        if before >= Progress::Alive {
            self.at(endpoint).silences.on_sign(gap, sign);
            self.silences.on_sign(gap, sign);
        } else {
            self.on_answer(endpoint, epoch, now);
        }
        if before < Progress::Content && sign == Sign::Content {
            self.on_first_token(endpoint, now.saturating_sub(at), tokens, now);
        }
    }

    /// A response of this attempt said what is left of the endpoint's quotas. A good response's
    /// [`head`](Self::head) comes first.
    pub fn rate_limits(&mut self, ticket: Ticket, limits: &RateLimits, now: Nanos) {
        let Some((permit, _)) = self.permit(ticket) else { return };
        permit.is_measured = true;
        let endpoint = permit.endpoint;
        self.at(endpoint).quotas.update(limits, now);
        self.is_stale = true;
    }

    /// The real token counts of an attempt, where they are known; before it is reported over.
    pub fn settle(&mut self, ticket: Ticket, actual: Tokens) {
        if let Some((permit, _)) = self.permit(ticket) {
            permit.actual = Some(actual);
        }
    }

    /// The response is complete.
    pub fn finished(&mut self, ticket: Ticket, now: Nanos) {
        self.head(ticket, now);
        let Some(permit) = self.take_permit(ticket, now) else { return };
        self.counters.succeeded += 1;
        self.at(permit.endpoint).rates.on_success(now);
        if permit.progress < Progress::Alive {
            self.on_answer(permit.endpoint, permit.epoch, now);
        }
    }

    /// The attempt failed.
    ///
    /// A time that the server named is kept for the whole endpoint, with some jitter on top.
    pub fn failed(&mut self, ticket: Ticket, verdict: &Verdict, now: Nanos) {
        let endpoint = self.permit(ticket).map(|(permit, _)| permit.endpoint);
        let current = endpoint.map_or(0, |endpoint| self.at(endpoint).current);
        let Some(permit) = self.take_permit(ticket, now) else { return };
        self.counters.failed += 1;
        if let Some(after) = verdict.hint.after {
            self.hold(permit.endpoint, after, now);
        }
        match verdict.class {
            Class::Connect | Class::Transient | Class::Timeout | Class::Protocol => {
                self.on_failure(&permit, now);
            }
            Class::Throttle | Class::Overload => self.on_refusal(&permit, current, now),
            Class::Quota | Class::Auth => {
                // It answered; but others may have better credentials.
                self.on_answer(permit.endpoint, permit.epoch, now);
                let until = now.saturating_add(self.config.ejection.max);
                self.at(permit.endpoint).latency.penalise_until(until);
            }
            Class::Invalid => {
                self.at(permit.endpoint).rates.on_success(now);
                self.on_answer(permit.endpoint, permit.epoch, now);
            }
        }
    }

    /// Another copy of the same request had content before this one, which was given up for it.
    ///
    /// It is no failure, and no sign of life. That the first content takes at least so long is a sample
    /// of the endpoint's latency all the same where it is longer than usual there: without it an endpoint that
    /// answers nobody would look as quick as before. A shorter time says nothing.
    pub fn outraced(&mut self, ticket: Ticket, now: Nanos) {
        if let Some((permit, tokens)) = self.permit(ticket)
            && permit.progress < Progress::Content
        {
            let (endpoint, span) = (permit.endpoint, now.saturating_sub(permit.at));
            let usual = self.at(endpoint).silences.median_first_token();
            if usual.is_some_and(|usual| span > usual) {
                self.on_first_token(endpoint, span, tokens, now);
            }
        }
        self.cancel(ticket, now);
    }

    fn on_first_token(&mut self, endpoint: EndpointId, span: Nanos, tokens: Tokens, now: Nanos) {
        let balance = self.config.balance;
        let upstream = self.at(endpoint);
        upstream.latency.on_first_token(span, tokens.input, now, &balance);
        upstream.silences.on_first_token(span);
        self.silences.on_first_token(span);
    }

    /// A permit comes back from a caller that lost interest.
    pub(super) fn give_up(&mut self, ticket: Ticket, now: Nanos) {
        let Some(permit) = self.take_permit(ticket, now) else { return };
        let upstream = &mut self.upstreams[permit.endpoint.index()];
        let is_undecided = permit.purpose == Purpose::Probe
            && permit.epoch == upstream.health.epoch()
            && !upstream.health.is_up();
        if is_undecided {
            upstream.health.on_probe_cancelled(now);
            if let Some(prober) = &mut self.prober {
                prober.on_probe_cancelled();
            }
        }
    }

    // ---- evidence

    fn on_answer(&mut self, endpoint: EndpointId, epoch: u32, now: Nanos) {
        self.is_stale = true;
        let upstream = &mut self.upstreams[endpoint.index()];
        if epoch == upstream.health.epoch() {
            upstream.latency.on_answer();
        }
        if upstream.health.on_answer(epoch, now) == Change::CameBack {
            upstream.window.reopen();
            upstream.current = 0;
            upstream.rates.forget();
            self.prober = None;
        }
    }

    fn on_failure(&mut self, permit: &Permit, now: Nanos) {
        let (picks, config) = (self.picks, self.config);
        let upstream = &mut self.upstreams[permit.endpoint.index()];
        upstream.rates.on_failure(now);
        upstream.latency.on_failure(now, &config.balance, &mut self.rng);
        let health = &mut upstream.health;
        match health.on_failure(permit.epoch, now, picks, &config.ejection, &mut self.rng) {
            Change::WentOut => {
                upstream.current = 0;
                self.open_if_none_is_left(permit.endpoint, now);
            }
            Change::ProbeFailed => {
                if let Some(prober) = &mut self.prober {
                    prober.on_probe_failed(now, &mut self.rng);
                }
            }
            Change::Nothing | Change::CameBack => self.judge_rate(permit.endpoint, now),
        }
    }

    /// The server refused for load: fewer at a time; an endpoint that refuses even one at a time
    /// is as good as down.
    fn on_refusal(&mut self, permit: &Permit, current: u32, now: Nanos) {
        let upstream = &mut self.upstreams[permit.endpoint.index()];
        if let Some(prober) = &mut self.prober {
            prober.on_reply(now);
        }
        let was_at_floor = upstream.window.is_at_floor();
        upstream.window.on_refusal(permit.round, current);
        if was_at_floor || !upstream.health.is_up() {
            self.on_failure(permit, now);
        } else {
            upstream.rates.on_failure(now);
            upstream.latency.on_failure(now, &self.config.balance, &mut self.rng);
        }
    }

    /// Takes an endpoint out that answers now and then but mostly fails.
    fn judge_rate(&mut self, endpoint: EndpointId, now: Nanos) {
        let ejection = self.config.ejection;
        let count = self.upstreams.len() as u64;
        let out = self.filter(|it| it.health.evidence() == Some(Evidence::Rate)).len();
        let has_other = self.up().len() > 1;
        let picks = self.picks;
        let upstream = &mut self.upstreams[endpoint.index()];
        let recent = upstream.rates.recent(now);
        let is_bad = recent.successes + recent.failures >= u64::from(ejection.rate_samples)
            && recent.exceeds(ejection.rate);
        if is_bad
            && has_other
            && upstream.health.is_up()
            && u64::from(out + 1) * 100 <= count * u64::from(ejection.rate_share_max)
        {
            upstream.health.eject(Evidence::Rate, now, picks, &ejection, &mut self.rng);
            upstream.current = 0;
        }
    }

    fn open_if_none_is_left(&mut self, endpoint: EndpointId, now: Nanos) {
        if self.prober.is_some() || !self.in_use().is_empty() {
            return;
        }
        self.counters.openings += 1;
        let health = &self.at(endpoint).health;
        let (since, last_reply) = (health.failing_since(), health.silent_since());
        self.prober = Some(Prober::open(since, last_reply, now, &mut self.rng));
        self.release_all_delayed();
        self.refuse_spares(now);
    }

    fn hold(&mut self, endpoint: EndpointId, after: Nanos, now: Nanos) {
        let after = after.min(self.config.queue.hold_max);
        let most = Nanos(after.0 / 10).max(JITTER_MIN).min(JITTER_MAX);
        let jitter = Nanos(self.rng.below(most.0));
        let until = now.saturating_add(after).saturating_add(jitter);
        let upstream = self.at(endpoint);
        upstream.held_until = upstream.held_until.max(until);
        self.refuse_spares(now);
    }

    // ---- permits

    fn permit(&mut self, ticket: Ticket) -> Option<(&mut Permit, Tokens)> {
        let entry = self.tickets.find_mut(ticket.key())?;
        let tokens = entry.request.tokens;
        match &mut entry.stage {
            Stage::Granted(permit) => Some((permit, tokens)),
            Stage::Over | Stage::Asked | Stage::Delayed | Stage::Queued => None,
        }
    }

    /// Ends a ticket and frees what it held.
    fn take_permit(&mut self, ticket: Ticket, now: Nanos) -> Option<Permit> {
        let (permit, tokens) = self.permit(ticket)?;
        let permit = permit.clone();
        self.tickets.remove(ticket.key());
        self.is_stale = true;
        let upstream = self.at(permit.endpoint);
        upstream.active -= 1;
        upstream.load -= u64::from(permit.units);
        if permit.epoch == upstream.health.epoch() && permit.progress < Progress::Head {
            upstream.current -= 1;
        }
        if permit.progress >= Progress::Head {
            let measured = if permit.is_measured { Measured::Yes } else { Measured::No };
            upstream.quotas.settle(tokens, permit.actual, measured, now);
        } else {
            upstream.quotas.release(tokens);
        }
        Some(permit)
    }
}
