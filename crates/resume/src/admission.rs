//! What the session and whoever admits its attempts say to each other. It knows no endpoint and
//! no queue; those are behind the driver.

use protocol::Profile;
use retry_policy::{Nanos, Verdict};
use std::fmt;
use std::sync::Arc;

use crate::config::Timeouts;
use crate::input::Input;
use crate::outcome::Cause;
use crate::output::Output;
use crate::seam::Rung;
use crate::session::Session;

/// Who says when an attempt begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// The session, after its own delay.
    #[default]
    Own,
    /// The driver: the session asks with [`Output::Admit`] and waits for [`Input::Admitted`] or
    /// [`Input::NotAdmitted`]. Waiting uses up the deadline and no attempt.
    Asked,
}

/// The wish to make an attempt. A second one gives back what was admitted and not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// How it would go on.
    pub rung: Rung,
    /// The session's own delay ends here, on the caller's clock.
    pub not_before: Nanos,
    /// Only this endpoint can go on: it keeps the response, or its model wrote the text and another
    /// one cannot take it up.
    pub only: Option<Arc<str>>,
    /// What that endpoint is asked in the place of the request's model: one URL may have several.
    pub model: Option<Arc<str>>,
    /// The upstream that it is for: 0 is the first, any other the
    /// [fallback](crate::Config::fallbacks) of this number.
    pub upstream: usize,
    /// A fallback can go on: the attempt need not wait for longer than this, nor for an upstream of
    /// which nothing answers. [`Input::NotAdmitted`] makes the stream move there.
    pub spare: Option<Nanos>,
}

/// Where an admitted attempt goes.
#[derive(Clone, Debug)]
pub struct Place {
    /// The name of the endpoint, for the journal: its base URL.
    pub endpoint: Arc<str>,
    /// Its wire and quirks. The wire is that of the request.
    pub profile: Profile,
    /// What is asked there in the place of the request's model; `None` leaves that.
    pub model: Option<Arc<str>>,
    /// The clocks of this attempt.
    pub timeouts: Timeouts,
    /// Without content for this long, a copy of the request is worth its price; `None` where that is
    /// not known yet.
    pub hedge_after: Option<Nanos>,
    /// Without a byte for this long a connection is [suspected](Output::Warm); `None` is half of the
    /// time after which it is dead, and at most 45 s before that.
    pub suspect_after: Option<Nanos>,
}

/// Why an attempt was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Too many wait already.
    QueueFull,
    /// An attempt cannot begin early enough before the deadline.
    DeadlineTooNear,
    /// No endpoint answers, and none is expected to before the deadline.
    UpstreamDown,
    /// It waited for as long as anybody may.
    TimedOut,
    /// There is no endpoint that it may go to.
    NoEndpoint,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueFull => "too many requests are waiting already",
            Self::DeadlineTooNear => "no attempt fits before the deadline",
            Self::UpstreamDown => "no endpoint answers",
            Self::TimedOut => "waited too long for an endpoint",
            Self::NoEndpoint => "no endpoint is left",
        })
    }
}

/// How an attempt ended, for whoever admitted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The response is whole.
    Complete,
    /// The endpoint failed.
    Failed(Verdict),
    /// It was given up for a reason that is not the endpoint's.
    Dropped,
    /// Another copy of the request had content before it.
    Outraced,
    /// The server did not act on it, and it is made again: it cost nothing.
    Unsent,
}

/// A sign of life in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// Bytes without content.
    Ping,
    /// Content.
    Content,
}

impl Session {
    /// The strongest sign of life since this was last asked.
    pub const fn take_sign(&mut self) -> Option<Sign> {
        self.sign.take()
    }

    pub(crate) fn hear(&mut self, sign: Sign) {
        self.sign = self.sign.max(Some(sign));
    }

    /// Decides the next attempt, if there is money for it; it begins at `at` or when it is
    /// admitted. Which model is asked, and so what it costs, is known by then.
    pub(crate) fn schedule(&mut self, rung: Rung, at: Nanos, now: Nanos) {
        self.clocks.stop();
        let affordable = match self.config.admission {
            Admission::Own => self.afford_attempt(now),
            Admission::Asked => self.afford_any(),
        };
        if let Err(cause) = affordable {
            return self.give_up(cause, now);
        }
        self.next = Some(rung);
        match self.config.admission {
            Admission::Own => self.clocks.retry = Some(at),
            Admission::Asked => {
                let ask = self.ask(rung, at, now);
                self.queue.push_back(Output::Admit(ask));
            }
        }
    }

    fn ask(&self, rung: Rung, not_before: Nanos, now: Nanos) -> Ask {
        let is_kept = rung.is_same_generation();
        let next = || self.next_upstream(now).map(|_| self.config.limits.fallback_wait);
        let (only, model) = match is_kept || self.bound.is_some() {
            true => (self.endpoint.clone(), self.model.clone()),
            false => (None, None),
        };
        let spare = if is_kept { None } else { next() };
        Ask { rung, not_before, only, model, upstream: self.upstream, spare }
    }

    /// Takes the answer to an [`Ask`]; without one it changes nothing.
    pub(crate) fn take_admission(&mut self, input: Input, now: Nanos) {
        if self.next.is_none() || self.clocks.retry.is_some() {
            return;
        }
        match input {
            Input::Admitted(place) => self.begin_at(place, now),
            Input::NotAdmitted(refusal)
                if self.next.is_some_and(Rung::is_same_generation)
                    && (refusal == Refusal::NoEndpoint || self.has_other_place(now)) =>
            {
                // Nobody can read the response at present; another one can be asked for.
                self.write_off_kept();
                self.next = None;
                self.plan_next(now, now);
            }
            Input::NotAdmitted(Refusal::NoEndpoint) if self.bound.is_some() => {
                let cause = self.bound.take().unwrap_or(Cause::NotContinuable);
                self.give_up(cause, now);
            }
            Input::NotAdmitted(refusal) => {
                let last = self.last.take().map(Box::new);
                let cause = Cause::NotAdmitted { refusal, last };
                match self.next_upstream(now) {
                    Some(upstream) => {
                        self.next = None;
                        self.move_to(upstream, cause, now);
                    }
                    None => self.give_up(cause, now),
                }
            }
            _ => {}
        }
    }

    /// Another endpoint may have other ways to go on.
    fn begin_at(&mut self, place: Place, now: Nanos) {
        debug_assert_eq!(place.profile.wire, self.request.wire(), "endpoints share a wire");
        self.profile = place.profile;
        self.timeouts = place.timeouts;
        self.hedge_after = place.hedge_after;
        self.suspect_after = place.suspect_after;
        self.endpoint = Some(place.endpoint);
        if let Err(cause) = self.ask_model(place.model).and_then(|()| self.afford_attempt(now)) {
            return self.give_up(cause, now);
        }
        match self.choose(now) {
            Ok(rung) => {
                self.leave_kept_unless(rung);
                self.next = Some(rung);
                self.clocks.retry = Some(now);
            }
            Err(cause) => self.bind(cause, now),
        }
    }

    /// Asks for the endpoint whose model wrote the text, where the one that was admitted cannot go on
    /// with it; once.
    fn bind(&mut self, cause: Cause, now: Nanos) {
        let writer = self.author.last().filter(|writer| writer.upstream == Some(self.upstream));
        let Some(source) = writer.map(|writer| writer.source.clone()) else {
            return self.give_up(cause, now);
        };
        if self.bound.is_some() {
            return self.give_up(cause, now);
        }
        self.endpoint = source.endpoint;
        match self.ask_model(source.model).and_then(|()| self.choose(now)) {
            Ok(rung) => {
                self.bound = Some(cause);
                self.schedule(rung, now, now);
            }
            Err(_) => self.give_up(cause, now),
        }
    }
}
