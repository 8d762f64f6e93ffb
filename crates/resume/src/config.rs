//! What the caller may set. Plain data with documented defaults.

use cost::Money;
use protocol::Profile;
use retry_policy::{Nanos, Policy};

use crate::admission::Admission;
use crate::deliver::BrokenCalls;
use crate::fallback::Fallback;
use crate::go_on::GoOn;
use crate::hedge::Hedging;
use crate::instruction::Instruction;
use crate::spending::{PricedModel, Pricing};

/// Settings of one session.
#[derive(Clone, Debug)]
pub struct Config {
    /// The provider's wire and quirks.
    pub profile: Profile,
    /// The model is known to refuse prefill, whatever the profile says (learned earlier).
    pub prefill_refused: bool,
    /// When to try again, how often, and until when.
    pub policy: Policy,
    /// Who says when an attempt begins.
    pub admission: Admission,
    /// Clocks of one attempt.
    pub timeouts: Timeouts,
    /// How fast a response must come.
    pub pace: Pace,
    /// Bounds on memory and on futile attempts.
    pub limits: Limits,
    /// What to do with a seam that nothing verifies.
    pub seams: SeamPolicy,
    /// Which ways to go on are taken.
    pub ways: Ways,
    /// What a model is told that takes no prefill.
    pub instruction: Instruction,
    /// When the consumer gets a tool call.
    pub tools: Tools,
    /// What becomes of a response that broke behind whole calls which were shown.
    pub broken_calls: BrokenCalls,
    /// Behind which ends of an answer the response goes on.
    pub go_on: GoOn,
    /// Whether a request that is slow to begin is sent to another endpoint as well. Default: no.
    pub hedging: Option<Hedging>,
    /// The provider goes on with a response while no connection reads it, and keeps it for a
    /// while, where the wire can say so (OpenAI Responses). A break then costs no new generation;
    /// it changes what the provider retains. Default: no.
    pub background: bool,
    /// When the consumer gets an event whose record is not durable yet.
    pub deliver: Deliver,
    /// What a failing store does to the stream.
    pub on_store_failure: OnStoreFailure,
    /// Where the response goes on when its upstream fails for good, the first one first. Default:
    /// nowhere.
    pub fallbacks: Vec<Fallback>,
    /// What the model costs; without it nothing has a price.
    pub pricing: Option<Pricing>,
    /// What the models cost that are asked in its place.
    pub priced_models: Vec<PricedModel>,
    /// The most that the response may cost, over all attempts and processes. Asked before each
    /// attempt and during the stream; what is on its way then is paid for in addition. Default:
    /// no limit.
    pub budget: Option<Money>,
}

impl Config {
    /// The defaults for one provider.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            prefill_refused: false,
            policy: Policy::default(),
            admission: Admission::default(),
            timeouts: Timeouts::default(),
            pace: Pace::default(),
            limits: Limits::default(),
            seams: SeamPolicy::default(),
            ways: Ways::default(),
            instruction: Instruction::default(),
            tools: Tools::default(),
            broken_calls: BrokenCalls::default(),
            go_on: GoOn::default(),
            hedging: None,
            background: false,
            deliver: Deliver::default(),
            on_store_failure: OnStoreFailure::default(),
            fallbacks: Vec::new(),
            pricing: None,
            priced_models: Vec::new(),
            budget: None,
        }
    }
}

/// Clocks of one attempt, each exact when given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the request to connect until the connection stands. Default 10 s.
    pub connect: Nanos,
    /// From the connection until the first content. Default 120 s; pings do not count.
    pub first_token: Nanos,
    /// Without content after the first. Default 180 s; doubled inside tool and thinking
    /// blocks, where providers pause for a reason.
    pub idle: Nanos,
    /// Without any byte after the response began, heartbeats included. Default 60 s.
    pub bytes: Nanos,
    /// Between the stop reason and the wire's last event. Default 5 s; after it the response
    /// is complete without that event.
    pub sentinel: Nanos,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Nanos::from_secs(10),
            first_token: Nanos::from_secs(120),
            idle: Nanos::from_secs(180),
            bytes: Nanos::from_secs(60),
            sentinel: Nanos::from_secs(5),
        }
    }
}

/// How fast a response must come, beside never falling silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The least content, in bytes per second over the window. Default 0: any will do.
    pub bytes_per_second: u32,
    /// How long nothing may come that was on time until then; content in between buys time at
    /// the rate above, up to this. Default 30 s; doubled inside tool and thinking blocks.
    pub window: Nanos,
    /// From the first bytes of an event, or those after a pause, to its end. Default 120 s.
    pub event: Nanos,
}

impl Default for Pace {
    fn default() -> Self {
        Self { bytes_per_second: 0, window: Nanos::from_secs(30), event: Nanos::from_secs(120) }
    }
}

/// Bounds of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one event, and of one line or message where the profile's framing has them. Default
    /// 16 MiB.
    pub event_bytes: usize,
    /// Bytes of events held back (tool calls, an undecided seam). Default 8 MiB.
    pub held_bytes: usize,
    /// Bytes of text of the whole response; on the Responses wire also bytes of items and of
    /// thinking that are kept for a continuation. Default 64 MiB.
    pub text_bytes: usize,
    /// Bytes of an error body that are read. Default 64 KiB.
    pub error_body_bytes: usize,
    /// Continuations in a row that the provider accepted and that brought no new byte. After so
    /// many that did not reach the endpoint which keeps the response, another one goes on.
    /// Default 3.
    pub futile_attempts: u32,
    /// Attempts in a row that the server provably did not act on and that are made again at
    /// once, without being counted; more of them are ordinary failures. Default 3.
    pub unprocessed_attempts: u32,
    /// Fetches of a response that the provider keeps and has not finished, after its events are
    /// not kept any longer. Default 8, each after the delay of the policy.
    pub fetches: u32,
    /// Attempts in a row at a name that does not exist before that is final. Default 3.
    pub unknown_name_attempts: u32,
    /// The longest wait for an upstream, by its own wish or by the policy, where a fallback can go
    /// on. Default 10 s.
    pub fallback_wait: Nanos,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            event_bytes: 16 << 20,
            held_bytes: 8 << 20,
            text_bytes: 64 << 20,
            error_body_bytes: 64 << 10,
            futile_attempts: 3,
            unprocessed_attempts: 3,
            fetches: 8,
            unknown_name_attempts: 3,
            fallback_wait: Nanos::from_secs(10),
        }
    }
}

/// Which ways to go on are taken once something was shown. Asking again for a response of which
/// nothing was shown is always one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ways {
    /// Every one, that with the best guarantee first.
    #[default]
    Any,
    /// As `Any`, except that where the same request gives the same answer it is not made again if an
    /// instruction costs less. A prefill never costs more than an instruction.
    Cheapest,
    /// Only those whose joint the wire guarantees: a response that the provider keeps, a prefill, a
    /// replay of all that was shown. No instruction.
    ExactOnly,
    /// Only those that go on with the same generation: a response that the provider keeps, and a
    /// replay where the same request gives the same answer.
    NoNewSample,
}

/// When the consumer gets a tool call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tools {
    /// When the model has stopped: a break before that discards the call and goes on behind the
    /// text, so that half a call is never shown.
    #[default]
    Held,
    /// As it comes. A break behind its beginning is an honest incomplete, unless the provider keeps
    /// the response.
    Streamed,
}

/// What to do with a seam labelled [`SeamLabel::None`](crate::SeamLabel::None).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeamPolicy {
    /// Go on; the label says so.
    #[default]
    AcceptUnverified,
    /// Stop honestly before the first byte after the seam.
    RefuseUnverified,
}

/// When the consumer gets an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deliver {
    /// When its record is durable: after any crash the store knows all that was shown.
    #[default]
    Durable,
    /// At once. After a crash the consumer may be ahead of the store.
    Immediate,
}

/// What a failing store does to the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStoreFailure {
    /// The stream stops with what is durable.
    #[default]
    Stop,
    /// The stream goes on and its state says that it is no longer durable.
    GoOn,
}
