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

/// The wish to make an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// How it would go on.
    pub rung: Rung,
    /// The session's own delay ends here, on the caller's clock.
    pub not_before: Nanos,
    /// Only this endpoint has what is asked for: a response that the provider keeps.
    pub only: Option<Arc<str>>,
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
    /// admitted.
    pub(crate) fn schedule(&mut self, rung: Rung, at: Nanos, now: Nanos) {
        self.clocks.stop();
        if let Err(cause) = self.afford_attempt(now) {
            return self.give_up(cause, now);
        }
        self.next = Some(rung);
        match self.config.admission {
            Admission::Own => self.clocks.retry = Some(at),
            Admission::Asked => {
                let only = self.endpoint.clone().filter(|_| rung.is_same_generation());
                let next = || self.next_upstream(now).map(|_| self.config.limits.fallback_wait);
                let spare = if only.is_none() { next() } else { None };
                let (not_before, upstream) = (at, self.upstream);
                self.queue.push_back(Output::Admit(Ask {
                    rung,
                    not_before,
                    only,
                    upstream,
                    spare,
                }));
            }
        }
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
            Input::NotAdmitted(refusal) => {
                if let Some(upstream) = self.next_upstream(now) {
                    self.next = None;
                    return self.move_to(upstream, now);
                }
                let last = self.last.take().map(Box::new);
                self.give_up(Cause::NotAdmitted { refusal, last }, now);
            }
            _ => {}
        }
    }

    /// Another endpoint may have other ways to go on.
    fn begin_at(&mut self, place: Place, now: Nanos) {
        debug_assert_eq!(place.profile.wire, self.request.wire(), "endpoints share a wire");
        self.config.profile = place.profile;
        self.config.timeouts = place.timeouts;
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
            Err(cause) => self.give_up(cause, now),
        }
    }
}
