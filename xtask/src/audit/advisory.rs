//! Advisories of a RustSec database against the packages of the lock file.
//!
//! Reads `crates/NAME/RUSTSEC-*.md`, each of which starts with a block of TOML. Does not look at affected
//! functions or platforms: what is listed for a version counts.

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use cargo_metadata::semver::{Version, VersionReq};
use cargo_metadata::{Metadata, Package};
use serde::Deserialize;

use super::policy::Policy;
use super::{at_package, theirs};
use crate::finding::Finding;

/// The advisories about packages that we use.
pub(super) struct Database {
    advisories: Vec<Advisory>,
}

#[derive(Debug, Deserialize)]
struct Advisory {
    advisory: Facts,
    #[serde(default)]
    versions: Versions,
}

#[derive(Debug, Deserialize)]
struct Facts {
    id: String,
    package: String,
    date: String,
    #[serde(default)]
    withdrawn: Option<String>,
    /// `unmaintained`, `unsound` or `notice`; nothing for a vulnerability.
    #[serde(default)]
    informational: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Versions {
    patched: Vec<String>,
    unaffected: Vec<String>,
}

impl Database {
    /// Reads the advisories about the packages in `metadata` from a checkout of the database.
    pub(super) fn read(folder: &Path, metadata: &Metadata) -> Result<Self> {
        let crates = folder.join("crates");
        ensure!(crates.is_dir(), "{} is no advisory database: no crates/", folder.display());
        let mut names: Vec<&str> = theirs(metadata).map(|package| package.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let mut advisories = Vec::new();
        for name in names {
            let Ok(entries) = std::fs::read_dir(crates.join(name)) else { continue };
            for entry in entries {
                let path = entry?.path();
                if path.extension().is_some_and(|extension| extension == "md") {
                    let text = std::fs::read_to_string(&path)?;
                    let parsed = text.parse();
                    advisories.push(parsed.with_context(|| format!("in {}", path.display()))?);
                }
            }
        }
        Ok(Self { advisories })
    }

    pub(super) fn len(&self) -> usize {
        self.advisories.len()
    }

    /// The date of the newest advisory that was read, which hints at the age of the checkout.
    pub(super) fn newest(&self) -> &str {
        let dates = self.advisories.iter().map(|advisory| advisory.advisory.date.as_str());
        dates.max().unwrap_or("nothing")
    }

    /// Advisories that hold and are not ignored, and ignored ones that do not hold.
    pub(super) fn check(&self, policy: &Policy, metadata: &Metadata) -> Vec<Finding> {
        let packages: Vec<&Package> = theirs(metadata).collect();
        self.check_packages(policy, &packages)
    }

    fn check_packages(&self, policy: &Policy, packages: &[&Package]) -> Vec<Finding> {
        let ignored = &policy.advisories.ignore;
        let mut used = vec![false; ignored.len()];
        let mut findings = Vec::new();
        for package in packages {
            for advisory in self.advisories.iter().filter(|advisory| advisory.holds(package)) {
                let id = &advisory.advisory.id;
                match ignored.iter().position(|entry| entry.id == *id) {
                    Some(index) => used[index] = true,
                    None => findings.push(at_package(package, advisory.describe(package))),
                }
            }
        }
        for (entry, _) in ignored.iter().zip(used).filter(|(_, used)| !used) {
            let message = format!("{} is ignored and holds for no package", entry.id);
            findings.push(policy.finding(&entry.id, message));
        }
        findings
    }
}

impl Advisory {
    fn holds(&self, package: &Package) -> bool {
        self.advisory.package == package.name.as_str()
            && self.advisory.withdrawn.is_none()
            && !self.is_safe(&package.version)
    }

    /// Whether the version is patched or was never affected; a requirement that cannot be read says no.
    fn is_safe(&self, version: &Version) -> bool {
        let safe = self.versions.patched.iter().chain(&self.versions.unaffected);
        safe.filter_map(|text| VersionReq::parse(text).ok()).any(|wanted| wanted.matches(version))
    }

    fn describe(&self, package: &Package) -> String {
        let kind = self.advisory.informational.as_deref().unwrap_or("vulnerable");
        let patched = match self.versions.patched.as_slice() {
            [] => "no patched version".to_owned(),
            versions => format!("patched in {}", versions.join(", ")),
        };
        format!("{}: {} {} is {kind}; {patched}", self.advisory.id, package.name, package.version)
    }
}

impl FromStr for Advisory {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let rest = text.trim_start().strip_prefix("```toml").context("no ```toml at the start")?;
        let (front, _) = rest.split_once("\n```").context("the TOML does not end")?;
        toml::from_str(front).context("the TOML is wrong")
    }
}

#[cfg(test)]
mod tests {
    use cargo_metadata::Package;
    use serde_json::json;

    use super::{Advisory, Database, Policy};

    fn package(version: &str) -> Package {
        serde_json::from_value(json!({
            "name": "zz", "version": version, "id": "zz", "dependencies": [], "targets": [],
            "features": {}, "manifest_path": "/x/Cargo.toml",
        }))
        .unwrap()
    }

    fn advisory(extra: &str) -> Advisory {
        let text = format!(
            "```toml\n[advisory]\nid = \"RUSTSEC-1\"\npackage = \"zz\"\ndate = \"2026-01-01\"\n{extra}\n\
             [versions]\npatched = [\">= 1.2.3\", \"^0.9.4\"]\nunaffected = [\"< 0.5.0\"]\n```\n\n# Title\n"
        );
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(advisory: Advisory, version: &str, ignore: &str, expected: &[&str]) {
        let policy = Policy::parse(format!("[advisories]\nignore = [{ignore}]\n")).unwrap();
        let database = Database { advisories: vec![advisory] };
        let findings = database.check_packages(&policy, &[&package(version)]);
        let messages: Vec<&str> = findings.iter().map(|found| found.message.as_str()).collect();
        assert_eq!(messages, expected);
    }

    #[test]
    fn a_version_that_is_neither_patched_nor_unaffected_is_a_finding() {
        let patched = "patched in >= 1.2.3, ^0.9.4";
        let message = format!("RUSTSEC-1: zz 1.2.2 is vulnerable; {patched}");
        check(advisory(""), "1.2.2", "", &[&message]);
        for safe in ["1.2.3", "0.9.5", "0.4.0"] {
            check(advisory(""), safe, "", &[]);
        }
    }

    #[test]
    fn an_informational_advisory_is_a_finding_that_says_its_kind() {
        let unmaintained = advisory("informational = \"unmaintained\"");
        assert!(unmaintained.describe(&package("1.0.0")).contains("zz 1.0.0 is unmaintained"));
        assert!(unmaintained.holds(&package("1.0.0")));
    }

    #[test]
    fn a_withdrawn_advisory_does_not_hold() {
        check(advisory("withdrawn = \"2026-02-01\""), "1.0.0", "", &[]);
    }

    #[test]
    fn an_ignored_advisory_is_no_finding_while_it_holds() {
        let ignore = "{ id = \"RUSTSEC-1\", reason = \"x\" }";
        check(advisory(""), "1.0.0", ignore, &[]);
        check(advisory(""), "1.2.3", ignore, &["RUSTSEC-1 is ignored and holds for no package"]);
    }

    #[test]
    fn a_file_without_toml_is_an_error() {
        for text in ["# Title", "```toml\n[advisory]", "```toml\n[advisory]\n```"] {
            assert!(text.parse::<Advisory>().is_err(), "{text}");
        }
    }
}
