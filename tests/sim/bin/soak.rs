//! Millions of simulated streams: `soak [--streams N] [--seed S]`, and one that went wrong:
//! `soak --replay SEED`. Exit status: 0 every promise was kept, 1 one was broken, 2 usage.

use std::process::ExitCode;
use std::time::Instant;

use simulation::Soak;

const USAGE: &str = "usage: soak [--streams N] [--seed S] | soak --replay SEED";
const STREAMS: u64 = 1_000_000;
/// Streams between two lines about the progress.
const STEP: u64 = 100_000;

#[derive(Debug, PartialEq, Eq)]
enum Job {
    Soak { streams: u64, seed: u64 },
    Replay { seed: u64 },
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match parse(&args) {
        Some(Job::Soak { streams, seed }) => soak(Soak { streams, seed }),
        Some(Job::Replay { seed }) => replay(seed),
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn soak(soak: Soak) -> ExitCode {
    let began = Instant::now();
    let report = soak.run(|over| {
        if over > 0 && over % STEP == 0 {
            eprintln!("{over} of {} streams, {:.0} s", soak.streams, began.elapsed().as_secs_f64());
        }
    });
    print!("{report}");
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn replay(seed: u64) -> ExitCode {
    match Soak::replay(seed) {
        None => {
            println!("seed {seed} keeps every promise");
            ExitCode::SUCCESS
        }
        Some(minimal) => {
            println!("{minimal}");
            ExitCode::FAILURE
        }
    }
}

fn parse(args: &[String]) -> Option<Job> {
    let mut values = (None, None, None);
    for pair in args.chunks(2) {
        let [flag, value] = pair else { return None };
        let value = Some(value.parse().ok()?);
        match flag.as_str() {
            "--streams" => values.0 = value,
            "--seed" => values.1 = value,
            "--replay" => values.2 = value,
            _ => return None,
        }
    }
    match values {
        (None, None, Some(seed)) => Some(Job::Replay { seed }),
        (_, _, Some(_)) => None,
        (streams, seed, None) => {
            Some(Job::Soak { streams: streams.unwrap_or(STREAMS), seed: seed.unwrap_or(0) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Job, STREAMS, parse};

    fn job(line: &str) -> Option<Job> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_are_read() {
        assert_eq!(job(""), Some(Job::Soak { streams: STREAMS, seed: 0 }));
        assert_eq!(job("--streams 5 --seed 9"), Some(Job::Soak { streams: 5, seed: 9 }));
        assert_eq!(job("--replay 3"), Some(Job::Replay { seed: 3 }));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in ["--streams", "--streams x", "--replay 3 --seed 1", "5", "--fast 1"] {
            assert_eq!(job(line), None, "{line}");
        }
    }
}
