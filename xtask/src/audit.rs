//! `audit`: what the dependencies are allowed to be, by `deny.toml`.
//!
//! Licences, bans, duplicates and sources come from `cargo metadata`. Advisories need a checkout of the
//! RustSec database; nothing is downloaded here.

mod advisory;
mod bans;
mod date;
mod licence;
mod policy;

use std::path::PathBuf;

use anyhow::Result;
use cargo_metadata::Metadata;

use self::date::Date;
use self::policy::Policy;
use crate::cargo::{Usage, metadata, root};
use crate::finding::{Finding, conclude, line_where};

pub(crate) fn run(args: &[String]) -> Result<()> {
    let database = database(args)?;
    let policy = Policy::read(&root().join("deny.toml"))?;
    let shipped = metadata(&policy.graph.targets)?;
    let everything = metadata(&[])?;

    let mut findings = policy.check(Date::today()?);
    findings.extend(licence::check(&policy, &everything));
    findings.extend(bans::check(&policy, &shipped, &everything));
    let advisories = match database {
        Some(folder) => {
            let database = advisory::Database::read(&folder, &everything)?;
            findings.extend(database.check(&policy, &everything));
            format!("{} advisories up to {}", database.len(), database.newest())
        }
        None => "advisories not checked (no --db)".into(),
    };
    conclude("audit", findings)?;
    println!("audit: {} packages, nothing to say; {advisories}", everything.packages.len());
    Ok(())
}

fn database(args: &[String]) -> Result<Option<PathBuf>> {
    match args {
        [] => Ok(None),
        [flag, folder] if flag == "--db" => Ok(Some(folder.into())),
        [flag] if flag == "--db" => Err(Usage("`--db` needs a folder".into()).into()),
        [other, ..] => Err(Usage(format!("`audit` does not take `{other}`")).into()),
    }
}

/// A finding about a package, at its place in the lock file.
fn at_package(package: &cargo_metadata::Package, message: String) -> Finding {
    Finding::new("Cargo.lock", lock_line(package), message)
}

fn lock_line(package: &cargo_metadata::Package) -> usize {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap_or_default();
    let name = format!("name = \"{}\"", package.name);
    let version = format!("version = \"{}\"", package.version);
    let lines: Vec<&str> = lock.lines().collect();
    let found = lines.windows(2).position(|pair| pair[0] == name && pair[1] == version);
    found.map_or_else(|| line_where(&lock, |line| line == name), |index| index + 1)
}

/// The packages that come from elsewhere.
fn theirs(metadata: &Metadata) -> impl Iterator<Item = &cargo_metadata::Package> {
    metadata.packages.iter().filter(|package| package.source.is_some())
}

#[cfg(test)]
mod tests {
    use super::database;
    use crate::cargo::Usage;

    #[track_caller]
    fn check(args: &[&str]) -> anyhow::Result<Option<std::path::PathBuf>> {
        database(&args.iter().copied().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_database_is_optional_and_named_by_a_flag() {
        assert_eq!(check(&[]).unwrap(), None);
        assert_eq!(check(&["--db", "x"]).unwrap(), Some("x".into()));
    }

    #[test]
    fn other_arguments_are_usage_errors() {
        for args in [&["--db"][..], &["x"], &["--db", "x", "y"]] {
            assert!(check(args).unwrap_err().is::<Usage>(), "{args:?}");
        }
    }
}
