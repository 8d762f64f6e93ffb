//! The command line: reads arguments, runs one command, answers with an exit status.
//! What the commands do is in `command`; nothing of it is a library.

mod advice;
mod breaks;
mod checkpoints;
mod cli;
mod clocks;
mod command;
mod connection;
mod diagnostics;
mod duration;
mod fallbacks;
mod object;
mod output;
mod prices;
mod profile_file;
mod recovery;
mod relay;
mod signal;
mod status;
mod stored;

use clap::Parser;
use std::process::ExitCode;
use tokio::runtime::Runtime;

use crate::cli::Cli;
use crate::status::Status;

fn main() -> ExitCode {
    let cli = Cli::parse();
    diagnostics::start(cli.verbose);
    match run(cli) {
        Ok(status) => status.into(),
        Err(error) => {
            // `head` and its like have all that they want; it is no news to anyone.
            if !status::is_broken_pipe(&error) {
                diagnostics::report(&format_args!("error: {error:#}"));
            }
            Status::of(&error).into()
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Status> {
    let runtime = Runtime::new()?;
    let status = runtime.block_on(cli.run());
    // A write to a full pipe or a read of an open terminal may still block a thread; what
    // must be durable is durable by now.
    runtime.shutdown_background();
    status
}
