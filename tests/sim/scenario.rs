//! One sequence of events, drawn from a seed: who asks, who answers, how, and what goes wrong.

mod draw;
mod family;

use std::fmt;

use protocol::{Profile, RequestBody, Wire};
use resume::{Admission, Config};

use crate::caller::Caller;
use crate::corpus::Answer;
use crate::fault::Fault;
pub use family::{Family, Wires};

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
    /// A second text block from the middle on (Messages), a second message or part (Responses),
    /// empty parts beside those with text (Gemini).
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

/// What the provider keeps of a response (Responses).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Nothing, and it is not asked to.
    Unasked,
    /// Everything.
    All,
    /// Its events until they were asked for so often, and then the whole, which is not finished
    /// for so many fetches.
    Whole { reads: usize, polls: usize },
    /// Nothing, although it was asked to.
    Nothing,
    /// It numbers no event, so that nobody can ask for what comes behind one.
    Unnumbered,
}

impl Keeps {
    /// Whether a response can be asked for again.
    pub(crate) const fn is_kept(self) -> bool {
        matches!(self, Self::All | Self::Whole { .. } | Self::Nothing)
    }

    /// Whether what is asked for is gone: the events, for the so manieth time, or the whole.
    pub(crate) const fn has_lost(self, events: bool, reads_now: usize) -> bool {
        match self {
            Self::Whole { reads, .. } => events && reads_now > reads,
            Self::Nothing => true,
            Self::All | Self::Unasked | Self::Unnumbered => false,
        }
    }

    /// Fetches that find the response unfinished.
    pub(crate) const fn polls(self) -> usize {
        if let Self::Whole { polls, .. } = self { polls } else { 0 }
    }
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
    pub(crate) keeps: Keeps,
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
        writeln!(f, "seam       {:?}, {:?}", self.seam, self.keeps)?;
        writeln!(f, "faults     {:?}", self.faults)?;
        writeln!(f, "deaths     {:?}, {:?}", self.deaths, self.interruption)?;
        write!(f, "records    {:?}, consumer {:?}", self.durability, self.reader)
    }
}
