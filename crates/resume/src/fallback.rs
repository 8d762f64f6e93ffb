//! Where a response goes on when its upstream fails for good: another provider or another model,
//! which the caller declared. What of the failures is the upstream's own is decided here, and what
//! must not follow the stream there.

use protocol::{Profile, RequestBody};
use retry_policy::{Endpoints, GiveUp, IdempotencyKey, Nanos};
use std::sync::Arc;

use crate::input::Break;
use crate::ladder::{self, Learned, Standing};
use crate::outcome::Cause;
use crate::session::Session;
use crate::source::{Source, Writer};

/// An upstream that is used when those before it failed for good. It speaks the wire of the first.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// The name of its endpoint, as in [`Place`](crate::Place).
    pub endpoint: Arc<str>,
    /// Its quirks.
    pub profile: Profile,
    /// What is asked there in the place of the request's model; `None` leaves that.
    pub model: Option<Arc<str>>,
}

impl Session {
    /// The model that is asked at present, as the request to it says.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.request.model()
    }

    /// Where it goes: 0 is the first upstream, any other the [fallback](crate::Config::fallbacks) of
    /// this number.
    #[must_use]
    pub const fn upstream(&self) -> usize {
        self.upstream
    }

    /// Where the last attempt went, when a driver chose among endpoints.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The next upstream at which the response can go on.
    pub(crate) fn next_upstream(&self, now: Nanos) -> Option<usize> {
        let first = self.upstream + 1;
        let mut rest = first..=self.config.fallbacks.len();
        rest.find(|upstream| self.can_go_on_at(&self.config.fallbacks[upstream - 1], now))
    }

    fn can_go_on_at(&self, fallback: &Fallback, now: Nanos) -> bool {
        let name = self.name_of(fallback.model.as_ref());
        let standing = Standing {
            kept: None,
            profile: &fallback.profile,
            is_foreign: self.author.is_foreign_to(name.as_deref()),
            ..self.standing(now)
        };
        !self.request.needs_its_provider() && ladder::choose(&standing).is_ok()
    }

    /// Goes on where a response was left, as far as that is still declared.
    pub(crate) fn take_up(&mut self, left_at: Option<Writer>, origin: &str) -> Result<(), Cause> {
        let Some(writer) = left_at else { return Ok(()) };
        let upstream = self.upstream_of(&writer, origin);
        self.author.is_at(upstream);
        self.endpoint = writer.source.endpoint;
        self.settle_at(upstream.unwrap_or(0))?;
        match upstream {
            Some(0) => self.ask_model(writer.source.model),
            _ => Ok(()),
        }
    }

    /// The number of an upstream here. A fallback is found by what it is, also where it has another
    /// number than it had. Where no number was written down, it may be the first.
    fn upstream_of(&self, writer: &Writer, origin: &str) -> Option<usize> {
        let Source { endpoint, model } = &writer.source;
        let is_it = |fallback: &Fallback| {
            endpoint.as_ref() == Some(&fallback.endpoint)
                && self.name_of(fallback.model.as_ref()) == *model
        };
        let is_first = || {
            endpoint.as_deref().is_none_or(|endpoint| endpoint == origin)
                && self.name_of(None) == *model
        };
        let fallbacks = &self.config.fallbacks;
        match writer.upstream {
            Some(0) => Some(0),
            None if is_first() => Some(0),
            Some(number) if fallbacks.get(number - 1).is_some_and(is_it) => Some(number),
            _ => fallbacks.iter().position(is_it).map(|at| at + 1),
        }
    }

    /// Leaves the upstream for another one, which begins with a clean slate.
    /// `cause` is why.
    pub(crate) fn move_to(&mut self, upstream: usize, cause: Cause, now: Nanos) {
        if self.left.is_none() || self.has_answered() {
            self.left = Some(cause);
        }
        self.stop_kept();
        self.write_off_kept();
        self.call.on_other_upstream();
        (self.futile, self.unreached) = (0, 0);
        (self.unprocessed, self.unknown_names) = (0, 0);
        self.bound = None;
        match self.settle_at(upstream) {
            Ok(()) => self.plan_next(now, now),
            Err(cause) => self.give_up(cause, now),
        }
    }

    /// Why the stream ends, in the words that help most: those of the upstream that wrote last, or of the
    /// first where none has.
    pub(crate) fn most_useful(&mut self, cause: Cause) -> Cause {
        match self.left.take() {
            Some(left) if is_of_an_attempt(&cause) && !self.has_answered() => left,
            _ => cause,
        }
    }

    /// Whether the end of what was shown is from the upstream that is asked.
    fn has_answered(&self) -> bool {
        self.author.last().is_some_and(|writer| writer.upstream == Some(self.upstream))
    }

    /// Takes an upstream for that of the stream.
    pub(crate) fn settle_at(&mut self, upstream: usize) -> Result<(), Cause> {
        self.upstream = upstream;
        let Some(at) = upstream.checked_sub(1) else { return Ok(()) };
        let Fallback { endpoint, profile, model } = self.config.fallbacks[at].clone();
        self.endpoint = Some(endpoint);
        self.profile = profile;
        Arc::make_mut(&mut self.config).policy.endpoints = Endpoints::One;
        self.learned = self.learned_of(self.model.as_ref());
        self.ask_model(model)
    }

    /// Asks this model from now on; `None` is the caller's own.
    pub(crate) fn ask_model(&mut self, model: Option<Arc<str>>) -> Result<(), Cause> {
        let own = self.caller().model();
        let model = model.filter(|model| own != Some(&**model));
        if model == self.model {
            return Ok(());
        }
        let caller = self.caller().clone();
        self.request = match &model {
            None => caller.clone(),
            // The driver was to see that the wire can carry the name.
            Some(model) => caller.with_model(model).map_err(|_| Cause::NotContinuable)?,
        };
        self.caller.get_or_insert_with(|| Box::new(caller));
        self.learned = self.learned_of(model.as_ref());
        self.model = model;
        Ok(())
    }

    /// What is known before the first attempt; of the caller's own model only.
    fn learned_of(&self, model: Option<&Arc<str>>) -> Learned {
        let prefill_refused = self.config.prefill_refused && model.is_none();
        Learned { prefill_refused, ..Learned::default() }
    }

    /// The request as the caller wrote it.
    fn caller(&self) -> &RequestBody {
        self.caller.as_deref().unwrap_or(&self.request)
    }

    /// The name of a model that is asked in the place of the caller's, or of that.
    pub(crate) fn name_of(&self, model: Option<&Arc<str>>) -> Option<Arc<str>> {
        model.cloned().or_else(|| self.caller().model().map(Arc::from))
    }

    /// Who is asked at present.
    pub(crate) fn source(&self) -> Source {
        Source { endpoint: self.endpoint.clone(), model: self.name_of(self.model.as_ref()) }
    }

    /// What names the request to the model that is asked: each has a request of its own.
    pub(crate) fn operation_key(&self) -> IdempotencyKey {
        match &self.model {
            None => self.key,
            Some(model) => self.key.derive(hash(model.as_bytes())),
        }
    }
}

/// Whether the failure is the upstream's own, so that another may answer.
pub(crate) fn is_of_the_upstream(cause: &Cause) -> bool {
    match cause {
        Cause::Provider(failure) => failure.is_of_the_provider(),
        Cause::Broke(cause) => {
            matches!(cause, Break::Certificate | Break::UnknownName | Break::ProxyRefused)
        }
        Cause::GaveUp { reason, .. } => {
            !matches!(reason, GiveUp::MaybeProcessed | GiveUp::BudgetDenied)
        }
        Cause::NoProgress => true,
        _ => false,
    }
}

/// Whether the stream ends because an attempt failed, or could not be made.
const fn is_of_an_attempt(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Provider(_)
            | Cause::Broke(_)
            | Cause::GaveUp { .. }
            | Cause::NotAdmitted { .. }
            | Cause::NoProgress
    )
}

/// FNV-1a: the same in every version and on every machine.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
