//! What the journal of one stream says, as JSON lines for another program.

use anyhow::{Context, anyhow};
use client::{Entries, StreamId};
use serde::Serialize;
use std::io::{self, BufWriter, Write};

use super::as_text;
use super::entry::Written;
use super::row::Row;
use crate::checkpoints::Shelf;
use crate::stored;

/// The journal of one stream. The store's limit of a stream bounds it.
#[derive(Debug)]
pub(super) struct Export {
    stream: Row,
    entries: Vec<(u64, Written)>,
}

/// One line about one entry.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "record")]
struct Line<'a> {
    #[serde(serialize_with = "as_text")]
    id: &'a StreamId,
    /// Position of the first record of the entry.
    seq: u64,
    #[serde(flatten)]
    entry: &'a Written,
}

impl Export {
    /// Reads a stream.
    pub(super) async fn of(shelf: &Shelf, id: &StreamId) -> anyhow::Result<Self> {
        let records = stored::records(&shelf.store, id, &shelf.place).await?;
        let info = shelf.store.info(id).await?;
        let mut entries = Entries::default();
        let mut read = Vec::new();
        for record in &records {
            let entry = entries.push(record);
            let entry = entry.with_context(|| format!("stream {id} in {}", shelf.place))?;
            let Some((seq, entry)) = entry else { continue };
            let written = Written::of(entry).ok_or_else(|| {
                anyhow!("record {} of stream {id} in {} cannot be shown", seq.0, shelf.place)
            })?;
            read.push((seq.0, written));
        }
        Ok(Self { stream: Row::of(info), entries: read })
    }

    /// Writes the lines to stdout.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        self.write_to(&mut out).and_then(|()| out.flush()).context("cannot write the output")
    }

    fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, &self.stream)?;
        out.write_all(b"\n")?;
        for (seq, entry) in &self.entries {
            let line = Line { id: &self.stream.id, seq: *seq, entry };
            serde_json::to_writer(&mut *out, &line)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

/// An entry as it is written.
#[cfg(test)]
pub(super) fn line(entry: &Written) -> String {
    let id = StreamId::new("s-1").expect("an id");
    serde_json::to_string(&Line { id: &id, seq: 1, entry }).expect("it can be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_of_which_stream_and_where() {
        let id = StreamId::new("s-1").unwrap();
        let entry = Written::Event { event: "ping".to_owned(), data: "{}".to_owned() };
        let line = Line { id: &id, seq: 3, entry: &entry };
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"type":"record","id":"s-1","seq":3,"kind":"event","event":"ping","data":"{}"}"#
        );
        let line = Line { id: &id, seq: 4, entry: &Written::Close };
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"type":"record","id":"s-1","seq":4,"kind":"close"}"#
        );
    }
}
