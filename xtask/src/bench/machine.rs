//! Where and with what a measurement was made.
//!
//! What cannot be found out is written as `unknown`, so that a record always has the field.

use std::process::Command;

use crate::cargo::root;

#[derive(Debug)]
pub(super) struct Machine {
    /// The commit, with `-dirty` when the checkout has changes.
    pub(super) commit: String,
    pub(super) rustc: String,
    pub(super) cpu: String,
    pub(super) cores: usize,
}

impl Machine {
    pub(super) fn probe() -> Self {
        Self {
            commit: commit().unwrap_or_else(unknown),
            rustc: first_line(Command::new("rustc").arg("--version")).unwrap_or_else(unknown),
            cpu: cpu().unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
        }
    }
}

fn unknown() -> String {
    "unknown".into()
}

fn commit() -> Option<String> {
    let head = first_line(Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root()))?;
    let changes = Command::new("git").args(["status", "--porcelain"]).current_dir(root()).output();
    let dirty = changes.is_ok_and(|output| !output.stdout.is_empty());
    Some(if dirty { format!("{head}-dirty") } else { head })
}

fn cpu() -> Option<String> {
    match std::fs::read_to_string("/proc/cpuinfo") {
        Ok(text) => model_name(&text),
        Err(_) => first_line(Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"])),
    }
}

fn model_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()?.lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{Machine, model_name};

    #[test]
    fn the_model_is_read_from_cpuinfo() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t: a b\n";
        assert_eq!(model_name(text).unwrap(), "Some CPU @ 2 GHz");
        assert_eq!(model_name("processor: 0"), None);
    }

    #[test]
    fn the_compiler_is_found() {
        let machine = Machine::probe();
        assert!(machine.rustc.starts_with("rustc 1."), "{}", machine.rustc);
        assert!(machine.cores >= 1);
    }
}
