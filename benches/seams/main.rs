//! Which bytes of a continuation are new? Random answers, cut anywhere, and models that go on in
//! every way they have: how often the engine's labels are right, what it removes and what it shows
//! twice. `seams [--count N] [--seed S]`; exit status 1 when a label was wrong or new text was lost.

#[cfg(test)]
mod acceptance;
mod continuation;
mod dice;
mod judge;
mod original;
mod report;
mod session;
mod tally;

use std::process::ExitCode;

use crate::tally::Tally;

const USAGE: &str = "usage: seams [--count N] [--seed S]";

/// Failures that are printed; the rest are like them.
const FAILURES_SHOWN: usize = 10;

fn main() -> ExitCode {
    let Some((count, seed)) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let tally = Tally::of(count, seed);
    print!("{}", report::render(&tally, seed));
    let failures = tally.failures();
    for failure in failures.iter().take(FAILURES_SHOWN) {
        eprintln!("error: {failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many seams, and the seed.
fn parse(mut args: impl Iterator<Item = String>) -> Option<(usize, u64)> {
    let (mut count, mut seed) = (100_000, 1);
    while let Some(flag) = args.next() {
        let value = args.next()?;
        match flag.as_str() {
            "--count" => count = value.parse().ok()?,
            "--seed" => seed = value.parse().ok()?,
            _ => return None,
        }
    }
    Some((count, seed))
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn read(line: &str) -> Option<(usize, u64)> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn count_and_seed_have_defaults() {
        assert_eq!(read(""), Some((100_000, 1)));
        assert_eq!(read("--seed 7 --count 12"), Some((12, 7)));
    }

    #[test]
    fn anything_else_is_refused() {
        for line in ["--count", "--count x", "12", "--seeds 1"] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
