//! A Markdown table with aligned columns.

/// Rows of equal length; the first one is the head.
pub(super) struct Grid {
    rows: Vec<Vec<String>>,
}

impl Grid {
    pub(super) fn new(head: Vec<String>) -> Self {
        Self { rows: vec![head] }
    }

    pub(super) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    pub(super) fn render(&self) -> String {
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
    use super::Grid;

    #[test]
    fn columns_align() {
        let mut grid = Grid::new(vec!["a".into(), "bb".into()]);
        grid.push(vec!["ccc".into(), "é".into()]);
        assert_eq!(grid.render(), "| a   | bb |\n|-----|---:|\n| ccc |  é |\n");
    }
}
