//! The part of `deny.toml` that this program reads, and the rules about the file itself.
//!
//! Its keys mean what they mean to `cargo deny`. Beyond that, a reason says when its permit ends.

use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::Package;
use cargo_metadata::semver::VersionReq;
use serde::Deserialize;

use super::date::Date;
use crate::finding::{Finding, line_where};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Policy {
    pub(super) graph: Graph,
    pub(super) advisories: Advisories,
    pub(super) licenses: Licences,
    pub(super) bans: Bans,
    /// The whole file, to find the line of an entry.
    #[serde(skip)]
    text: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Graph {
    pub(super) targets: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Advisories {
    pub(super) ignore: Vec<Ignored>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Ignored {
    pub(super) id: String,
    #[serde(default)]
    pub(super) reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Licences {
    pub(super) allow: Vec<String>,
    pub(super) exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Exception {
    #[serde(rename = "crate")]
    pub(super) spec: String,
    pub(super) allow: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Bans {
    pub(super) deny: Vec<Entry>,
    pub(super) skip: Vec<Entry>,
}

/// A crate, `name` or `name@requirement`, and why it is listed.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    #[serde(rename = "crate")]
    pub(super) spec: String,
    #[serde(default)]
    pub(super) reason: String,
}

impl Policy {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(text).with_context(|| format!("cannot parse {}", path.display()))
    }

    pub(super) fn parse(text: String) -> Result<Self> {
        let policy: Self = toml::from_str(&text)?;
        Ok(Self { text, ..policy })
    }

    /// Entries without a reason, and ignored advisories without an end or past it.
    pub(super) fn check(&self, today: Date) -> Vec<Finding> {
        let mut findings = Vec::new();
        for Ignored { id, reason } in &self.advisories.ignore {
            let message = match end(reason) {
                None => format!("{id} is ignored without a reason that says `until YYYY-MM-DD`"),
                Some(end) if end < today => format!("{id} was ignored until {end}: look again"),
                Some(_) => continue,
            };
            findings.push(self.finding(id, message));
        }
        for Entry { spec, reason } in self.bans.deny.iter().chain(&self.bans.skip) {
            if reason.is_empty() {
                findings.push(self.finding(spec, format!("{spec} is listed without a reason")));
            }
        }
        findings
    }

    /// A finding at the line that quotes `what`.
    pub(super) fn finding(&self, what: &str, message: impl Into<String>) -> Finding {
        let quoted = format!("\"{what}\"");
        Finding::new("deny.toml", line_where(&self.text, |line| line.contains(&quoted)), message)
    }
}

/// Whether `spec`, as in [`Entry`], means the package.
pub(super) fn means(spec: &str, package: &Package) -> bool {
    let (name, requirement) = spec.split_once(['@', ':']).unwrap_or((spec, "*"));
    name == package.name.as_str()
        && VersionReq::parse(requirement).is_ok_and(|wanted| wanted.matches(&package.version))
}

/// The day after `until` in a reason that says more than that.
fn end(reason: &str) -> Option<Date> {
    let (why, end) = reason.rsplit_once("until ")?;
    let end = end.get(..10).and_then(Date::parse)?;
    (!why.trim().is_empty()).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::{Date, Policy};

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let policy = Policy::parse(text.to_owned()).unwrap();
        let findings = policy.check(Date::parse("2026-06-01").unwrap());
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    fn ignoring(reason: &str) -> String {
        format!("[advisories]\nignore = [\n{{ id = \"RUSTSEC-1\", reason = \"{reason}\" }},\n]")
    }

    #[test]
    fn an_ignored_advisory_has_a_reason_and_an_end() {
        let message =
            "deny.toml:3: RUSTSEC-1 is ignored without a reason that says `until YYYY-MM-DD`";
        check(&ignoring("unmaintained; until 2026-06-01"), &[]);
        check(&ignoring("unmaintained"), &[message]);
        check(&ignoring("until 2027-01-01"), &[message]);
        check(&ignoring("unmaintained; until later"), &[message]);
    }

    #[test]
    fn a_past_end_is_a_finding() {
        let message = "deny.toml:3: RUSTSEC-1 was ignored until 2026-05-31: look again";
        check(&ignoring("unmaintained; until 2026-05-31"), &[message]);
    }

    #[test]
    fn a_listed_crate_has_a_reason() {
        let text = "[bans]\ndeny = [{ crate = \"openssl\" }]\n";
        check(text, &["deny.toml:2: openssl is listed without a reason"]);
    }

    #[test]
    fn the_policy_of_the_workspace_is_read() {
        let policy = Policy::read(&crate::cargo::root().join("deny.toml")).unwrap();
        assert!(policy.licenses.allow.contains(&"MIT".to_owned()));
        assert!(policy.bans.deny.iter().any(|entry| entry.spec == "aws-lc-rs"));
    }
}
