//! One stream at the pool: it asks for each attempt, says what became of it, and turns the
//! answers into inputs of the engine. It decides nothing.

use cost::Usage;
use endpoint_pool::{
    EndpointId, Grant, Kind, Learned, Purpose, Quota, RateLimits, Refusal, Request, Route, Sign,
    Ticket, Tokens,
};
use http::{HeaderMap, Method};
use protocol::{Cursor, Profile};
use resume::{Ask, Fate, Input, Place, Rung, Timeouts};
use retry_policy::{Nanos, RateLimit};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::carriage::Carriage;
use super::clock::Clock;
use super::hedging::Hedges;
use crate::carrier::Carrier;
use crate::client::{Clocks, Shared};
use crate::endpoint::Endpoint;
use crate::transport::{Message, Transport, Way};
use crate::upstream::{Permit, Upstream, Upstreams, affinity};

/// The asking side of one stream.
pub(crate) struct Asking {
    upstreams: Upstreams,
    /// Where it is: the number of the upstream, and that.
    number: usize,
    pub(super) upstream: Arc<Upstream>,
    clocks: Clocks,
    timeouts: Timeouts,
    clock: Option<Clock>,
    pub(super) deadline: Option<Nanos>,
    affinity: Option<u64>,
    pub(super) tokens: Tokens,
    pub(super) stage: Stage,
    /// Where the live attempt goes, or the last one went.
    pub(super) at: EndpointId,
    /// It went to an endpoint that this client does not have.
    is_elsewhere: bool,
    pub(super) purpose: Purpose,
    kind: Kind,
    /// Whose place in the line the next attempt takes.
    follows: Option<Ticket>,
    /// The endpoint that failed last.
    avoid: Option<EndpointId>,
    /// The endpoint to which a connection was opened beforehand.
    pub(super) prefers: Option<EndpointId>,
    pub(super) ear: Ear,
    pub(super) hedges: Hedges,
    transport: Transport,
    pub(super) carriage: Carriage,
    /// The caller's own body asks for the background.
    is_background: bool,
    /// How the attempt that was asked for would go on.
    rung: Rung,
}

pub(super) enum Stage {
    Nothing,
    Waiting(Permit),
    Granted(Permit),
}

/// Whether the stream has to wait for others or for an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It goes at once, or when its own delay is over.
    Short,
    Long,
}

/// What the pool has heard of an attempt.
#[derive(Clone, Copy, Default)]
pub(super) struct Ear {
    /// Since when the consumer has something else to do, on the stream's clock.
    away: Option<Nanos>,
    heard: Option<resume::Sign>,
    /// The chunk that came last was told.
    has_told: bool,
    /// It was away for so long that the times of arrival are not known any longer.
    is_deaf: bool,
}

impl Ear {
    /// That of the next attempt.
    pub(super) fn of_next(self) -> Self {
        Self { away: self.away, ..Self::default() }
    }

    fn leave(&mut self, now: Nanos) {
        self.away = Some(now);
    }

    /// Whether it was away for long.
    fn come_back(&mut self, now: Nanos) -> bool {
        let away = self.away.take().map_or(Nanos::ZERO, |since| now.saturating_sub(since));
        self.is_deaf |= away > AWAY_MAX;
        away > AWAY_MAX
    }

    /// Whether a sign that comes now tells something: the first of each kind does, and the first
    /// of each chunk as long as times of arrival are known.
    fn takes(&mut self, sign: resume::Sign) -> bool {
        let is_news = self.heard < Some(sign);
        self.heard = self.heard.max(Some(sign));
        let is_first = !std::mem::replace(&mut self.has_told, true);
        is_news || (is_first && !self.is_deaf)
    }
}

impl Asking {
    /// `deadline` is the span of the whole response.
    pub(crate) fn new(shared: &Shared, body: &[u8], deadline: Option<Nanos>) -> Self {
        let first = shared.upstreams.first();
        let input = u32::try_from(body.len() / BYTES_PER_TOKEN).unwrap_or(u32::MAX);
        Self {
            upstreams: shared.upstreams.clone(),
            number: 0,
            upstream: Arc::clone(first),
            clocks: shared.clocks,
            timeouts: shared.config.timeouts,
            clock: None,
            deadline,
            affinity: if first.is_one() { None } else { affinity(body) },
            tokens: Tokens { input, output: 0 },
            stage: Stage::Nothing,
            at: EndpointId(0),
            is_elsewhere: false,
            purpose: Purpose::Ordinary,
            kind: Kind::First,
            follows: None,
            avoid: None,
            prefers: None,
            ear: Ear::default(),
            hedges: Hedges::new(Arc::clone(&shared.hedge_budget), input),
            transport: shared.transport.clone(),
            carriage: Carriage::default(),
            is_background: protocol::asks_background(body),
            rung: Rung::Retry,
        }
    }

    /// An earlier process went last to the endpoint of this name.
    pub(super) fn went_to(&mut self, upstream: usize, name: &str) {
        self.turn_to(upstream);
        match self.upstream.find(name) {
            Some(endpoint) => self.at = endpoint,
            None => self.is_elsewhere = true,
        }
    }

    /// The stream begins now.
    pub(super) fn start(&mut self, clock: Clock) {
        let began = self.upstream.time(clock.instant(Nanos::ZERO));
        self.deadline = self.deadline.map(|span| began.saturating_add(span));
        self.clock = Some(clock);
    }

    /// The consumer listens. Whether it was away for so long that times of arrival are not known.
    pub(super) fn come_back(&mut self, now: Nanos) -> bool {
        self.ear.come_back(now)
    }

    /// The consumer has an event and does something with it.
    pub(super) fn go_away(&mut self, now: Nanos) {
        self.ear.leave(now);
    }

    /// Asks at another upstream from now on: nothing of the one before holds there.
    fn turn_to(&mut self, number: usize) {
        if number != self.number {
            self.number = number;
            self.upstream = Arc::clone(self.upstreams.get(number));
            (self.at, self.is_elsewhere) = (EndpointId(0), false);
            (self.follows, self.avoid, self.prefers) = (None, None, None);
        }
    }

    pub(super) fn ask(&mut self, ask: &Ask) -> Line {
        self.turn_to(ask.upstream);
        let kind = match (self.kind, ask.rung) {
            (Kind::First, Rung::Retry) => Kind::First,
            (_, Rung::Retry) => Kind::Retry,
            _ => Kind::Continuation,
        };
        self.kind = Kind::Retry;
        self.rung = ask.rung;
        let not_before = self
            .clock
            .map_or(Nanos::ZERO, |clock| self.upstream.time(clock.instant(ask.not_before)));
        let only = ask.only.as_deref().map(|name| self.named(name, ask.model.as_deref()));
        // What was admitted and not used is given back before its place is asked for.
        self.leave();
        let permit = self.upstream.acquire(Request {
            route: match only {
                None => self.avoid.map_or(Route::Any, Route::Avoid),
                Some(endpoint) => Route::Only(endpoint),
            },
            deadline: self.deadline,
            not_before,
            prefers: self.prefers.take(),
            affinity: self.affinity,
            // What is read again is paid for.
            tokens: if only.is_some() { Tokens::default() } else { self.tokens },
            follows: self.follows,
            spare: ask.spare,
            ..Request::new(kind)
        });
        let line = if permit.is_in_line(not_before) { Line::Long } else { Line::Short };
        self.stage = Stage::Waiting(permit);
        line
    }

    /// The endpoint of this name that asks this model: the one that was asked last, where keys share a
    /// URL.
    fn named(&self, name: &str, model: Option<&str>) -> EndpointId {
        let asks = |id| self.upstream.at(id).asked_model().map(|model| &**model);
        let has_name = |id: &EndpointId| &**self.upstream.name(*id) == name;
        let mut all = [self.at].into_iter().chain(self.upstream.ids()).filter(has_name);
        let found = all.clone().find(|id| asks(*id) == model);
        found.or_else(|| all.next()).unwrap_or(NOWHERE)
    }

    /// The answer of the pool.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        let Stage::Waiting(permit) = &mut self.stage else { return self.hedges.poll_answer() };
        let answer = ready!(permit.poll_answer(cx));
        let stage = std::mem::replace(&mut self.stage, Stage::Nothing);
        let grant = match (answer, stage) {
            (Ok(grant), Stage::Waiting(permit)) => {
                self.stage = Stage::Granted(permit);
                grant
            }
            (Ok(_), _) => return Poll::Pending,
            (Err(refusal), _) => return Poll::Ready(Input::NotAdmitted(reason(refusal))),
        };
        Poll::Ready(Input::Admitted(self.place(grant)))
    }

    fn place(&mut self, grant: Grant) -> Place {
        self.at = grant.endpoint;
        self.is_elsewhere = false;
        self.purpose = grant.purpose;
        self.ear = Ear::of_next(self.ear);
        let profile = self.profile();
        self.place_at(grant.endpoint, profile)
    }

    /// An endpoint as the engine is told of it.
    pub(super) fn place_at(&self, at: EndpointId, profile: Profile) -> Place {
        let learned = self.upstream.learned(at);
        Place {
            endpoint: Arc::clone(self.upstream.name(at)),
            profile,
            model: self.upstream.at(at).asked_model().cloned(),
            timeouts: match self.clocks {
                Clocks::Given => self.timeouts,
                Clocks::Learned => with(self.timeouts, &learned),
            },
            hedge_after: learned.hedge_after,
            suspect_after: match self.clocks {
                Clocks::Given => None,
                Clocks::Learned => Some(learned.suspect_after),
            },
        }
    }

    /// The profile of the endpoint, as what carries the attempt leaves it: nobody keeps what is
    /// generated for a socket.
    fn profile(&mut self) -> Profile {
        let endpoint = self.upstream.at(self.at);
        let mut profile = *endpoint.profile();
        let serves = !self.is_background
            && endpoint.carrier() == Carrier::WebSocket
            && self.transport.has_sockets(&endpoint.uri(RESPONSES_PATH));
        if self.carriage.choose(endpoint.carrier(), self.rung, serves) == Carrier::WebSocket {
            profile.cursor = Cursor::None;
        }
        profile
    }

    /// How a request of the admitted attempt is sent.
    pub(super) fn way(&self, request: &resume::Request) -> Way {
        let is_socket = self.carriage.now() == Carrier::WebSocket && request.method == Method::POST;
        match is_socket.then(|| Message::of(&request.body)).flatten() {
            Some(message) => Way::WebSocket(message, request.connection),
            None => Way::Http(request.connection),
        }
    }

    /// Where the live attempt goes.
    pub(super) fn endpoint(&self) -> &Endpoint {
        self.upstream.at(self.at)
    }

    /// Its name: the base URL, without a key.
    pub(super) fn endpoint_name(&self) -> &Arc<str> {
        self.upstream.name(self.at)
    }

    /// The endpoint that has what was asked for last; `None` where this client does not have it.
    pub(super) fn keeper(&self) -> Option<&Endpoint> {
        (!self.is_elsewhere).then(|| self.endpoint())
    }

    // ---- reports

    pub(super) fn head(&self, status: u16, headers: &HeaderMap) {
        if let Stage::Granted(permit) = &self.stage {
            report_head(permit, status, headers);
        }
    }

    /// A piece of the body came.
    pub(super) fn chunk(&mut self) {
        self.ear.has_told = false;
    }

    pub(super) fn hear(&mut self, sign: resume::Sign) {
        let Stage::Granted(permit) = &self.stage else { return };
        if self.ear.takes(sign) {
            permit.heard(match sign {
                resume::Sign::Ping => Sign::Ping,
                resume::Sign::Content => Sign::Content,
            });
        }
    }

    /// The attempt is over.
    pub(super) fn settle(&mut self, fate: Fate, usage: &Usage) {
        let Stage::Granted(permit) = std::mem::replace(&mut self.stage, Stage::Nothing) else {
            return;
        };
        // Who tested the water in vain goes to the end of the line: the next probe is another's.
        self.follows = match (self.purpose, fate) {
            (Purpose::Probe, Fate::Failed(_)) => None,
            _ => Some(permit.ticket()),
        };
        if let Fate::Failed(verdict) = &fate {
            self.carriage.failed(verdict);
            self.avoid = (!verdict.class.is_terminal()).then_some(self.at);
        }
        settle_permit(permit, fate, usage);
    }

    /// Gives back whatever is held.
    pub(super) fn leave(&mut self) {
        self.stage = Stage::Nothing;
        self.hedges.leave();
    }
}

/// Tells the pool of the head of a response.
pub(super) fn report_head(permit: &Permit, status: u16, headers: &HeaderMap) {
    if (200..300).contains(&status) {
        permit.head();
    }
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let limits = retry_policy::RateLimits::read(header, None);
    if !limits.is_empty() {
        permit.rate_limits(&rate_limits(&limits));
    }
}

/// Tells the pool how an attempt ended.
pub(super) fn settle_permit(permit: Permit, fate: Fate, usage: &Usage) {
    let tokens = Tokens { input: saturated(usage.input), output: saturated(usage.output) };
    match fate {
        Fate::Complete => permit.finish(tokens),
        Fate::Failed(verdict) => permit.fail(&verdict, tokens),
        Fate::Outraced => permit.outraced(tokens),
        Fate::Dropped | Fate::Unsent => drop(permit),
    }
}

/// The clocks of an endpoint of which this is known.
fn with(default: Timeouts, learned: &Learned) -> Timeouts {
    Timeouts {
        bytes: learned.dead_after,
        first_token: learned.first_token_after.unwrap_or(default.first_token),
        ..default
    }
}

const fn reason(refusal: Refusal) -> resume::Refusal {
    match refusal {
        Refusal::QueueFull => resume::Refusal::QueueFull,
        Refusal::DeadlineTooNear => resume::Refusal::DeadlineTooNear,
        Refusal::UpstreamDown => resume::Refusal::UpstreamDown,
        Refusal::Timeout => resume::Refusal::TimedOut,
        Refusal::NoSpare => resume::Refusal::NoEndpoint,
    }
}

fn rate_limits(read: &retry_policy::RateLimits) -> RateLimits {
    RateLimits {
        requests: quota(read.requests),
        tokens: quota(read.tokens),
        input: quota(read.input_tokens),
        output: quota(read.output_tokens),
        date: read.date,
    }
}

/// A limit without what is left of it says nothing.
fn quota(read: RateLimit) -> Option<Quota> {
    let reset = read.full_after.unwrap_or(RESET_UNTOLD);
    Some(Quota { limit: read.limit?, remaining: read.remaining?, reset })
}

fn saturated(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Where a response is asked for, over HTTP and on sockets.
const RESPONSES_PATH: &str = "/responses";
/// The id of no endpoint: who may only go there is refused.
const NOWHERE: EndpointId = EndpointId(u16::MAX);
/// Bytes of a request body per token of input; a rough guess that the usage corrects.
const BYTES_PER_TOKEN: usize = 4;
/// When a limit is full again whose reset is not told: most are per minute.
const RESET_UNTOLD: Nanos = Nanos::from_secs(60);
/// A consumer that stays away for longer makes arrivals look late.
const AWAY_MAX: Nanos = Nanos::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use endpoint_pool::Heartbeats;

    #[test]
    fn a_limit_is_passed_on_with_what_is_left_of_it() {
        let told = |name: &str| match name {
            "anthropic-ratelimit-requests-limit" => Some("50"),
            "anthropic-ratelimit-requests-remaining" => Some("7"),
            "anthropic-ratelimit-tokens-limit" => Some("1000"),
            _ => None,
        };
        let limits = rate_limits(&retry_policy::RateLimits::read(told, None));
        let requests = Quota { limit: 50, remaining: 7, reset: RESET_UNTOLD };
        assert_eq!(limits.requests, Some(requests));
        assert_eq!(limits.tokens, None);
    }

    #[test]
    fn silence_of_the_provider_is_heard_and_that_of_the_consumer_is_not() {
        use resume::Sign::{Content, Ping};
        let mut ear = Ear::default();
        ear.come_back(Nanos::from_secs(30));
        assert!(ear.takes(Ping) && !ear.takes(Ping), "once for each chunk");
        ear.has_told = false;
        ear.leave(Nanos::from_secs(31));
        assert!(!ear.come_back(Nanos::from_secs(32)) && !ear.come_back(Nanos::from_secs(90)));
        assert!(ear.takes(Ping), "it was away for a second");
        ear.has_told = false;
        ear.leave(Nanos::from_secs(90));
        assert!(ear.come_back(Nanos::from_secs(92)));
        assert!(!ear.takes(Ping), "who knows when it came");
        assert!(ear.takes(Content), "the first content is told in any case");
        assert!(!ear.takes(Content));
    }

    #[test]
    fn what_was_learned_takes_the_place_of_the_defaults() {
        let seconds = Nanos::from_secs;
        let mut learned = Learned {
            suspect_after: seconds(15),
            dead_after: seconds(23),
            first_token_after: None,
            hedge_after: None,
            heartbeats: Heartbeats::Learned,
        };
        let default = Timeouts::default();
        assert_eq!(with(default, &learned), Timeouts { bytes: seconds(23), ..default });
        learned.first_token_after = Some(seconds(40));
        assert_eq!(with(default, &learned).first_token, seconds(40));
    }
}
