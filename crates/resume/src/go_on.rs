//! Ends that the provider means and behind which the caller wants more.
//!
//! An answer that stops at its limit of output tokens is whole for the provider, and its end is not
//! told: the response goes on behind its text as behind a cut, by the ladder. A turn that the provider
//! paused is sent back as it came, and what follows belongs to the same turn. What the provider still
//! says of such an answer, such as its token counts, is read first. Where nothing follows after all,
//! the end is told late (`deliver/late.rs`).

use bytes::Bytes;
use protocol::{Decoded, Rewrite, StopReason, TurnContent, Wire};
use retry_policy::{Budget, Nanos, Unlimited};
use std::sync::Arc;

use crate::admission::Fate;
use crate::attempt::{Attempt, Flow, Hold};
use crate::deliver::Words;
use crate::held::Event;
use crate::journal;
use crate::ladder::{self, Standing};
use crate::outcome::Cause;
use crate::seam::Rung;
use crate::session::Session;
use crate::transcript::{Note, Tool, Turn};

/// Behind which ends of an answer the response goes on. By default behind none: each of them is the
/// provider's own end, and every answer more is paid for. Where more is wanted and nothing comes, because
/// no attempt is accepted or none can be made, the end is told late, as it was
/// ([`Summary::not_gone_on`](crate::Summary::not_gone_on)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoOn {
    /// Behind an answer that stopped at its limit of output tokens: by the ladder and by the ways
    /// that the caller wants, as behind a cut, with the caller's own limit for each answer more.
    /// Where no such way goes on, or the answer brought no text, its end is told. A replay is no
    /// way: it would stop at the same place.
    pub after_length: bool,
    /// Behind a turn that the provider paused, as Anthropic does with tools that it runs itself for
    /// long: the turn is sent back with its content blocks as they came, and the blocks that follow are
    /// those of one message. A turn in which the application is called, or that a break divided, is
    /// told as paused.
    pub after_pause: bool,
    /// How often at most one response goes on so, over all its processes. Default 3.
    pub times: u32,
}

impl Default for GoOn {
    fn default() -> Self {
        Self { after_length: false, after_pause: false, times: 3 }
    }
}

impl GoOn {
    const fn wants(&self, reason: StopReason) -> bool {
        match reason {
            StopReason::MaxTokens => self.after_length,
            StopReason::PauseTurn => self.after_pause,
            _ => false,
        }
    }
}

impl Flow {
    /// Gathers the content of an event, where a pause may need it. What is larger than the limit is
    /// not sent back.
    pub(crate) fn gather(&mut self, decoded: &Decoded<'_>, data: &[u8], bytes_max: usize) {
        let Some(turn) = &mut self.turn else { return };
        if decoded.open.is_some() || decoded.delta.is_some() || decoded.close.is_some() {
            turn.take(data);
            self.turn.take_if(|turn| turn.bytes() > bytes_max);
        }
    }
}

impl Session {
    /// Whether more is wanted behind the end that this event says.
    pub(crate) fn wants_more(&self, flow: &Flow, note: &Note) -> bool {
        let GoOn { times, .. } = self.config.go_on;
        note.stop.is_some_and(|reason| self.config.go_on.wants(reason))
            && self.transcript.went_on.len() < times as usize
            && (note.stop == Some(StopReason::PauseTurn) || !matches!(flow.hold, Hold::Tools))
            && (note.tool == Tool::None && !note.also_other)
    }

    /// Takes the end of an answer behind which more is wanted: not told when the response goes on.
    pub(crate) fn take_stop(
        &mut self,
        flow: &mut Flow,
        mut event: Event,
        words: Words<'_>,
        now: Nanos,
    ) -> Result<(), Cause> {
        let stop = event.note.stop;
        if stop == Some(StopReason::PauseTurn) {
            return self.take_pause(flow, event);
        }
        if words.len() > 0 {
            // Its text is told in any case, and the end perhaps.
            let said = self.changed(&event, &Rewrite { drop_stop: true, ..Rewrite::default() })?;
            event = self.changed(&event, &Rewrite { text: Some(""), ..Rewrite::default() })?;
            event.note.stop = stop;
            self.route(flow, said, words)?;
        }
        self.decide_seam(flow)?;
        match stop.filter(|_| self.can_go_on(flow, now)) {
            Some(reason) => {
                self.note_more(flow, event, reason, None);
                Ok(())
            }
            None => self.route(flow, event, Words::None),
        }
    }

    /// Takes the end of a turn that is paused.
    fn take_pause(&mut self, flow: &mut Flow, event: Event) -> Result<(), Cause> {
        let blocks = flow.turn.as_ref().and_then(|turn| turn.blocks());
        let Some(blocks) = blocks.filter(|_| flow.stopped_at.is_none()) else {
            return self.route(flow, event, Words::None);
        };
        let before = self.transcript.turn.as_ref();
        let turn = Turn {
            blocks: match before {
                Some(before) => format!("{},{blocks}", before.blocks).into(),
                None => blocks.into(),
            },
            container: protocol::container_of(&event.data)
                .map(Arc::from)
                .or_else(|| before?.container.clone()),
        };
        self.release(flow)?;
        self.note_more(flow, event, StopReason::PauseTurn, Some(turn));
        Ok(())
    }

    /// `event` is the end, which is not told.
    fn note_more(&mut self, flow: &mut Flow, event: Event, reason: StopReason, turn: Option<Turn>) {
        let unsaid = self.unsaid(flow, event);
        flow.goes_on = Some(reason);
        for record in journal::go_on(reason, turn.as_ref()) {
            self.record(record);
        }
        self.transcript.go_on(reason, turn);
        self.transcript.unsaid.extend(unsaid);
    }

    /// What gathers the content of an answer that may be paused, from its first event on.
    pub(crate) fn gather(&self, rung: Rung) -> Option<Box<TurnContent>> {
        let is_first = rung == Rung::Retry && !self.transcript.begun;
        let is_wanted = self.config.go_on.after_pause
            && self.request.wire() == Wire::AnthropicMessages
            && (is_first || rung == Rung::Turn);
        is_wanted.then(Box::default)
    }

    fn changed(&self, event: &Event, edits: &Rewrite<'_>) -> Result<Event, Cause> {
        let data = Bytes::from(protocol::rewrite(&event.data, &event.spans, edits));
        let decoded = protocol::decode(self.request.wire(), &event.name, &data);
        let decoded = decoded.map_err(|_| Cause::Malformed)?;
        let (note, spans) = (Note::of(&decoded), decoded.spans.clone());
        drop(decoded);
        Ok(Event { note, name: event.name.clone(), data, spans })
    }

    /// Whether there is a way to go on with an answer that brought something.
    fn can_go_on(&self, flow: &Flow, now: Nanos) -> bool {
        let standing = Standing { kept: None, has_gone_on: true, ..self.standing(now) };
        matches!(flow.hold, Hold::Nothing)
            && flow.stopped_at.is_none()
            && flow.text_bytes > 0
            && matches!(ladder::choose(&standing), Ok(Rung::Prefill | Rung::Instruct))
    }

    /// Closes the books of an answer behind which the response goes on.
    pub(crate) fn go_on(&mut self, live: &Attempt, now: Nanos) {
        self.record_unsaid(live);
        self.account(live, Fate::Complete, None, now);
        self.kept = None;
        self.futile = 0;
        self.call.on_success(&Unlimited as &dyn Budget, now);
        self.plan_next(now, now);
    }
}
