//! Rows of text as a Markdown table with aligned columns: the first to the left, numbers to the
//! right.

/// The table, one row per line.
#[must_use]
pub fn render(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let head: Vec<String> = head.iter().copied().map(str::to_owned).collect();
    let mut text = line(&head, &widths);
    text += &format!("|{}|", "-".repeat(widths[0] + 2));
    for width in &widths[1..] {
        text += &format!("{}:|", "-".repeat(width + 1));
    }
    text.push('\n');
    for row in rows {
        text += &line(row, &widths);
    }
    text
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut text = format!("| {:<width$} |", cells[0], width = widths[0]);
    for (cell, width) in cells.iter().zip(widths).skip(1) {
        text += &format!(" {cell:>width$} |");
    }
    text.push('\n');
    text
}

/// A number with so many decimals; `-` where there is none.
#[must_use]
pub fn number(number: f64, decimals: usize) -> String {
    if number.is_finite() { format!("{number:.decimals$}") } else { "-".to_owned() }
}

/// A part as percent, with so many decimals.
#[must_use]
pub fn percent(part: f64, decimals: usize) -> String {
    number(100.0 * part, decimals)
}

#[cfg(test)]
mod tests {
    use super::{number, render};

    #[test]
    fn columns_align() {
        let rows =
            [vec!["x".to_owned(), "1.00".to_owned()], vec!["long".to_owned(), "-".to_owned()]];
        let expected = "\
| name |    n |
|------|-----:|
| x    | 1.00 |
| long |    - |
";
        assert_eq!(render(&["name", "n"], &rows), expected);
    }

    #[test]
    fn what_is_no_number_is_a_dash() {
        assert_eq!([number(f64::NAN, 1), number(2.0, 1)], ["-", "2.0"]);
    }
}
