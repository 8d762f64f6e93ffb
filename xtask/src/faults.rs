//! `faults`: the fault matrix, row by row, with what proves each row and whether it holds today.
//!
//! Runs the tests that `tests/faults.toml` names, by exact names. A test that fails fails the
//! command, and so does a name that is not in the sources or that no binary knows: a renamed test
//! must not count.

mod matrix;
mod report;
mod source;
mod verdict;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

use crate::cargo::{Usage, root};
use matrix::{Matrix, ROWS};
use verdict::Verdicts;

/// The list, relative to the root of the workspace.
const FILE: &str = "tests/faults.toml";

/// Where the tests are that are named after a row.
const FOLDER: &str = "tests/e2e/faults";

pub(crate) fn run(args: &[String]) -> Result<()> {
    let chosen = rows(args)?;
    let mut matrix = read()?;
    check(&matrix)?;
    if !chosen.is_empty() {
        matrix.rows.retain(|row| chosen.contains(&row.number));
        ensure!(matrix.rows.len() == chosen.len(), "the matrix has no such row");
    }
    let verdicts = Verdicts::of(&matrix)?;
    print!("{}", report::text(&matrix, &verdicts));
    ensure!(verdicts.are_good(&matrix), "not every test that {FILE} names passed");
    Ok(())
}

fn read() -> Result<Matrix> {
    let path = root().join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {FILE}"))?;
    Matrix::parse(&text).with_context(|| format!("in {FILE}"))
}

/// Compares the list with the sources, in both directions.
fn check(matrix: &Matrix) -> Result<()> {
    let numbers = matrix.rows.iter().map(|row| row.number);
    ensure!(numbers.eq(1..=ROWS), "{FILE}: the rows are not 1 to {ROWS} in order");
    for test in matrix.tests() {
        let exists = source::has(&root(), &matrix.binaries[&test.binary], &test.path);
        ensure!(exists, "{FILE}: the sources have no test `{test}`");
    }
    for (number, name) in source::tests_of_rows(&root().join(FOLDER))? {
        let mut rows = matrix.rows.iter().filter(|row| row.number == number);
        let listed = rows.any(|row| row.tests.iter().any(|test| test.name() == name));
        ensure!(listed, "{FILE}: row {number} does not list its test `{name}`");
    }
    Ok(())
}

fn rows(args: &[String]) -> Result<BTreeSet<u32>> {
    let number = |arg: &String| {
        arg.parse().map_err(|_| Usage(format!("`{arg}` is not the number of a row")).into())
    };
    args.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::{FOLDER, check, read, rows, source};
    use crate::cargo::{Usage, root};

    #[test]
    fn the_list_names_every_row_and_only_tests_that_exist() {
        check(&read().unwrap()).unwrap();
        assert!(source::tests_of_rows(&root().join(FOLDER)).unwrap().len() > 100);
    }

    #[test]
    fn a_test_that_is_renamed_and_one_that_is_not_listed_are_found() {
        let mut matrix = read().unwrap();
        let row = matrix.rows.iter_mut().find(|row| row.number == 34).unwrap();
        row.tests[0].path.push_str("_again");
        let error = check(&matrix).unwrap_err().to_string();
        assert!(error.contains("no test") && error.contains("_again"), "{error}");

        let mut matrix = read().unwrap();
        matrix.rows.iter_mut().find(|row| row.number == 34).unwrap().tests.remove(0);
        let error = check(&matrix).unwrap_err().to_string();
        assert!(error.contains("row 34 does not list"), "{error}");

        let mut matrix = read().unwrap();
        matrix.rows.pop();
        assert!(check(&matrix).is_err());
    }

    #[test]
    fn rows_are_numbers() {
        assert!(rows(&["7".into(), "9".into()]).unwrap().contains(&9));
        assert!(rows(&["seven".into()]).unwrap_err().is::<Usage>());
    }
}
