//! `unbroken streams`: what the checkpoints hold, and their removal. It contacts nobody.

use anyhow::Context;
use clap::{Args, Subcommand};
use client::{Checkpoint, Seq, StreamId, StreamState};
use serde::{Serialize, Serializer};
use std::io::{self, IsTerminal, Write};

use crate::checkpoints::{Checkpoints, Shelf};
use crate::cli::examples;
use crate::status::Status;
use crate::stored;

/// List, show and remove the streams that checkpoints hold.
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
    /// Remove streams, and write the id of each
    #[command(group = clap::ArgGroup::new("which").required(true))]
    Prune {
        /// Those that are complete
        #[arg(long, group = "which")]
        complete: bool,
        /// All, also those that could be resumed
        #[arg(long, group = "which")]
        all: bool,
    },
    /// Remove these streams
    Rm {
        #[arg(required = true)]
        id: Vec<StreamId>,
    },
}

impl Streams {
    /// Does one action on the store of an earlier process.
    pub(crate) async fn run(self) -> anyhow::Result<Status> {
        match &self.action {
            None | Some(Action::List) => {
                let mut list = Vec::new();
                for shelf in self.checkpoints.open_all()? {
                    list.extend(rows(&shelf).await?);
                }
                write_rows(&list, self.json)?;
            }
            Some(Action::Show { id, text }) => {
                let shelf = self.checkpoints.open_holding(id).await?;
                if *text {
                    write_out(read(&shelf, id).await?.text().as_bytes())?;
                } else {
                    write_card(&card(&shelf, id).await?, self.json)?;
                }
            }
            Some(Action::Prune { all, .. }) => {
                for shelf in self.checkpoints.open_all()? {
                    let rows = rows(&shelf).await?;
                    let gone = rows.iter().filter(|row| *all || row.state == State::Complete);
                    for row in gone {
                        remove(&shelf, &row.id).await?;
                    }
                }
            }
            Some(Action::Rm { id }) => {
                for id in id {
                    remove(&self.checkpoints.open_holding(id).await?, id).await?;
                }
            }
        }
        Ok(Status::Complete)
    }
}

async fn rows(shelf: &Shelf) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.id.clone());
        let listing = shelf.store.list(after.as_ref()).await;
        let listing = listing.with_context(|| format!("cannot list {}", shelf.place))?;
        rows.extend(listing.streams.into_iter().map(|info| Row {
            state: State::of(info.state),
            records: info.last.map_or(0, Seq::value),
            journal_bytes: info.bytes,
            id: info.id,
        }));
        if !listing.more {
            return Ok(rows);
        }
    }
}

async fn read(shelf: &Shelf, id: &StreamId) -> anyhow::Result<Checkpoint> {
    stored::read(&shelf.store, id, &shelf.place).await
}

async fn card(shelf: &Shelf, id: &StreamId) -> anyhow::Result<Card> {
    let checkpoint = read(shelf, id).await?;
    let info = shelf.store.info(id).await?;
    Ok(Card {
        id: id.clone(),
        state: if checkpoint.is_complete() { State::Complete } else { State::Open },
        protocol: checkpoint.wire().name(),
        profile: checkpoint.profile_name().to_owned(),
        model: checkpoint.model().map(str::to_owned),
        base_url: checkpoint.origin().endpoint.clone(),
        attempts: checkpoint.attempts(),
        text_bytes: checkpoint.text().len(),
        records: checkpoint.seq().0,
        journal_bytes: info.bytes,
    })
}

async fn remove(shelf: &Shelf, id: &StreamId) -> anyhow::Result<()> {
    let failed = || format!("cannot remove stream {id} from {}", shelf.place);
    shelf.store.delete(id).await.with_context(failed)?;
    Ok(write_out(format!("{id}\n").as_bytes())?)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Complete,
    Open,
}

impl State {
    const fn of(state: StreamState) -> Self {
        match state {
            StreamState::Closed => Self::Complete,
            StreamState::Open => Self::Open,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Open => "open",
        }
    }
}

/// One stream in a list.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "stream")]
struct Row {
    #[serde(serialize_with = "as_text")]
    id: StreamId,
    state: State,
    records: u64,
    journal_bytes: u64,
}

/// All about one stream but its text.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "stream")]
struct Card {
    #[serde(serialize_with = "as_text")]
    id: StreamId,
    state: State,
    protocol: &'static str,
    profile: String,
    model: Option<String>,
    base_url: String,
    attempts: u32,
    text_bytes: usize,
    records: u64,
    journal_bytes: u64,
}

fn as_text<S: Serializer>(id: &StreamId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.as_str())
}

fn write_rows(rows: &[Row], json: bool) -> anyhow::Result<()> {
    let mut out = Vec::new();
    if json {
        for row in rows {
            serde_json::to_writer(&mut out, row)?;
            out.push(b'\n');
        }
    } else if io::stdout().is_terminal() {
        table(&mut out, rows)?;
    } else {
        for Row { id, state, records, journal_bytes } in rows {
            writeln!(out, "{id}\t{}\t{records}\t{journal_bytes}", state.name())?;
        }
    }
    Ok(write_out(&out)?)
}

fn table(out: &mut Vec<u8>, rows: &[Row]) -> io::Result<()> {
    let width = rows.iter().map(|row| row.id.as_str().len()).max().unwrap_or(0).max("ID".len());
    writeln!(out, "{:width$}  {:8}  {:>8}  {:>12}", "ID", "STATE", "RECORDS", "BYTES")?;
    for Row { id, state, records, journal_bytes } in rows {
        let (id, state) = (id.as_str(), state.name());
        writeln!(out, "{id:width$}  {state:8}  {records:>8}  {journal_bytes:>12}")?;
    }
    Ok(())
}

fn write_card(card: &Card, json: bool) -> anyhow::Result<()> {
    if json {
        let mut line = serde_json::to_vec(card)?;
        line.push(b'\n');
        return Ok(write_out(&line)?);
    }
    let lines = [
        ("id", card.id.to_string()),
        ("state", card.state.name().to_owned()),
        ("protocol", card.protocol.to_owned()),
        ("profile", card.profile.clone()),
        ("model", card.model.clone().unwrap_or_else(|| "-".to_owned())),
        ("base URL", card.base_url.clone()),
        ("attempts", card.attempts.to_string()),
        ("text bytes", card.text_bytes.to_string()),
        ("records", card.records.to_string()),
        ("journal bytes", card.journal_bytes.to_string()),
    ];
    // What a checkpoint holds came from elsewhere: no control character reaches the terminal.
    let lines = lines.map(|(name, value)| format!("{name:<13}  {}\n", value.escape_debug()));
    Ok(write_out(lines.concat().as_bytes())?)
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
  unbroken streams prune --complete
  unbroken streams rm s-1234 --checkpoints ./checkpoints";

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str) -> Row {
        let id = StreamId::new(id).unwrap();
        Row { id, state: State::Open, records: 7, journal_bytes: 1234 }
    }

    #[test]
    fn a_table_is_as_wide_as_its_longest_id() {
        let mut out = Vec::new();
        table(&mut out, &[row("a"), row("a-longer-one")]).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "ID            STATE      RECORDS         BYTES");
        assert_eq!(lines[1], "a             open             7          1234");
        assert_eq!(lines[2], "a-longer-one  open             7          1234");
    }

    #[test]
    fn a_row_is_one_object() {
        let json = serde_json::to_string(&row("s-1")).unwrap();
        let expected =
            r#"{"type":"stream","id":"s-1","state":"open","records":7,"journal_bytes":1234}"#;
        assert_eq!(json, expected);
    }
}
