//! A broken promise: which one, and what was seen of it.

use std::fmt;

/// What the promise was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Text that a provider sent and the consumer must have is not there.
    Lost,
    /// The consumer has text twice, or text that no provider sent there.
    Repeated,
    /// A response that is not whole is called whole.
    FalseCompletion,
    /// The stream would never end.
    Hang,
    /// The code under test panicked.
    Panic,
    /// Another rule is broken: of requests, the journal, the pool or the reason of an end.
    Rule,
}

impl Harm {
    pub(crate) const ALL: [Self; 6] =
        [Self::Lost, Self::Repeated, Self::FalseCompletion, Self::Hang, Self::Panic, Self::Rule];

    /// What it is called where such violations are counted.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Repeated => "repeated",
            Self::FalseCompletion => "false completions",
            Self::Hang => "hangs",
            Self::Panic => "panics",
            Self::Rule => "other rules",
        }
    }

    /// A violation of this promise.
    pub(crate) fn because(self, what: impl Into<String>) -> Violation {
        Violation { harm: self, what: what.into() }
    }
}

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub(crate) harm: Harm,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.harm.name(), self.what)
    }
}

impl From<String> for Violation {
    fn from(what: String) -> Self {
        Harm::Rule.because(what)
    }
}

impl From<&str> for Violation {
    fn from(what: &str) -> Self {
        Harm::Rule.because(what)
    }
}
