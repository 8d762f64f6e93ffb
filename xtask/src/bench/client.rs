//! `bench client`: whole clients over loopback, by the program of `benches/peers`, which measures,
//! prints and knows its arguments. With `--sdks` the official SDKs are installed below the target folder
//! first, so that they are in the table.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo::{metadata, succeed};
use crate::peers::{self, Selection};

/// The SDKs in the versions that are compared.
const PYTHON: &str = "openai==3.57.0";
const NODE: &str = "openai@7.59.0";

pub(super) fn run(args: &[String]) -> Result<()> {
    let mut args = args.to_vec();
    if let Some(at) = args.iter().position(|arg| arg == "--sdks") {
        let folder = install()?;
        args.insert(at + 1, folder.display().to_string());
    }
    peers::run(Selection::Client, "client", &args)
}

/// The folder in which the SDKs are.
fn install() -> Result<PathBuf> {
    let folder = metadata(&[])?.target_directory.join("bench-sdks").into_std_path_buf();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let python = folder.join("python");
    succeed(command("python3", &["-m", "venv"], &python))?;
    let pip = python.join("bin/pip");
    let mut install = Command::new(pip);
    install.args(["install", "--quiet", "--disable-pip-version-check", PYTHON]);
    succeed(install)?;
    let mut npm = command("npm", &["install", "--silent", "--no-save", "--prefix"], &folder);
    npm.arg(NODE);
    succeed(npm)?;
    Ok(folder)
}

fn command(program: &str, args: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(args).arg(folder);
    command
}
