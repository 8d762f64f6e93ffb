//! What was measured as JSON.
//!
//! `version` changes when a field changes its meaning or goes away; new fields may come without that.

use serde_json::{Value, json};

use crate::entry::{ENTRIES, Entry};
use crate::measure::{Cell, Measured};

/// One object with a `results` array, one element per entry and cell.
pub fn render(cells: &[Cell]) -> String {
    let results = cells.iter().flat_map(|cell| {
        let outcomes = ENTRIES.iter().zip(&cell.outcomes);
        outcomes.map(|(entry, outcome)| result(cell, entry, outcome.as_ref()))
    });
    let record = json!({ "version": 1, "results": results.collect::<Vec<_>>() });
    format!("{record:#}\n")
}

fn result(cell: &Cell, entry: &Entry, outcome: Result<&Measured, &String>) -> Value {
    let (corpus, chunk, name) = (cell.corpus, cell.chunk, entry.name);
    match outcome {
        Err(error) => json!({ "stream": corpus, "chunk": chunk, "entry": name, "error": error }),
        Ok(measured) => json!({
            "stream": corpus,
            "chunk": chunk,
            "entry": name,
            "best_ns": measured.best_ns,
            "events": measured.events,
            "bytes": measured.bytes,
            "events_max": measured.events_max,
            "rounds": measured.rounds,
            "allocations": measured.allocations.map(|allocations| allocations.count),
            "allocated_bytes": measured.allocations.map(|allocations| allocations.bytes),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Cell, ENTRIES, render};

    #[test]
    fn a_failure_stays_in_the_results() {
        let outcomes = ENTRIES.iter().map(|_| Err("panicked".to_owned())).collect();
        let text = render(&[Cell { corpus: "tiny", chunk: "1B", outcomes }]);
        let record: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(record["results"].as_array().unwrap().len(), ENTRIES.len());
        assert_eq!(record["results"][0]["entry"], "ours, bytes");
        assert_eq!(record["results"][0]["error"], "panicked");
    }
}
