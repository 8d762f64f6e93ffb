//! What criterion stored about each bench.
//!
//! Reads `new/benchmark.json` and `new/estimates.json`, whose shape criterion does not promise; a file that
//! does not fit is an error that names it, never a row that is silently missing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The result of one bench.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measurement {
    /// `layer/what/size/variant`.
    pub(super) name: String,
    /// Nanoseconds of one iteration, with the bounds of criterion's confidence interval.
    pub(super) median_ns: f64,
    pub(super) low_ns: f64,
    pub(super) high_ns: f64,
    /// What one iteration processes, where the bench says so.
    pub(super) work: Option<Work>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Bytes(u64),
    Elements(u64),
}

impl Measurement {
    /// Bytes or elements per second.
    pub(super) fn per_second(&self) -> Option<f64> {
        let (Work::Bytes(amount) | Work::Elements(amount)) = self.work?;
        // Exact below 2^53, which is far beyond one iteration.
        Some(amount as f64 * 1e9 / self.median_ns)
    }
}

/// Everything below `folder`, in order of the names.
pub(super) fn read_all(folder: &Path) -> Result<Vec<Measurement>> {
    let mut open = vec![folder.to_path_buf()];
    let mut measurements = Vec::new();
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            }
        }
        if folder.ends_with("new") && folder.join("benchmark.json").exists() {
            let read = read(&folder);
            measurements.push(read.with_context(|| format!("in {}", folder.display()))?);
        }
    }
    measurements.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(measurements)
}

fn read(folder: &Path) -> Result<Measurement> {
    let text = |name: &str| fs::read_to_string(folder.join(name)).context(name.to_owned());
    parse(&text("benchmark.json")?, &text("estimates.json")?)
}

#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
    throughput: Option<Throughput>,
}

/// As criterion writes it.
#[derive(Deserialize)]
enum Throughput {
    Bits(u64),
    Bytes(u64),
    BytesDecimal(u64),
    Elements(u64),
    ElementsAndBytes { bytes: u64 },
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    confidence_interval: Interval,
    point_estimate: f64,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

fn parse(benchmark: &str, estimates: &str) -> Result<Measurement> {
    let benchmark: Benchmark = serde_json::from_str(benchmark).context("benchmark.json")?;
    let Estimates { median } = serde_json::from_str(estimates).context("estimates.json")?;
    Ok(Measurement {
        name: benchmark.full_id,
        median_ns: median.point_estimate,
        low_ns: median.confidence_interval.lower_bound,
        high_ns: median.confidence_interval.upper_bound,
        work: benchmark.throughput.map(|throughput| match throughput {
            Throughput::Bits(bits) => Work::Bytes(bits / 8),
            Throughput::Bytes(bytes) | Throughput::BytesDecimal(bytes) => Work::Bytes(bytes),
            Throughput::ElementsAndBytes { bytes, .. } => Work::Bytes(bytes),
            Throughput::Elements(elements) => Work::Elements(elements),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::{Measurement, Work, parse};

    const ESTIMATES: &str = r#"{"mean":{"point_estimate":9.0},"median":{"confidence_interval":
        {"confidence_level":0.95,"lower_bound":190.0,"upper_bound":210.0},
        "point_estimate":200.0,"standard_error":1.0}}"#;

    fn benchmark(throughput: &str) -> String {
        format!(r#"{{"group_id":"a","full_id":"a/b","throughput":{throughput},"title":"a/b"}}"#)
    }

    #[test]
    fn median_and_bounds_are_read() {
        let expected = Measurement {
            name: "a/b".into(),
            median_ns: 200.0,
            low_ns: 190.0,
            high_ns: 210.0,
            work: None,
        };
        assert_eq!(parse(&benchmark("null"), ESTIMATES).unwrap(), expected);
    }

    #[test]
    fn work_is_per_second_of_the_median() {
        let bytes = parse(&benchmark(r#"{"Bytes":400}"#), ESTIMATES).unwrap();
        assert_eq!((bytes.work, bytes.per_second()), (Some(Work::Bytes(400)), Some(2e9)));
        let elements = parse(&benchmark(r#"{"Elements":4}"#), ESTIMATES).unwrap();
        assert_eq!(elements.work, Some(Work::Elements(4)));
        let both = r#"{"ElementsAndBytes":{"elements":4,"bytes":8}}"#;
        assert_eq!(parse(&benchmark(both), ESTIMATES).unwrap().work, Some(Work::Bytes(8)));
    }

    #[test]
    fn an_unknown_shape_is_an_error() {
        assert!(parse(&benchmark(r#"{"Furlongs":4}"#), ESTIMATES).is_err());
        assert!(parse(&benchmark("null"), "{}").is_err());
    }
}
