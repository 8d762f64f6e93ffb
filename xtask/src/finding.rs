//! One line of complaint: where, and what is wrong.
//!
//! Both `tidy` and `audit` report with it, so that editors can jump to the place.

use std::fmt;

use anyhow::{Result, bail};

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Relative to the root of the workspace, with `/`.
    pub(crate) path: String,
    /// Counts from 1.
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Prints the findings in order of their places.
///
/// # Errors
///
/// When there is at least one.
pub(crate) fn conclude(command: &str, mut findings: Vec<Finding>) -> Result<()> {
    findings.sort();
    findings.dedup();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => bail!("{command}: 1 finding"),
        count => bail!("{command}: {count} findings"),
    }
}

/// The number of the first line for which `wanted` holds, counting from 1; 1 when there is none.
pub(crate) fn line_where(text: &str, wanted: impl Fn(&str) -> bool) -> usize {
    text.lines().position(wanted).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::{Finding, conclude, line_where};

    #[test]
    fn a_finding_reads_path_line_message() {
        assert_eq!(Finding::new("a/b.rs", 3, "wrong").to_string(), "a/b.rs:3: wrong");
    }

    #[test]
    fn any_finding_fails_the_command_once() {
        let twice = vec![Finding::new("a", 1, "x"), Finding::new("a", 1, "x")];
        assert_eq!(conclude("tidy", twice).unwrap_err().to_string(), "tidy: 1 finding");
        assert!(conclude("tidy", Vec::new()).is_ok());
    }

    #[test]
    fn line_where_counts_from_one() {
        assert_eq!(line_where("a\nb\nc", |line| line == "b"), 2);
        assert_eq!(line_where("a\nb", |line| line == "z"), 1);
    }
}
