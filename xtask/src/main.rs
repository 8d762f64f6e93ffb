//! The commands of the workspace: `cargo xtask COMMAND`.
//!
//! Dispatch and help only; each command is a file of its own. Exit status: 0 success, 1 the command
//! found something or failed, 2 it was called wrongly.

mod audit;
mod bench;
mod cargo;
mod ci;
mod faults;
mod finding;
mod fuzz;
mod instructions;
mod peers;
mod prices;
mod soak;
mod test;
mod tidy;

use std::process::ExitCode;

use crate::cargo::Usage;

const HELP: &str = "\
Usage: cargo xtask COMMAND

Commands:
  ci                            Everything that CI runs, in order; stops at the first failure
  test [ARGS] [-- ARGS]         All tests: unit, integration and documentation.
                                ARGS go to `cargo test` (a `-p CRATE` replaces --workspace),
                                those after `--` to the test binaries; --require-servers fails
                                where a server is missing that some of them start
  tidy                          Layer edges, forbidden links, banned names and words, lengths
  bench [PATTERN] [--json FILE] [--smoke]
                                The benches of every crate as one table. PATTERN is a regular
                                expression on bench names; --json also writes the results to
                                FILE; --smoke measures briefly, to show that they run
  bench sse [--corpus NAME] [--chunk NAME] [--rounds N] [--json FILE] [--smoke]
                                Our SSE codec beside its peers and the floor, with the goals
  bench retry                   A retry decision of ours beside its peers: instructions and
                                allocations, with the goals; needs valgrind
  bench store [--streams N] [--seconds N] [--smoke]
                                Durable streams of ours beside redb, fjall, SQLite and one file
                                that is only appended to
  bench client [--sdks] [--rounds N] [--streams N] [--goals] [--smoke]
                                Whole clients over loopback, ours beside raw hyper, other Rust
                                clients and, installed by --sdks, the official SDKs: what an
                                event and an open stream cost. --goals fails where one is missed
  bench seams [--count N] [--seed S]
                                Adversarial seams: answers of all kinds cut anywhere, models that go
                                on in every way (100000 of them); how sure the labels are, what is
                                removed and what is shown twice. Fails where a label was wrong
  bench hedging [--streams N]   Second copies of slow requests, over sockets: the time to the first token and
                                the requests with and without them. Fails where a promise is missed
  bench recovery [--streams N] [--smoke]
                                Streams that break by chance, over sockets: what comes out whole,
                                when and at what cost, without retries, with those before the first
                                byte, and with ours
  bench outage|balance|stall [--svg DIR]
                                Outages, bad endpoints and stalls in virtual time: the shipped
                                code beside classic policies; --svg draws the first two
  soak [--streams N] [--seed S] [--replay SEED]
                                N (1,000,000) simulated streams through faults on all cores: what
                                was lost, repeated, falsely complete or hung. --replay plays one
                                again, as small as it gets, with its trace
  instructions [--record] [--skip-elsewhere]
                                Instructions per event of the SSE codec and per operation of the
                                retry policy against the records; fails above 5 %. --record writes the record anew,
                                --skip-elsewhere passes on a platform that has none
  fuzz [TARGET] [--seconds N] [--input FILE]
                                New inputs for each fuzz target, or one, for N seconds (60);
                                --input runs what was found once more
  faults [ROW...]               The fault matrix, or these rows: the tests that prove each row, run by
                                name, and what is missing. Fails when one of them fails or is gone
  prices [FILE...]              Prices of the catalog in `cost` that were checked long ago, and where each
                                FILE says something else: a file of LiteLLM or genai-prices, or a
                                sheet of ours. Fails when a price is old or different
  audit [--db DIR]              Licences, banned and duplicate dependencies by deny.toml;
                                advisories where DIR is a checkout of the RustSec database
  help                          This text
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next();
    let rest: Vec<String> = args.collect();
    match run(command.as_deref(), &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Usage>() => {
            eprint!("error: {error}\n\n{HELP}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Option<&str>, args: &[String]) -> anyhow::Result<()> {
    match command {
        Some("ci") => ci::run(args),
        Some("test") => test::run(args),
        Some("tidy") => tidy::run(args),
        Some("bench") => bench::run(args),
        Some("faults") => faults::run(args),
        Some("fuzz") => fuzz::run(args),
        Some("instructions") => instructions::run(args),
        Some("audit") => audit::run(args),
        Some("soak") => soak::run(args),
        Some("prices") => prices::run(args),
        Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => Err(Usage(format!("unknown command `{other}`")).into()),
        None => Err(Usage("a command is missing".into()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{HELP, run};
    use crate::cargo::Usage;

    #[test]
    fn an_unknown_command_is_a_usage_error() {
        let error = run(Some("frobnicate"), &[]).unwrap_err();
        assert_eq!(error.downcast::<Usage>().unwrap().0, "unknown command `frobnicate`");
    }

    #[test]
    fn a_missing_command_is_a_usage_error() {
        assert!(run(None, &[]).unwrap_err().is::<Usage>());
    }

    #[test]
    fn every_command_refuses_an_unknown_flag() {
        for command in
            ["ci", "tidy", "bench", "faults", "instructions", "fuzz", "audit", "prices", "soak"]
        {
            let error = run(Some(command), &["--frobnicate".into()]).unwrap_err();
            assert!(error.is::<Usage>(), "{command}: {error}");
            assert!(HELP.contains(&format!("\n  {command} ")), "{command} is not in the help");
        }
    }
}
