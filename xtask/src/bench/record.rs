//! Measurements as JSON, with what is needed to make them again.
//!
//! `version` changes when a field changes its meaning or goes away; new fields may come without that.

use serde_json::{Value, json};

use super::machine::Machine;
use super::measurement::{Measurement, Work};

/// One object with the circumstances and a `results` array.
pub(super) fn render(measurements: &[Measurement], machine: &Machine, command: &str) -> String {
    let record = json!({
        "version": 1,
        "commit": machine.commit,
        "rustc": machine.rustc,
        "cpu": machine.cpu,
        "cores": machine.cores,
        "command": command,
        "results": measurements.iter().map(result).collect::<Vec<_>>(),
    });
    format!("{record:#}\n")
}

fn result(measurement: &Measurement) -> Value {
    let (unit, amount) = match measurement.work {
        None => (Value::Null, Value::Null),
        Some(Work::Bytes(amount)) => ("bytes".into(), amount.into()),
        Some(Work::Elements(amount)) => ("elements".into(), amount.into()),
    };
    json!({
        "name": measurement.name,
        "median_ns": measurement.median_ns,
        "low_ns": measurement.low_ns,
        "high_ns": measurement.high_ns,
        "unit": unit,
        "per_iteration": amount,
        "per_second": measurement.per_second(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Machine, Measurement, Work, render};

    #[test]
    fn a_record_carries_results_and_circumstances() {
        let machine = Machine {
            commit: "abc".into(),
            rustc: "rustc 1.95.0".into(),
            cpu: "Some CPU".into(),
            cores: 2,
        };
        let measurement = Measurement {
            name: "a/b".into(),
            median_ns: 2.0,
            low_ns: 1.0,
            high_ns: 3.0,
            work: Some(Work::Bytes(8)),
        };
        let text = render(&[measurement], &machine, "cargo bench");
        let record: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(record["commit"], "abc");
        assert_eq!(record["command"], "cargo bench");
        let expected = json!([{
            "name": "a/b", "median_ns": 2.0, "low_ns": 1.0, "high_ns": 3.0,
            "unit": "bytes", "per_iteration": 8, "per_second": 4e9,
        }]);
        assert_eq!(record["results"], expected);
    }
}
