//! Copies of a request beside one that is slow to begin, each at another endpoint. Whichever brings
//! content first is the attempt that the response goes on with; nothing of the others is shown.
//!
//! What a copy brings is kept as it came until then, and read again from its first byte once it has won,
//! so that there is one way for bytes to become the response.

use bytes::Bytes;
use http::HeaderMap;
use protocol::{Cursor, FrameError, Profile, Reader, RequestBody};
use retry_policy::{Nanos, Repeat};
use std::sync::Arc;

use crate::admission::{Admission, Fate, Place};
use crate::attempt::{Attempt, Ended, Flow, Hold, Phase};
use crate::clocks::Clocks;
use crate::config::{Limits, Timeouts};
use crate::input::{AttemptId, Break, Input};
use crate::journal;
use crate::ladder::Learned;
use crate::oddities::Oddities;
use crate::outcome::Cause;
use crate::output::{Output, State};
use crate::recovery;
use crate::seam::Rung;
use crate::session::Session;
use crate::transcript::{Note, Transcript};

/// When a request that is slow to begin is sent to another endpoint as well.
///
/// A copy costs the input of the request once more. It is made before the first content of an attempt,
/// also of one that goes on behind a break, and never beside a response that its provider keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hedging {
    /// Copies of one attempt at most, 1 to [`Hedging::COPIES_MAX`]; more count as that. Default 1.
    pub copies: u8,
    /// Without content for this long from the request on, a copy is made, and the next one after as
    /// long again. Default: what was learned of the endpoints, their 95th percentile.
    pub after: Option<Nanos>,
}

impl Hedging {
    /// The most copies beside one attempt.
    pub const COPIES_MAX: u8 = 3;
}

impl Default for Hedging {
    fn default() -> Self {
        Self { copies: 1, after: None }
    }
}

/// A copy under way.
pub(crate) struct Hedge {
    attempt: Box<Attempt>,
    post: Post,
    clocks: Clocks,
    head: Option<(u16, HeaderMap)>,
    body: Vec<u8>,
    /// Looks for the first content.
    scout: Reader,
}

/// Where requests go, and what is known of that place.
struct Post {
    profile: Profile,
    timeouts: Timeouts,
    suspect_after: Option<Nanos>,
    endpoint: Option<Arc<str>>,
    model: Option<Arc<str>>,
    request: RequestBody,
    learned: Learned,
}

/// What a copy has to say.
enum News {
    None,
    Content,
    Failed(Cause),
}

impl Session {
    // ---- the beginning

    /// When a request that goes out now is slow enough for a copy to be worth its price.
    pub(crate) fn hedge_at(&self, now: Nanos) -> Option<Nanos> {
        let hedging = self.config.hedging?;
        let copies = usize::from(hedging.copies.min(Hedging::COPIES_MAX));
        let after = hedging.after.or(self.hedge_after)?;
        (self.hedges_made < copies).then(|| now.saturating_add(after))
    }

    /// The attempt is slow to begin: asks whether a copy may begin.
    pub(crate) fn want_hedge(&mut self, now: Nanos) {
        self.clocks.hedge = None;
        if self.can_be_hedged() && self.affords_hedge(now) {
            self.queue.push_back(Output::Hedge);
        }
    }

    /// There is no place for a copy now; there may be one later.
    pub(crate) fn wait_for_hedge(&mut self, now: Nanos) {
        let pause = now.saturating_add(REFUSED_PAUSE_MIN);
        let at = self.hedge_at(now).map(|at| at.max(pause));
        self.clocks.hedge = at.filter(|_| self.can_be_hedged());
    }

    /// Whether another attempt may take the place of the live one. Not where the provider keeps the
    /// response: a second one would be generated to its end. Nor where the caller wants no request to
    /// have its effect twice.
    fn can_be_hedged(&self) -> bool {
        let live = self.live.as_ref();
        let may_repeat = self.config.policy.repeat == Repeat::Always || self.transcript.shown;
        self.config.admission == Admission::Asked
            && may_repeat
            && live.is_some_and(|live| live.is_replaceable() && live.ended.is_none())
            && !self.is_kept_here()
    }

    /// Whether the place that is asked at present keeps responses, as far as it was asked to.
    pub(crate) fn is_kept_here(&self) -> bool {
        let by_request = self.request.is_background() || self.config.background;
        by_request || self.profile.usable_cursor() == Cursor::EventId
    }

    /// Begins a copy there, unless its turn is over.
    pub(crate) fn begin_hedge(&mut self, place: Place, now: Nanos) {
        let is_wanted = self.can_be_hedged();
        let home = self.post();
        (self.profile, self.timeouts) = (place.profile, place.timeouts);
        self.suspect_after = place.suspect_after;
        self.endpoint = Some(place.endpoint);
        let rung = self.ask_model(place.model).and_then(|()| self.choose(now));
        let is_possible = is_wanted && !self.is_kept_here() && self.affords_hedge(now);
        match rung {
            Ok(rung) if is_possible && !rung.is_same_generation() => self.make_hedge(rung, now),
            _ => self.queue.push_back(Output::Decline),
        }
        self.take_post(home);
        self.wait_for_hedge(now);
    }

    fn make_hedge(&mut self, rung: Rung, now: Nanos) {
        let (attempt, mut request) = self.make_attempt(rung, now);
        request.is_hedge = true;
        self.hedges_made += 1;
        let id = attempt.id;
        let endpoint = self.endpoint.clone();
        let name = endpoint.as_deref().unwrap_or_default();
        self.record(journal::hedge(id, rung, name, self.model.as_deref()));
        self.queue.push_back(Output::State(State::Hedging { attempt: id, rung, endpoint }));
        self.queue.push_back(Output::Connect(Box::new(request)));
        let mut clocks = Clocks::default();
        clocks.connecting(now, &self.timeouts);
        let (profile, limits) = (&self.profile, &self.config.limits);
        let scout = Reader::framed(profile.framing, self.request.wire(), limits.event_bytes);
        let post = self.post();
        self.hedges.push(Hedge { attempt, post, clocks, head: None, body: Vec::new(), scout });
    }

    fn post(&self) -> Post {
        Post {
            profile: self.profile,
            timeouts: self.timeouts,
            suspect_after: self.suspect_after,
            endpoint: self.endpoint.clone(),
            model: self.model.clone(),
            request: self.request.clone(),
            learned: self.learned,
        }
    }

    fn take_post(&mut self, post: Post) {
        (self.profile, self.timeouts) = (post.profile, post.timeouts);
        (self.endpoint, self.model) = (post.endpoint, post.model);
        self.suspect_after = post.suspect_after;
        (self.request, self.learned) = (post.request, post.learned);
    }

    // ---- the race

    /// Whether it happened to a copy.
    pub(crate) fn is_of_hedge(&self, input: &Input) -> bool {
        !self.hedges.is_empty() && input.attempt().is_some_and(|it| self.hedge_of(it).is_some())
    }

    fn hedge_of(&self, attempt: AttemptId) -> Option<usize> {
        self.hedges.iter().position(|hedge| hedge.attempt.id == attempt)
    }

    /// Takes what happened to a copy.
    pub(crate) fn hear_hedge(&mut self, input: Input, now: Nanos) {
        let Some(at) = input.attempt().and_then(|attempt| self.hedge_of(attempt)) else { return };
        let hedge = &mut self.hedges[at];
        let news = match input {
            Input::Connected { .. } => {
                hedge.clocks.connected(now, &hedge.post.timeouts);
                News::None
            }
            Input::Head { status, headers, .. } => {
                hedge.clocks.connected(now, &hedge.post.timeouts);
                hedge.clocks.bytes(now, &hedge.post.timeouts);
                hedge.head = Some((status, headers));
                News::None
            }
            Input::Body { chunk, .. } => {
                hedge.clocks.bytes(now, &hedge.post.timeouts);
                hedge.take(&chunk, &self.config.limits)
            }
            Input::End { .. } => hedge.end(Ended::Clean),
            Input::Broke { cause, .. } => hedge.end(Ended::Broke(cause)),
            _ => News::None,
        };
        match news {
            News::None => {}
            News::Content => self.win(at, now),
            News::Failed(cause) => self.lose(at, &cause, now),
        }
    }

    /// The next instant at which something is due, for the live attempt or for a copy.
    pub(crate) fn next_instant(&self) -> Option<Nanos> {
        let hedges = self.hedges.iter().filter_map(|hedge| hedge.clocks.next());
        hedges.chain(self.clocks.next()).min()
    }

    /// Gives up the copies that are too late.
    pub(crate) fn tick_hedges(&mut self, now: Nanos) {
        let due = |hedge: &Hedge| hedge.clocks.due_attempt(now);
        while let Some((at, cause)) =
            self.hedges.iter().enumerate().find_map(|(at, hedge)| Some((at, due(hedge)?)))
        {
            // What a refusal says counts, also when its body never ends.
            let cause = self.hedges[at].refusal().unwrap_or(cause);
            self.lose(at, &cause, now);
        }
    }

    /// The live attempt has something to show. What the copies cost is no longer there for it.
    pub(crate) fn settle_race(&mut self, live: &Attempt, now: Nanos) -> Result<(), Cause> {
        self.end_race(&Cause::Outraced, now);
        self.afford(&live.flow, true, now)
    }

    /// The race is over, because the live attempt has something to show or for this other cause.
    pub(crate) fn end_race(&mut self, cause: &Cause, now: Nanos) {
        self.clocks.hedge = None;
        while !self.hedges.is_empty() {
            let hedge = self.hedges.remove(0);
            let fate = if *cause == Cause::Outraced { Fate::Outraced } else { Fate::Dropped };
            self.close_hedge(hedge, fate, cause.clone(), now);
        }
    }

    /// The copy has content and takes the place of the live attempt.
    fn win(&mut self, at: usize, now: Nanos) {
        let Some(mut live) = self.live.take() else { return };
        let hedge = self.hedges.remove(at);
        // It was sent, and is paid for unless it was refused.
        if !matches!(live.phase, Phase::Document(_)) && !self.clocks.is_connecting() {
            self.estimate_input(&mut live.flow);
        }
        self.account(&live, Fate::Outraced, Some(Cause::Outraced), now);
        let (attempt, cause) = (live.id, Cause::Outraced);
        self.queue.push_back(Output::State(State::Disconnected { attempt, cause }));
        self.keep_generation(*live);
        self.stop_kept();
        self.write_off_kept();
        self.end_race(&Cause::Outraced, now);
        self.promote(hedge, now);
    }

    /// The live attempt failed: a copy that is already on its way takes its place, unless something was
    /// shown since it was made. It is the next attempt then, and counts as that.
    pub(crate) fn fall_back_on_hedge(&mut self, live: &Attempt, cause: &Cause, now: Nanos) -> bool {
        if self.hedges.is_empty() {
            return false;
        }
        let is_ours = matches!(cause, Cause::OverBudget | Cause::Unpriced);
        if is_ours || !live.is_replaceable() {
            self.end_race(&Cause::Outraced, now);
            return false;
        }
        // The one that was heard of is nearer to its content.
        let heard = self.hedges.iter().position(Hedge::is_answering);
        let hedge = self.hedges.remove(heard.unwrap_or(0));
        let (rung, at, wait) = (hedge.attempt.rung, now, Nanos::ZERO);
        self.queue.push_back(Output::State(State::Reconnecting { rung, at, wait }));
        self.call.on_attempt();
        self.promote(hedge, now);
        self.wait_for_hedge(now);
        true
    }

    /// Makes a copy the live attempt, and hears what it has said until now.
    fn promote(&mut self, hedge: Hedge, now: Nanos) {
        let Hedge { mut attempt, post, clocks, head, body, .. } = hedge;
        let (id, rung) = (attempt.id, attempt.rung);
        self.take_post(post);
        // Whoever goes on from now on has written, or nobody has.
        self.bound = None;
        if !self.transcript.begun {
            // Not even the id of the one before is shown.
            self.transcript = Transcript::default();
        }
        (self.oddities, self.arrival) = Default::default();
        // It came at other times than those at which it is read now.
        self.arrival.miss();
        let offset = self.transcript.text.len() as u64;
        self.record(journal::attempt(id, rung, offset, self.spot()));
        self.queue.push_back(Output::Promote(id));
        self.clocks.take_over(&clocks);
        if let Some((status, headers)) = head {
            self.take_head(&mut attempt, status, headers, now);
            if !body.is_empty() {
                self.take_body(&mut attempt, body.into(), now);
            }
        }
        attempt.ends_behind = attempt.ended.take().is_some();
        // That it lives was heard while it was a copy.
        self.sign = None;
        self.live = Some(attempt);
    }

    fn lose(&mut self, at: usize, cause: &Cause, now: Nanos) {
        let hedge = self.hedges.remove(at);
        let unprocessed = matches!(cause, Cause::Broke(Break::NotSent | Break::Stale));
        if unprocessed && self.hedges_unprocessed < self.config.limits.unprocessed_attempts {
            // Nothing is known against the endpoint, and the copy was not made.
            self.hedges_unprocessed += 1;
            self.hedges_made -= 1;
            self.close_hedge(hedge, Fate::Unsent, cause.clone(), now);
            self.clocks.hedge = Some(now);
            return;
        }
        let fate = recovery::fate_of(&hedge.attempt, cause);
        self.close_hedge(hedge, fate, cause.clone(), now);
        // What it cost is no longer there for the live attempt.
        self.spending.is_stale = true;
    }

    fn close_hedge(&mut self, hedge: Hedge, fate: Fate, cause: Cause, now: Nanos) {
        let was_outrun = cause == Cause::Outraced && hedge.head.is_none();
        let is_paid = hedge.is_answering() || was_outrun && !hedge.clocks.is_connecting();
        let Hedge { mut attempt, post, .. } = hedge;
        let home = self.post();
        self.take_post(post);
        if is_paid {
            self.estimate_input(&mut attempt.flow);
        }
        self.enter(&attempt, fate, Some(cause.clone()), Oddities::default(), now);
        self.take_post(home);
        let attempt = attempt.id;
        self.queue.push_back(Output::State(State::Disconnected { attempt, cause }));
    }
}

/// Between two questions for the place of a copy, where there is none.
const REFUSED_PAUSE_MIN: Nanos = Nanos::from_millis(100);

impl Hedge {
    /// The machine slept: its connection is to show that it lives.
    pub(crate) fn woken(&mut self, now: Nanos) {
        self.clocks.woken(now);
    }

    /// Where it is billed to, and its events so far.
    pub(crate) fn flow(&self) -> &Flow {
        &self.attempt.flow
    }

    /// An answer is coming, as opposed to a refusal, to something else or to nothing yet.
    fn is_answering(&self) -> bool {
        let framing = self.post.profile.framing;
        self.head.as_ref().is_some_and(|(status, headers)| {
            (200..300).contains(status) && framing.is_announced(headers) != Some(false)
        })
    }

    /// What its provider says in the place of an answer, as far as it came.
    fn refusal(&self) -> Option<Cause> {
        let (status, headers) = self.head.as_ref()?;
        let failure = match (200..300).contains(status) {
            false => protocol::classify_status(*status, headers, &self.body, None),
            true if !self.is_answering() || self.is_document() => {
                protocol::classify_document(headers, &self.body)
            }
            true => return None,
        };
        Some(Cause::Provider(Box::new(failure)))
    }

    /// Keeps a piece of the body, and looks whether there is content in it.
    fn take(&mut self, chunk: &Bytes, limits: &Limits) -> News {
        if !self.is_answering() {
            let room = limits.error_body_bytes.saturating_sub(self.body.len());
            self.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            return News::None;
        }
        if self.body.len() + chunk.len() > limits.event_bytes.max(limits.held_bytes) {
            return News::Failed(Cause::TooLarge);
        }
        self.body.extend_from_slice(chunk);
        if self.is_document() {
            return News::None;
        }
        self.scout.feed(chunk.clone());
        self.search()
    }

    /// Reads what there is, up to the first content.
    fn search(&mut self) -> News {
        while let Some(span) = self.scout.scan() {
            let Ok(span) = span else { return News::Failed(Cause::TooLarge) };
            match self.look(span) {
                News::None => {}
                news => return news,
            }
        }
        match self.scout.failure() {
            None => News::None,
            Some(FrameError::TooLong) => News::Failed(Cause::TooLarge),
            Some(error) => News::Failed(Cause::BadFrame(error)),
        }
    }

    fn look(&mut self, span: protocol::SseSpan) -> News {
        let event = self.scout.resolve(span);
        let Ok(decoded) = self.post.profile.decode(event.event, event.data) else {
            return News::Failed(Cause::Malformed);
        };
        if let Some(failure) = decoded.error {
            return News::Failed(Cause::Provider(failure));
        }
        if let Some(usage) = decoded.usage {
            let flow = &mut self.attempt.flow;
            flow.usage = flow.usage.max(&usage);
        }
        if decoded.ping || Note::of(&decoded).is_lifecycle() { News::None } else { News::Content }
    }

    /// Its transport is over before it brought content, but for what its end completes.
    fn end(&mut self, ended: Ended) -> News {
        if matches!(ended, Ended::Clean) && self.is_answering() {
            self.scout.end();
            match self.search() {
                News::None => {}
                news => {
                    self.attempt.ended = Some(ended);
                    return news;
                }
            }
        }
        self.attempt.ended = Some(ended);
        let refusal = self.refusal();
        News::Failed(match (refusal, ended) {
            (Some(refusal), _) => refusal,
            (None, Ended::Clean) => Cause::Truncated,
            (None, Ended::Broke(cause)) => Cause::Broke(cause),
        })
    }

    fn is_document(&self) -> bool {
        let first = self.body.iter().find(|byte| !byte.is_ascii_whitespace());
        first.is_some_and(|first| self.post.profile.framing.is_document(*first))
    }
}

impl Attempt {
    /// Nothing that could be shown came of it, and nobody keeps it: another attempt may take its place.
    pub(crate) fn is_replaceable(&self) -> bool {
        let flow = &self.flow;
        let waits = matches!(flow.hold, Hold::Lifecycle | Hold::Seam(..));
        let is_kept =
            flow.cursor.is_some() || flow.asked_with.is_some() || flow.conversation.is_some();
        waits && flow.meter.is_empty() && !is_kept && !self.rung.is_same_generation()
    }
}
