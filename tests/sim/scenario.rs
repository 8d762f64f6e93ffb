//! One sequence of events, drawn from a seed: who asks, who answers, how, and what goes wrong.

use std::fmt;

use bytes::Bytes;
use protocol::{Prefill, Profile, RequestBody, Wire};
use resume::{Admission, Config, Limits, OnStoreFailure, Timeouts};
use retry_policy::{Backoff, Endpoints, Nanos, Policy};

use crate::caller::Caller;
use crate::corpus::{Answer, KINDS, Kind};
use crate::dice::Dice;
use crate::fault::{Fatal, Fault};

/// What the sequences of one test have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
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

impl Family {
    pub(crate) const ALL: [Self; 7] = [
        Self::Exact(Wire::AnthropicMessages),
        Self::Exact(Wire::OpenAiChat),
        Self::Deaths,
        Self::Inexact,
        Self::Ends,
        Self::Cuts,
        Self::Doubled,
    ];

    /// The family of a sequence that is known by its seed alone.
    pub(crate) fn of(seed: u64) -> Self {
        let [messages, chat, deaths, inexact, ends, cuts, doubled] = Self::ALL;
        // One draw of its own, so that the sequences of a family are not those of its tests.
        Dice::new(!seed).weigh(&[
            (30, messages),
            (30, chat),
            (20, deaths),
            (15, inexact),
            (10, ends),
            (1, cuts),
            (4, doubled),
        ])
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(wire) => write!(f, "exact, {}", wire.name()),
            Self::Deaths => f.write_str("processes that die"),
            Self::Inexact => f.write_str("models that wander"),
            Self::Ends => f.write_str("ended from outside"),
            Self::Cuts => f.write_str("long answers"),
            Self::Doubled => f.write_str("doubled lines"),
        }
    }
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

/// One endpoint of the upstream: all of them speak the same wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) profile: Profile,
    pub(crate) takes: Takes,
}

/// How the consumer takes what is ready for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// At once.
    Prompt,
    /// Now and then, with pauses that are longer than any clock of the session.
    Slow,
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
    /// Characters that are cut in two between deltas.
    pub(crate) halves: Halves,
    /// The reason for the stop.
    pub(crate) stop: &'static str,
}

/// What a server that cuts its text by tokens makes of a character that is two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halves {
    /// It keeps it whole.
    Never,
    /// A lone surrogate, and the other one in the next delta.
    Surrogates,
    /// The first bytes of it, and the others in the next delta: neither is UTF-8.
    Bytes,
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

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) family: Family,
    /// What the world draws from while it runs.
    pub(crate) dice: u64,
    pub(crate) config: Config,
    pub(crate) caller: Caller,
    pub(crate) request: RequestBody,
    /// The endpoints; more than one only where the pool admits.
    pub(crate) routes: Vec<Route>,
    pub(crate) seam: Seam,
    pub(crate) answer: Answer,
    pub(crate) shape: Shape,
    pub(crate) faults: Vec<Fault>,
    pub(crate) durability: Durability,
    pub(crate) reader: Reader,
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
        let (first, model) = provider(wire, family, dice);
        let mut routes = vec![first];
        if family != Family::Cuts && dice.percent(30) {
            routes.push(another(first, dice));
        }
        let (kind, chars) = match family {
            Family::Cuts => (dice.weigh(&KINDS), dice.between(900, 1500)),
            Family::Doubled => (Kind::Doubled, dice.between(100, 700)),
            _ => (dice.weigh(&KINDS), length(dice)),
        };
        let answer = Answer::write(kind, chars, dice);
        let takes_prefill = routes.iter().all(|it| it.profile.takes_prefill(Some(model)));
        let caller = Caller::draw(wire, model, takes_prefill, dice);
        let request = RequestBody::parse(wire, Bytes::from(caller.body.clone()))
            .expect("the caller's body is valid");
        let faults = faults(family, routes.len(), dice);
        let config = config(&routes, family, faults.len(), dice);
        let ends = family == Family::Ends;
        let in_time = config.policy.limits.deadline.is_none();
        Self {
            family,
            dice: seed ^ 0xD1CE,
            config,
            caller,
            request,
            routes,
            seam: seam(family, dice),
            shape: shape(family, wire, dice),
            answer,
            faults,
            durability: dice.weigh(&[(1, Durability::Immediate), (1, Durability::Lagging)]),
            reader: if in_time && dice.percent(25) { Reader::Slow } else { Reader::Prompt },
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

    pub(crate) fn admits(&self) -> bool {
        self.config.admission == Admission::Asked
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

/// What makes it this sequence and no other, for people.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.routes.iter().map(|it| (it.profile.name, it.takes));
        writeln!(f, "{}, world {}", self.family, self.dice)?;
        writeln!(f, "endpoints  {:?}, {:?}", routes.collect::<Vec<_>>(), self.config.admission)?;
        writeln!(f, "request    {}", self.caller.body)?;
        writeln!(f, "answer     {:?}", self.answer.text)?;
        writeln!(f, "shape      {:?}", self.shape)?;
        writeln!(f, "seam       {:?}", self.seam)?;
        writeln!(f, "faults     {:?}", self.faults)?;
        writeln!(f, "deaths     {:?}, {:?}", self.deaths, self.interruption)?;
        write!(f, "records    {:?}, consumer {:?}", self.durability, self.reader)
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

fn provider(wire: Wire, family: Family, dice: &mut Dice) -> (Route, &'static str) {
    let known = family == Family::Cuts;
    match wire {
        Wire::AnthropicMessages => {
            let models = ["claude-haiku-4-5", "claude-opus-5", "somebody/unknown"];
            let model = models[dice.below(if known { 2 } else { 3 })];
            let takes = if model == "claude-haiku-4-5" { Takes::Yes } else { Takes::No };
            (Route { profile: Profile::ANTHROPIC, takes }, model)
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
            (Route { profile, takes }, "some-model")
        }
    }
}

/// A second endpoint: the same server again, or one that goes on in another way.
fn another(first: Route, dice: &mut Dice) -> Route {
    let others = [Profile::OPENAI, Profile::MISTRAL, Profile::DEEPSEEK_BETA];
    if first.profile.wire == Wire::AnthropicMessages || dice.percent(50) {
        return first;
    }
    let profile = Profile { deterministic: first.profile.deterministic, ..dice.choose(&others) };
    let takes = if profile.prefill == Prefill::Never { Takes::No } else { Takes::Yes };
    Route { profile, takes }
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
        halves: match dice.below(100) {
            _ if plain => Halves::Never,
            0..8 => Halves::Surrogates,
            8..12 => Halves::Bytes,
            _ => Halves::Never,
        },
        stop: dice.weigh(&reasons),
    }
}

fn faults(family: Family, endpoints: usize, dice: &mut Dice) -> Vec<Fault> {
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
        faults.push(match Fault::fatal(dice) {
            // A time that one endpoint names does not bind the other.
            Fault::Fatal(Fatal::TooLong) if endpoints > 1 => Fault::Fatal(Fatal::Key),
            fault => fault,
        });
    }
    faults
}

fn config(routes: &[Route], family: Family, faults: usize, dice: &mut Dice) -> Config {
    let mut config = Config::new(routes[0].profile);
    if routes.len() > 1 || dice.percent(50) {
        config.admission = Admission::Asked;
    }
    // A replay that turns out to be another text counts as a failure too.
    let patient = u32::try_from(faults).expect("a handful") + 4;
    config.limits = Limits { futile_attempts: patient, ..Limits::default() };
    config.policy = Policy {
        backoff: Backoff::Full { base: Nanos::from_millis(500), cap: Nanos::from_secs(20) },
        ..Policy::DEFAULT
    };
    if routes.len() > 1 {
        config.policy.endpoints = Endpoints::Several;
    }
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
