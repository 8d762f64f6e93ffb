//! Outages: what the requests of many processes do to a server that fails and comes back, under
//! the shipped code and under the policies that clients use today.

mod classic;
mod outcome;
mod process;
mod scenario;
mod server;
mod shipped;
mod timeline;
mod world;

pub(crate) use outcome::Outcome;
pub(crate) use scenario::Scenario;
pub(crate) use timeline::Timeline;

use self::classic::{Classic, Rule};
use self::process::Process;
use self::shipped::Shipped;
use self::world::{Patience, World};
use crate::dice::Dice;

/// What a client does.
#[derive(Clone, Debug)]
pub(crate) enum Policy {
    Classic(Rule),
    Shipped,
}

impl Policy {
    /// Every policy, in the order of the table.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Rule::all().into_iter().map(Self::Classic).chain([Self::Shipped])
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Classic(rule) => rule.name,
            Self::Shipped => "Unbroken",
        }
    }

    fn process(&self, scenario: &Scenario, dice: Dice) -> Box<dyn Process> {
        match self {
            Self::Classic(rule) => Box::new(Classic::new(rule.clone(), dice)),
            Self::Shipped => Box::new(Shipped::new(scenario.body, dice)),
        }
    }

    const fn patience(&self) -> Patience {
        match self {
            Self::Classic(rule) if rule.is_endless() => Patience::Endless,
            Self::Classic(_) | Self::Shipped => Patience::Deadline,
        }
    }
}

/// The mean figures of a policy in a scenario, and what happened with the first seed.
pub(crate) fn run(policy: &Policy, scenario: &Scenario) -> (Outcome, Timeline) {
    let histories: Vec<_> = (0..scenario.seeds)
        .map(|seed| {
            let mut dice = Dice::new(seed);
            let processes =
                (0..scenario.processes).map(|_| policy.process(scenario, dice.fork())).collect();
            World::run(scenario, policy.patience(), processes, &mut dice)
        })
        .collect();
    let outcomes: Vec<_> = histories.iter().map(|h| Outcome::of(h, scenario)).collect();
    (Outcome::mean(&outcomes), Timeline::of(&histories[0]))
}
