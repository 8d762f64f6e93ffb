//! `unbroken streams`: what the checkpoints hold, whether it is whole, and its removal. It
//! contacts nobody.

mod card;
mod entry;
mod export;
mod removal;
mod row;
mod verdict;

use clap::{Args, Subcommand};
use client::StreamId;
use serde::{Serialize, Serializer};
use std::io::{self, Write};

use self::card::Card;
use self::export::Export;
use self::removal::Which;
use self::verdict::Verdict;
use crate::checkpoints::{Checkpoints, Shelf, Shelves};
use crate::cli::examples;
use crate::diagnostics::report;
use crate::status::Status;
use crate::stored;

/// List, show, export, verify and remove the streams that checkpoints hold.
///
/// Without a command it lists them: a table on a terminal, else tab-separated lines of id,
/// state, records and bytes of the journal. A stream is `complete`, or `open`: to be resumed.
#[derive(Args)]
#[command(after_help = examples(EXAMPLES))]
pub(crate) struct Streams {
    #[command(subcommand)]
    action: Option<Action>,

    /// Write one JSON object a line
    #[arg(long, global = true)]
    json: bool,

    #[command(flatten)]
    checkpoints: Checkpoints,
}

#[derive(Subcommand)]
enum Action {
    /// List the streams
    List,
    /// Show one stream
    Show {
        id: StreamId,
        /// Write the text that was delivered, and nothing else
        #[arg(long)]
        text: bool,
    },
    /// Write what the journals of streams say, one JSON object a line
    ///
    /// For each stream an object of type `stream`, then one of type `record` for each entry of its
    /// journal: `seq` is the position of its first record, `kind` is start, event, attempt, seam,
    /// usage, cancel or close. It holds what was asked and what was answered, and no key.
    #[command(group = clap::ArgGroup::new("what").required(true))]
    Export {
        #[arg(group = "what")]
        id: Vec<StreamId>,
        /// Every stream
        #[arg(long, group = "what", conflicts_with = "id")]
        all: bool,
    },
    /// Read every record of streams, and say of each stream whether it is whole
    ///
    /// One line for each: id, `complete`, `open`, `unasked`, `snapshot` or `damaged`, number of
    /// records, and what is wrong. Without an id it reads every stream. Status 1 when one is damaged,
    /// or when another process has a store open, which is not read then.
    Verify { id: Vec<StreamId> },
    /// Remove streams, and write the id of each; those that have expired go as well
    #[command(group = clap::ArgGroup::new("which").required(true))]
    Prune {
        /// Those that are complete
        #[arg(long, group = "which")]
        complete: bool,
        /// All, also those that could be resumed
        #[arg(long, group = "which")]
        all: bool,
        /// Only those that have expired: their number is on stderr
        #[arg(long, group = "which")]
        expired: bool,
    },
    /// Remove these streams
    Rm {
        #[arg(required = true)]
        id: Vec<StreamId>,
    },
}

impl Streams {
    /// Does one action on the stores of earlier processes.
    pub(crate) async fn run(self) -> anyhow::Result<Status> {
        let shelves = self.checkpoints.open_all()?;
        match &self.action {
            None | Some(Action::List) => {
                let mut list = Vec::new();
                for shelf in &shelves.open {
                    list.extend(row::list(shelf).await?);
                }
                row::write(&list, self.json)?;
            }
            Some(Action::Show { id, text }) => {
                let shelf = shelves.holding(id).await?;
                if *text {
                    let checkpoint = stored::read(&shelf.store, id, &shelf.place).await?;
                    write_out(checkpoint.text().as_bytes())?;
                } else {
                    Card::of(shelf, id).await?.write(self.json)?;
                }
            }
            Some(Action::Export { id, .. }) => return export(&shelves, id).await,
            Some(Action::Verify { id }) => return self.verify(&shelves, id).await,
            Some(Action::Prune { complete, all, .. }) => {
                let which = Which::of(*complete, *all);
                for shelf in &shelves.open {
                    removal::prune(shelf, which).await?;
                }
            }
            Some(Action::Rm { id }) => {
                for id in id {
                    removal::remove(shelves.holding(id).await?, id).await?;
                }
            }
        }
        Ok(Status::Complete)
    }

    async fn verify(&self, shelves: &Shelves, ids: &[StreamId]) -> anyhow::Result<Status> {
        let mut status = match (ids.is_empty(), shelves.in_use) {
            (true, 1..) => Status::Failed,
            _ => Status::Complete,
        };
        for (shelf, id) in named(shelves, ids).await? {
            let verdict = Verdict::of(shelf, &id).await?;
            verdict.write(self.json)?;
            if verdict.is_damaged() {
                status = Status::Failed;
            }
        }
        Ok(status)
    }
}

/// Exports what can be read; what cannot is told on stderr.
async fn export(shelves: &Shelves, ids: &[StreamId]) -> anyhow::Result<Status> {
    let mut status = Status::Complete;
    for (shelf, id) in named(shelves, ids).await? {
        match Export::of(shelf, &id).await {
            Ok(export) => export.write()?,
            Err(error) => {
                report(&format_args!("{error:#}"));
                status = Status::Failed;
            }
        }
    }
    Ok(status)
}

/// These streams, or all when none is named, each with the store that holds it.
async fn named<'a>(
    shelves: &'a Shelves,
    ids: &[StreamId],
) -> anyhow::Result<Vec<(&'a Shelf, StreamId)>> {
    let mut named = Vec::new();
    for id in ids {
        named.push((shelves.holding(id).await?, id.clone()));
    }
    if ids.is_empty() {
        for shelf in &shelves.open {
            named.extend(row::list(shelf).await?.into_iter().map(|row| (shelf, row.id)));
        }
    }
    Ok(named)
}

fn as_text<S: Serializer>(id: &StreamId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.as_str())
}

fn write_object(object: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(object)?;
    line.push(b'\n');
    write_out(&line)
}

fn write_out(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

const EXAMPLES: &str = "\
Examples:
  unbroken streams
  unbroken streams show s-1234 --text
  unbroken streams export s-1234 | jq -r 'select(.kind == \"event\").data'
  unbroken streams verify
  unbroken streams prune --complete
  unbroken streams rm s-1234 --checkpoints ./checkpoints";
