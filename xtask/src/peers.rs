//! The programs of `benches/peers`, a workspace of its own: built here, run by who needs them.

use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;

use crate::cargo::{cargo, command_line, root};

/// Which programs, and what is linked into them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of them, with the peers.
    Everything,
    /// The one that runs our codec alone, without the peers.
    Alone,
    /// Those that compare retry policies, without the codecs' peers.
    Retry,
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
