//! After a failed attempt: whether, when and how to go on.
//!
//! The policy decides whether and when, the ladder decides how. What is decided here is only
//! what neither can know: that a refused prefill is no failure, that a request which came to
//! nothing is sent again at once, that a name which does not exist will not appear, and that
//! attempts which bring nothing are futile.

use protocol::FailureKind;
use retry_policy::{Class, Decision, GiveUp, Nanos, Repeat, Sent, Unlimited, Verdict};

use crate::admission::Fate;
use crate::attempt::{Attempt, Phase};
use crate::config::Ways;
use crate::cursor::Cursor;
use crate::fallback;
use crate::input::Break;
use crate::ladder::{self, Standing};
use crate::outcome::Cause;
use crate::output::{Output, State};
use crate::seam::Rung;
use crate::session::Session;

impl Session {
    /// Ends an attempt that brought no whole response, and decides what comes next.
    pub(crate) fn fail(&mut self, mut live: Box<Attempt>, cause: Cause, now: Nanos) {
        if self.transcript.stop.is_some() || live.flow.goes_on.is_some() {
            // Whatever fails after the stop reason, the response is whole.
            self.miss_last_event();
            return self.finish(&live, now);
        }
        let verdict = verdict(&live, &cause);
        let unprocessed = self.is_unprocessed(&cause);
        // Nothing is known against the endpoint then.
        let fate = if unprocessed { Fate::Dropped } else { fate(verdict, &cause) };
        self.account(&live, fate, Some(cause.clone()), now);
        self.last = Some(cause.clone());
        self.queue.push_back(Output::State(State::Disconnected {
            attempt: live.id,
            cause: cause.clone(),
        }));
        if self.fall_back_on_hedge(&live, &cause, now) {
            return;
        }
        let next = if unprocessed {
            self.unprocessed += 1;
            self.call.on_unprocessed();
            Ok(now)
        } else {
            self.judge(&mut live, cause.clone(), &verdict, now)
        };
        self.keep_generation(*live);
        match (self.way_elsewhere(&next, now), next) {
            (Some(upstream), next) => self.move_to(upstream, next.err().unwrap_or(cause), now),
            (None, Ok(at)) => self.plan_next(at, now),
            (None, Err(cause)) => self.give_up(cause, now),
        }
    }

    /// The upstream that goes on in the place of this one: there is no other attempt here, or a
    /// long time to wait for it.
    fn way_elsewhere(&self, next: &Result<Nanos, Cause>, now: Nanos) -> Option<usize> {
        let is_over = match next {
            // What is kept there is worth waiting for.
            Ok(at) => {
                let wait = at.saturating_sub(now);
                wait > self.config.limits.fallback_wait && self.kept().is_none()
            }
            // What one fallback cannot take, the next may: each is another model or another account.
            Err(Cause::Provider(_)) if self.upstream > 0 => true,
            Err(cause) => fallback::is_of_the_upstream(cause),
        };
        if is_over { self.next_upstream(now) } else { None }
    }

    /// When the next attempt begins; why there is none.
    fn judge(
        &mut self,
        live: &mut Attempt,
        cause: Cause,
        verdict: &Verdict,
        now: Nanos,
    ) -> Result<Nanos, Cause> {
        if matches!(
            cause,
            Cause::TooLarge
                | Cause::Contradicted
                | Cause::SeamUnverified
                | Cause::OverBudget
                | Cause::Unpriced
                | Cause::Broke(Break::Certificate | Break::ProxyRefused)
        ) || self.is_nowhere(&cause)
        {
            return Err(cause);
        }
        if self.is_prefill_refusal(live, &cause) {
            self.learned.prefill_refused = true;
            return Ok(now);
        }
        if self.learn_of_kept(live, &cause) {
            return Ok(now);
        }
        self.learn_of_reach(live, now);
        self.learned.replay_diverged |= cause == Cause::Diverged;
        let doubtful = cause == Cause::Restarted && !live.flow.id_repeated;
        self.learned.doubtful_restarts =
            self.learned.doubtful_restarts.saturating_add(doubtful.into());
        let has_moved = live.flow.cursor.as_deref().is_some_and(Cursor::has_moved);
        self.futile = match live.brought() {
            0 if has_moved => 0,
            0 if is_cut(&cause) && matches!(live.phase, Phase::Streaming) => self.futile + 1,
            0 => self.futile,
            _ => 0,
        };
        if self.transcript.shown && self.futile >= self.config.limits.futile_attempts {
            if !live.flow.loses_events() {
                return Err(Cause::NoProgress);
            }
            self.futile = 0;
        }
        match self.call.on_failure(&self.config.policy, verdict, &Unlimited, now) {
            Decision::RetryAt { at, .. } | Decision::Resume { at, .. } => Ok(at),
            Decision::FailOver { not_before, .. } => Ok(not_before),
            Decision::GiveUp(GiveUp::Terminal(_)) => Err(cause),
            Decision::GiveUp(reason) => Err(Cause::GaveUp { reason, last: Box::new(cause) }),
        }
    }

    pub(crate) fn plan_next(&mut self, at: Nanos, now: Nanos) {
        match self.choose(now) {
            Ok(rung) => {
                self.leave_kept_unless(rung);
                let wait = at.saturating_sub(now);
                self.queue.push_back(Output::State(State::Reconnecting { rung, at, wait }));
                self.schedule(rung, at, now);
            }
            Err(cause) => self.give_up(cause, now),
        }
    }

    /// Whether the request came to nothing and goes out again at once. Of one that the server did
    /// not act on this is sure; of one that died with a kept connection it is likely, once.
    fn is_unprocessed(&self, cause: &Cause) -> bool {
        let limit = self.config.limits.unprocessed_attempts;
        let repeatable = self.config.policy.repeat == Repeat::Always || self.transcript.shown;
        match cause {
            Cause::Broke(Break::NotSent) => self.unprocessed < limit,
            Cause::Broke(Break::Stale) => self.unprocessed < limit.min(1) && repeatable,
            _ => false,
        }
    }

    pub(crate) fn choose(&self, now: Nanos) -> Result<Rung, Cause> {
        ladder::choose(&self.standing(now))
    }

    pub(crate) fn standing(&self, now: Nanos) -> Standing<'_> {
        let ways = self.config.ways;
        let is_asked = ways == Ways::Cheapest && self.profile.deterministic;
        Standing {
            transcript: &self.transcript,
            request: &self.request,
            profile: &self.profile,
            learned: self.learned,
            is_foreign: self.author.is_foreign_to(self.request.model()),
            kept: self.kept(),
            ways,
            has_gone_on: !self.transcript.went_on.is_empty(),
            instruction: &self.config.instruction,
            instruct_above: if is_asked { self.instruction_pays_above(now) } else { None },
        }
    }

    /// Whether the name has been asked for often enough to know that it does not exist.
    fn is_nowhere(&mut self, cause: &Cause) -> bool {
        let is_unknown = *cause == Cause::Broke(Break::UnknownName);
        self.unknown_names = if is_unknown { self.unknown_names + 1 } else { 0 };
        is_unknown && self.unknown_names >= self.config.limits.unknown_name_attempts
    }

    fn is_prefill_refusal(&self, live: &Attempt, cause: &Cause) -> bool {
        let refused =
            cause.failure().is_some_and(|failure| failure.kind == FailureKind::PrefillRefused);
        refused && live.rung == Rung::Prefill && !self.learned.prefill_refused
    }
}

/// Whether the answer broke off, as opposed to being refused or not beginning.
const fn is_cut(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Broke(_)
            | Cause::Truncated
            | Cause::Malformed
            | Cause::BadFrame(_)
            | Cause::Gap
            | Cause::Restarted
            | Cause::Diverged
    )
}

/// What the failure of an attempt says about its endpoint.
pub(crate) fn fate_of(attempt: &Attempt, cause: &Cause) -> Fate {
    fate(verdict(attempt, cause), cause)
}

/// What the failure says about the endpoint.
const fn fate(verdict: Verdict, cause: &Cause) -> Fate {
    match cause {
        // Limits and wishes of ours, and a model that words it differently each time.
        Cause::TooLarge
        | Cause::SeamUnverified
        | Cause::Diverged
        | Cause::Unfinished
        | Cause::OverBudget
        | Cause::Unpriced => Fate::Dropped,
        _ => Fate::Failed(verdict),
    }
}

fn verdict(live: &Attempt, cause: &Cause) -> Verdict {
    let sent = match &live.phase {
        Phase::Waiting => Sent::MaybeProcessed,
        _ => Sent::Streaming { delivered: live.brought() },
    };
    let class = match cause {
        Cause::Provider(failure) => {
            let sent =
                if matches!(live.phase, Phase::Document(_)) { failure.verdict.sent } else { sent };
            return Verdict { sent, ..failure.verdict };
        }
        Cause::Broke(Break::NotSent) => return Verdict::new(Class::Transient, Sent::NotSent),
        Cause::Broke(
            Break::Refused
            | Break::Unresolved
            | Break::UnknownName
            | Break::Unreachable
            | Break::Handshake
            | Break::Certificate
            | Break::ProxyRefused
            | Break::ProxyFailed,
        )
        | Cause::ConnectTimeout => return Verdict::new(Class::Connect, Sent::NotSent),
        Cause::Broke(Break::Calm) => Class::Throttle,
        Cause::FirstTokenTimeout
        | Cause::IdleTimeout
        | Cause::ByteTimeout
        | Cause::PaceTimeout
        | Cause::EventTimeout => Class::Timeout,
        Cause::Malformed
        | Cause::BadFrame(_)
        | Cause::Gap
        | Cause::Restarted
        | Cause::Diverged
        | Cause::Contradicted => Class::Protocol,
        _ => Class::Transient,
    };
    Verdict::new(class, sent)
}
