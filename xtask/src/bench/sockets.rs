//! `bench recovery` and `bench hedging`: the programs of `benches` that stream over sockets against the
//! mock and print their tables.

use anyhow::Result;

use crate::cargo::{Usage, cargo, succeed};

pub(super) fn recovery(args: &[String]) -> Result<()> {
    run("recovery", &["--smoke"], args)
}

pub(super) fn hedging(args: &[String]) -> Result<()> {
    run("hedging", &[], args)
}

fn run(program: &str, switches: &[&str], args: &[String]) -> Result<()> {
    check(program, switches, args)?;
    let mut command = cargo(["run", "--release", "--quiet", "--package", "benches"]);
    command.args(["--bin", program, "--"]).args(args);
    succeed(command)
}

fn check(program: &str, switches: &[&str], args: &[String]) -> Result<(), Usage> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let is_number = |next: Option<&String>| next.is_some_and(|it| it.parse::<u32>().is_ok());
        match arg.as_str() {
            switch if switches.contains(&switch) => {}
            "--streams" if is_number(args.next()) => {}
            "--streams" => return Err(Usage("`--streams` needs a number".into())),
            other => return Err(Usage(format!("`bench {program}` does not take `{other}`"))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    fn is_taken(line: &str) -> bool {
        let args: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        check("program", &["--smoke"], &args).is_ok()
    }

    #[test]
    fn arguments_are_checked_before_anything_is_built() {
        assert!(is_taken("") && is_taken("--smoke --streams 50"));
        for line in ["--streams", "--streams x", "--json", "50"] {
            assert!(!is_taken(line), "{line}");
        }
    }
}
