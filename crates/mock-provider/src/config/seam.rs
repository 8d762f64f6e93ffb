//! How an answer goes on after a partial one, as models do it well and badly.
//! The text of each seam is made in `reply`.

use std::fmt;
use std::str::FromStr;

use crate::error::ParseError;

/// How an answer goes on after an instruction to continue.
///
/// The echo is the longest suffix of the partial answer that stands at the end of a quotation (`«»`, `""` or
/// `“”`) in the last user message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seam {
    /// `exact`: at the cut, without an echo.
    #[default]
    Exact,
    /// `echo`: the echo, then at the cut.
    Echo,
    /// `last:K`: the last K characters of the partial answer again.
    Last(u32),
    /// `space+`: a line feed, then as `echo`.
    SpaceAdded,
    /// `space-`: as `exact`, but white space at the head is left out.
    SpaceStripped,
    /// `preamble`: a sentence of its own, then as `echo`.
    Preamble,
    /// `restart`: from the very beginning.
    Restart,
    /// `divergent`: another text, without an echo.
    Divergent,
    /// `divergent+echo`: the echo, then another text.
    DivergentEcho,
}

impl FromStr for Seam {
    type Err = ParseError;

    fn from_str(name: &str) -> Result<Self, ParseError> {
        let seam = match name {
            "exact" => Self::Exact,
            "echo" => Self::Echo,
            "space+" => Self::SpaceAdded,
            "space-" => Self::SpaceStripped,
            "preamble" => Self::Preamble,
            "restart" => Self::Restart,
            "divergent" => Self::Divergent,
            "divergent+echo" => Self::DivergentEcho,
            _ => {
                let count = name.strip_prefix("last:").and_then(|count| count.parse().ok());
                Self::Last(count.ok_or_else(|| ParseError::new("seam", name))?)
            }
        };
        Ok(seam)
    }
}

impl fmt::Display for Seam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Exact => "exact",
            Self::Echo => "echo",
            Self::Last(count) => return write!(f, "last:{count}"),
            Self::SpaceAdded => "space+",
            Self::SpaceStripped => "space-",
            Self::Preamble => "preamble",
            Self::Restart => "restart",
            Self::Divergent => "divergent",
            Self::DivergentEcho => "divergent+echo",
        };
        f.write_str(name)
    }
}

/// How an answer goes on after a final assistant message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrefillSeam {
    /// `exact`: at the cut.
    #[default]
    Exact,
    /// `echo`: the whole assistant message again, then at the cut.
    Echo,
    /// `space-`: at the cut, but white space at the head is left out.
    SpaceStripped,
    /// `divergent`: another text.
    Divergent,
}

impl FromStr for PrefillSeam {
    type Err = ParseError;

    fn from_str(name: &str) -> Result<Self, ParseError> {
        match name {
            "exact" => Ok(Self::Exact),
            "echo" => Ok(Self::Echo),
            "space-" => Ok(Self::SpaceStripped),
            "divergent" => Ok(Self::Divergent),
            _ => Err(ParseError::new("prefill seam", name)),
        }
    }
}

impl fmt::Display for PrefillSeam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::Echo => "echo",
            Self::SpaceStripped => "space-",
            Self::Divergent => "divergent",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seams_read_back_as_they_are_written() {
        for name in
            "exact echo last:12 space+ space- preamble restart divergent divergent+echo".split(' ')
        {
            assert_eq!(name.parse::<Seam>().unwrap().to_string(), name);
        }
        for name in "exact echo space- divergent".split(' ') {
            assert_eq!(name.parse::<PrefillSeam>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn other_names_are_refused() {
        for name in ["", "last", "last:x", "Echo"] {
            assert_eq!(name.parse::<Seam>(), Err(ParseError::new("seam", name)));
        }
        assert_eq!("last:3".parse::<PrefillSeam>(), Err(ParseError::new("prefill seam", "last:3")));
    }
}
