//! `bench`: the benches of every crate in one run, as one table; or one of the suites by its name.
//!
//! Builds and runs them with `cargo bench` and reads what criterion stored during this run. Does not
//! measure anything itself, and compares with nothing; that is what suites are for.

mod client;
mod decode;
mod machine;
mod measurement;
mod record;
mod retry;
mod seams;
mod simulate;
mod sockets;
mod sse;
mod store;
mod table;

use std::fs;
use std::io::stderr;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{Metadata, TargetKind};

use crate::cargo::{Usage, cargo, command_line, metadata, succeed};

/// Enough to show that a bench runs and that its assertions hold; too short to trust its time.
const SMOKE: &[&str] =
    &["--warm-up-time", "0.1", "--measurement-time", "0.2", "--sample-size", "10"];

/// What has a program of its own, run by the word that names it with the words behind it.
struct Suite {
    name: &'static str,
    run: fn(&[String]) -> Result<()>,
}

const SUITES: &[Suite] = &[
    Suite { name: "sse", run: sse::run },
    Suite { name: "decode", run: decode::run },
    Suite { name: "retry", run: retry::run },
    Suite { name: "store", run: store::run },
    Suite { name: "client", run: client::run },
    Suite { name: "seams", run: seams::run },
    Suite { name: "hedging", run: sockets::hedging },
    Suite { name: "recovery", run: sockets::recovery },
    Suite { name: "outage", run: simulate::outage },
    Suite { name: "balance", run: simulate::balance },
    Suite { name: "stall", run: simulate::stall },
];

/// What the caller asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    pattern: Option<String>,
    json: Option<PathBuf>,
    effort: Effort,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Effort {
    #[default]
    Full,
    Smoke,
}

pub(crate) fn run(args: &[String]) -> Result<()> {
    match (suite(args), args) {
        (Some(suite), [_, rest @ ..]) => (suite.run)(rest),
        _ => run_all(args),
    }
}

/// The suite that the first word names.
fn suite(args: &[String]) -> Option<&'static Suite> {
    SUITES.iter().find(|suite| args.first().is_some_and(|first| first == suite.name))
}

fn run_all(args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    let metadata = metadata(&[])?;
    let results = metadata.target_directory.join("xtask-bench");
    // What is in it afterwards is from this run.
    if results.exists() {
        fs::remove_dir_all(&results).with_context(|| format!("cannot empty {results}"))?;
    }
    let benches = benches(&metadata);
    ensure!(!benches.is_empty(), "no package has a bench");

    let mut command = cargo(arguments(&benches, &options).iter().map(String::as_str));
    let line = command_line(&command);
    command.env("CRITERION_HOME", &results);
    // The table alone goes to the output.
    command.stdout(Stdio::from(stderr()));
    succeed(command)?;

    let measurements = measurement::read_all(results.as_std_path())?;
    ensure!(!measurements.is_empty(), "no bench ran{}", options.hint());
    print!("{}", table::render(&measurements));
    if let Some(path) = &options.json {
        let text = record::render(&measurements, &machine::Machine::probe(), &line);
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

impl Options {
    fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--smoke" => options.effort = Effort::Smoke,
                "--json" => {
                    let path = args.next().ok_or_else(|| Usage("`--json` needs a file".into()))?;
                    options.json = Some(path.into());
                }
                flag if flag.starts_with('-') => {
                    return Err(Usage(format!("`bench` does not take `{flag}`")).into());
                }
                pattern if options.pattern.is_none() => options.pattern = Some(pattern.into()),
                extra => return Err(Usage(format!("a second pattern: `{extra}`")).into()),
            }
        }
        Ok(options)
    }

    fn hint(&self) -> String {
        let pattern = self.pattern.as_ref();
        pattern.map_or_else(String::new, |pattern| format!(": no name matches `{pattern}`"))
    }
}

/// The packages that have benches, and their benches.
fn benches(metadata: &Metadata) -> Vec<(String, Vec<String>)> {
    let packages = metadata.workspace_packages().into_iter().map(|package| {
        let benches = package.targets.iter().filter(|t| t.kind.contains(&TargetKind::Bench));
        (package.name.to_string(), benches.map(|target| target.name.clone()).collect::<Vec<_>>())
    });
    packages.filter(|(_, benches)| !benches.is_empty()).collect()
}

/// The arguments of one cargo that builds and runs them all.
fn arguments(benches: &[(String, Vec<String>)], options: &Options) -> Vec<String> {
    let mut args = vec!["bench".to_owned(), "--all-features".to_owned()];
    for (package, _) in benches {
        args.extend(["--package".to_owned(), package.clone()]);
    }
    let mut names: Vec<&String> = benches.iter().flat_map(|(_, names)| names).collect();
    names.sort();
    names.dedup();
    for name in names {
        args.extend(["--bench".to_owned(), name.clone()]);
    }
    args.extend(["--".to_owned(), "--noplot".to_owned()]);
    if options.effort == Effort::Smoke {
        args.extend(SMOKE.iter().copied().map(str::to_owned));
    }
    args.extend(options.pattern.clone());
    args
}

#[cfg(test)]
mod tests {
    use super::{Effort, Options, SUITES, Suite, arguments, suite};
    use crate::cargo::Usage;

    fn parse(args: &[&str]) -> anyhow::Result<Options> {
        Options::parse(&args.iter().copied().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_option_is_read() {
        let options = parse(&["--smoke", "sse/.*", "--json", "x.json"]).unwrap();
        assert_eq!(options.pattern.as_deref(), Some("sse/.*"));
        assert_eq!(options.json, Some("x.json".into()));
        assert_eq!(options.effort, Effort::Smoke);
    }

    #[test]
    fn wrong_options_are_usage_errors() {
        for args in [&["--json"][..], &["a", "b"], &["--quick"]] {
            assert!(parse(args).unwrap_err().is::<Usage>(), "{args:?}");
        }
    }

    #[test]
    fn only_the_whole_first_word_names_a_suite() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for Suite { name, .. } in SUITES {
            let found = suite(&words(&format!("{name} --smoke")));
            assert_eq!(found.map(|suite| suite.name), Some(*name));
        }
        for line in ["sse-codec", "sse.*", "--smoke sse"] {
            assert!(suite(&words(line)).is_none(), "{line}");
        }
        assert!(suite(&[]).is_none());
    }

    #[test]
    fn one_cargo_runs_all_benches_with_the_pattern_last() {
        let benches = [
            ("a".to_owned(), vec!["x".to_owned(), "y".to_owned()]),
            ("b".to_owned(), vec!["x".to_owned()]),
        ];
        let options = parse(&["--smoke", "pattern"]).unwrap();
        let line = arguments(&benches, &options).join(" ");
        let expected =
            "bench --all-features --package a --package b --bench x --bench y -- --noplot";
        assert!(line.starts_with(expected), "{line}");
        assert!(line.contains(" --sample-size 10"), "{line}");
        assert!(line.ends_with(" pattern"), "{line}");
    }
}
