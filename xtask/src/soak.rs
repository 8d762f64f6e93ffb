//! `soak`: the simulation of `tests/sim` in release mode, over millions of streams on all cores.
//!
//! Checks the arguments and hands them on; what is played and judged is in `tests/sim`.

use anyhow::Result;

use crate::cargo::{Usage, cargo, succeed};

const NUMBERS: [&str; 3] = ["--streams", "--seed", "--replay"];

pub(crate) fn run(args: &[String]) -> Result<()> {
    check(args)?;
    let mut command = cargo(["run", "--release", "--quiet", "--package", "e2e", "--bin", "soak"]);
    command.arg("--").args(args);
    succeed(command)
}

/// Every flag is known and has a number, and one sequence is not asked for with others.
fn check(args: &[String]) -> Result<(), Usage> {
    for pair in args.chunks(2) {
        let flag = pair[0].as_str();
        if !NUMBERS.contains(&flag) {
            return Err(Usage(format!("`soak` does not take `{flag}`")));
        }
        if pair.get(1).is_none_or(|value| value.parse::<u64>().is_err()) {
            return Err(Usage(format!("`{flag}` needs a number")));
        }
    }
    if args.len() > 2 && args.iter().any(|arg| arg == "--replay") {
        return Err(Usage("`--replay` stands alone".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    fn checked(line: &str) -> Result<(), String> {
        let args: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        check(&args).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_are_handed_on() {
        for line in ["", "--streams 1000 --seed 7", "--seed 0", "--replay 42"] {
            assert_eq!(checked(line), Ok(()), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for line in ["--streams", "--streams x", "--fast 1", "7", "--replay 1 --seed 2"] {
            assert!(checked(line).is_err(), "{line}");
        }
    }
}
