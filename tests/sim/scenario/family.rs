//! What sequences have in common, and how many there are of each kind.

use std::fmt;

use protocol::Wire;

use crate::dice::Dice;

/// What the sequences of one test have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Seams exact and echo, on this wire.
    Exact(Wire),
    /// The provider keeps the response, or should (Responses); processes die too.
    Kept,
    /// The process dies at any output, and another one goes on.
    Deaths(Wires),
    /// The model does not go on where it was cut.
    Inexact(Wires),
    /// The store, the caller or the deadline ends it.
    Ends(Wires),
    /// Long answers with a few cuts: what a recovery costs.
    Cuts(Wires),
    /// Lines that stand twice side by side: a cut after the first looks like a repetition.
    Doubled(Wires),
}

/// Which wires are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wires {
    /// Messages and Chat Completions.
    Elder,
    /// Responses and Gemini.
    Younger,
}

impl Wires {
    fn draw(self, dice: &mut Dice) -> Wire {
        let [one, other] = match self {
            Self::Elder => [Wire::AnthropicMessages, Wire::OpenAiChat],
            Self::Younger => [Wire::OpenAiResponses, Wire::Gemini],
        };
        dice.weigh(&[(1, one), (1, other)])
    }
}

/// The families of the wires that were there first, and their parts of a hundred and ten.
const ELDER: [(usize, Family); 7] = [
    (30, Family::Exact(Wire::AnthropicMessages)),
    (30, Family::Exact(Wire::OpenAiChat)),
    (20, Family::Deaths(Wires::Elder)),
    (15, Family::Inexact(Wires::Elder)),
    (10, Family::Ends(Wires::Elder)),
    (1, Family::Cuts(Wires::Elder)),
    (4, Family::Doubled(Wires::Elder)),
];

const YOUNGER: [(usize, Family); 8] = [
    (22, Family::Exact(Wire::OpenAiResponses)),
    (15, Family::Exact(Wire::Gemini)),
    (25, Family::Kept),
    (20, Family::Deaths(Wires::Younger)),
    (14, Family::Inexact(Wires::Younger)),
    (10, Family::Ends(Wires::Younger)),
    (1, Family::Cuts(Wires::Younger)),
    (3, Family::Doubled(Wires::Younger)),
];

/// Of a hundred seeds so many belong to the families that came later; the others mean what they
/// meant before.
const YOUNGER_PERCENT: usize = 45;

impl Family {
    /// Every family.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        ELDER.into_iter().chain(YOUNGER).map(|(_, family)| family)
    }

    /// The wire of a sequence; a draw where there are two.
    pub(super) fn wire(self, dice: &mut Dice) -> Wire {
        match self {
            Self::Exact(wire) => wire,
            Self::Kept => Wire::OpenAiResponses,
            Self::Deaths(wires)
            | Self::Inexact(wires)
            | Self::Ends(wires)
            | Self::Cuts(wires)
            | Self::Doubled(wires) => wires.draw(dice),
        }
    }

    /// The family of a sequence that is known by its seed alone.
    pub(crate) fn of(seed: u64) -> Self {
        // Draws of their own, so that the sequences of a family are not those of its tests.
        if Dice::new(seed.rotate_left(32) ^ 0x5EED).percent(YOUNGER_PERCENT) {
            return Dice::new(!seed).weigh(&YOUNGER);
        }
        Dice::new(!seed).weigh(&ELDER)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, wires) = match self {
            Self::Exact(wire) => return write!(f, "exact, {}", wire.name()),
            Self::Kept => return f.write_str("responses that are kept"),
            Self::Deaths(wires) => ("processes that die", wires),
            Self::Inexact(wires) => ("models that wander", wires),
            Self::Ends(wires) => ("ended from outside", wires),
            Self::Cuts(wires) => ("long answers", wires),
            Self::Doubled(wires) => ("doubled lines", wires),
        };
        let wires = match wires {
            Wires::Elder => "",
            Wires::Younger => ", younger",
        };
        write!(f, "{what}{wires}")
    }
}
