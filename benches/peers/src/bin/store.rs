//! How soon is a record durable, what does it take on disk, and how fast is it read: by ours, by
//! its peers, and by one file that is only appended to?
//!
//! `store [--streams N] [--seconds N] [--smoke]`. Fails when our own store fails or loses a record;
//! a peer that does stays in the table and says so.

use std::process::ExitCode;
use std::time::Duration;

use peers::store::{ENTRIES, Effort, LOADS, Load, Role, table};

/// What the caller asked for.
struct Options {
    loads: Vec<Load>,
    effort: Effort,
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let mut failure = None;
    for load in &options.loads {
        let mut outcomes = Vec::new();
        for entry in ENTRIES {
            eprintln!("{}: {}", load.name(), entry.name);
            let outcome = entry.measure(load, &options.effort);
            if let (Err(error), Role::Ours) = (&outcome, entry.role) {
                failure = Some(format!("{} at {}: {error}", entry.name, load.name()));
            }
            outcomes.push(outcome);
        }
        print!("{}", table(&load.within(&options.effort), &outcomes));
    }
    failure.map_or(Ok(()), Err)
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { loads: LOADS.to_vec(), effort: Effort::FULL };
        let mut seconds = None;
        while let Some(arg) = args.next() {
            let mut number = || {
                let value = args.next().ok_or_else(|| format!("`{arg}` needs a value"))?;
                let number = value.parse::<u32>().ok().filter(|number| *number > 0);
                number.ok_or_else(|| format!("no number above 0: `{value}`"))
            };
            match arg.as_str() {
                "--smoke" => options.effort = Effort::SMOKE,
                "--seconds" => seconds = Some(Duration::from_secs(number()?.into())),
                "--streams" => {
                    let streams = number()?;
                    options.loads.retain(|load| load.streams == streams);
                    if options.loads.is_empty() {
                        return Err(format!("no load has {streams} streams"));
                    }
                }
                other => return Err(format!("unknown argument `{other}`")),
            }
        }
        options.effort.run_for = seconds.unwrap_or(options.effort.run_for);
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_option_is_read() {
        let options = parse("--smoke --seconds 3 --streams 64").unwrap();
        assert!(options.loads.iter().all(|load| load.streams == 64));
        assert_eq!((options.effort.run_for.as_secs(), options.effort.reads), (3, 1));
    }

    #[test]
    fn every_load_is_measured_by_default() {
        let options = parse("").unwrap();
        assert_eq!((options.loads.len(), options.effort.run_for.as_secs()), (6, 20));
    }

    #[test]
    fn wrong_options_are_refused() {
        for line in ["--streams", "--streams 5", "--seconds 0", "--seconds x", "x"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
