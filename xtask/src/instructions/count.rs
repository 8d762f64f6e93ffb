//! Counts what one program executes, under callgrind.

use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

use super::record::Toolchain;
use crate::cargo::command_line;

/// What two runs differ by is the work alone: start and generator cancel out.
const REPETITIONS: [u32; 2] = [1, 3];

/// The C library picks its copying by processor as well; without these it picks the same everywhere.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX_Fast_Unaligned_Load,\
     -ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2,-Prefer_ERMS,-Prefer_FSRM";

/// The program, built, on a machine that can count.
pub(super) struct Counter {
    program: PathBuf,
}

/// What one run said.
struct Run {
    instructions: u64,
    /// Events or operations of one repetition.
    units: u64,
}

impl Counter {
    /// Builds the program.
    ///
    /// # Errors
    ///
    /// When valgrind is not there, before anything is built.
    pub(super) fn new(build: fn() -> Result<PathBuf>, toolchain: &Toolchain) -> Result<Self> {
        if Command::new("valgrind").arg("--version").output().is_err() {
            let host = &toolchain.host;
            bail!("valgrind is missing: install it (`apt-get install valgrind`); this is {host}");
        }
        Ok(Self { program: build()? })
    }

    /// Instructions per event or operation of a case.
    pub(super) fn per_unit(&self, case: &[&str]) -> Result<f64> {
        let [few, many] = REPETITIONS;
        let (less, more) = (self.run(case, few)?, self.run(case, many)?);
        let units = more.units * u64::from(many - few);
        // Exact below 2^53.
        Ok(more.instructions.saturating_sub(less.instructions) as f64 / units as f64)
    }

    fn run(&self, case: &[&str], repetitions: u32) -> Result<Run> {
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        command.arg(&self.program).args(case).arg(repetitions.to_string());
        command.env("GLIBC_TUNABLES", TUNABLES);
        let line = command_line(&command);
        let output = command.output().with_context(|| format!("cannot start `{line}`"))?;
        let run = output.status.success().then(|| Run::parse(&output)).flatten();
        run.with_context(|| {
            format!("`{line}`: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr))
        })
    }
}

impl Run {
    fn parse(output: &Output) -> Option<Self> {
        let (said, counted) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Some(Self { instructions: collected(&counted)?, units: said.trim().parse().ok()? })
    }
}

/// Reads `==7== Collected : 123`.
fn collected(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::collected;

    #[test]
    fn the_count_is_read_from_what_the_machine_says() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 123\n"), Some(123));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }
}
