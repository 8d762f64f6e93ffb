//! `unbroken streams`: what the checkpoints hold, whether it is whole, and its removal. It
//! contacts nobody.

mod card;
mod entry;
mod export;
mod removal;
mod round;
mod row;
mod verdict;

use anyhow::Context;
use clap::{Args, Subcommand};
use client::StreamId;
use serde::{Serialize, Serializer};
use std::io::{self, Write};

use self::card::Card;
use self::export::Export;
use self::removal::Which;
use self::round::{Part, Round, is_of_output, unique};
use self::verdict::Verdict;
use crate::checkpoints::{Checkpoints, Shelves, of_another_process};
use crate::cli::examples;
use crate::diagnostics::report;
use crate::status::{Status, usage_error};
use crate::stored;

/// List, show, export, verify and remove the streams that checkpoints hold.
///
/// Without a command it lists them: a table on a terminal, else tab-separated lines of id,
/// state, records and bytes of the journal. A stream is `complete`, `open`: to be resumed, or `damaged`.
///
/// A directory has a store for each process that streamed at the same time. One that a process has
/// open, or that is damaged, is told on stderr and left out, and the status is 3. So it is for a
/// damaged stream, of which a list has the id and prune takes only with --all.
#[derive(Args)]
#[command(after_help = examples(EXAMPLES), mut_arg("given", of_another_process))]
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
        /// All, also those that could be resumed, and on Redis those that a process receives now
        #[arg(long, group = "which")]
        all: bool,
        /// Only those that have expired: their number is on stderr
        #[arg(long, group = "which")]
        expired: bool,
    },
    /// Remove these streams; status 1 when one of them is not there
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
            None | Some(Action::List) => self.list(&shelves).await,
            Some(Action::Show { id, text }) => self.show(&shelves, id, *text).await,
            Some(Action::Export { id, .. }) => export(&shelves, id).await,
            Some(Action::Verify { id }) => self.verify(&shelves, id).await,
            Some(Action::Prune { complete, all, .. }) => {
                prune(&shelves, Which::of(*complete, *all)).await
            }
            Some(Action::Rm { id }) => remove(&shelves, id).await,
        }
    }

    async fn list(&self, shelves: &Shelves) -> anyhow::Result<Status> {
        let mut round = Round::over(shelves);
        let mut list = Vec::new();
        for shelf in &shelves.open {
            let rows = round.store(row::list(shelf).await)?.unwrap_or_default();
            rows.iter().for_each(|row| round.tell_damage(row, shelf));
            list.extend(rows);
        }
        row::write(&list, self.json)?;
        Ok(round.status())
    }

    async fn show(&self, shelves: &Shelves, id: &StreamId, text: bool) -> anyhow::Result<Status> {
        if text && self.json {
            return Err(usage_error("--text is the text and nothing else: it goes without --json"));
        }
        let shelf = shelves.holding(id).await?;
        if text {
            let checkpoint = stored::read(&shelf.store, id, &shelf.place).await?;
            write_out(checkpoint.text().as_bytes())?;
        } else {
            Card::of(shelf, id).await?.write(self.json)?;
        }
        Ok(Status::Complete)
    }

    async fn verify(&self, shelves: &Shelves, ids: &[StreamId]) -> anyhow::Result<Status> {
        let mut round = round(shelves, ids);
        for part in round.parts(shelves, ids).await? {
            let judged = self.judge(&part, &mut round).await;
            round.store(judged)?;
        }
        // It vouches for all that there is, and it cannot for a store that it has not read.
        Ok(match round.status() {
            Status::Complete => Status::Complete,
            _ => Status::Failed,
        })
    }

    async fn judge(&self, part: &Part<'_>, round: &mut Round) -> anyhow::Result<()> {
        for id in &part.ids {
            let Some(verdict) = Verdict::of(part.shelf, id).await? else { continue };
            verdict.write(self.json)?;
            if verdict.is_damaged() {
                round.fail();
            }
        }
        Ok(())
    }
}

/// A round over these streams, or over all when none is named.
fn round(shelves: &Shelves, ids: &[StreamId]) -> Round {
    if ids.is_empty() { Round::over(shelves) } else { Round::new() }
}

/// Exports what can be read; what cannot is told on stderr.
async fn export(shelves: &Shelves, ids: &[StreamId]) -> anyhow::Result<Status> {
    let mut round = round(shelves, ids);
    for part in round.parts(shelves, ids).await? {
        let exported = export_part(&part, &mut round).await;
        round.store(exported)?;
    }
    Ok(round.status())
}

async fn export_part(part: &Part<'_>, round: &mut Round) -> anyhow::Result<()> {
    for id in &part.ids {
        if let Some(export) = round.stream(Export::of(part.shelf, id).await)? {
            export.write()?;
        }
    }
    Ok(())
}

async fn prune(shelves: &Shelves, which: Which) -> anyhow::Result<Status> {
    let mut round = Round::over(shelves);
    for shelf in &shelves.open {
        let pruned = removal::prune(shelf, which, &mut round).await;
        round.store(pruned)?;
    }
    Ok(round.status())
}

/// Removes each of them that there is; what cannot be removed is told on stderr.
async fn remove(shelves: &Shelves, ids: &[StreamId]) -> anyhow::Result<Status> {
    let mut status = Status::Complete;
    for id in unique(ids) {
        let removed = match shelves.holding(id).await {
            Ok(shelf) => removal::remove(shelf, id).await,
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if !is_of_output(&error) => {
                report(&format_args!("{error:#}"));
                status = Status::Failed;
            }
            removed => removed?,
        }
    }
    Ok(status)
}

fn as_text<S: Serializer>(id: &StreamId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.as_str())
}

fn write_object(object: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(object)?;
    line.push(b'\n');
    write_out(&line)
}

fn write_out(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).context("cannot write the output")
}

const EXAMPLES: &str = "\
Examples:
  unbroken streams
  unbroken streams show s-1234 --text
  unbroken streams export s-1234 | jq -r 'select(.kind == \"event\").data'
  unbroken streams verify
  unbroken streams prune --complete
  unbroken streams rm s-1234 --checkpoints ./checkpoints";
