//! `test`: unit, integration and documentation tests, and their totals.
//!
//! Runs plain `cargo test`, which needs nothing beyond Rust and, unlike other runners, also runs the
//! examples in the documentation. Tests against a real server are left out where that is not
//! installed, unless `--require-servers` is given, as `ci` does.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::cargo::{cargo, command_line};

/// A server that some tests start.
const SERVER: &str = "redis-server";

/// The modules whose tests need it.
const NEEDS_SERVER: &str = "with_redis_server";

const REQUIRE_SERVERS: &str = "--require-servers";

pub(crate) fn run(args: &[String]) -> Result<()> {
    let (required, args): (Vec<_>, Vec<_>) =
        args.iter().cloned().partition(|arg| arg == REQUIRE_SERVERS);
    let has_server = Command::new(SERVER).arg("--version").output().is_ok();
    ensure!(has_server || required.is_empty(), "{SERVER} is missing: install it");
    let ran = run_all(&args, has_server);
    if !has_server {
        eprintln!("warning: {SERVER} is not installed: the tests that need it were left out");
    }
    ran
}

fn run_all(args: &[String], has_server: bool) -> Result<()> {
    let mut command = cargo(arguments(args, has_server));
    let line = command_line(&command);
    let started = Instant::now();
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{line}`"))?;
    let output = child.stdout.take().context("the output of the tests is not a pipe")?;
    let totals = relay(BufReader::new(output), &mut std::io::stdout().lock())?;
    let status = child.wait().with_context(|| format!("lost `{line}`"))?;

    println!("\n{totals}, {:.1} s", started.elapsed().as_secs_f64());
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    ensure!(!args.is_empty() || totals.passed > 0, "no test ran");
    Ok(())
}

/// `cargo test` over everything, unless the caller chose packages.
fn arguments(args: &[String], has_server: bool) -> Vec<&str> {
    let ours = args.iter().map(String::as_str).take_while(|arg| *arg != "--");
    let chosen = ours.clone().any(|arg| {
        ["-p", "--package", "--workspace", "--manifest-path"].contains(&arg)
            || arg.starts_with("--package=")
            || (arg.starts_with("-p") && !arg.starts_with("--"))
    });
    let mut all = vec!["test", "--all-features", "--no-fail-fast"];
    if !chosen {
        all.push("--workspace");
    }
    all.extend(args.iter().map(String::as_str));
    if !has_server {
        if !all.contains(&"--") {
            all.push("--");
        }
        all.extend(["--skip", NEEDS_SERVER]);
    }
    all
}

/// Sums over the test binaries.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    binaries: u64,
    passed: u64,
    failed: u64,
    ignored: u64,
    filtered: u64,
}

impl Totals {
    /// Adds the closing line of one binary; other lines change nothing.
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        self.binaries += 1;
        self.passed += count(counts, "passed");
        self.failed += count(counts, "failed");
        self.ignored += count(counts, "ignored");
        self.filtered += count(counts, "filtered out");
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { binaries, passed, failed, ignored, filtered } = self;
        write!(
            f,
            "total: {passed} passed, {failed} failed, {ignored} ignored, {filtered} filtered out \
             in {binaries} test binaries"
        )
    }
}

/// Copies lines and adds up the closing ones.
fn relay(mut from: impl BufRead, to: &mut impl Write) -> Result<Totals> {
    let mut totals = Totals::default();
    let mut line = Vec::new();
    // By bytes, since a test may print anything.
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        totals.add(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(totals)
}

/// The number before `what` in `ok. 3 passed; 0 failed; …`.
fn count(counts: &str, what: &str) -> u64 {
    counts
        .split([';', '.'])
        .find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Totals, arguments, relay};

    fn check(args: &[&str], expected: &str) {
        let args: Vec<String> = args.iter().copied().map(str::to_owned).collect();
        assert_eq!(arguments(&args, true).join(" "), expected);
    }

    #[test]
    fn what_needs_a_server_is_skipped_where_there_is_none() {
        let without = |args: &[&str]| {
            let args: Vec<String> = args.iter().copied().map(str::to_owned).collect();
            arguments(&args, false).join(" ")
        };
        let all = "test --all-features --no-fail-fast";
        let skip = "--skip with_redis_server";
        assert_eq!(without(&[]), format!("{all} --workspace -- {skip}"));
        assert_eq!(without(&["-p", "cost", "--", "a"]), format!("{all} -p cost -- a {skip}"));
    }

    #[test]
    fn everything_is_tested_unless_packages_are_chosen() {
        check(&[], "test --all-features --no-fail-fast --workspace");
        check(&["-p", "cost"], "test --all-features --no-fail-fast -p cost");
        check(&["-pcost"], "test --all-features --no-fail-fast -pcost");
    }

    #[test]
    fn arguments_of_the_test_binaries_choose_no_package() {
        check(&["--", "-p"], "test --all-features --no-fail-fast --workspace -- -p");
    }

    #[test]
    fn totals_are_summed_over_binaries_and_lines_are_relayed() {
        let input = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
            test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 5 filtered out; finished in 0.1s\n";
        let mut relayed = Vec::new();
        let totals = relay(input.as_bytes(), &mut relayed).unwrap();
        assert_eq!(relayed, input.as_bytes());
        assert_eq!(totals, Totals { binaries: 2, passed: 5, failed: 4, ignored: 1, filtered: 5 });
    }

    #[test]
    fn output_that_is_not_utf8_is_relayed_unchanged() {
        let mut relayed = Vec::new();
        relay(&b"\xff\xfe\ntest"[..], &mut relayed).unwrap();
        assert_eq!(relayed, b"\xff\xfe\ntest");
    }
}
