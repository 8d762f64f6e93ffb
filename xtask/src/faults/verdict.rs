//! What became of each test: runs every binary once with the exact names of its tests and reads
//! the lines that the test harness prints.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use anyhow::{Context, Result};

use super::matrix::{Matrix, Row, Test};
use crate::cargo::{cargo, command_line};

/// What became of one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    /// No binary knows it, or it did not run.
    Lost,
}

/// What became of all of them.
#[derive(Debug, Default)]
pub(super) struct Verdicts(BTreeMap<Test, Verdict>);

/// What a row comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Passed,
    /// Its tests passed, and something is missing.
    InPart,
    Failed,
    NotYet,
}

impl Verdicts {
    /// Runs the tests of the matrix.
    ///
    /// # Errors
    ///
    /// When cargo cannot be started. A failed build leaves its tests lost.
    pub(super) fn of(matrix: &Matrix) -> Result<Self> {
        let mut verdicts = Self::default();
        for (name, binary) in &matrix.binaries {
            let tests: BTreeSet<_> = matrix.tests().filter(|test| test.binary == *name).collect();
            if tests.is_empty() {
                continue;
            }
            let ours = binary.arguments.iter().map(String::as_str);
            let paths = tests.iter().map(|test| test.path.as_str());
            let arguments = ["test", "--all-features"].into_iter().chain(ours);
            let mut command = cargo(arguments.chain(["--", "--exact"]).chain(paths));
            let line = command_line(&command);
            let output = command.stderr(Stdio::inherit()).output();
            let output = output.with_context(|| format!("cannot start `{line}`"))?;
            let said = String::from_utf8_lossy(&output.stdout);
            if !output.status.success() {
                eprint!("{said}");
            }
            let of = |test: &Test| (test.clone(), read(&said, &test.path));
            verdicts.0.extend(tests.into_iter().map(of));
        }
        Ok(verdicts)
    }

    pub(super) fn get(&self, test: &Test) -> Verdict {
        self.0.get(test).copied().unwrap_or(Verdict::Lost)
    }

    pub(super) fn of_row(&self, row: &Row) -> Standing {
        let bad = row.tests.iter().any(|test| self.get(test) != Verdict::Passed);
        match (bad, row.tests.is_empty(), &row.missing) {
            (true, ..) => Standing::Failed,
            (_, true, _) => Standing::NotYet,
            (_, _, Some(_)) => Standing::InPart,
            (_, _, None) => Standing::Passed,
        }
    }

    /// Whether no test failed and none is lost.
    pub(super) fn are_good(&self, matrix: &Matrix) -> bool {
        matrix.tests().all(|test| self.get(test) == Verdict::Passed)
    }
}

/// Reads the line of one test, `test PATH ... ok`.
fn read(said: &str, path: &str) -> Verdict {
    let rest = said.lines().find_map(|line| line.strip_prefix("test ")?.strip_prefix(path));
    match rest {
        Some(" ... ok") => Verdict::Passed,
        Some(rest) if rest.starts_with(" ... FAILED") => Verdict::Failed,
        _ => Verdict::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::{Matrix, Standing, Verdict, Verdicts, read};

    #[test]
    fn a_test_that_did_not_run_is_lost() {
        let said = "running 3 tests\ntest a::b ... ok\ntest a::c ... FAILED\ntest d ... ignored\n";
        assert_eq!(read(said, "a::b"), Verdict::Passed);
        assert_eq!(read(said, "a::c"), Verdict::Failed);
        for path in ["d", "a", "a::b_more", "b"] {
            assert_eq!(read(said, path), Verdict::Lost, "{path}");
        }
    }

    #[test]
    fn a_row_stands_by_its_worst_test_and_by_what_is_missing() {
        let row =
            |number, more: &str| format!("[[row]]\nnumber = {number}\nfault = \"f\"\n{more}\n");
        let text = "[binaries]\nb = { arguments = [], root = \"r\" }\n".to_owned()
            + &row(1, "tests = [\"b::good\"]")
            + &row(2, "tests = [\"b::good\"]\nmissing = \"m\"")
            + &row(3, "missing = \"m\"")
            + &row(4, "tests = [\"b::good\", \"b::lost\"]");
        let matrix = Matrix::parse(&text).unwrap();
        let good = matrix.rows[0].tests[0].clone();
        let verdicts = Verdicts([(good, Verdict::Passed)].into());
        let standings: Vec<_> = matrix.rows.iter().map(|row| verdicts.of_row(row)).collect();
        let expected = [Standing::Passed, Standing::InPart, Standing::NotYet, Standing::Failed];
        assert_eq!(standings, expected);
        assert!(!verdicts.are_good(&matrix));
    }
}
