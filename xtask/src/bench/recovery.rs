//! `bench recovery`: what breaks cost and what comes out whole, by the program of `benches/recovery`,
//! which streams over sockets against the mock and prints its table.

use anyhow::Result;

use crate::cargo::{Usage, cargo, succeed};

pub(super) fn run(args: &[String]) -> Result<()> {
    check(args)?;
    let mut command = cargo(["run", "--release", "--quiet", "--package", "benches"]);
    command.args(["--bin", "recovery", "--"]).args(args);
    succeed(command)
}

fn check(args: &[String]) -> Result<(), Usage> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let is_number = |next: Option<&String>| next.is_some_and(|it| it.parse::<u32>().is_ok());
        match arg.as_str() {
            "--smoke" => {}
            "--streams" if is_number(args.next()) => {}
            "--streams" => return Err(Usage("`--streams` needs a number".into())),
            other => return Err(Usage(format!("`bench recovery` does not take `{other}`"))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    fn is_taken(line: &str) -> bool {
        check(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).is_ok()
    }

    #[test]
    fn arguments_are_checked_before_anything_is_built() {
        assert!(is_taken("") && is_taken("--smoke --streams 50"));
        for line in ["--streams", "--streams x", "--json", "50"] {
            assert!(!is_taken(line), "{line}");
        }
    }
}
