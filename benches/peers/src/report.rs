//! What was measured as Markdown: a table per stream, and one that compares with the best peers.

mod json;

pub use json::render as json;

use crate::corpus::NAMES;
use crate::entry::{ENTRIES, Role};
use crate::goals::Goal;
use crate::grid::{Grid, digits};
use crate::measure::{Cell, Measured};

/// A table per stream.
pub fn streams(cells: &[Cell]) -> String {
    let mut text = String::new();
    for corpus in NAMES {
        let cells: Vec<_> = cells.iter().filter(|cell| cell.corpus == corpus).collect();
        if !cells.is_empty() {
            text.push_str(&stream(corpus, &cells));
        }
    }
    text
}

/// The table of one stream: speeds, then allocations.
fn stream(corpus: &str, cells: &[&Cell]) -> String {
    let mut head = vec![format!("{corpus}, MB/s")];
    head.extend(cells.iter().map(|cell| cell.chunk.to_owned()));
    head.extend(cells.iter().map(|cell| format!("allocs/event {}", cell.chunk)));
    let mut grid = Grid::new(head);
    for (index, entry) in ENTRIES.iter().enumerate() {
        let outcomes = || cells.iter().map(|cell| cell.outcomes[index].as_ref());
        let mut row = vec![entry.name.to_owned()];
        row.extend(outcomes().map(|outcome| outcome.map_or("failed".into(), speed)));
        row.extend(outcomes().map(|outcome| outcome.map_or(String::new(), allocations)));
        grid.push(row);
    }
    format!("{}{}\n", grid.render(), notes(cells))
}

fn speed(measured: &Measured) -> String {
    let mark = if measured.is_partial() { "*" } else { "" };
    format!("{}{mark}", digits(measured.megabytes_per_second()))
}

/// `count / bytes` of one event.
fn allocations(measured: &Measured) -> String {
    let Some(allocations) = measured.allocations else { return String::new() };
    let per_event = |number: u64| digits(number as f64 / measured.events as f64);
    format!("{} / {} B", per_event(allocations.count), per_event(allocations.bytes))
}

/// Who failed and how, and who was given less.
fn notes(cells: &[&Cell]) -> String {
    let mut text = String::new();
    for cell in cells {
        for (entry, outcome) in ENTRIES.iter().zip(&cell.outcomes) {
            let (name, chunk) = (entry.name, cell.chunk);
            match outcome {
                Err(error) => text.push_str(&format!("failed: {name} at {chunk}: {error}\n")),
                Ok(measured) if measured.is_partial() => {
                    let Measured { events, events_max, rounds, .. } = measured;
                    text.push_str(&format!(
                        "* {name} at {chunk}: too slow for more than the first {events} of \
                         {events_max} events, {rounds} rounds\n"
                    ));
                }
                Ok(_) => {}
            }
        }
    }
    text
}

/// One row per cell: ours against the best peer and the floor, with the goals.
pub fn summary(cells: &[Cell]) -> String {
    let head = [
        "stream",
        "chunk",
        "best peer",
        "MB/s",
        "bytes",
        "must",
        "goal",
        "",
        "&str",
        "must",
        "goal",
        "",
        "owned",
        "bytes/memchr2",
        "&str/memchr2",
    ];
    let mut grid = Grid::new(head.map(str::to_owned).to_vec());
    for cell in cells {
        let Some((peer, best)) = best_peer(cell) else { continue };
        let mut row =
            vec![cell.corpus.to_owned(), cell.chunk.to_owned(), peer.to_owned(), digits(best)];
        row.extend(compared(cell, Role::Bytes, best));
        row.extend(compared(cell, Role::Text, best));
        row.push(rate(cell, Role::Owned).map_or(String::new(), |owned| times(owned / best)));
        let floor = rate(cell, Role::Floor);
        for role in [Role::Bytes, Role::Text] {
            let ratio = floor.zip(rate(cell, role)).map(|(floor, ours)| floor / ours);
            row.push(ratio.map_or(String::new(), times));
        }
        grid.push(row);
    }
    format!(
        "Speed-up over the best peer of the cell; time as a multiple of the line scan.\n\n{}",
        grid.render()
    )
}

/// Speed-up, must, goal and judgement of one of our forms.
fn compared(cell: &Cell, role: Role, best: f64) -> [String; 4] {
    let Some(speed_up) = rate(cell, role).map(|ours| ours / best) else {
        return ["failed".into(), String::new(), String::new(), String::new()];
    };
    let goal = Goal::of(cell.corpus, cell.chunk, role);
    let [must, aim, judgement] = goal.map_or_else(Default::default, |goal| {
        [times(goal.must), times(goal.goal), goal.judge(speed_up).to_owned()]
    });
    [times(speed_up), must, aim, judgement]
}

/// The speed of the first entry in that role; for floors that is the line scan.
fn rate(cell: &Cell, role: Role) -> Option<f64> {
    let index = ENTRIES.iter().position(|entry| entry.role == role)?;
    cell.outcomes[index].as_ref().ok().map(Measured::megabytes_per_second)
}

fn best_peer(cell: &Cell) -> Option<(&'static str, f64)> {
    let peers = ENTRIES.iter().zip(&cell.outcomes).filter(|(entry, _)| entry.role == Role::Peer);
    peers
        .filter_map(|(entry, outcome)| {
            Some((entry.name, outcome.as_ref().ok()?.megabytes_per_second()))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

fn times(ratio: f64) -> String {
    format!("{}x", digits(ratio))
}

#[cfg(test)]
mod tests {
    use super::{Cell, ENTRIES, Measured, Role, streams, summary};

    const ROW: Measured = Measured {
        best_ns: 1e6,
        events: 10,
        bytes: 1_000_000,
        events_max: 10,
        rounds: 1,
        allocations: None,
    };

    fn cell() -> Cell {
        let outcomes = ENTRIES.iter().map(|entry| match entry.role {
            Role::Bytes => Ok(Measured { best_ns: 0.25e6, ..ROW }),
            Role::Text => Ok(Measured { best_ns: 0.5e6, ..ROW }),
            Role::Floor => Ok(Measured { best_ns: 0.125e6, ..ROW }),
            _ if entry.name.starts_with("sse-core") => Ok(ROW),
            Role::Peer if entry.name.starts_with("sseer") => Err("panicked".to_owned()),
            _ => Ok(Measured { best_ns: 4e6, events: 5, ..ROW }),
        });
        Cell { corpus: "anthropic", chunk: "16KiB", outcomes: outcomes.collect() }
    }

    #[test]
    fn ours_are_compared_with_the_best_peer_and_the_floor() {
        let text = summary(&[cell()]);
        let line = text.lines().find(|line| line.starts_with("| anthropic |")).unwrap();
        let words: Vec<_> = line.split('|').map(str::trim).collect();
        let expected = [
            "",
            "anthropic",
            "16KiB",
            "sse-core 0.2.3",
            "1000",
            "4.00x",
            "3.50x",
            "4.00x",
            "ok",
            "2.00x",
            "2.60x",
            "3.00x",
            "MISSES MUST",
            "0.25x",
            "2.00x",
            "4.00x",
            "",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn a_failure_and_a_part_are_noted() {
        let text = streams(&[cell()]);
        assert!(text.contains("failed: sseer 0.3.1 at 16KiB: panicked\n"), "{text}");
        assert!(text.contains("250*"), "{text}");
        assert!(text.contains("* sse-parse 0.1.0 at 16KiB: too slow"), "{text}");
    }
}
