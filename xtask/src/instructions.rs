//! `instructions`: how many instructions our codec and our decoders need per event and our retry
//! policy per operation, against what was recorded.
//!
//! Counted by callgrind, so that a busy machine changes nothing. The codec is built so that it chooses
//! its vectors when it is compiled and not by what the processor has; what is counted is therefore a
//! measure of change, not of speed. Time is `bench sse`'s matter.

mod count;
mod record;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use self::count::Counter;
use self::record::{Record, Toolchain};
use crate::cargo::{Usage, cargo, root};
use crate::peers::{self, Selection};

/// A crate and what is counted of it.
struct Subject {
    name: &'static str,
    /// Builds the program that runs a case.
    build: fn() -> Result<PathBuf>,
    /// As the program takes them.
    cases: &'static [&'static [&'static str]],
}

const SUBJECTS: &[Subject] = &[
    Subject { name: "sse-codec", build: build_codec, cases: CODEC_CASES },
    Subject { name: "protocol", build: build_protocol, cases: PROTOCOL_CASES },
    Subject { name: "retry-policy", build: build_policy, cases: POLICY_CASES },
];

fn build_codec() -> Result<PathBuf> {
    peers::build(Selection::Alone, "sse-instructions")
}

fn build_protocol() -> Result<PathBuf> {
    build_bench("protocol")
}

fn build_policy() -> Result<PathBuf> {
    build_bench("retry-policy")
}

fn build_bench(package: &str) -> Result<PathBuf> {
    let mut command = cargo(["bench", "--no-run", "--package", package]);
    command.args(["--bench", "instructions", "--message-format", "json-render-diagnostics"]);
    peers::executable(command, "instructions")
}

const POLICY_CASES: &[&[&str]] = &[&["decision-own"], &["decision-told"], &["delay"], &["success"]];

/// A piece of text on each wire, with escapes, and in a form that only all rules take.
const PROTOCOL_CASES: &[&[&str]] =
    &[&["anthropic"], &["escaped"], &["chat"], &["spaced"], &["role"], &["responses"]];

/// Stream, chunk size and form.
const CODEC_CASES: &[&[&str]] = &[
    &["anthropic", "16KiB", "bytes"],
    &["anthropic", "16KiB", "text"],
    &["anthropic", "1460B", "bytes"],
    &["anthropic", "1460B", "text"],
    &["anthropic", "1B", "bytes"],
    &["anthropic", "1B", "text"],
    &["openai", "16KiB", "bytes"],
    &["openai", "16KiB", "text"],
    &["lines-64k", "16KiB", "bytes"],
    &["lines-64k", "16KiB", "text"],
    &["tiny", "16KiB", "bytes"],
    &["tiny", "16KiB", "text"],
    &["heartbeats", "16KiB", "bytes"],
    &["heartbeats", "16KiB", "text"],
    &["multi-line", "16KiB", "bytes"],
    &["multi-line", "16KiB", "text"],
];

/// How much more than recorded is a failure, in percent.
const LIMIT_PERCENT: f64 = 5.0;

/// The same where another compiler made the program: it may order the same code differently.
const OTHER_COMPILER_LIMIT_PERCENT: f64 = 25.0;

/// What the caller asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Options {
    mode: Mode,
    elsewhere: Elsewhere,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Compare,
    Record,
}

/// What to do on a platform other than that of the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Elsewhere {
    #[default]
    Fail,
    Skip,
}

pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    let toolchain = Toolchain::probe()?;
    SUBJECTS.iter().try_for_each(|subject| subject.run(options, &toolchain))
}

impl Subject {
    fn run(&self, options: Options, toolchain: &Toolchain) -> Result<()> {
        let path = self.path();
        if options.mode == Mode::Record {
            let record = self.count(toolchain)?;
            print!("{}", record.render());
            return fs::write(path, record.render()).context("cannot write the record");
        }
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} is missing: run with --record", path.display()))?;
        let record = Record::parse(&text)?;
        if record.toolchain.host != toolchain.host {
            let hosts = (&record.toolchain.host, &toolchain.host);
            let message = format!("{}: recorded on {}, this is {}", self.name, hosts.0, hosts.1);
            ensure!(options.elsewhere == Elsewhere::Skip, "{message}");
            println!("SKIPPED: {message}; nothing was counted");
            return Ok(());
        }
        judge(&record, &self.count(toolchain)?)
    }

    /// Where the numbers are kept.
    fn path(&self) -> PathBuf {
        root().join("crates").join(self.name).join("benches/instructions.toml")
    }

    /// Instructions per event or operation of every case, in order.
    fn count(&self, toolchain: &Toolchain) -> Result<Record> {
        let counter = Counter::new(self.build, toolchain)?;
        let counts = self.cases.iter().map(|case| Ok((case.join("/"), counter.per_unit(case)?)));
        Ok(Record { counts: counts.collect::<Result<_>>()?, toolchain: toolchain.clone() })
    }
}

impl Options {
    fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self::default();
        for arg in args {
            match arg.as_str() {
                "--record" => options.mode = Mode::Record,
                "--skip-elsewhere" => options.elsewhere = Elsewhere::Skip,
                other => {
                    return Err(Usage(format!("`instructions` does not take `{other}`")).into());
                }
            }
        }
        Ok(options)
    }
}

/// Prints both numbers of every case, and fails when one grew too much or was never recorded.
fn judge(recorded: &Record, now: &Record) -> Result<()> {
    let limit = limit_percent(&recorded.toolchain, &now.toolchain);
    println!("{:<28}{:>14}{:>14}{:>10}", "instructions", "recorded", "now", "change");
    let mut failed = Vec::new();
    for (name, count) in &now.counts {
        let Some(before) = recorded.count(name) else {
            println!("{name:<28}{:>14}{count:>14.1}", "-");
            failed.push(name.as_str());
            continue;
        };
        let change = (count / before - 1.0) * 100.0;
        let verdict = if change > limit { "  TOO MANY" } else { "" };
        println!("{name:<28}{before:>14.1}{count:>14.1}{change:>+9.1}%{verdict}");
        if change > limit {
            failed.push(name);
        }
    }
    if recorded.toolchain != now.toolchain {
        let (before, after) = (&recorded.toolchain.rustc, &now.toolchain.rustc);
        println!("recorded with {before}, this is {after}: the limit is {limit} %");
    }
    if !failed.is_empty() {
        bail!(
            "more than {limit} % above the record, or not in it: {}; if that is meant, run \
             `cargo xtask instructions --record`",
            failed.join(", ")
        );
    }
    Ok(())
}

fn limit_percent(recorded: &Toolchain, now: &Toolchain) -> f64 {
    if recorded == now { LIMIT_PERCENT } else { OTHER_COMPILER_LIMIT_PERCENT }
}

#[cfg(test)]
mod tests {
    use super::{Elsewhere, Mode, Options, Record, SUBJECTS, Subject, Toolchain, judge};
    use crate::cargo::Usage;

    fn parse(args: &[&str]) -> anyhow::Result<Options> {
        Options::parse(&args.iter().copied().map(str::to_owned).collect::<Vec<_>>())
    }

    fn record(rustc: &str, counts: &[(&str, f64)]) -> Record {
        Record {
            toolchain: Toolchain { rustc: rustc.into(), host: "here".into() },
            counts: counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
        }
    }

    #[track_caller]
    fn check(rustc: &str, now: &[(&str, f64)], passes: bool) {
        let result = judge(&record("1.95.0", &[("a", 100.0), ("b", 10.0)]), &record(rustc, now));
        assert_eq!(result.is_ok(), passes, "{result:?}");
    }

    #[test]
    fn options_are_read() {
        assert_eq!(parse(&[]).unwrap(), Options::default());
        let all = Options { mode: Mode::Record, elsewhere: Elsewhere::Skip };
        assert_eq!(parse(&["--skip-elsewhere", "--record"]).unwrap(), all);
        assert!(parse(&["--quick"]).unwrap_err().is::<Usage>());
    }

    #[test]
    fn five_percent_more_is_too_many() {
        check("1.95.0", &[("a", 104.9), ("b", 1.0)], true);
        check("1.95.0", &[("a", 100.0), ("b", 10.6)], false);
    }

    #[test]
    fn another_compiler_may_need_more() {
        check("1.96.0", &[("a", 120.0)], true);
        check("1.96.0", &[("a", 126.0)], false);
    }

    #[test]
    fn what_is_not_recorded_fails() {
        check("1.95.0", &[("c", 1.0)], false);
    }

    #[test]
    fn no_case_is_counted_twice() {
        for Subject { cases, .. } in SUBJECTS {
            for (index, case) in cases.iter().enumerate() {
                assert!(!cases[..index].contains(case), "{case:?}");
            }
        }
    }
}
