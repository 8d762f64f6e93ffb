//! Banned crates, one crate in several versions, and sources other than the registry.
//!
//! Bans hold everywhere. Duplicates count only where they are shipped: on the platforms of the policy,
//! tests and benches excepted.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, Package, PackageId};

use super::policy::{Policy, means};
use super::{at_package, theirs};
use crate::finding::Finding;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(super) fn check(policy: &Policy, shipped: &Metadata, everything: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in theirs(everything) {
        let banned = policy.bans.deny.iter().filter(|entry| means(&entry.spec, package));
        findings.extend(banned.map(|entry| {
            at_package(package, format!("{} is banned: {}", package.name, entry.reason))
        }));
        if let Some(source) = foreign(package) {
            let message = format!("{} comes from {source}, not from the registry", package.name);
            findings.push(at_package(package, message));
        }
    }
    findings.extend(duplicates(policy, &shipped_packages(shipped)));
    findings
}

fn foreign(package: &Package) -> Option<&str> {
    package.source.as_ref().map(|source| source.repr.as_str()).filter(|source| *source != REGISTRY)
}

/// What the members of the workspace pull in other than for tests and benches.
fn shipped_packages(metadata: &Metadata) -> Vec<&Package> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let uses: BTreeMap<&PackageId, Vec<&PackageId>> = nodes
        .map(|node| {
            let shipped = node.deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
            });
            (&node.id, shipped.map(|dependency| &dependency.pkg).collect())
        })
        .collect();
    let mut reached = BTreeSet::new();
    let mut open: Vec<&PackageId> = metadata.workspace_members.iter().collect();
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(uses.get(id).into_iter().flatten());
        }
    }
    metadata.packages.iter().filter(|package| reached.contains(&package.id)).collect()
}

/// Crates in more than one version, and skips that skip nothing.
fn duplicates(policy: &Policy, packages: &[&Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut used = vec![false; policy.bans.skip.len()];
    let mut counted: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    let mut all: BTreeMap<&str, usize> = BTreeMap::new();
    for package in packages {
        *all.entry(&package.name).or_default() += 1;
        match policy.bans.skip.iter().position(|entry| means(&entry.spec, package)) {
            Some(index) => used[index] = true,
            None => counted.entry(&package.name).or_default().push(package),
        }
    }
    for same in counted.values().filter(|same| same.len() > 1) {
        let versions: Vec<String> =
            same.iter().map(|package| package.version.to_string()).collect();
        let message = format!("{} is linked as {}", same[0].name, versions.join(" and "));
        findings.push(at_package(same[0], message));
    }
    for (entry, used) in policy.bans.skip.iter().zip(used) {
        let name = entry.spec.split(['@', ':']).next().unwrap_or_default();
        if !used || all.get(name).is_none_or(|count| *count < 2) {
            let message = format!("{} is skipped and is no duplicate", entry.spec);
            findings.push(policy.finding(&entry.spec, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use cargo_metadata::Package;
    use serde_json::json;

    use super::{duplicates, foreign};
    use crate::audit::policy::Policy;

    fn package(name: &str, version: &str, source: &str) -> Package {
        serde_json::from_value(json!({
            "name": name, "version": version, "id": format!("{source}#{name}@{version}"),
            "source": source, "dependencies": [], "targets": [], "features": {},
            "manifest_path": "/x/Cargo.toml",
        }))
        .unwrap()
    }

    #[track_caller]
    fn check(skip: &str, expected: &[&str]) {
        let policy = Policy::parse(format!("[bans]\nskip = [{skip}]\n")).unwrap();
        let versions = ["0.2.17", "0.3.4"].map(|version| package("zz", version, super::REGISTRY));
        let findings = duplicates(&policy, &versions.iter().collect::<Vec<_>>());
        let messages: Vec<&str> = findings.iter().map(|found| found.message.as_str()).collect();
        assert_eq!(messages, expected);
    }

    #[test]
    fn two_versions_are_a_finding_unless_one_is_skipped() {
        check("", &["zz is linked as 0.2.17 and 0.3.4"]);
        check("{ crate = \"zz@0.2\", reason = \"ring\" }", &[]);
    }

    #[test]
    fn a_skip_without_a_duplicate_is_a_finding() {
        let skips = "{ crate = \"zz@0.2\", reason = \"a\" }, { crate = \"yy\", reason = \"b\" }";
        check(skips, &["yy is skipped and is no duplicate"]);
    }

    #[test]
    fn a_package_from_a_repository_is_foreign() {
        assert_eq!(foreign(&package("zz", "1.0.0", super::REGISTRY)), None);
        let git = package("zz", "1.0.0", "git+https://example.org/zz");
        assert_eq!(foreign(&git), Some("git+https://example.org/zz"));
    }
}
