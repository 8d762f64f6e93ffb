//! A list of streams: one line for each, told without reading them.

use anyhow::Context;
use client::{Seq, StoreErrorKind, StreamId, StreamInfo, StreamState};
use serde::{Serialize, Serializer};
use std::io::{self, IsTerminal, Write};

use super::{as_text, write_out};
use crate::checkpoints::Shelf;

/// One stream in a list.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "stream")]
pub(super) struct Row {
    #[serde(serialize_with = "as_text")]
    pub(super) id: StreamId,
    pub(super) state: State,
    pub(super) records: u64,
    pub(super) journal_bytes: u64,
    /// Why nothing of it can be read.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "in_words")]
    pub(super) damage: Option<StoreErrorKind>,
}

impl Row {
    pub(super) fn of(info: StreamInfo) -> Self {
        let state = match (info.damage, info.state) {
            (Some(_), _) => State::Damaged,
            (None, StreamState::Closed) => State::Complete,
            (None, StreamState::Open) => State::Open,
        };
        let records = info.last.map_or(0, Seq::value);
        Self { id: info.id, state, records, journal_bytes: info.bytes, damage: info.damage }
    }
}

/// Whether there is something to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    Complete,
    Open,
    /// That cannot be told.
    Damaged,
}

impl State {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Open => "open",
            Self::Damaged => "damaged",
        }
    }
}

/// The streams of a store, in the order of their ids.
pub(super) async fn list(shelf: &Shelf) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.id.clone());
        let listing = shelf.store.list(after.as_ref()).await;
        let listing = listing.with_context(|| format!("cannot list {}", shelf.place))?;
        rows.extend(listing.streams.into_iter().map(Row::of));
        if !listing.more {
            return Ok(rows);
        }
    }
}

/// Writes a list: objects, a table on a terminal, else tab-separated lines.
pub(super) fn write(rows: &[Row], json: bool) -> anyhow::Result<()> {
    let mut out = Vec::new();
    if json {
        for row in rows {
            serde_json::to_writer(&mut out, row)?;
            out.push(b'\n');
        }
    } else if io::stdout().is_terminal() {
        table(&mut out, rows)?;
    } else {
        for Row { id, state, records, journal_bytes, .. } in rows {
            writeln!(out, "{id}\t{}\t{records}\t{journal_bytes}", state.name())?;
        }
    }
    write_out(&out)
}

fn table(out: &mut Vec<u8>, rows: &[Row]) -> io::Result<()> {
    let width = rows.iter().map(|row| row.id.as_str().len()).max().unwrap_or(0).max("ID".len());
    writeln!(out, "{:width$}  {:8}  {:>8}  {:>12}", "ID", "STATE", "RECORDS", "BYTES")?;
    for Row { id, state, records, journal_bytes, .. } in rows {
        let (id, state) = (id.as_str(), state.name());
        writeln!(out, "{id:width$}  {state:8}  {records:>8}  {journal_bytes:>12}")?;
    }
    Ok(())
}

fn in_words<S: Serializer>(
    damage: &Option<StoreErrorKind>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    damage.as_ref().map(ToString::to_string).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::Store;

    fn row(id: &str) -> Row {
        let id = StreamId::new(id).unwrap();
        Row { id, state: State::Open, records: 7, journal_bytes: 1234, damage: None }
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

    #[tokio::test]
    async fn a_damaged_stream_is_not_an_open_one() {
        let store = Store::memory();
        drop(store.create(&StreamId::new("s-1").unwrap()).await.unwrap());
        let mut info = store.list(None).await.unwrap().streams.remove(0);
        assert_eq!(Row::of(info.clone()).state, State::Open);
        info.damage = Some(StoreErrorKind::Corrupt { good_prefix: None });
        let row = Row::of(info);
        assert_eq!(row.state, State::Damaged);
        let json = serde_json::to_string(&row).unwrap();
        let damaged = r#""state":"damaged","records":0,"journal_bytes":0,"damage":"the stored bytes are damaged""#;
        assert!(json.contains(damaged), "{json}");
    }
}
