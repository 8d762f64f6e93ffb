//! All about one stream but its text.

use client::StreamId;
use serde::Serialize;

use super::row::State;
use super::{as_text, write_object, write_out};
use crate::checkpoints::Shelf;
use crate::stored;

/// What a journal says of its stream.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "stream")]
pub(super) struct Card {
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

impl Card {
    /// Reads the journal of a stream.
    pub(super) async fn of(shelf: &Shelf, id: &StreamId) -> anyhow::Result<Self> {
        let checkpoint = stored::read(&shelf.store, id, &shelf.place).await?;
        let info = shelf.store.info(id).await?;
        Ok(Self {
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

    pub(super) fn write(&self, json: bool) -> anyhow::Result<()> {
        if json {
            return write_object(self);
        }
        let lines = [
            ("id", self.id.to_string()),
            ("state", self.state.name().to_owned()),
            ("protocol", self.protocol.to_owned()),
            ("profile", self.profile.clone()),
            ("model", self.model.clone().unwrap_or_else(|| "-".to_owned())),
            ("base URL", self.base_url.clone()),
            ("attempts", self.attempts.to_string()),
            ("text bytes", self.text_bytes.to_string()),
            ("records", self.records.to_string()),
            ("journal bytes", self.journal_bytes.to_string()),
        ];
        // What a checkpoint holds came from elsewhere: no control character reaches the terminal.
        let lines = lines.map(|(name, value)| format!("{name:<13}  {}\n", value.escape_debug()));
        write_out(lines.concat().as_bytes())
    }
}
