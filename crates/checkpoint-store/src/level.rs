//! `Level`: what an acknowledged record survives. A level is named, never guessed, and never
//! lowered in silence.

use std::fmt;

/// The crash that an acknowledged record survives, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Nothing: the record lives as long as the process that holds it.
    Memory,
    /// The process that holds it is killed; the operating system goes on.
    Process,
    /// Everything that no completed sync covers is gone, as after a power cut.
    Disk,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Process => "process",
            Self::Disk => "disk",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn levels_are_ordered_by_what_they_survive() {
        assert!(Level::Memory < Level::Process);
        assert!(Level::Process < Level::Disk);
    }
}
