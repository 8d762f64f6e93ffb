//! The faults of a demonstration: a number of them, or a script. Also their names for people.

use mock_provider::{Fault, Script, ScriptError};
use std::fmt;
use std::str::FromStr;

/// What goes wrong.
#[derive(Clone, Debug)]
pub(super) enum Storm {
    /// So many faults of all kinds, spread over the text.
    Count(usize),
    /// Exactly these.
    Script(Script),
}

impl Storm {
    /// The script of a storm over an answer of so many tokens.
    pub(super) fn script(&self, seed: u64, tokens: u32) -> Script {
        match self {
            Self::Script(script) => script.clone(),
            Self::Count(count) => spread(&Script::seeded(seed, *count), tokens),
        }
    }
}

/// Faults that a number may ask for.
const FAULTS_MAX: usize = 200;

impl FromStr for Storm {
    type Err = StormError;

    fn from_str(text: &str) -> Result<Self, StormError> {
        match text.parse() {
            Ok(count) if count <= FAULTS_MAX => Ok(Self::Count(count)),
            Ok(_) => Err(StormError::TooMany),
            Err(_) => text.parse().map(Self::Script).map_err(StormError::Script),
        }
    }
}

/// Why a text is no storm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StormError {
    /// More than [`FAULTS_MAX`].
    TooMany,
    /// Neither a number nor a script.
    Script(ScriptError),
}

impl fmt::Display for StormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(f, "more than {FAULTS_MAX} faults"),
            Self::Script(error) => write!(
                f,
                "neither a number from 0 to {FAULTS_MAX} nor a script such as rst@50,429:1: {error}"
            ),
        }
    }
}

impl std::error::Error for StormError {}

/// Moves the faults that have a place in the text apart, so that they fall all over it.
fn spread(script: &Script, tokens: u32) -> Script {
    let placed = script.faults().iter().filter(|fault| fault.after().is_some()).count();
    let step = tokens / u32::try_from(placed + 1).unwrap_or(u32::MAX);
    script.faults().iter().map(|fault| place(fault, step)).collect()
}

/// The seeded place, 1 to 60, becomes one around `step`: from half of it to half more.
fn place(fault: &Fault, step: u32) -> Fault {
    let mut fault = fault.clone();
    if let Fault::Stall { after }
    | Fault::Heartbeats { after }
    | Fault::ResetInEvent { after }
    | Fault::CloseInChunk { after }
    | Fault::EndWithoutTerminal { after }
    | Fault::EndInEvent { after }
    | Fault::WrongChecksum { after }
    | Fault::UnknownException { after }
    | Fault::EndInUtf8 { after }
    | Fault::BadChunkSize { after }
    | Fault::MalformedJson { after }
    | Fault::InBandError { after, .. } = &mut fault
    {
        *after = (step / 2 + step * (*after).min(60) / 60).max(1);
    }
    fault
}

/// What a fault without a request is called.
pub(super) const NOBODY_LISTENS: &str = "nobody listens";

/// The name of a kind of fault.
pub(super) fn describe(fault: &Fault) -> String {
    let name = match fault {
        Fault::Healthy | Fault::ByteOrderMark | Fault::CrLf | Fault::EndAfterStop => "no fault",
        Fault::Refused { .. } => NOBODY_LISTENS,
        Fault::CloseBeforeHead => "closed before the response",
        Fault::ResetBeforeHead => "reset before the response",
        Fault::Status { status, .. } => return format!("status {status}"),
        Fault::QuotaExhausted => "quota exhausted",
        Fault::SilentAfterHead => "head, then silence",
        Fault::EmptyStream => "empty stream",
        Fault::HtmlBody => "HTML with status 200",
        Fault::JsonErrorBody => "JSON error with status 200",
        Fault::Expired => "response no longer kept",
        Fault::Stall { .. } => "stall",
        Fault::Heartbeats { .. } => "heartbeats only",
        Fault::ResetInEvent { .. } => "reset inside an event",
        Fault::CloseInChunk { .. } => "closed inside a chunk",
        Fault::EndWithoutTerminal { .. } => "end without a last event",
        Fault::EndInEvent { .. } => "end inside an event",
        Fault::WrongChecksum { .. } => "wrong checksum",
        Fault::UnknownException { .. } => "unknown exception",
        Fault::EndInUtf8 { .. } => "end inside a character",
        Fault::BadChunkSize { .. } => "bad chunk size",
        Fault::MalformedJson { .. } => "malformed event",
        Fault::InBandError { .. } => "error event",
        Fault::Paused { .. } => "paused turn",
        Fault::LateEvent => "event after the end",
        Fault::Close { code, .. } => return format!("WebSocket closed with {code}"),
        Fault::ConnectionLimit => "WebSocket too old",
        Fault::PreviousLost => "WebSocket without the response before",
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_a_script_is_a_storm() {
        assert!(matches!("12".parse(), Ok(Storm::Count(12))));
        assert!(
            matches!("rst@4,html".parse(), Ok(Storm::Script(script)) if script.faults().len() == 2)
        );
        assert_eq!("201".parse::<Storm>().unwrap_err(), StormError::TooMany);
        assert!("rst@x".parse::<Storm>().unwrap_err().to_string().contains("item 1"));
    }

    #[test]
    fn faults_in_the_text_are_spread_over_it() {
        for seed in 0..20 {
            let script = Storm::Count(12).script(seed, 700);
            assert_eq!(script, Storm::Count(12).script(seed, 700));
            let places: Vec<u32> = script.faults().iter().filter_map(Fault::after).collect();
            let step = 700 / (places.len() as u32 + 1);
            assert!(places.iter().all(|at| (step / 2..=step + step / 2).contains(at)), "{script}");
        }
    }

    #[test]
    fn a_script_is_played_as_it_is() {
        let storm: Storm = "rst@4,429:2".parse().unwrap();
        assert_eq!(storm.script(1, 700).to_string(), "rst@4,429:2");
    }
}
