//! `bench decode`: what a stream costs to decode beside the least that it could, and the engine beside that.
//!
//! The benches of `protocol` and `resume` measure; what is compared here is of one run of theirs.

use std::fmt::Write;
use std::fs;
use std::io::stderr;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::measurement::{self, Measurement, Work};
use super::{SMOKE, table};
use crate::cargo::{Usage, cargo, metadata, succeed};

const WIRES: [&str; 3] = ["anthropic", "chat", "responses"];

pub(super) fn run(args: &[String]) -> Result<()> {
    let effort: &[&str] = match args {
        [] => &[],
        [flag] if flag == "--smoke" => SMOKE,
        _ => return Err(Usage("`bench decode` takes `--smoke` alone".into()).into()),
    };
    let results = metadata(&[])?.target_directory.join("xtask-bench-decode");
    // What is in it afterwards is from this run.
    if results.exists() {
        fs::remove_dir_all(&results).with_context(|| format!("cannot empty {results}"))?;
    }
    let mut command = cargo(["bench", "--package", "protocol", "--package", "resume"]);
    command.args(["--bench", "stream", "--bench", "session", "--", "--noplot"]).args(effort);
    command.env("CRITERION_HOME", &results);
    // The table alone goes to the output.
    command.stdout(Stdio::from(stderr()));
    succeed(command)?;
    print!("{}", render(&measurement::read_all(results.as_std_path())?)?);
    Ok(())
}

/// Nanoseconds per event of each wire, and what they are of each other.
fn render(measurements: &[Measurement]) -> Result<String> {
    let mut text = String::from(
        "| stream    |   decode |    floor | ratio |   engine | engine / decode |\n\
         |-----------|---------:|---------:|------:|---------:|----------------:|\n",
    );
    for wire in WIRES {
        let find = |layer, variant| per_event(measurements, layer, &format!("{wire}{variant}"));
        let (decode, floor) =
            (find("protocol/stream", "")?, find("protocol/stream", "-floor-scan")?);
        let (engine, alone) =
            (find("resume/session", "-engine")?, find("resume/session", "-decode-alone")?);
        writeln!(
            text,
            "| {wire:<9} | {:>8} | {:>8} | {:>5} | {:>8} | {:>15} |",
            table::time(decode),
            table::time(floor),
            table::three_digits(decode / floor),
            table::time(engine),
            table::three_digits(engine / alone),
        )?;
    }
    Ok(text)
}

fn per_event(measurements: &[Measurement], layer: &str, variant: &str) -> Result<f64> {
    let is_it = |name: &str| name.starts_with(layer) && name.rsplit('/').next() == Some(variant);
    let found = measurements.iter().find(|measurement| is_it(&measurement.name));
    let found = found.with_context(|| format!("no bench {layer}/*/{variant}"))?;
    let Some(Work::Elements(events)) = found.work else {
        anyhow::bail!("{} says no events", found.name);
    };
    ensure!(events > 0, "{} has no events", found.name);
    // Exact below 2^53.
    Ok(found.median_ns / events as f64)
}

#[cfg(test)]
mod tests {
    use super::{Measurement, WIRES, Work, render, run};
    use crate::cargo::Usage;

    fn row(name: String, median_ns: f64) -> Measurement {
        let work = Some(Work::Elements(10));
        Measurement { name, median_ns, low_ns: 0.0, high_ns: 0.0, work }
    }

    #[test]
    fn costs_are_per_event_and_ratios_of_the_same_bench() {
        let rows = WIRES.iter().flat_map(|wire| {
            [
                row(format!("protocol/stream/10x9B/{wire}"), 1_000.0),
                row(format!("protocol/stream/10x9B/{wire}-floor-scan"), 2_000.0),
                row(format!("resume/session/10x9B/{wire}-engine"), 4_500.0),
                row(format!("resume/session/10x9B/{wire}-decode-alone"), 1_500.0),
            ]
        });
        let mut rows: Vec<Measurement> = rows.collect();
        let text = render(&rows).unwrap();
        let chat = "| chat      |   100 ns |   200 ns |  0.50 |   450 ns |            3.00 |";
        assert_eq!(text.lines().nth(3), Some(chat));
        rows.pop();
        assert!(render(&rows).unwrap_err().to_string().contains("responses-decode-alone"));
    }

    #[test]
    fn arguments_are_usage_errors() {
        assert!(run(&["--quick".to_owned()]).unwrap_err().is::<Usage>());
    }
}
