//! Balancing: which of three endpoints gets the requests when one of them is dead, slow, flapping
//! or cold, and what a prompt cache is worth, under the shipped pool and under classic balancers.

mod backend;
mod balancer;
mod classic;
mod outcome;
mod scenario;
mod shipped;
mod world;

pub(crate) use outcome::Outcome;
pub(crate) use scenario::Scenario;

use self::balancer::Balancer;
use self::classic::{Classic, Rule};
use self::scenario::ENDPOINTS;
use self::shipped::Shipped;
use self::world::World;
use crate::dice::Dice;

/// A run is repeated with so many seeds.
const SEEDS: u64 = 3;

/// A way to choose an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Classic(Rule),
    Shipped,
}

impl Policy {
    /// Every policy, in the order of the table.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Rule::ALL.into_iter().map(Self::Classic).chain([Self::Shipped])
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Classic(rule) => rule.name(),
            Self::Shipped => "endpoint-pool",
        }
    }

    fn balancer(self, dice: Dice) -> Box<dyn Balancer> {
        match self {
            Self::Classic(rule) => Box::new(Classic::new(rule, ENDPOINTS, dice)),
            Self::Shipped => Box::new(Shipped::new(ENDPOINTS, dice)),
        }
    }
}

/// The mean figures of a policy in a scenario, and the odd endpoint's share in each second with the
/// first seed.
pub(crate) fn run(policy: Policy, scenario: &Scenario) -> (Outcome, Vec<f64>) {
    let histories: Vec<_> = (0..SEEDS)
        .map(|seed| {
            let mut dice = Dice::new(seed);
            let balancer = policy.balancer(dice.fork());
            World::run(scenario, balancer, &mut dice)
        })
        .collect();
    let outcomes: Vec<_> = histories.iter().map(|h| Outcome::of(h, scenario)).collect();
    (Outcome::mean(&outcomes), outcome::shares(&histories[0], scenario))
}
