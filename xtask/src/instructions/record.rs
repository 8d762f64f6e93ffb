//! The recorded numbers, and what they were made with.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::cargo::output;

/// Instructions per event or operation of each case.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    pub(super) toolchain: Toolchain,
    pub(super) counts: Vec<(String, f64)>,
}

/// What numbers depend on besides the code.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Toolchain {
    /// The compiler's version.
    pub(super) rustc: String,
    /// The platform that it runs on and compiles for.
    pub(super) host: String,
}

#[derive(Deserialize)]
struct Stored {
    #[serde(flatten)]
    toolchain: Toolchain,
    instructions: BTreeMap<String, f64>,
}

impl Record {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let stored: Stored = toml::from_str(text).context("the record is damaged")?;
        let counts = stored.instructions.into_iter().collect();
        Ok(Self { toolchain: stored.toolchain, counts })
    }

    /// As TOML that [`parse`](Record::parse) reads.
    pub(super) fn render(&self) -> String {
        let Toolchain { rustc, host } = &self.toolchain;
        let mut text = format!(
            "# Instructions per event or operation.\n\
             # Written by `cargo xtask instructions --record`, checked by `cargo xtask ci`.\n\
             rustc = \"{rustc}\"\nhost = \"{host}\"\n\n[instructions]\n"
        );
        for (name, count) in &self.counts {
            writeln!(text, "\"{name}\" = {count:.1}").expect("a string takes everything");
        }
        text
    }

    pub(super) fn count(&self, name: &str) -> Option<f64> {
        self.counts.iter().find(|(known, _)| known == name).map(|(_, count)| *count)
    }
}

impl Toolchain {
    pub(super) fn probe() -> Result<Self> {
        let mut command = Command::new("rustc");
        command.arg("-vV");
        Self::parse(&output(command)?)
    }

    fn parse(text: &str) -> Result<Self> {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
            line.map(str::to_owned).with_context(|| format!("`rustc -vV` says no {key}"))
        };
        Ok(Self { rustc: value("release")?, host: value("host")? })
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, Toolchain};

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let toolchain = Toolchain { rustc: "1.95.0".into(), host: "x86_64-x".into() };
        let counts = vec![("a/1B/bytes".to_owned(), 12.5), ("b".to_owned(), 100.0)];
        let record = Record { toolchain, counts };
        assert_eq!(Record::parse(&record.render()).unwrap(), record);
        assert_eq!(record.count("b"), Some(100.0));
        assert_eq!(record.count("c"), None);
    }

    #[test]
    fn the_compiler_says_version_and_platform() {
        let text = "rustc 1.95.0 (x)\nhost: x86_64-y\nrelease: 1.95.0\n";
        let toolchain = Toolchain::parse(text).unwrap();
        assert_eq!((toolchain.rustc.as_str(), toolchain.host.as_str()), ("1.95.0", "x86_64-y"));
        assert!(Toolchain::parse("release: 1\n").is_err());
    }
}
