//! The scenarios: who asks when, and what the server does meanwhile.

use retry_policy::Nanos;

use super::server::Mode;
use crate::dice::Dice;

/// Everything about one run but its policy and its seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) load: Load,
    /// The processes, which share nothing with each other.
    pub(crate) processes: usize,
    pub(crate) trouble: Trouble,
    pub(crate) rejections: Rejections,
    /// The time that a request may take.
    pub(crate) deadline: Nanos,
    /// How long a response goes on after the answer; it costs the server nothing.
    pub(crate) body: Nanos,
    pub(crate) seeds: u64,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// So many requests are in flight when the outage begins, and all are cut.
    Herd(usize),
    /// A Poisson stream of so many a second until `end`.
    Stream { per_second: u32, end: Nanos },
}

/// What is wrong with the server, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trouble {
    pub(crate) mode: Mode,
    pub(crate) start: Nanos,
    pub(crate) end: Nanos,
}

/// What a 429 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejections {
    Bare,
    /// The time until the present queue is served.
    RetryAfter,
}

const HERD: Scenario = Scenario {
    name: "H1",
    what: "1000 requests cut at once, connections refused for 30 s",
    load: Load::Herd(1000),
    processes: 10,
    trouble: Trouble { mode: Mode::Refuse, start: Nanos::ZERO, end: Nanos::from_secs(30) },
    rejections: Rejections::Bare,
    deadline: Nanos::from_secs(120),
    body: Nanos::ZERO,
    seeds: 3,
};

const STREAM: Scenario = Scenario {
    name: "S1",
    what: "80 requests/s (80 % load), connections refused for 30 s",
    load: Load::Stream { per_second: 80, end: Nanos::from_secs(400) },
    trouble: Trouble { mode: Mode::Refuse, start: Nanos::from_secs(60), end: Nanos::from_secs(90) },
    ..HERD
};

const BROWN: Scenario = Scenario {
    name: "B1",
    what: "80 requests/s, 30 % of the capacity for 30 s, 429 without a hint",
    trouble: STREAM.trouble.like(Mode::Slow(300)),
    seeds: 2,
    ..STREAM
};

impl Scenario {
    pub(crate) const H1: Self = HERD;
    pub(crate) const H3: Self = Self {
        name: "H3",
        what: "as H1, but nothing is answered and attempts time out after 10 s",
        trouble: HERD.trouble.like(Mode::Hole),
        ..HERD
    };
    pub(crate) const H4: Self = Self {
        name: "H4",
        what: "as H1, for 45 s",
        trouble: Trouble { end: Nanos::from_secs(45), ..HERD.trouble },
        ..HERD
    };
    pub(crate) const H1_P100: Self =
        Self { name: "H1/100", what: "as H1, in 100 processes", processes: 100, ..HERD };
    pub(crate) const H1_P1000: Self =
        Self { name: "H1/1000", what: "as H1, in 1000 processes", processes: 1000, ..HERD };
    pub(crate) const H1_LONG: Self = Self {
        name: "H1/long",
        what: "as H1, and a response goes on for 60 s after the answer",
        body: Nanos::from_secs(60),
        ..HERD
    };
    pub(crate) const H1_HASTY: Self = Self {
        name: "H1/5s",
        what: "as H1, with a deadline of 5 s",
        deadline: Nanos::from_secs(5),
        ..HERD
    };
    pub(crate) const S1: Self = STREAM;
    pub(crate) const S2: Self = Self {
        name: "S2",
        what: "as S1, but nothing is answered and attempts time out after 10 s",
        trouble: STREAM.trouble.like(Mode::Hole),
        ..STREAM
    };
    pub(crate) const S1_HASTY: Self = Self {
        name: "S1/5s",
        what: "as S1, with a deadline of 5 s",
        deadline: Nanos::from_secs(5),
        ..STREAM
    };
    pub(crate) const S1_P1000: Self =
        Self { name: "S1/1000", what: "as S1, in 1000 processes", processes: 1000, ..STREAM };
    pub(crate) const B1: Self = BROWN;
    pub(crate) const B2: Self = Self {
        name: "B2",
        what: "as B1, with Retry-After: the time until the present queue is served",
        rejections: Rejections::RetryAfter,
        ..BROWN
    };

    pub(crate) const ALL: &[Self] = &[
        Self::H1,
        Self::H1_P100,
        Self::H1_P1000,
        Self::H1_LONG,
        Self::H1_HASTY,
        Self::H3,
        Self::H4,
        Self::S1,
        Self::S1_P1000,
        Self::S1_HASTY,
        Self::S2,
        Self::B1,
        Self::B2,
    ];

    /// The instants at which requests arrive, in order.
    pub(crate) fn arrivals(&self, dice: &mut Dice) -> Vec<Nanos> {
        match self.load {
            Load::Herd(requests) => vec![Nanos::ZERO; requests],
            Load::Stream { per_second, end } => {
                let mut arrivals = Vec::new();
                let mut now = dice.exponential(f64::from(per_second));
                while now < end {
                    arrivals.push(now);
                    now = now.saturating_add(dice.exponential(f64::from(per_second)));
                }
                arrivals
            }
        }
    }
}

impl Trouble {
    const fn like(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    pub(crate) fn contains(&self, at: Nanos) -> bool {
        (self.start..self.end).contains(&at)
    }
}
