//! Child processes of cargo, the root of the workspace, and usage errors.
//!
//! Every child runs in the root, so a command works from any folder. Nothing here interprets output.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::{Metadata, MetadataCommand};

/// A command line that the command does not understand.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::error::Error for Usage {}

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fails with a usage error unless `args` is empty.
pub(crate) fn no_arguments(command: &str, args: &[String]) -> Result<()> {
    match args.first() {
        None => Ok(()),
        Some(arg) => Err(Usage(format!("`{command}` takes no argument, but got `{arg}`")).into()),
    }
}

/// The folder of the root manifest.
pub(crate) fn root() -> PathBuf {
    // The variable is set by `cargo run`; the compiled-in path may be stale in a shared target folder.
    let xtask = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// A cargo process that will run in the root.
pub(crate) fn cargo<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Set for this process by `cargo run`; a child that inherits them would think it is xtask.
    command.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_MANIFEST_PATH");
    command.args(args).current_dir(root());
    command
}

/// Runs a process to its end, with this process's output.
///
/// # Errors
///
/// When it cannot be started or does not exit with status 0.
pub(crate) fn succeed(mut command: Command) -> Result<()> {
    let line = command_line(&command);
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs a process to its end and returns what it wrote to its output.
///
/// # Errors
///
/// As [`succeed`], and when the output is not UTF-8.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let line = command_line(&command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` failed: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` did not write UTF-8"))
}

/// The program and its arguments as a person would type them.
pub(crate) fn command_line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let mut line = program.to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}

/// Everything that cargo knows about the workspace, with all features.
///
/// `triples` restricts the graph to these platforms; none means every platform.
pub(crate) fn metadata(triples: &[String]) -> Result<Metadata> {
    let filters = triples.iter().flat_map(|triple| ["--filter-platform".into(), triple.clone()]);
    MetadataCommand::new()
        .current_dir(root())
        .other_options(["--all-features".into()].into_iter().chain(filters).collect::<Vec<_>>())
        .exec()
        .context("`cargo metadata` failed")
}

#[cfg(test)]
mod tests {
    use super::{Stdio, cargo, command_line, no_arguments, output, root, succeed};

    #[test]
    fn root_holds_the_workspace_manifest() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn a_failing_child_is_an_error_that_names_it() {
        let mut command = cargo(["--no-such-flag", "-q"]);
        command.stderr(Stdio::null());
        let error = succeed(command).unwrap_err();
        assert!(error.to_string().contains("cargo --no-such-flag -q"), "{error}");
    }

    #[test]
    fn output_is_what_the_child_wrote() {
        assert!(output(cargo(["--version"])).unwrap().starts_with("cargo "));
    }

    #[test]
    fn command_line_reads_as_typed() {
        assert_eq!(command_line(&cargo(["fmt", "--check"])), "cargo fmt --check");
    }

    #[test]
    fn a_stray_argument_is_refused() {
        assert!(no_arguments("tidy", &["x".into()]).is_err());
        assert!(no_arguments("tidy", &[]).is_ok());
    }
}
