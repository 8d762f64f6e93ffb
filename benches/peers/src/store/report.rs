//! What was measured as Markdown: a table per load, with ratios to the floor.

use std::time::Duration;

use super::{ENTRIES, Load, Measured, Role};
use crate::grid::{Grid, digits};

/// The table of one load; outcomes in the order of [`ENTRIES`].
pub fn table(load: &Load, outcomes: &[Result<Measured, String>]) -> String {
    let head = [
        &load.name(),
        "ack p50 ms",
        "x floor",
        "p99 ms",
        "x floor",
        "k records/s",
        "disk/payload",
        "closed",
        "read 1,000 us",
        "x floor",
        "reopen ms",
        "x floor",
    ];
    let mut grid = Grid::new(head.map(str::to_owned).to_vec());
    let rows = || ENTRIES.iter().zip(outcomes);
    let floor = rows().find(|(entry, _)| entry.role == Role::Floor);
    let floor = floor.and_then(|(_, outcome)| outcome.as_ref().ok());
    let mut notes = String::new();
    for (entry, outcome) in rows() {
        match outcome {
            Ok(measured) => grid.push(row(entry.name, measured, floor)),
            Err(error) => {
                let mut row = vec![entry.name.to_owned(), "failed".to_owned()];
                row.resize(head.len(), String::new());
                grid.push(row);
                notes.push_str(&format!("failed: {}: {error}\n", entry.name));
            }
        }
    }
    format!("{}{notes}\n", grid.render())
}

fn row(name: &str, measured: &Measured, floor: Option<&Measured>) -> Vec<String> {
    let millis = |time: Duration| digits(time.as_secs_f64() * 1e3);
    let times = |of: fn(&Measured) -> Duration| {
        let ratio = floor.map(|floor| of(measured).as_secs_f64() / of(floor).as_secs_f64());
        ratio.map_or(String::new(), |ratio| format!("{}x", digits(ratio)))
    };
    vec![
        name.to_owned(),
        millis(measured.ack_p50),
        times(|measured| measured.ack_p50),
        millis(measured.ack_p99),
        times(|measured| measured.ack_p99),
        digits(measured.rate / 1e3),
        digits(measured.disk),
        digits(measured.disk_closed),
        digits(measured.read.as_secs_f64() * 1e6),
        times(|measured| measured.read),
        millis(measured.reopen),
        times(|measured| measured.reopen),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ENTRIES, Load, Measured, Role, table};
    use crate::store::Pace;

    fn measured(millis: u64) -> Measured {
        let time = Duration::from_millis(millis);
        Measured {
            records: 10,
            rate: 5000.0,
            ack_p50: time,
            ack_p99: time,
            disk: 2.0,
            disk_closed: 1.5,
            reopen: time,
            read: time,
        }
    }

    #[test]
    fn entries_are_compared_with_the_floor_and_a_failure_is_noted() {
        let outcomes = ENTRIES.iter().map(|entry| match entry.role {
            Role::Floor => Ok(measured(4)),
            Role::Ours => Ok(measured(6)),
            Role::Peer => Err("full".to_owned()),
        });
        let load = Load { streams: 1, pace: Pace::Flood };
        let text = table(&load, &outcomes.collect::<Vec<_>>());
        let ours = text.lines().find(|line| line.starts_with("| ours, sled")).unwrap();
        let words: Vec<_> = ours.split('|').skip(2).map(str::trim).collect();
        let expected = [
            "6.00", "1.50x", "6.00", "1.50x", "5.00", "2.00", "1.50", "6000", "1.50x", "6.00",
            "1.50x", "",
        ];
        assert_eq!(words, expected);
        assert!(text.contains("failed: redb 4.6.0: full\n"), "{text}");
    }
}
