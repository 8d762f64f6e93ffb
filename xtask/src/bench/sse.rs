//! `bench sse`: our codec beside its peers, by the program of `benches/peers`.
//!
//! The program measures and prints; this adds the circumstances to the JSON that it wrote.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::machine::Machine;
use crate::peers::{self, Selection};

pub(super) fn run(args: &[String]) -> Result<()> {
    peers::run(Selection::Everything, "sse", args)?;
    let line = format!("cargo xtask bench sse {}", args.join(" "));
    json_file(args).map_or(Ok(()), |path| complete(Path::new(path), &Machine::probe(), &line))
}

/// The file after `--json`.
fn json_file(args: &[String]) -> Option<&str> {
    let flag = args.iter().position(|arg| arg == "--json")?;
    args.get(flag + 1).map(String::as_str)
}

/// Adds where and how to what was measured.
fn complete(path: &Path, machine: &Machine, command: &str) -> Result<()> {
    let context = || format!("cannot complete {}", path.display());
    let text = fs::read_to_string(path).with_context(context)?;
    let record = with_circumstances(&text, machine, command).with_context(context)?;
    fs::write(path, record).with_context(context)
}

fn with_circumstances(text: &str, machine: &Machine, command: &str) -> Result<String> {
    let mut record: Map<String, Value> = serde_json::from_str(text)?;
    let circumstances = [
        ("commit", Value::from(machine.commit.as_str())),
        ("rustc", machine.rustc.as_str().into()),
        ("cpu", machine.cpu.as_str().into()),
        ("cores", machine.cores.into()),
        ("command", command.into()),
    ];
    record.extend(circumstances.map(|(key, value)| (key.to_owned(), value)));
    Ok(format!("{:#}\n", Value::from(record)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Machine, json_file, with_circumstances};

    #[test]
    fn the_json_file_is_found() {
        let args = ["--smoke", "--json", "x.json"].map(str::to_owned);
        assert_eq!(json_file(&args), Some("x.json"));
        assert_eq!(json_file(&args[..2]), None);
    }

    #[test]
    fn a_record_keeps_its_results_and_gains_circumstances() {
        let machine = Machine {
            commit: "abc".into(),
            rustc: "rustc 1.95.0".into(),
            cpu: "Some CPU".into(),
            cores: 2,
        };
        let text = with_circumstances(r#"{"results":[1]}"#, &machine, "sse --smoke").unwrap();
        let record: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(record["results"][0], 1);
        assert_eq!((&record["commit"], &record["command"]), (&"abc".into(), &"sse --smoke".into()));
    }
}
