//! `ci`: every check that the server runs, in order, with the time of each.
//!
//! Stops at the first failure. The dev profile for all but benches and demo, so that lints, tests and
//! this program share their dependencies.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cargo::{cargo, no_arguments, succeed};
use crate::{audit, bench, fuzz, instructions, test, tidy};

/// One step: its name, and how it runs.
struct Step {
    name: &'static str,
    how: How,
}

enum How {
    /// Arguments of cargo.
    Cargo(&'static [&'static str]),
    /// As `Cargo`, with warnings of rustdoc as errors.
    Docs(&'static [&'static str]),
    /// A command of this program.
    Xtask(fn(&[String]) -> Result<()>, &'static [&'static str]),
}

const STEPS: &[Step] = &[
    Step { name: "format", how: How::Cargo(&["fmt", "--all", "--check"]) },
    Step {
        name: "format of the fuzz targets",
        how: How::Cargo(&["fmt", "--manifest-path", "tests/fuzz/Cargo.toml", "--check"]),
    },
    Step {
        name: "format of the program without std",
        how: How::Cargo(&[
            "fmt",
            "--manifest-path",
            "crates/sse-codec/tests/no_std/Cargo.toml",
            "--check",
        ]),
    },
    Step {
        name: "format of the peers",
        how: How::Cargo(&["fmt", "--manifest-path", "benches/peers/Cargo.toml", "--check"]),
    },
    Step {
        name: "clippy",
        how: How::Cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ]),
    },
    Step {
        name: "sse-codec without features",
        how: How::Cargo(&["check", "-p", "sse-codec", "--no-default-features"]),
    },
    Step {
        name: "sse-codec without std",
        how: How::Cargo(&["run", "--manifest-path", "crates/sse-codec/tests/no_std/Cargo.toml"]),
    },
    Step {
        name: "cost without features",
        how: How::Cargo(&["check", "-p", "cost", "--no-default-features"]),
    },
    Step {
        name: "client without features",
        how: How::Cargo(&["check", "-p", "client", "--no-default-features"]),
    },
    Step {
        name: "checkpoint-store without features",
        how: How::Cargo(&["check", "-p", "checkpoint-store", "--no-default-features"]),
    },
    Step {
        name: "checkpoint-store on Redis alone",
        how: How::Cargo(&[
            "clippy",
            "-p",
            "checkpoint-store",
            "--no-default-features",
            "--features",
            "redis",
            "--",
            "-D",
            "warnings",
        ]),
    },
    Step { name: "docs", how: How::Docs(&["doc", "--workspace", "--no-deps", "--all-features"]) },
    Step { name: "tidy", how: How::Xtask(tidy::run, &[]) },
    Step { name: "audit", how: How::Xtask(audit::run, &[]) },
    Step { name: "test", how: How::Xtask(test::run, &["--require-servers"]) },
    Step { name: "fuzz", how: How::Xtask(fuzz::run, &["--seconds", "5"]) },
    Step { name: "instructions", how: How::Xtask(instructions::run, &["--skip-elsewhere"]) },
    Step { name: "bench", how: How::Xtask(bench::run, &["--smoke"]) },
    Step { name: "recovery", how: How::Xtask(bench::run, &["recovery", "--smoke"]) },
    Step { name: "demo", how: How::Cargo(&["run", "--release", "-p", "unbroken", "--", "demo"]) },
];

pub(crate) fn run(args: &[String]) -> Result<()> {
    no_arguments("ci", args)?;
    let started = Instant::now();
    let mut passed = Vec::new();
    for step in STEPS {
        println!("\n==== {}", step.name);
        let begun = Instant::now();
        let result = step.how.run();
        let took = begun.elapsed();
        println!("---- {}: {} in {:.1} s", step.name, verdict(&result), took.as_secs_f64());
        if let Err(error) = result {
            print!("{}", summary(&passed, Some((step.name, took)), started.elapsed()));
            return Err(error).with_context(|| format!("step `{}`", step.name));
        }
        passed.push((step.name, took));
    }
    print!("{}", summary(&passed, None, started.elapsed()));
    Ok(())
}

impl How {
    fn run(&self) -> Result<()> {
        match self {
            Self::Cargo(args) => succeed(cargo(args.iter().copied())),
            Self::Docs(args) => {
                let mut command = cargo(args.iter().copied());
                command.env("RUSTDOCFLAGS", "-D warnings");
                succeed(command)
            }
            Self::Xtask(command, args) => {
                command(&args.iter().copied().map(str::to_owned).collect::<Vec<_>>())
            }
        }
    }
}

fn verdict(result: &Result<()>) -> &'static str {
    if result.is_ok() { "ok" } else { "FAILED" }
}

/// One line per step that ran, those that did not, and the whole time.
fn summary(
    passed: &[(&str, Duration)],
    failed: Option<(&str, Duration)>,
    whole: Duration,
) -> String {
    let ran =
        passed.iter().map(|step| (step, "ok")).chain(failed.iter().map(|step| (step, "FAILED")));
    let mut text = String::from("\n==== summary\n");
    for ((name, took), verdict) in ran {
        text.push_str(&format!("{name:<36}{:>8.1} s  {verdict}\n", took.as_secs_f64()));
    }
    let skipped = STEPS.len() - passed.len() - failed.iter().count();
    if skipped > 0 {
        text.push_str(&format!("{skipped} steps did not run\n"));
    }
    text.push_str(&format!("{:<36}{:>8.1} s\n", "total", whole.as_secs_f64()));
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{STEPS, summary};

    #[test]
    fn step_names_are_unique() {
        for (index, step) in STEPS.iter().enumerate() {
            assert!(STEPS[..index].iter().all(|other| other.name != step.name), "{}", step.name);
        }
    }

    #[test]
    fn summary_names_the_failed_step_and_counts_the_rest() {
        let second = Duration::from_secs(1);
        let text = summary(&[("format", second)], Some(("clippy", second)), 2 * second);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().any(|line| line.starts_with("format") && line.ends_with("ok")));
        assert!(lines.iter().any(|line| line.starts_with("clippy") && line.ends_with("FAILED")));
        assert!(text.contains(&format!("{} steps did not run", STEPS.len() - 2)));
    }
}
