//! What was measured as Markdown, with ratios to the floor, and the goals.

use super::{ENTRIES, Role};
use crate::grid::{Grid, digits};

/// What an entry came to; `None` where it was not measured.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Nanoseconds on a processor for an event as fast as it is read.
    pub firehose: Option<f64>,
    /// Allocations for such an event.
    pub allocations: Option<f64>,
    /// System calls for such an event.
    pub firehose_calls: Option<f64>,
    /// Microseconds on a processor for an event that comes by itself.
    pub paced: Option<f64>,
    /// System calls for such an event.
    pub paced_calls: Option<f64>,
    /// Microseconds on the wall to a response of one event.
    pub first: Option<f64>,
    /// KiB of memory for an open stream, of so many at a time.
    pub memory: Option<f64>,
    /// Why something is missing.
    pub failure: Option<String>,
}

/// The table, rows in the order of [`ENTRIES`].
pub fn table(rows: &[Row], streams: u32) -> String {
    let floor = &rows[0];
    let memory = format!("KiB/stream, {streams} open");
    let head = [
        "client",
        "firehose ns/event",
        "x floor",
        "allocations",
        "calls",
        "paced us/event",
        "x floor",
        "calls",
        "one event, us",
        &memory,
    ];
    let mut grid = Grid::new(head.map(str::to_owned).to_vec());
    let mut notes = String::new();
    for (entry, row) in ENTRIES.iter().zip(rows) {
        grid.push(vec![
            entry.name.to_owned(),
            cell(row.firehose),
            times(row.firehose, floor.firehose),
            cell(row.allocations),
            cell(row.firehose_calls),
            cell(row.paced),
            times(row.paced, floor.paced),
            cell(row.paced_calls),
            cell(row.first),
            cell(row.memory),
        ]);
        if let Some(failure) = &row.failure {
            notes += &format!("{}: {failure}\n", entry.name);
        }
    }
    format!("{}{notes}", grid.render())
}

/// A goal, and what was measured.
#[derive(Clone, Debug)]
pub struct Goal {
    /// What is compared.
    pub name: &'static str,
    /// The most that is allowed.
    pub most: f64,
    /// What it came to; `None` where one side was not measured.
    pub measured: Option<f64>,
}

impl Goal {
    /// Whether it holds; what was not measured does.
    pub fn holds(&self) -> bool {
        self.measured.is_none_or(|measured| measured <= self.most)
    }
}

/// What our client must stay below.
pub fn goals(rows: &[Row]) -> Vec<Goal> {
    let row = |name: &str| {
        let at = ENTRIES.iter().position(|entry| entry.name.starts_with(name));
        at.map(|at| &rows[at]).cloned().unwrap_or_default()
    };
    let at = ENTRIES.iter().position(|entry| entry.role == Role::Ours).unwrap_or_default();
    let (floor, ours) = (&rows[0], &rows[at]);
    let over = |ours: Option<f64>, other: Option<f64>| Some(ours? / other?);
    vec![
        Goal {
            name: "firehose, by the floor",
            most: 1.3,
            measured: over(ours.firehose, floor.firehose),
        },
        Goal {
            name: "firehose, by async-openai",
            most: 0.6,
            measured: over(ours.firehose, row("async-openai").firehose),
        },
        Goal {
            name: "firehose, by the Python SDK",
            most: 1.0 / 40.0,
            measured: over(ours.firehose, row("openai (Python)").firehose),
        },
        Goal { name: "paced, by the floor", most: 1.25, measured: over(ours.paced, floor.paced) },
        Goal { name: "allocations for an event", most: 2.0, measured: ours.allocations },
        Goal {
            name: "KiB for a stream above the floor's",
            most: 8.0,
            measured: ours.memory.zip(floor.memory).map(|(ours, floor)| ours - floor),
        },
    ]
}

fn cell(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), digits)
}

fn times(number: Option<f64>, floor: Option<f64>) -> String {
    let ratio = number.zip(floor).map(|(number, floor)| number / floor);
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{}x", digits(ratio)))
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES, Row, goals, table};

    fn rows(ours: f64) -> Vec<Row> {
        let row = |at| Row {
            firehose: Some(if at == 1 { ours } else { 100.0 }),
            memory: Some(if at == 1 { 29.0 } else { 20.0 }),
            ..Row::default()
        };
        (0..ENTRIES.len()).map(row).collect()
    }

    #[test]
    fn entries_are_compared_with_the_floor() {
        let mut rows = rows(120.0);
        rows[5].failure = Some("no such host".to_owned());
        let text = table(&rows, 1_000);
        assert!(text.contains("| ours, in memory                        |"), "{text}");
        assert!(text.contains("1.20x"), "{text}");
        assert!(text.ends_with("genai 0.7.2: no such host\n"), "{text}");
    }

    #[test]
    fn a_goal_is_the_most_that_is_allowed() {
        let met: Vec<bool> = goals(&rows(130.0)).iter().map(super::Goal::holds).collect();
        assert_eq!(met, [true, false, false, true, true, false]);
        let met: Vec<bool> = goals(&rows(131.0)).iter().map(super::Goal::holds).collect();
        assert!(!met[0]);
    }
}
