//! `bench seams`: adversarial seams, judged by the program of `benches/seams`, which prints its seed,
//! knows its arguments and fails where a label was wrong or new text was lost.

use anyhow::Result;

use crate::cargo::{Usage, cargo, succeed};

pub(super) fn run(args: &[String]) -> Result<()> {
    check(args)?;
    let mut command = cargo(["run", "--release", "--quiet", "--package", "benches"]);
    command.args(["--bin", "seams", "--"]).args(args);
    succeed(command)
}

/// Refuses what the program would refuse, before anything is built.
fn check(args: &[String]) -> Result<()> {
    let is_number = |word: &String| word.parse::<u64>().is_ok();
    for flag in args.chunks(2) {
        match flag {
            [name, value] if matches!(name.as_str(), "--count" | "--seed") && is_number(value) => {}
            _ => {
                let line = args.join(" ");
                return Err(Usage(format!("`bench seams` does not take `{line}`")).into());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Usage, check};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn count_and_seed_are_taken() {
        check(&words("--count 100 --seed 7")).unwrap();
        check(&[]).unwrap();
    }

    #[test]
    fn wrong_arguments_are_usage_errors() {
        for line in ["--count", "--seed x", "--quick 1", "100"] {
            assert!(check(&words(line)).unwrap_err().is::<Usage>(), "{line}");
        }
    }
}
