//! Rows of text as columns that align.

use std::fmt::Write as _;

/// Two spaces before each line and between columns; the first row is the head.
pub(super) fn render<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0).max(head[column].chars().count())
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in [head.map(str::to_owned)].iter().chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "  {cell:<width$}");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn columns_align_and_lines_end_at_their_last_word() {
        let rows = [["a", "1"], ["model-é", ""]].map(|row| row.map(str::to_owned));
        let expected = "  model    price\n  a        1\n  model-é\n";
        assert_eq!(render(["model", "price"], &rows), expected);
    }
}
