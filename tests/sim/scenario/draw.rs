//! How a sequence is drawn from its seed. What was drawn before stays in its order: a draw more in
//! the middle would make every seed mean something else.

use bytes::Bytes;
use protocol::{Prefill, Profile, RequestBody, Wire};
use resume::{Admission, Config, Limits, OnStoreFailure, Timeouts};
use retry_policy::{Backoff, Endpoints, Nanos, Policy};

use super::{
    Durability, Family, Halves, Interruption, Keeps, Reader, Route, Scenario, Seam, Shape, Takes,
};
use crate::caller::Caller;
use crate::corpus::{Answer, KINDS, Kind};
use crate::dice::Dice;
use crate::fault::{Fatal, Fault};

impl Scenario {
    pub(crate) fn draw(family: Family, seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let wire = family.wire(dice);
        let (first, model) = provider(wire, family, dice);
        let mut routes = vec![first];
        if !is_long(family) && dice.percent(30) {
            routes.push(another(first, dice));
        }
        let (kind, chars) = match family {
            Family::Cuts(_) => (dice.weigh(&KINDS), dice.between(900, 1500)),
            Family::Doubled(_) => (Kind::Doubled, dice.between(100, 700)),
            _ => (dice.weigh(&KINDS), length(dice)),
        };
        let answer = Answer::write(kind, chars, dice);
        let takes_prefill = routes.iter().all(|it| it.profile.takes_prefill(Some(model)));
        let (caller, says) = match family {
            Family::Kept => Caller::draw_kept(model, dice),
            _ => (Caller::draw(wire, model, takes_prefill, dice), true),
        };
        let request = RequestBody::parse(wire, Bytes::from(caller.body.clone()))
            .expect("the caller's body is valid");
        let faults = faults(family, routes.len(), dice);
        let mut config = config(&routes, family, faults.len(), dice);
        config.background = !says;
        let ends = matches!(family, Family::Ends(_));
        let in_time = config.policy.limits.deadline.is_none();
        let mut drawn = Self {
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
            keeps: Keeps::Unasked,
            deaths: match family {
                Family::Deaths(_) => (0..dice.between(1, 3)).map(|_| dice.below(140)).collect(),
                _ => Vec::new(),
            },
            interruption: (ends && dice.percent(70)).then(|| Interruption::draw(dice)),
        };
        if family == Family::Kept {
            drawn.keep(dice);
        } else if wire == Wire::OpenAiResponses && dice.percent(6) {
            drawn.keeps = Keeps::Unnumbered;
        }
        drawn
    }

    /// Draws what the provider keeps, who dies meanwhile, and how often it is asked.
    fn keep(&mut self, dice: &mut Dice) {
        let reads = dice.below(4);
        let polls = dice.weigh(&[(5, 0), (3, 1), (2, 4), (2, 99)]);
        self.keeps = dice.weigh(&[
            (10, Keeps::All),
            (7, Keeps::Whole { reads, polls }),
            (3, Keeps::Nothing),
            (1, Keeps::Unnumbered),
        ]);
        if self.keeps == Keeps::Unnumbered {
            // Without numbers nobody knows that an event is missing or comes again.
            let plain = |fault: &Fault| !matches!(fault, Fault::Again(..) | Fault::Gap(_));
            self.faults.retain(plain);
        }
        match dice.below(10) {
            0..=3 => self.deaths = (0..dice.between(1, 3)).map(|_| dice.below(140)).collect(),
            4 => self.interruption = Some(Interruption::Cancel(dice.below(160))),
            _ => {}
        }
        // Every fetch that finds it unfinished is an attempt that came to nothing.
        self.config.limits.fetches = dice.between(1, 8) as u32;
        self.config.policy.limits.in_a_row += 24;
        self.config.policy.limits.total = 120;
    }
}

impl Interruption {
    fn draw(dice: &mut Dice) -> Self {
        let at = dice.below(160);
        if dice.percent(50) { Self::Cancel(at) } else { Self::StoreFails(at) }
    }
}

const fn is_long(family: Family) -> bool {
    matches!(family, Family::Cuts(_))
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
    let known = is_long(family);
    match wire {
        Wire::OpenAiResponses => {
            let profile = Profile {
                deterministic: !known && replays(family, dice),
                ..Profile::OPENAI_RESPONSES
            };
            (Route { profile, takes: Takes::No }, "gpt-5")
        }
        Wire::Gemini => {
            let profile =
                Profile { deterministic: !known && replays(family, dice), ..Profile::GEMINI };
            (Route { profile, takes: Takes::No }, "gemini-2.5-pro")
        }
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
            profile.deterministic = !known && replays(family, dice);
            (Route { profile, takes }, "some-model")
        }
    }
}

/// Whether the same request gives the same answer.
fn replays(family: Family, dice: &mut Dice) -> bool {
    !matches!(family, Family::Inexact(_)) && dice.percent(5)
}

/// A second endpoint: the same server again, or one that goes on in another way.
fn another(first: Route, dice: &mut Dice) -> Route {
    let others = [Profile::OPENAI, Profile::MISTRAL, Profile::DEEPSEEK_BETA];
    if first.profile.wire != Wire::OpenAiChat || dice.percent(50) {
        return first;
    }
    let profile = Profile { deterministic: first.profile.deterministic, ..dice.choose(&others) };
    let takes = if profile.prefill == Prefill::Never { Takes::No } else { Takes::Yes };
    Route { profile, takes }
}

fn seam(family: Family, dice: &mut Dice) -> Seam {
    if !matches!(family, Family::Inexact(_)) {
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
    let plain = is_long(family);
    let calls = !plain && dice.percent(10);
    let reasons: [(usize, &str); 3] = match (wire, calls) {
        (Wire::AnthropicMessages, true) => [(1, "tool_use"); 3],
        (Wire::OpenAiChat, true) => [(1, "tool_calls"); 3],
        (Wire::OpenAiResponses, true) => [(1, "completed"); 3],
        (Wire::Gemini, true) => [(1, "STOP"); 3],
        (Wire::AnthropicMessages, false) => {
            [(8, "end_turn"), (1, "max_tokens"), (1, "stop_sequence")]
        }
        (Wire::OpenAiChat, false) => [(8, "stop"), (1, "length"), (1, "content_filter")],
        (Wire::OpenAiResponses, false) => {
            [(8, "completed"), (1, "max_output_tokens"), (1, "content_filter")]
        }
        (Wire::Gemini, false) => [(8, "STOP"), (1, "MAX_TOKENS"), (1, "SAFETY")],
    };
    Shape {
        thinks: !plain && dice.percent(15),
        calls,
        blocks: !plain && wire != Wire::OpenAiChat && dice.percent(10),
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
    let fatal = matches!(family, Family::Exact(_) | Family::Ends(_)) && dice.percent(8);
    let count = match family {
        Family::Cuts(_) => dice.between(1, 3),
        Family::Deaths(_) => dice.below(4),
        _ => dice.weigh(&[(1, 0), (4, 1), (4, 2), (4, 3), (2, 4), (1, 6)]),
    };
    let storm = dice.percent(50);
    let mut faults: Vec<_> = (0..count)
        .map(|_| match family {
            Family::Cuts(_) => Fault::cut(dice),
            Family::Kept => Fault::kept(dice),
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
    if matches!(family, Family::Ends(_)) {
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
