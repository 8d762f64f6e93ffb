//! A sequence that breaks the promise, made as small as it gets: fewer faults, a shorter text,
//! less of everything else. What is left breaks the same promise.

use std::fmt;

use protocol::Wire;
use resume::Admission;
use retry_policy::Endpoints;

use crate::scenario::{Durability, Halves, Keeps, Reader, Scenario};
use crate::storm::{play, trace};
use crate::violation::{Harm, Violation};

/// The most sequences that are played to make one smaller.
const TRIALS_MAX: usize = 4000;
/// Ways in which the world is tried for each smaller sequence: how it draws changes with it.
const WORLDS: u64 = 6;

/// The smallest sequence that was found, and what happens in it.
pub struct Minimal {
    scenario: Scenario,
    violation: Violation,
    trace: Vec<String>,
    trials: usize,
}

impl Minimal {
    /// Plays a sequence; nothing when it keeps the promise.
    pub(crate) fn of(scenario: &Scenario) -> Option<Self> {
        let harm = play(scenario).err()?.harm;
        let mut search = Search { harm, trials: 0 };
        let mut scenario = scenario.clone();
        while let Some(smaller) = search.smaller(&scenario) {
            scenario = smaller;
        }
        let (judged, trace) = trace(&scenario);
        Some(Self { violation: judged.err()?, scenario, trace, trials: search.trials })
    }
}

impl fmt::Display for Minimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.scenario)?;
        writeln!(f, "the smallest of {} sequences; its trace, in microseconds:", self.trials)?;
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        write!(f, "{}", self.violation)
    }
}

impl fmt::Debug for Minimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

struct Search {
    harm: Harm,
    trials: usize,
}

impl Search {
    /// The first smaller sequence that still breaks the promise.
    fn smaller(&mut self, scenario: &Scenario) -> Option<Scenario> {
        let candidates = faults(scenario).into_iter().chain(answers(scenario));
        candidates.chain(simpler(scenario)).find_map(|candidate| self.broken(&candidate))
    }

    fn broken(&mut self, candidate: &Scenario) -> Option<Scenario> {
        (0..WORLDS).find_map(|world| {
            if self.trials >= TRIALS_MAX {
                return None;
            }
            self.trials += 1;
            let dice = candidate.dice.wrapping_add(world);
            let candidate = Scenario { dice, ..candidate.clone() };
            let broken = play(&candidate).is_err_and(|violation| violation.harm == self.harm);
            broken.then_some(candidate)
        })
    }
}

/// With one thing less that goes wrong.
fn faults(scenario: &Scenario) -> Vec<Scenario> {
    let mut fewer = Vec::new();
    for at in 0..scenario.faults.len() {
        let mut less = scenario.clone();
        less.faults.remove(at);
        fewer.push(less);
    }
    for at in 0..scenario.deaths.len() {
        let mut less = scenario.clone();
        less.deaths.remove(at);
        fewer.push(less);
    }
    if scenario.interruption.is_some() {
        fewer.push(Scenario { interruption: None, ..scenario.clone() });
    }
    fewer
}

/// With a shorter text.
fn answers(scenario: &Scenario) -> Vec<Scenario> {
    let tokens = scenario.answer.tokens();
    let kept = [(0, tokens / 2), (tokens / 2, tokens), (0, tokens * 7 / 8), (tokens / 8, tokens)];
    let ends = [(0, tokens.saturating_sub(1)), (1, tokens)];
    let kept = kept.into_iter().chain(ends).filter(|(from, to)| from < to && to - from < tokens);
    let shorter = kept.map(|(from, to)| scenario.answer.part(from, to));
    shorter.map(|answer| Scenario { answer, ..scenario.clone() }).collect()
}

/// With one thing less that is out of the ordinary.
fn simpler(scenario: &Scenario) -> Vec<Scenario> {
    let simplify: [fn(&mut Scenario); 9] = [
        |it| {
            if it.keeps.is_kept() {
                it.keeps = Keeps::All;
            }
        },
        |it| it.reader = Reader::Prompt,
        |it| it.durability = Durability::Immediate,
        |it| {
            it.routes.truncate(1);
            it.config.policy.endpoints = Endpoints::One;
        },
        |it| {
            if it.routes.len() == 1 {
                it.config.admission = Admission::Own;
            }
        },
        |it| it.shape.thinks = false,
        |it| it.shape.blocks = false,
        |it| it.shape.halves = Halves::Never,
        |it| {
            it.shape.calls = false;
            it.shape.stop = match it.wire() {
                Wire::AnthropicMessages => "end_turn",
                Wire::OpenAiChat => "stop",
                Wire::OpenAiResponses => "completed",
                Wire::Gemini => "STOP",
            };
        },
    ];
    let change = |simplify: fn(&mut Scenario)| {
        let mut simple = scenario.clone();
        simplify(&mut simple);
        simple
    };
    let simple = simplify.into_iter().map(change);
    simple.filter(|simple| simple.to_string() != scenario.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::Minimal;
    use crate::scenario::{Family, Scenario, Wires};

    /// A promise that the engine cannot keep: a line that comes twice is not always told from a
    /// repetition, and outside its own family nothing allows for that.
    fn broken() -> Scenario {
        let harmed = |seed| {
            let drawn = Scenario::draw(Family::Doubled(Wires::Elder), seed);
            Scenario { family: Family::Inexact(Wires::Elder), ..drawn }
        };
        let scenarios = (0..20_000).map(harmed);
        scenarios.into_iter().find(|it| Minimal::of(it).is_some()).expect("one of them is broken")
    }

    #[test]
    fn what_breaks_a_promise_becomes_smaller_and_breaks_it_still() {
        let scenario = broken();
        let minimal = Minimal::of(&scenario).expect("it is broken");
        assert!(minimal.scenario.faults.len() <= scenario.faults.len());
        assert!(minimal.scenario.answer.text.len() < scenario.answer.text.len(), "{minimal}");
        assert!(!minimal.trace.is_empty());
        let again = Minimal::of(&scenario).expect("it is broken");
        assert_eq!(again.to_string(), minimal.to_string(), "the same every time");
    }
}
