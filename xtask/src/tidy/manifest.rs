//! What every package says about itself: lints, publishing, a README, `no_std` where promised.
//!
//! Does not judge dependencies; `edges` and `links` do.

use std::fs;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, Package};
use toml::Table;

use super::relative;
use crate::cargo::root;
use crate::finding::Finding;

/// Crates that must build without the standard library.
const NO_STD: &[&str] = &["sse-codec", "retry-policy", "cost"];

pub(super) fn check(metadata: &Metadata) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in metadata.workspace_packages() {
        let manifest = package.manifest_path.as_std_path();
        let path = relative(&root(), manifest);
        let text = fs::read_to_string(manifest).with_context(|| format!("cannot read {path}"))?;
        let table: Table = text.parse().with_context(|| format!("cannot parse {path}"))?;
        let mut messages = declared(&table);
        if package.publish.as_deref() != Some(&[]) {
            messages.push("`publish` is not false");
        }
        if path.starts_with("crates/") && !manifest.with_file_name("README.md").exists() {
            messages.push("there is no README.md beside it");
        }
        findings.extend(messages.into_iter().map(|message| Finding::new(&path, 1, message)));
        findings.extend(missing_no_std(package)?);
    }
    Ok(findings)
}

/// What is wrong in the manifest itself.
fn declared(manifest: &Table) -> Vec<&'static str> {
    let inherits = |section: &str, key: Option<&str>| {
        let section = manifest.get(section).and_then(|value| value.as_table());
        let value = match key {
            Some(key) => section.and_then(|section| section.get(key)?.as_table()),
            None => section,
        };
        value.and_then(|value| value.get("workspace")?.as_bool()) == Some(true)
    };
    let mut messages = Vec::new();
    if !inherits("lints", None) {
        messages.push("`[lints] workspace = true` is missing");
    }
    for (key, message) in [
        ("edition", "`edition.workspace = true` is missing"),
        ("rust-version", "`rust-version.workspace = true` is missing"),
        ("license", "`license.workspace = true` is missing"),
    ] {
        if !inherits("package", Some(key)) {
            messages.push(message);
        }
    }
    messages
}

fn missing_no_std(package: &Package) -> Result<Option<Finding>> {
    if !NO_STD.contains(&package.name.as_str()) {
        return Ok(None);
    }
    let library = package.manifest_path.with_file_name("src").join("lib.rs");
    let text = fs::read_to_string(&library).with_context(|| format!("cannot read {library}"))?;
    let path = relative(&root(), library.as_std_path());
    Ok((!is_no_std(&text)).then(|| Finding::new(&path, 1, "`#![no_std]` is missing")))
}

/// An attribute under a condition would let `std` slip in during normal work, so it does not count.
fn is_no_std(library: &str) -> bool {
    library.lines().any(|line| line == "#![no_std]")
}

#[cfg(test)]
mod tests {
    use super::{declared, is_no_std};

    const GOOD: &str = "[package]\nedition.workspace = true\nrust-version.workspace = true\n\
        license.workspace = true\n[lints]\nworkspace = true\n";

    #[track_caller]
    fn check(remove: &str, expected: &[&str]) {
        assert_eq!(declared(&GOOD.replace(remove, "").parse().unwrap()), expected);
    }

    #[test]
    fn an_inheriting_manifest_has_no_finding() {
        check("nothing of this", &[]);
    }

    #[test]
    fn a_manifest_without_the_lints_is_a_finding() {
        check("[lints]\nworkspace = true\n", &["`[lints] workspace = true` is missing"]);
    }

    #[test]
    fn a_field_of_its_own_is_a_finding() {
        check("edition.workspace = true\n", &["`edition.workspace = true` is missing"]);
        check("license.workspace = true\n", &["`license.workspace = true` is missing"]);
    }

    #[test]
    fn a_conditional_no_std_does_not_count() {
        assert!(is_no_std("//! Docs.\n#![no_std]\n"));
        assert!(!is_no_std("//! #![no_std]\n#![cfg_attr(not(test), no_std)]\n"));
    }
}
