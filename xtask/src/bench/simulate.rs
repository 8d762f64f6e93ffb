//! `bench outage`, `bench balance`, `bench stall`: the simulations of `benches/simulate`, which run
//! in virtual time and print tables of their own.

use std::path::{PathBuf, absolute};

use anyhow::{Context, Result};

use crate::cargo::{Usage, cargo, succeed};

pub(super) fn outage(args: &[String]) -> Result<()> {
    run("outage", args)
}

pub(super) fn balance(args: &[String]) -> Result<()> {
    run("balance", args)
}

pub(super) fn stall(args: &[String]) -> Result<()> {
    run("stall", args)
}

fn run(section: &str, args: &[String]) -> Result<()> {
    let svg = svg(section, args)?;
    let mut command = cargo(["run", "--release", "--quiet", "--package", "benches"]);
    command.args(["--bin", "simulate", "--", section]);
    if let Some(folder) = svg {
        // The child runs in the root; the folder is the caller's.
        command.arg("--svg").arg(absolute(&folder).context("the current folder is gone")?);
    }
    succeed(command)
}

/// The folder for the plots, if any are wanted.
fn svg(section: &str, args: &[String]) -> Result<Option<PathBuf>> {
    match args {
        [] => Ok(None),
        [flag, folder] if flag == "--svg" => Ok(Some(folder.into())),
        [flag] if flag == "--svg" => Err(Usage("`--svg` needs a folder".into()).into()),
        _ => Err(Usage(format!("`bench {section}` does not take `{}`", args.join(" "))).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Usage, svg};

    fn parse(args: &[&str]) -> anyhow::Result<Option<std::path::PathBuf>> {
        svg("outage", &args.iter().copied().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_folder_is_read() {
        assert_eq!(parse(&[]).unwrap(), None);
        assert_eq!(parse(&["--svg", "plots"]).unwrap(), Some("plots".into()));
    }

    #[test]
    fn wrong_arguments_are_usage_errors() {
        for args in [&["--svg"][..], &["--json", "x"], &["--svg", "a", "b"]] {
            assert!(parse(args).unwrap_err().is::<Usage>(), "{args:?}");
        }
    }
}
