//! One sequence of events, drawn from a seed: who asks, who answers, how, and what goes wrong.

use bytes::Bytes;
use protocol::{Prefill, Profile, RequestBody, Wire};
use resume::{Config, Limits, OnStoreFailure, Timeouts};
use retry_policy::{Backoff, Nanos, Policy};

use crate::caller::Caller;
use crate::corpus::{Answer, KINDS, Kind};
use crate::dice::Dice;
use crate::fault::Fault;

/// What the sequences of one test have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Seams exact and echo, on this wire.
    Exact(Wire),
    /// The process dies at any output, and another one goes on.
    Deaths,
    /// The model does not go on where it was cut.
    Inexact,
    /// The store, the caller or the deadline ends it.
    Ends,
    /// Long answers with a few cuts: what a recovery costs.
    Cuts,
    /// Lines that stand twice side by side: a cut after the first looks like a repetition.
    Doubled,
}

/// How a continuation begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seam {
    Exact,
    /// What the instruction quotes, then the rest.
    Echo,
    /// The last characters again, asked for or not.
    Last(usize),
    SpaceAdded,
    SpaceStripped,
    /// "Sure, continuing:", the quotation, the rest.
    Preamble,
    /// The whole answer again.
    Restart,
    /// A new sample.
    Divergent,
    /// The quotation, then a new sample.
    DivergentEcho,
}

impl Seam {
    /// Whether the whole text must come out byte for byte.
    pub(crate) const fn is_faithful(self) -> bool {
        matches!(self, Self::Exact | Self::Echo)
    }

    pub(crate) const fn is_divergent(self) -> bool {
        matches!(self, Self::Divergent | Self::DivergentEcho)
    }
}

/// What the server does with a prefill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Yes,
    /// It answers 400, whatever the profile says.
    No,
}

/// Everything beside the plain text that an answer may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Thinking before the text.
    pub(crate) thinks: bool,
    /// A tool call after it.
    pub(crate) calls: bool,
    /// A second text block from the middle on (Messages wire).
    pub(crate) blocks: bool,
    /// The reason for the stop.
    pub(crate) stop: &'static str,
}

/// How the records become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// At once.
    Immediate,
    /// In groups, some time later.
    Lagging,
}

/// What ends the stream from outside, and at which output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    Cancel(usize),
    StoreFails(usize),
}

#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) family: Family,
    pub(crate) config: Config,
    pub(crate) caller: Caller,
    pub(crate) request: RequestBody,
    pub(crate) takes: Takes,
    pub(crate) seam: Seam,
    pub(crate) answer: Answer,
    pub(crate) shape: Shape,
    pub(crate) faults: Vec<Fault>,
    pub(crate) durability: Durability,
    /// Counts of outputs at which the process dies.
    pub(crate) deaths: Vec<usize>,
    pub(crate) interruption: Option<Interruption>,
}

impl Scenario {
    pub(crate) fn draw(family: Family, seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let wire = match family {
            Family::Exact(wire) => wire,
            _ => dice.weigh(&[(1, Wire::AnthropicMessages), (1, Wire::OpenAiChat)]),
        };
        let (profile, model, takes) = provider(wire, family, dice);
        let (kind, chars) = match family {
            Family::Cuts => (dice.weigh(&KINDS), dice.between(900, 1500)),
            Family::Doubled => (Kind::Doubled, dice.between(100, 700)),
            _ => (dice.weigh(&KINDS), length(dice)),
        };
        let answer = Answer::write(kind, chars, dice);
        let caller = Caller::draw(wire, model, profile.takes_prefill(Some(model)), dice);
        let request = RequestBody::parse(wire, Bytes::from(caller.body.clone()))
            .expect("the caller's body is valid");
        let faults = faults(family, dice);
        let config = config(profile, family, faults.len(), dice);
        let ends = family == Family::Ends;
        Self {
            seed,
            family,
            config,
            caller,
            request,
            takes,
            seam: seam(family, dice),
            shape: shape(family, wire, dice),
            answer,
            faults,
            durability: dice.weigh(&[(1, Durability::Immediate), (1, Durability::Lagging)]),
            deaths: match family {
                Family::Deaths => (0..dice.between(1, 3)).map(|_| dice.below(140)).collect(),
                _ => Vec::new(),
            },
            interruption: (ends && dice.percent(70)).then(|| {
                let at = dice.below(160);
                if dice.percent(50) {
                    Interruption::Cancel(at)
                } else {
                    Interruption::StoreFails(at)
                }
            }),
        }
    }

    pub(crate) const fn wire(&self) -> Wire {
        self.config.profile.wire
    }

    /// Nothing but faults that a patient client outlives.
    pub(crate) fn must_complete(&self) -> bool {
        self.interruption.is_none()
            && self.config.policy.limits.deadline.is_none()
            && self.caller.is_continuable()
            && self.config.limits.futile_attempts as usize > self.faults.len()
            && !self.faults.iter().any(|fault| matches!(fault, Fault::Fatal(_)))
    }
}

fn length(dice: &mut Dice) -> usize {
    match dice.below(20) {
        0 => 0,
        1..=3 => dice.between(1, 24),
        4..=16 => dice.between(25, 260),
        _ => dice.between(261, 700),
    }
}

fn provider(wire: Wire, family: Family, dice: &mut Dice) -> (Profile, &'static str, Takes) {
    let known = family == Family::Cuts;
    match wire {
        Wire::AnthropicMessages => {
            let models = ["claude-haiku-4-5", "claude-opus-5", "somebody/unknown"];
            let model = models[dice.below(if known { 2 } else { 3 })];
            let takes = if model == "claude-haiku-4-5" { Takes::Yes } else { Takes::No };
            (Profile::ANTHROPIC, model, takes)
        }
        _ => {
            let mut profile = dice.weigh(&[
                (8, Profile::OPENAI),
                (2, Profile::MISTRAL),
                (2, Profile::DEEPSEEK_BETA),
                (2, Profile::MOONSHOT),
                (2, Profile::VLLM),
                (2, Profile::LLAMA_CPP),
                (1, Profile::OPENROUTER),
            ]);
            let takes = match profile.prefill {
                Prefill::Never => Takes::No,
                _ if !known && dice.percent(20) => Takes::No,
                _ => Takes::Yes,
            };
            profile.deterministic = family != Family::Inexact && !known && dice.percent(5);
            (profile, "some-model", takes)
        }
    }
}

fn seam(family: Family, dice: &mut Dice) -> Seam {
    if family != Family::Inexact {
        return dice.weigh(&[(1, Seam::Exact), (1, Seam::Echo)]);
    }
    dice.weigh(&[
        (2, Seam::Last(dice.clone().between(1, 60))),
        (1, Seam::SpaceAdded),
        (1, Seam::SpaceStripped),
        (2, Seam::Preamble),
        (2, Seam::Restart),
        (2, Seam::Divergent),
        (2, Seam::DivergentEcho),
    ])
}

fn shape(family: Family, wire: Wire, dice: &mut Dice) -> Shape {
    let plain = family == Family::Cuts;
    let calls = !plain && dice.percent(10);
    let reasons: [(usize, &str); 3] = match (wire, calls) {
        (Wire::AnthropicMessages, true) => [(1, "tool_use"); 3],
        (_, true) => [(1, "tool_calls"); 3],
        (Wire::AnthropicMessages, false) => {
            [(8, "end_turn"), (1, "max_tokens"), (1, "stop_sequence")]
        }
        (_, false) => [(8, "stop"), (1, "length"), (1, "content_filter")],
    };
    Shape {
        thinks: !plain && dice.percent(15),
        calls,
        blocks: !plain && wire == Wire::AnthropicMessages && dice.percent(10),
        stop: dice.weigh(&reasons),
    }
}

fn faults(family: Family, dice: &mut Dice) -> Vec<Fault> {
    let fatal = matches!(family, Family::Exact(_) | Family::Ends) && dice.percent(8);
    let count = match family {
        Family::Cuts => dice.between(1, 3),
        Family::Deaths => dice.below(4),
        _ => dice.weigh(&[(1, 0), (4, 1), (4, 2), (4, 3), (2, 4), (1, 6)]),
    };
    let storm = dice.percent(50);
    let mut faults: Vec<_> = (0..count)
        .map(|_| match family {
            Family::Cuts => Fault::cut(dice),
            _ if storm => Fault::survivable(dice),
            _ if dice.percent(75) => Fault::cut(dice),
            _ => Fault::survivable(dice),
        })
        .collect();
    if fatal {
        faults.push(Fault::fatal(dice));
    }
    faults
}

fn config(profile: Profile, family: Family, faults: usize, dice: &mut Dice) -> Config {
    let mut config = Config::new(profile);
    // A replay that turns out to be another text counts as a failure too.
    let patient = u32::try_from(faults).expect("a handful") + 4;
    config.limits = Limits { futile_attempts: patient, ..Limits::default() };
    config.policy = Policy {
        backoff: Backoff::Full { base: Nanos::from_millis(500), cap: Nanos::from_secs(20) },
        ..Policy::DEFAULT
    };
    config.policy.limits.in_a_row = patient;
    config.policy.limits.total = 24;
    config.timeouts = Timeouts {
        connect: Nanos::from_secs(dice.between(1, 10) as u64),
        first_token: Nanos::from_secs(dice.between(4, 120) as u64),
        idle: Nanos::from_secs(dice.between(4, 180) as u64),
        bytes: Nanos::from_secs(dice.between(4, 60) as u64),
        sentinel: Nanos::from_secs(5),
    };
    if family == Family::Ends {
        config.limits.futile_attempts = 3;
        config.on_store_failure =
            dice.weigh(&[(1, OnStoreFailure::Stop), (1, OnStoreFailure::GoOn)]);
        if dice.percent(30) {
            let seconds = dice.between(1, 30) as u64;
            config.policy.limits.deadline = Some(Nanos::from_secs(seconds));
        }
    }
    config
}
