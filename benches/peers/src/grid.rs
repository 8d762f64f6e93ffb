//! A Markdown table with aligned columns, and how its numbers are written.

/// Rows of equal length; the first one is the head.
pub(crate) struct Grid {
    rows: Vec<Vec<String>>,
}

impl Grid {
    pub(crate) fn new(head: Vec<String>) -> Self {
        Self { rows: vec![head] }
    }

    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    pub(crate) fn render(&self) -> String {
        let columns = self.rows[0].len();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
            })
            .collect();
        let mut lines = self.rows.iter().map(|row| line(row, &widths));
        let head = lines.next().unwrap_or_default();
        head + &rule(&widths) + &lines.collect::<String>()
    }
}

/// Three digits; more would claim what a shared machine cannot give.
pub(crate) fn digits(number: f64) -> String {
    let decimals = match number {
        n if n < 9.995 => 2,
        n if n < 99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}")
}

/// The first column starts left, the others end right.
fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, &width))| {
        if column == 0 { format!("| {cell:<width$} ") } else { format!("| {cell:>width$} ") }
    });
    cells.collect::<String>() + "|\n"
}

fn rule(widths: &[usize]) -> String {
    let cells = widths.iter().enumerate().map(|(column, width)| {
        if column == 0 {
            format!("|{}", "-".repeat(width + 2))
        } else {
            format!("|{}:", "-".repeat(width + 1))
        }
    });
    cells.collect::<String>() + "|\n"
}

#[cfg(test)]
mod tests {
    use super::{Grid, digits};

    #[test]
    fn columns_align() {
        let mut grid = Grid::new(vec!["a".into(), "bb".into()]);
        grid.push(vec!["ccc".into(), "é".into()]);
        assert_eq!(grid.render(), "| a   | bb |\n|-----|---:|\n| ccc |  é |\n");
    }

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!([0.0, 1.234, 12.34, 1234.5].map(digits), ["0.00", "1.23", "12.3", "1234"]);
    }
}
