//! The kinds of text and their names on a command line and in prompts.

use std::fmt;
use std::str::FromStr;

use crate::error::ParseError;

/// What kind of text the answers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextKind {
    /// Prose in several scripts, emoji sequences, code, JSON, tables, runs of white space.
    #[default]
    Multilingual,
    /// The same unit again and again from the first byte.
    Periodic(Unit),
    /// A sentence that occurs once, then the same unit again and again.
    Introduced(Unit),
}

/// What a periodic text repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `ha `
    Laughter,
    /// `| --- | --- |` and a line feed.
    TableRow,
    /// `}` and a line feed.
    ClosingBrace,
}

impl Unit {
    /// The repeated characters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Laughter => "ha ",
            Self::TableRow => "| --- | --- |\n",
            Self::ClosingBrace => "}\n",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Laughter => "ha",
            Self::TableRow => "rows",
            Self::ClosingBrace => "braces",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Laughter, Self::TableRow, Self::ClosingBrace]
            .into_iter()
            .find(|unit| unit.name() == name)
    }
}

impl FromStr for TextKind {
    type Err = ParseError;

    fn from_str(name: &str) -> Result<Self, ParseError> {
        let kind = match name.strip_prefix("intro+") {
            Some(unit) => Unit::named(unit).map(Self::Introduced),
            None if name == "multilingual" => Some(Self::Multilingual),
            None => Unit::named(name).map(Self::Periodic),
        };
        kind.ok_or_else(|| ParseError::new("text kind", name))
    }
}

impl fmt::Display for TextKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Multilingual => f.write_str("multilingual"),
            Self::Periodic(unit) => f.write_str(unit.name()),
            Self::Introduced(unit) => write!(f, "intro+{}", unit.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for name in ["multilingual", "ha", "rows", "braces", "intro+ha", "intro+rows"] {
            assert_eq!(name.parse::<TextKind>().unwrap().to_string(), name);
        }
        let error = "intro+x".parse::<TextKind>().unwrap_err();
        assert_eq!(error.to_string(), "unknown text kind 'intro+x'");
    }
}
