//! A list of faults, one for each request in order; after its end every request is healthy.
//! Also the seeded scripts: the same seed always gives the same storm.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::fault::{Fault, FaultParseError, InBandError, RetryHint};
use crate::hazard::Hazard;
use crate::random::Random;

/// Faults, one for each request in order.
///
/// ```
/// use mock_provider::{Fault, Script};
///
/// let script: Script = "rst@40,429:2,stall@10*2,ok".parse().unwrap();
/// assert_eq!(script.faults().len(), 5);
/// assert_eq!(script.faults()[0], Fault::ResetInEvent { after: 40 });
/// assert!("rst@forty".parse::<Script>().is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    faults: Vec<Fault>,
}

impl Script {
    /// The most faults that a script read from text may have.
    pub const LENGTH_MAX: usize = 10_000;

    /// A script of these faults.
    pub fn new(faults: Vec<Fault>) -> Self {
        Self { faults }
    }

    /// `length` survivable faults of all kinds; no two of the first twenty are of the same kind.
    ///
    /// Waits that they ask for are short; silences last until the client gives up.
    pub fn seeded(seed: u64, length: usize) -> Self {
        let kinds: [fn(&mut Random) -> Fault; 20] = [
            reset, fin, end, utf8, chunk, json, in_band, stall, pings, refused, close, rst, status,
            date, millis, silent, empty, html, json200, overloaded,
        ];
        Self::shuffled(seed, length, &kinds)
    }

    /// `length` breaks in the middle of the text, none of which makes the client wait for a clock.
    pub fn cuts(seed: u64, length: usize) -> Self {
        Self::shuffled(seed, length, &[reset, fin, end, utf8, chunk, json, in_band])
    }

    /// The faults in order.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Draws from the kinds without putting back until none is left, then starts over.
    fn shuffled(seed: u64, length: usize, kinds: &[fn(&mut Random) -> Fault]) -> Self {
        let mut random = Random::new(seed);
        let mut deck: Vec<fn(&mut Random) -> Fault> = Vec::new();
        let draw = |_| {
            if deck.is_empty() {
                deck.extend_from_slice(kinds);
            }
            let kind = deck.swap_remove(random.below(deck.len()));
            kind(&mut random)
        };
        (0..length).map(draw).collect()
    }
}

impl From<Vec<Fault>> for Script {
    fn from(faults: Vec<Fault>) -> Self {
        Self::new(faults)
    }
}

impl FromIterator<Fault> for Script {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self::new(faults.into_iter().collect())
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut faults = Vec::new();
        if text.trim().is_empty() {
            return Ok(Self { faults });
        }
        for (index, item) in text.split(',').enumerate() {
            let error = |kind| ScriptError { item: index + 1, kind };
            let (fault, count) = read_item(item.trim()).map_err(error)?;
            if faults.len() + count > Self::LENGTH_MAX {
                return Err(error(ScriptErrorKind::TooLong));
            }
            faults.extend(std::iter::repeat_n(fault, count));
        }
        Ok(Self { faults })
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{fault}")?;
        }
        Ok(())
    }
}

/// Which item of a script is wrong, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("item {item} of the fault script: {kind}")]
pub struct ScriptError {
    /// Which item, from 1.
    pub item: usize,
    /// What is wrong with it.
    pub kind: ScriptErrorKind,
}

/// Why an item of a script cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptErrorKind {
    /// The fault itself.
    #[error("{0}")]
    Fault(FaultParseError),
    /// The part after `*` is not a number.
    #[error("the count after '*' is not a number")]
    BadCount,
    /// More faults than [`Script::LENGTH_MAX`].
    #[error("the script is longer than 10000 faults")]
    TooLong,
}

/// Which script a request takes its fault from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Faults {
    /// One script for the server: its requests use it up in order of arrival.
    InOrder(Script),
    /// The same script for every prompt, from its start.
    PerPrompt(Script),
    /// For every prompt `count` faults of [`Script::cuts`] with a seed made of `seed` and the prompt.
    SeededPerPrompt {
        /// Seed of all prompts.
        seed: u64,
        /// Breaks for each prompt.
        count: usize,
    },
    /// By chance, for every request that makes a response; readings of one are whole.
    Hazard(Hazard),
}

impl Default for Faults {
    fn default() -> Self {
        Self::InOrder(Script::default())
    }
}

fn read_item(item: &str) -> Result<(Fault, usize), ScriptErrorKind> {
    let (fault, count) = match item.rsplit_once('*') {
        Some((fault, count)) => (fault, count.parse().map_err(|_| ScriptErrorKind::BadCount)?),
        None => (item, 1),
    };
    Ok((fault.parse().map_err(ScriptErrorKind::Fault)?, count))
}

fn position(random: &mut Random) -> u32 {
    // At most 60, so that the bound of `u32` does not matter.
    random.between(1, 60) as u32
}

fn reset(random: &mut Random) -> Fault {
    Fault::ResetInEvent { after: position(random) }
}

fn fin(random: &mut Random) -> Fault {
    Fault::CloseInChunk { after: position(random) }
}

fn end(random: &mut Random) -> Fault {
    Fault::EndWithoutTerminal { after: position(random) }
}

fn utf8(random: &mut Random) -> Fault {
    Fault::EndInUtf8 { after: position(random) }
}

fn chunk(random: &mut Random) -> Fault {
    Fault::BadChunkSize { after: position(random) }
}

fn json(random: &mut Random) -> Fault {
    Fault::MalformedJson { after: position(random) }
}

fn in_band(random: &mut Random) -> Fault {
    let errors = [&InBandError::Overloaded, &InBandError::Api, &InBandError::OpenRouter];
    Fault::InBandError { after: position(random), error: *random.pick(&errors) }
}

fn stall(random: &mut Random) -> Fault {
    Fault::Stall { after: position(random) }
}

fn pings(random: &mut Random) -> Fault {
    Fault::Heartbeats { after: position(random) }
}

fn refused(random: &mut Random) -> Fault {
    Fault::Refused { lasting: Duration::from_millis(random.between(50, 300) as u64) }
}

fn close(_: &mut Random) -> Fault {
    Fault::CloseBeforeHead
}

fn rst(_: &mut Random) -> Fault {
    Fault::ResetBeforeHead
}

fn status(random: &mut Random) -> Fault {
    let status = *random.pick(&[&500, &502, &503, &504]);
    Fault::Status { status, hint: RetryHint::Absent }
}

fn date(_: &mut Random) -> Fault {
    Fault::Status { status: 503, hint: RetryHint::HttpDate(1) }
}

fn millis(random: &mut Random) -> Fault {
    Fault::Status { status: 429, hint: RetryHint::Millis(random.between(50, 300) as u64) }
}

fn overloaded(_: &mut Random) -> Fault {
    Fault::Status { status: 529, hint: RetryHint::Absent }
}

fn silent(_: &mut Random) -> Fault {
    Fault::SilentAfterHead
}

fn empty(_: &mut Random) -> Fault {
    Fault::EmptyStream
}

fn html(_: &mut Random) -> Fault {
    Fault::HtmlBody
}

fn json200(_: &mut Random) -> Fault {
    Fault::JsonErrorBody
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_read_back_as_they_are_written() {
        for seed in 0..20 {
            let script = Script::seeded(seed, 40);
            assert_eq!(script.to_string().parse(), Ok(script));
        }
        assert_eq!("".parse(), Ok(Script::default()));
        assert_eq!(" ok , rst ".parse::<Script>().unwrap().to_string(), "ok,rst");
    }

    #[test]
    fn a_count_repeats_its_fault() {
        assert_eq!("rst@4*3,ok".parse::<Script>().unwrap().to_string(), "rst@4,rst@4,rst@4,ok");
        assert_eq!("rst@4*0".parse(), Ok(Script::default()));
    }

    #[test]
    fn errors_name_the_item() {
        let fault = ScriptErrorKind::Fault(FaultParseError::UnknownFault);
        assert_eq!("ok,boom".parse::<Script>(), Err(ScriptError { item: 2, kind: fault }));
        let count = ScriptErrorKind::BadCount;
        assert_eq!("ok*x".parse::<Script>(), Err(ScriptError { item: 1, kind: count }));
    }

    #[test]
    fn length_is_limited() {
        let most = format!("ok*{}", Script::LENGTH_MAX);
        assert_eq!(most.parse::<Script>().unwrap().faults().len(), Script::LENGTH_MAX);
        let error = (most + ",ok").parse::<Script>().unwrap_err();
        assert_eq!(error, ScriptError { item: 2, kind: ScriptErrorKind::TooLong });
    }

    #[test]
    fn seeded_scripts_are_repeatable_survivable_and_varied() {
        for seed in 0..50 {
            let script = Script::seeded(seed, 20);
            assert_eq!(script, Script::seeded(seed, 20));
            assert!(script.faults().iter().all(Fault::is_survivable));
            let names: std::collections::BTreeSet<_> =
                script.faults().iter().map(|fault| format!("{fault}")).collect();
            assert_eq!(names.len(), 20, "{script}");
        }
        assert_ne!(Script::seeded(1, 20), Script::seeded(2, 20));
    }

    #[test]
    fn cuts_are_all_in_the_text() {
        let script = Script::cuts(3, 50);
        assert!(script.faults().iter().all(|fault| fault.after().is_some_and(|at| at >= 1)));
    }
}
