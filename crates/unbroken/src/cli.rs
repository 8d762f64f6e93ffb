//! The arguments of the whole command. Those of each command are beside its code.

use clap::{ArgAction, Parser, Subcommand};

use crate::command::batch::Batch;
use crate::command::cost::Cost;
use crate::command::demo::Demo;
use crate::command::mock::Mock;
use crate::command::resume::Resume;
use crate::command::stream::Stream;
use crate::command::streams::Streams;
use crate::status::Status;

/// Streams the answer of a language model so that no disconnect, stall, overload or restart
/// loses or repeats a byte of it.
#[derive(Parser)]
#[command(name = "unbroken", version, after_help = EXIT_STATUSES)]
pub(crate) struct Cli {
    /// Say more on stderr; -vv for the details of each attempt. Never shows a key.
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Stream(Box<Stream>),
    Resume(Box<Resume>),
    Streams(Streams),
    Batch(Box<Batch>),
    Mock(Box<Mock>),
    Demo(Demo),
    Cost(Box<Cost>),
}

impl Cli {
    pub(crate) async fn run(self) -> anyhow::Result<Status> {
        match self.command {
            Command::Stream(stream) => stream.run(self.verbose).await,
            Command::Resume(resume) => resume.run(self.verbose).await,
            Command::Streams(streams) => streams.run().await,
            Command::Batch(batch) => batch.run(self.verbose).await,
            Command::Mock(mock) => mock.run().await,
            Command::Demo(demo) => demo.run().await,
            Command::Cost(cost) => cost.run(),
        }
    }
}

/// Examples and exit statuses, shown below the help of a command.
pub(crate) fn examples(examples: &str) -> String {
    format!("{examples}\n\n{EXIT_STATUSES}")
}

/// Shown below the help of every command that can end in each of these ways.
const EXIT_STATUSES: &str = "\
Exit status:
  0   the provider finished; for other commands: done
  75  the response is not whole and its checkpoint is kept: go on with `unbroken resume ID`,
      a batch with the same command again; or nobody read the output to its end
  1   refused or failed
  2   arguments or environment not usable
  3   `unbroken streams`: a store is in use or failed, or a stream is damaged; the rest was served";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
