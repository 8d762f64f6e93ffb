//! A response that its provider keeps. A connection that breaks costs it nothing: its events are read
//! again behind the last one, and once they are not kept any longer, the finished response is fetched
//! whole.

use http::{HeaderMap, HeaderValue};
use protocol::{Decoded, Delta, Failure, FailureKind, Part};
use retry_policy::{Class, Endpoints, Nanos};

use crate::attempt::{Attempt, Flow, Phase};
use crate::cursor::{Asked, Cursor, Order, Sight, Way};
use crate::input::AttemptId;
use crate::journal;
use crate::ladder::{self, Plan, Standing};
use crate::outcome::Cause;
use crate::output::{Connection, Output, Request};
use crate::seam::{Rung, Seam, SeamLabel};
use crate::session::Session;
use crate::spending::Spent;
use crate::text;

impl Flow {
    /// Reads no events of it again, if they were read again until now.
    pub(crate) fn loses_events(&mut self) -> bool {
        let read = |cursor: &&mut Cursor| cursor.way == Way::Events;
        self.cursor.as_deref_mut().filter(read).map(Cursor::lose_events).is_some()
    }

    /// Whether text begins inside a character whose beginning an earlier process had: half a
    /// character is in no journal. Only the first text that this process reads can.
    fn lacks_half_of(&mut self, decoded: &Decoded<'_>) -> bool {
        let text = |delta: &&Delta<'_>| delta.part == Part::Text && !delta.text.is_empty();
        let Some(delta) = decoded.delta.as_ref().filter(text) else { return false };
        std::mem::take(&mut self.is_taken_over) && text::is_rest_of_character(&delta.text)
    }
}

impl Session {
    /// How the rest of the response is got that the provider keeps, if there is one.
    pub(crate) fn kept(&self) -> Option<&Cursor> {
        let flow = self.kept.as_deref()?;
        let cursor = flow.cursor.as_deref()?;
        let reaches = match cursor.way {
            Way::Events => true,
            // The whole is compared with all that was shown, and a call that was shown is not.
            Way::Whole => flow.blocks.is_none() && !self.transcript.final_content,
            Way::Gone => false,
        };
        (reaches && self.profile.usable_cursor() == cursor.kind()).then_some(cursor)
    }

    /// What a request says beside the usual so that the provider keeps the response, and what is
    /// remembered of it.
    pub(crate) fn offer_to_keep(&self, flow: &mut Flow, plan: &Plan) -> HeaderMap {
        let mut headers = plan.headers.clone();
        if flow.cursor.is_some() || flow.rung == Rung::Fetch {
            return headers;
        }
        match (self.profile.usable_cursor(), plan.key) {
            (protocol::Cursor::EventId, Some(key)) => {
                let (path, body) = (plan.path.clone(), plan.body.clone());
                flow.asked_with = Some(Box::new(Asked { path, body, key }));
            }
            (protocol::Cursor::Offset, Some(key)) if self.config.background => {
                let key = key.derive(flow.attempt.0.into());
                let id: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
                if let Ok(value) = HeaderValue::from_str(&id) {
                    headers.insert("x-conversation-id", value);
                    flow.conversation = Some(id);
                }
            }
            _ => {}
        }
        headers
    }

    /// Finds an event's place in the response that the provider keeps.
    pub(crate) fn take_place(
        &mut self,
        flow: &mut Flow,
        decoded: &Decoded<'_>,
        sight: &Sight<'_>,
    ) -> Order {
        if decoded.error.is_some() {
            return Order::Next;
        }
        if self.is_another(flow, decoded) {
            return Order::Another;
        }
        let order = match &mut flow.cursor {
            Some(cursor) => cursor.take(sight),
            None => self.open_cursor(flow, decoded, sight),
        };
        // Events that come twice may stand before it.
        if order == Order::Next && flow.lacks_half_of(decoded) {
            flow.loses_events();
            return Order::Missing;
        }
        if order == Order::Next && std::mem::take(&mut flow.rejoins) {
            self.rejoin(flow.attempt, Rung::Cursor, 0);
        }
        order
    }

    /// Whether it is of a response with another id than the one that is kept. Its numbers would be
    /// taken for those of events that were read.
    fn is_another(&self, flow: &Flow, decoded: &Decoded<'_>) -> bool {
        let kept = || self.kept.as_ref()?.cursor.as_deref();
        let cursor = if flow.rung == Rung::Fetch { kept() } else { flow.cursor.as_deref() };
        let Some(cursor) = cursor else { return false };
        decoded.id.as_deref().is_some_and(|id| !id.is_empty() && !cursor.is_of(id))
    }

    fn open_cursor(&mut self, flow: &mut Flow, decoded: &Decoded<'_>, sight: &Sight<'_>) -> Order {
        if flow.rung == Rung::Fetch {
            return Order::Next;
        }
        let cursor = match self.profile.usable_cursor() {
            protocol::Cursor::None => None,
            protocol::Cursor::Sequence => self.open_by_number(flow.attempt, decoded),
            protocol::Cursor::EventId => {
                sight.id.and_then(|id| Cursor::by_event_id(id, *flow.asked_with.clone()?))
            }
            protocol::Cursor::Offset => {
                flow.conversation.as_deref().map(|id| Cursor::by_offset(id, sight.end))
            }
        };
        flow.cursor = cursor.map(Box::new);
        Order::Next
    }

    /// Without a number for each event nobody knows which of them come twice.
    fn open_by_number(&mut self, attempt: AttemptId, decoded: &Decoded<'_>) -> Option<Cursor> {
        decoded.begin.as_ref().filter(|_| self.request.is_background())?;
        let (id, number) = (decoded.id.as_ref()?, decoded.sequence?);
        let cursor = Cursor::by_number(id, Some(number))?;
        self.record(journal::cursor(attempt, id));
        Some(cursor)
    }

    /// Keeps the generation of an attempt that is over, where the provider does.
    pub(crate) fn keep_generation(&mut self, live: Attempt) {
        if live.flow.cursor.is_some() {
            self.kept = Some(Box::new(live.flow));
        }
    }

    /// Says where the same generation goes on.
    pub(crate) fn rejoin(&mut self, attempt: AttemptId, rung: Rung, dropped: u64) {
        let offset = self.transcript.text.len() as u64;
        let label = SeamLabel::Exact;
        let seam = Seam { attempt, rung, offset, label, dropped, model: None, moved: None };
        self.record(journal::seam(&seam));
        self.summary.seams.push(seam.clone());
        self.queue.push_back(Output::Seam(seam));
    }

    /// Learns from a failed attempt what is still to be had of a response that the provider keeps;
    /// whether the next attempt begins at once because of it.
    pub(crate) fn learn_of_kept(&mut self, live: &mut Attempt, cause: &Cause) -> bool {
        match live.rung {
            Rung::Fetch => self.learn_from_fetch(cause),
            _ => self.learn_from_events(live, cause),
        }
    }

    /// Learns whether the endpoint that keeps the response can be reached. Where it cannot, and
    /// another one may answer in its place, nothing more is asked of it.
    pub(crate) fn learn_of_reach(&mut self, live: &mut Attempt, now: Nanos) {
        let is_unreached = live.rung.is_same_generation() && matches!(live.phase, Phase::Waiting);
        self.unreached = if is_unreached { self.unreached + 1 } else { 0 };
        if self.unreached < self.config.limits.futile_attempts || !self.has_other_place(now) {
            return;
        }
        let kept = self.kept.as_deref_mut();
        for flow in kept.into_iter().chain([&mut live.flow]) {
            flow.cursor.iter_mut().for_each(|cursor| cursor.way = Way::Gone);
        }
    }

    /// Whether the stream can go on elsewhere than where the response is kept.
    pub(crate) fn has_other_place(&self, now: Nanos) -> bool {
        let standing = Standing { kept: None, ..self.standing(now) };
        let has_several = self.config.policy.endpoints == Endpoints::Several;
        (has_several || self.next_upstream(now).is_some()) && ladder::choose(&standing).is_ok()
    }

    fn learn_from_events(&self, live: &mut Attempt, cause: &Cause) -> bool {
        let rung = live.rung;
        let Some(cursor) = &mut live.flow.cursor else { return false };
        let lost = match cause {
            // It is over, or it would have come further.
            Cause::Provider(_) if rung == Rung::Cursor && live.phase.is_streaming() => {
                if !cursor.has_moved() {
                    (cursor.way, cursor.is_doubtful) = (Way::Gone, true);
                }
                return false;
            }
            Cause::Provider(failure) if rung == Rung::Cursor => {
                // Who answers with something else may still give the whole.
                let is_other = failure.kind == FailureKind::NotEventStream;
                is_withheld(failure) || is_other && cursor.kind() == protocol::Cursor::Sequence
            }
            Cause::Gap => cursor.is_second_gap(),
            // Whoever begins again does not know where it was read to.
            Cause::Restarted => rung == Rung::Cursor,
            Cause::Malformed => rung == Rung::Cursor && !cursor.has_moved(),
            _ => false,
        };
        if lost {
            cursor.lose_events();
        }
        lost
    }

    fn learn_from_fetch(&mut self, cause: &Cause) -> bool {
        let polls_max = self.config.limits.fetches;
        let Some(cursor) = self.kept.as_deref_mut().and_then(|flow| flow.cursor.as_deref_mut())
        else {
            return false;
        };
        match cause {
            Cause::Unfinished | Cause::Malformed => {
                cursor.polls += 1;
                let is_last = cursor.polls >= polls_max;
                if is_last {
                    cursor.way = Way::Gone;
                    self.stop_kept();
                }
                is_last
            }
            // It is another one.
            Cause::Restarted => {
                cursor.way = Way::Gone;
                true
            }
            Cause::Provider(failure) => {
                let is_over = failure.status.is_none();
                let is_lost = is_withheld(failure);
                if is_over || is_lost {
                    cursor.way = Way::Gone;
                }
                is_lost && !is_over
            }
            _ => false,
        }
    }

    /// Tells the provider that nobody wants the response that it keeps any longer.
    pub(crate) fn stop_kept(&mut self) {
        let Some(flow) = &self.kept else { return };
        let Some(asking) = flow.cursor.as_deref().and_then(Cursor::ask_end) else { return };
        self.queue.push_back(Output::Cancel(Box::new(Request {
            attempt: flow.attempt,
            method: asking.method,
            path: asking.path,
            body: asking.body,
            key: asking.key,
            headers: asking.headers,
            connection: Connection::Any,
            rung: Rung::Cursor,
            is_hedge: false,
        })));
    }

    /// Writes off the response that the provider keeps, unless this rung goes on with it. Of one that
    /// ended with an error the provider may still generate: who sent the error is not known.
    pub(crate) fn leave_kept_unless(&mut self, rung: Rung) {
        if !rung.is_same_generation() {
            let is_doubtful = |flow: &Flow| flow.cursor.as_ref().is_some_and(|it| it.is_doubtful);
            if self.kept.as_deref().is_some_and(is_doubtful) {
                self.stop_kept();
            }
            self.write_off_kept();
        }
    }

    /// Enters what a response cost that is not gone on with.
    pub(crate) fn write_off_kept(&mut self) {
        let Some(flow) = self.kept.take() else { return };
        let spent = Spent {
            usage: self.billed(&flow),
            rung: flow.asked,
            brought: flow.text_bytes > 0,
            is_estimate: !flow.usage_final,
            model: flow.asked_model.clone(),
        };
        self.record(journal::usage(flow.attempt, &spent.usage));
        self.count_output(&spent);
        let cost = self.spend(&spent, flow.began);
        let attempts = &mut self.summary.attempts;
        if let Some(summary) = attempts.iter_mut().rfind(|attempt| attempt.attempt == flow.attempt)
        {
            (summary.usage, summary.estimated, summary.cost) =
                (spent.usage, spent.is_estimate, cost);
        }
    }
}

/// Whether the provider does not give what it keeps, or not to this key. Of a key that is no longer
/// valid nothing is learned.
fn is_withheld(failure: &Failure) -> bool {
    failure.verdict.class == Class::Invalid || failure.status == Some(403)
}
