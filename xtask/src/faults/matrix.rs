//! The list as it is written: rows, the tests of each, and the binaries that hold them.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// Rows of the matrix.
pub(super) const ROWS: u32 = 100;

/// The whole list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Matrix {
    pub(super) binaries: BTreeMap<String, Binary>,
    #[serde(rename = "row")]
    pub(super) rows: Vec<Row>,
}

/// A test binary by the short name that tests are written with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Binary {
    /// What chooses it in `cargo test`.
    pub(super) arguments: Vec<String>,
    /// The file of its root module, relative to the root of the workspace.
    pub(super) root: String,
}

/// One failure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) number: u32,
    pub(super) fault: String,
    #[serde(default)]
    pub(super) tests: Vec<Test>,
    /// What is not met yet.
    pub(super) missing: Option<String>,
}

/// One test: `BINARY::PATH`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
pub(super) struct Test {
    pub(super) binary: String,
    /// As the binary itself names it.
    pub(super) path: String,
}

impl Matrix {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let matrix: Self = toml::from_str(text)?;
        for row in &matrix.rows {
            let number = row.number;
            ensure!(
                !row.tests.is_empty() || row.missing.is_some(),
                "row {number} has no tests and does not say what is missing"
            );
            for test in &row.tests {
                let known = matrix.binaries.contains_key(&test.binary);
                ensure!(known, "row {number}: `{test}` is of no binary of the list");
            }
        }
        Ok(matrix)
    }

    /// Every test of every row; one that proves two rows comes twice.
    pub(super) fn tests(&self) -> impl Iterator<Item = &Test> {
        self.rows.iter().flat_map(|row| &row.tests)
    }
}

impl Test {
    /// The name of the function.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit("::").next().unwrap_or_default()
    }
}

impl TryFrom<String> for Test {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let (binary, path) = text.split_once("::").context("a test is BINARY::PATH")?;
        Ok(Self { binary: binary.to_owned(), path: path.to_owned() })
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.binary, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::Matrix;

    #[track_caller]
    fn refused(row: &str, why: &str) {
        let text = format!("[binaries]\n[[row]]\nnumber = 7\nfault = \"x\"\n{row}");
        let error = format!("{:#}", Matrix::parse(&text).unwrap_err());
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn a_row_that_says_nothing_and_a_test_of_nowhere_are_refused() {
        refused("", "row 7 has no tests");
        refused("tests = [\"nowhere::a_test\"]", "of no binary");
        refused("tests = [\"a_test\"]", "BINARY::PATH");
        refused("mising = \"y\"", "unknown field");
    }
}
