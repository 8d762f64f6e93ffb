//! The programs of `benches/peers`, a workspace of its own: built here, run by who needs them.

use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;

use crate::cargo::{Usage, cargo, command_line, root};

/// Which programs, and what is linked into them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of them, with the peers.
    Everything,
    /// The one that runs our codec alone, without the peers.
    Alone,
    /// Those that compare retry policies, without the codecs' peers.
    Retry,
    /// The one that compares durable streams, without the codecs' peers.
    Store,
    /// Those that compare whole clients, without the codecs' peers.
    Client,
}

/// The status with which a program refuses its arguments.
const WRONG_ARGUMENTS: i32 = 2;

/// Builds the program of a suite and runs it with `args` in the caller's folder, so that relative
/// paths are the caller's.
///
/// # Errors
///
/// When it refuses its arguments, a [`Usage`]; otherwise when it cannot be built or fails.
pub(crate) fn run(selection: Selection, program: &str, args: &[String]) -> Result<()> {
    let mut command = Command::new(build(selection, program)?);
    command.args(args);
    let line = command_line(&command);
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if status.code() == Some(WRONG_ARGUMENTS) {
        return Err(Usage(format!("`bench {program}` does not take `{}`", args.join(" "))).into());
    }
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Builds for release and gives the path of `program`.
///
/// # Errors
///
/// When the build fails or the lock file is not up to date.
pub(crate) fn build(selection: Selection, program: &str) -> Result<PathBuf> {
    let mut command = cargo(["build", "--release", "--locked", "--message-format"]);
    command.args(["json-render-diagnostics", "--manifest-path"]);
    command.arg(root().join("benches/peers/Cargo.toml"));
    match selection {
        Selection::Everything => {}
        Selection::Alone => {
            command.args(["--no-default-features", "--bin", program]);
        }
        Selection::Retry => {
            command.args(["--no-default-features", "--features", "retry"]);
        }
        Selection::Client => {
            command.args(["--no-default-features", "--features", "client"]);
        }
        Selection::Store => {
            command.args(["--no-default-features", "--features", "store", "--bin", program]);
        }
    }
    executable(command, program)
}

/// Runs a cargo that builds with messages in JSON, and gives the path of the `program` it built.
///
/// # Errors
///
/// When the build fails or has no such program.
pub(crate) fn executable(mut command: Command, program: &str) -> Result<PathBuf> {
    let line = command_line(&command);
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{line}`"))?;
    let output = child.stdout.take().context("the output of the build is not a pipe")?;
    let mut found = None;
    for message in Message::parse_stream(BufReader::new(output)) {
        if let Message::CompilerArtifact(artifact) = message?
            && artifact.target.name == program
        {
            found = artifact.executable.or(found);
        }
    }
    let status = child.wait().with_context(|| format!("lost `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(found.with_context(|| format!("`{line}` built no `{program}`"))?.into())
}
