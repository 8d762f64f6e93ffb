//! `fuzz`: builds the fuzz targets with coverage on the stable toolchain and runs them for a while.
//!
//! A target is a file of `tests/fuzz/src/bin`. What a run learns stays in `tests/fuzz/corpus`, which is
//! not committed; it starts from `tests/fuzz/seeds`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cargo::{Usage, cargo, output, root, succeed};

/// What the compiler has to do for libFuzzer; the driver that usually asks for it needs nightly.
const COVERAGE: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
];

/// The longest that one input may take, in seconds; a decoder that is not linear takes longer.
const INPUT_SECONDS_MAX: u32 = 5;

/// The longest input, in bytes.
const INPUT_BYTES_MAX: u32 = 4096;

/// The memory of one target, in MiB.
const MEMORY_MIB_MAX: u32 = 1024;

/// What the caller asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    target: Option<String>,
    effort: Effort,
}

#[derive(Debug, PartialEq, Eq)]
enum Effort {
    /// New inputs for this many seconds per target.
    Seconds(u32),
    /// One input, again.
    Input(PathBuf),
}

pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    let folder = root().join("tests/fuzz");
    let all = targets(&folder.join("src/bin"))?;
    let chosen: Vec<&String> = match &options.target {
        None => all.iter().collect(),
        Some(name) => vec![all.iter().find(|target| *target == name).ok_or_else(|| {
            Usage(format!("no fuzz target `{name}`; there are {}", all.join(", ")))
        })?],
    };
    ensure!(!chosen.is_empty(), "no file in {}", folder.display());

    let host = host()?;
    succeed(fuzz_cargo("build", &host))?;
    for target in &chosen {
        println!("---- fuzz: {target}");
        fuzz(target, &host, &options.effort, &folder)?;
    }
    println!("fuzz: {} targets, nothing found", chosen.len());
    Ok(())
}

impl Options {
    fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self { target: None, effort: Effort::Seconds(60) };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--seconds" => {
                    let seconds = args.next().and_then(|text| text.parse().ok());
                    // libFuzzer takes 0 for no limit.
                    let seconds = seconds.filter(|&seconds| seconds > 0);
                    let wrong = || Usage("`--seconds` needs a number above 0".into());
                    options.effort = Effort::Seconds(seconds.ok_or_else(wrong)?);
                }
                "--input" => {
                    let file = args.next().ok_or_else(|| Usage("`--input` needs a file".into()))?;
                    options.effort = Effort::Input(file.into());
                }
                flag if flag.starts_with('-') => {
                    return Err(Usage(format!("`fuzz` does not take `{flag}`")).into());
                }
                target if options.target.is_none() => options.target = Some(target.into()),
                extra => return Err(Usage(format!("a second target: `{extra}`")).into()),
            }
        }
        if options.target.is_none() && matches!(options.effort, Effort::Input(_)) {
            return Err(Usage("`--input` needs a target to run it".into()).into());
        }
        Ok(options)
    }
}

/// The names of the targets, in order.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// The platform of this machine, named so that build scripts are built without coverage.
fn host() -> Result<String> {
    let mut command = Command::new("rustc");
    command.arg("-vV");
    let text = output(command)?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("`rustc -vV` names no host")?.to_owned())
}

/// A cargo that works on the targets.
fn fuzz_cargo(command: &str, host: &str) -> Command {
    let manifest = "tests/fuzz/Cargo.toml";
    let mut command = cargo([command, "--manifest-path", manifest, "--target", host]);
    command.env("RUSTFLAGS", COVERAGE.join(" ")).env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
}

/// Runs one target; what it finds is an error that names the input.
fn fuzz(target: &str, host: &str, effort: &Effort, folder: &Path) -> Result<()> {
    let mut command = fuzz_cargo("run", host);
    command.args(["--quiet", "--bin", target, "--"]);
    command.arg(format!("-timeout={INPUT_SECONDS_MAX}"));
    command.arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"));
    let seconds = match effort {
        Effort::Input(file) => {
            // The child runs in the root.
            let file = fs::canonicalize(file);
            command.arg(file.context("cannot find the input")?);
            return succeed(command);
        }
        Effort::Seconds(seconds) => seconds,
    };
    let corpus = folder.join("corpus").join(target);
    let artifacts = folder.join("artifacts").join(target);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    command.arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-max_len={INPUT_BYTES_MAX}"));
    // Progress is for nobody; findings and totals are printed all the same.
    command.args(["-verbosity=0", "-print_final_stats=1"]);
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.arg(corpus);
    let seeds = folder.join("seeds").join(format(target));
    command.args(seeds.exists().then_some(seeds));
    succeed(command).with_context(|| {
        format!(
            "`{target}` found something: `cargo xtask fuzz {target} --input FILE` repeats it, \
                 with a file of {}",
            artifacts.display()
        )
    })
}

/// The format that a target reads, which names its seeds: `sse` of `sse_decode`.
fn format(target: &str) -> &str {
    target.split_once('_').map_or(target, |(format, _)| format)
}

#[cfg(test)]
mod tests {
    use super::{Effort, Options, format, host, root, targets};

    fn parse(args: &[&str]) -> anyhow::Result<Options> {
        Options::parse(&args.iter().copied().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn all_targets_run_for_a_minute_each_unless_told() {
        let options = parse(&[]).unwrap();
        assert_eq!(options, Options { target: None, effort: Effort::Seconds(60) });
        let options = parse(&["a", "--seconds", "5"]).unwrap();
        assert_eq!(options, Options { target: Some("a".into()), effort: Effort::Seconds(5) });
    }

    #[test]
    fn an_input_belongs_to_a_target() {
        let options = parse(&["a", "--input", "b"]).unwrap();
        assert_eq!(options.effort, Effort::Input("b".into()));
        assert!(parse(&["--input", "b"]).is_err());
    }

    #[test]
    fn a_run_without_end_is_refused() {
        for seconds in [&["--seconds", "0"][..], &["--seconds", "x"], &["--seconds"]] {
            assert!(parse(seconds).is_err(), "{seconds:?}");
        }
    }

    #[test]
    fn the_files_are_the_targets() {
        let found = targets(&root().join("tests/fuzz/src/bin")).unwrap();
        assert!(found.iter().any(|name| name == "sse_decode"), "{found:?}");
    }

    #[test]
    fn targets_of_one_format_share_seeds() {
        assert_eq!(format("sse_decode"), "sse");
        assert_eq!(format("number"), "number");
        assert!(root().join("tests/fuzz/seeds/sse").exists());
    }

    #[test]
    fn the_host_is_a_triple() {
        assert!(host().unwrap().split('-').count() >= 3);
    }
}
