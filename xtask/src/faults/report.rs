//! The list as it is printed: a line for each row, its tests, and the counts at the end.

use super::matrix::{Matrix, Row};
use super::verdict::{Standing, Verdict, Verdicts};

/// The whole list.
pub(super) fn text(matrix: &Matrix, verdicts: &Verdicts) -> String {
    let mut text = String::new();
    for row in &matrix.rows {
        text.push_str(&lines(row, verdicts));
    }
    let count =
        |standing| matrix.rows.iter().filter(|row| verdicts.of_row(row) == standing).count();
    text.push_str(&format!(
        "\n{} rows: {} passed, {} in part, {} not yet, {} failed\n",
        matrix.rows.len(),
        count(Standing::Passed),
        count(Standing::InPart),
        count(Standing::NotYet),
        count(Standing::Failed)
    ));
    text
}

fn lines(row: &Row, verdicts: &Verdicts) -> String {
    let standing = verdicts.of_row(row);
    let mut lines = format!("{:>3}  {:<8} {}\n", row.number, word(standing), row.fault);
    if let Some(missing) = &row.missing {
        lines.push_str(&format!("       missing: {missing}\n"));
    }
    for test in &row.tests {
        let mark = match verdicts.get(test) {
            Verdict::Passed => "ok    ",
            Verdict::Failed => "FAILED",
            Verdict::Lost => "LOST  ",
        };
        lines.push_str(&format!("       {mark} {test}\n"));
    }
    lines
}

const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Passed => "passed",
        Standing::InPart => "in part",
        Standing::Failed => "FAILED",
        Standing::NotYet => "not yet",
    }
}

#[cfg(test)]
mod tests {
    use super::{Matrix, Verdicts, text};

    #[test]
    fn a_lost_test_is_named_and_its_row_counts_as_failed() {
        let list = "[binaries]\nb = { arguments = [], root = \"r\" }\n[[row]]\nnumber = 1\n\
            fault = \"f\"\ntests = [\"b::gone\"]\n[[row]]\nnumber = 2\nfault = \"g\"\nmissing = \"m\"\n";
        let text = text(&Matrix::parse(list).unwrap(), &Verdicts::default());
        assert!(text.contains("  1  FAILED   f\n       LOST   b::gone\n"), "{text}");
        assert!(text.contains("  2  not yet  g\n       missing: m\n"), "{text}");
        assert!(text.ends_with("2 rows: 0 passed, 0 in part, 1 not yet, 1 failed\n"), "{text}");
    }
}
