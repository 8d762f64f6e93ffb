//! What does a retry decision cost: ours, and those of its peers?
//!
//! `retry` counts instructions under callgrind and allocations, prints a table, and fails when a
//! goal is missed. `retry CASE COUNT` runs one case so many times, for the counting machine.

use std::path::Path;
use std::process::{Command, ExitCode};

use peers::retry::{CASES, Case};

/// What two numbers of repetitions differ by is the operation alone.
const REPETITIONS: [u32; 2] = [2000, 6000];

/// What was counted per operation.
struct Row {
    case: Case,
    instructions: f64,
    allocations: f64,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.as_slice() {
        [] => compare(),
        [name, count] => run(name, count),
        _ => Err("usage: retry [CASE COUNT]".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str, count: &str) -> Result<(), String> {
    let case = Case::named(name).ok_or_else(|| format!("no case `{name}`"))?;
    (case.run)(count.parse().map_err(|_| format!("no number: `{count}`"))?);
    Ok(())
}

fn compare() -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let allocations = allocations(&program)?;
    let mut rows = Vec::new();
    for (case, allocations) in CASES.into_iter().zip(allocations) {
        eprintln!("{}", case.name);
        let [few, many] = REPETITIONS;
        let counted = instructions(&program, case.name, many)?
            .saturating_sub(instructions(&program, case.name, few)?);
        // Exact below 2^53.
        let instructions = counted as f64 / f64::from(many - few);
        rows.push(Row { case, instructions, allocations });
    }
    print(&rows);
    judge(&rows)
}

fn instructions(program: &Path, case: &str, count: u32) -> Result<u64, String> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(program).args([case, &count.to_string()]);
    let output = command.output().map_err(|error| format!("cannot start valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let counted = said
        .lines()
        .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
        .filter(|_| output.status.success());
    counted.ok_or_else(|| format!("{case}: {}\n{said}", output.status))
}

fn allocations(program: &Path) -> Result<Vec<f64>, String> {
    let counter = program.with_file_name("retry-allocations");
    let output = Command::new(&counter).output();
    let output = output.map_err(|error| format!("cannot start {}: {error}", counter.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let counted: Vec<f64> = said.lines().filter_map(|line| line.parse().ok()).collect();
    if output.status.success() && counted.len() == CASES.len() {
        Ok(counted)
    } else {
        Err(format!("{}: {}", counter.display(), output.status))
    }
}

fn print(rows: &[Row]) {
    println!(
        "{:<20}{:>14}{:>13}{:>10}  covers",
        "per operation", "instructions", "allocations", "x ours"
    );
    let ours = rows[0].instructions;
    for Row { case, instructions, allocations } in rows {
        let ratio = instructions / ours;
        let (name, covers) = (case.name, case.covers);
        println!("{name:<20}{instructions:>14.1}{allocations:>13.2}{ratio:>10.2}  {covers}");
    }
}

/// Prints the goals, and fails when one is missed.
fn judge(rows: &[Row]) -> Result<(), String> {
    let row = |name: &str| {
        let row = rows.iter().find(|row| row.case.name == name);
        row.ok_or_else(|| format!("no case `{name}`"))
    };
    let (own, told) = (row("unbroken-decision")?, row("unbroken-told")?);
    let decision = own.instructions.max(told.instructions);
    let share = decision / row("aws-smithy-failure")?.instructions;
    let ours = rows.iter().filter(|row| row.case.name.starts_with("unbroken"));
    let allocations = ours.map(|row| row.allocations).sum::<f64>();
    let goals = [
        ("instructions of a decision", decision, 120.0),
        ("share of aws-smithy's", share, 1.0 / 8.0),
        ("instructions of a delay", row("unbroken-delay")?.instructions, 50.0),
        ("allocations of ours", allocations, 0.0),
    ];
    println!();
    let mut missed = Vec::new();
    for (name, value, limit) in goals {
        let verdict = if value <= limit { "met" } else { "MISSED" };
        println!("{name:<28}{value:>10.3}  at most {limit:<8}{verdict}");
        missed.extend((value > limit).then_some(name));
    }
    if missed.is_empty() { Ok(()) } else { Err(format!("missed: {}", missed.join(", "))) }
}
