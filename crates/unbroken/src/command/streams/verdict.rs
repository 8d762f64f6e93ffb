//! Whether the journal of one stream is whole. It reads every record and changes nothing.

use anyhow::anyhow;
use client::{Checkpoint, CheckpointError, Seq, StoreErrorKind, StreamId, StreamState};
use serde::Serialize;

use super::{as_text, write_object, write_out};
use crate::checkpoints::Shelf;
use crate::stored;

/// What is to be said of one stream.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "verdict")]
pub(super) struct Verdict {
    #[serde(serialize_with = "as_text")]
    id: StreamId,
    verdict: Condition,
    /// How many could be read.
    records: usize,
    damage: Option<String>,
}

/// What a journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Condition {
    /// Whole, to the provider's own end.
    Complete,
    /// Whole, to be gone on with.
    Open,
    /// Made by a process that was gone before it had written what it asks.
    Unasked,
    /// A snapshot has the place of the records.
    Snapshot,
    /// Not what was written.
    Damaged,
}

impl Condition {
    const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Open => "open",
            Self::Unasked => "unasked",
            Self::Snapshot => "snapshot",
            Self::Damaged => "damaged",
        }
    }
}

impl Verdict {
    /// Reads the whole stream and judges it; `None` when it is gone, which is no damage.
    ///
    /// # Errors
    ///
    /// A store that cannot be reached: it says nothing about its streams.
    pub(super) async fn of(shelf: &Shelf, id: &StreamId) -> anyhow::Result<Option<Self>> {
        let store = &shelf.store;
        let mut verdict =
            Self { id: id.clone(), verdict: Condition::Damaged, records: 0, damage: None };
        let info = match store.info(id).await {
            Ok(info) => info,
            Err(error) if error.kind() == StoreErrorKind::NotFound => return Ok(None),
            Err(error) if error.is_retryable() => return Err(error.into()),
            Err(error) => {
                verdict.damage = Some(format!("{:#}", anyhow!(error)));
                return Ok(Some(verdict));
            }
        };
        let judged = if info.first > Seq::FIRST {
            snapshot(shelf, id).await
        } else {
            let records = stored::records(store, id, &shelf.place).await;
            records.and_then(|records| {
                verdict.records = records.len();
                journal(&records, info.last.map_or(0, Seq::value), info.state)
            })
        };
        match judged {
            Ok(condition) => verdict.verdict = condition,
            Err(error) => match store.info(id).await {
                Err(now) if now.kind() == StoreErrorKind::NotFound => return Ok(None),
                Err(now) if now.is_retryable() => return Err(now.into()),
                _ => verdict.damage = Some(format!("{error:#}")),
            },
        }
        Ok(Some(verdict))
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.verdict == Condition::Damaged
    }

    pub(super) fn write(&self, json: bool) -> anyhow::Result<()> {
        if json {
            return write_object(self);
        }
        let Self { id, verdict, records, damage } = self;
        let damage = damage.as_deref().unwrap_or("").escape_debug();
        let line = format!("{id}\t{}\t{records}\t{damage}", verdict.name());
        write_out(format!("{}\n", line.trim_end()).as_bytes())
    }
}

/// What the snapshot says is its writer's matter; that it is what was written is the store's.
async fn snapshot(shelf: &Shelf, id: &StreamId) -> anyhow::Result<Condition> {
    match shelf.store.snapshot(id).await? {
        Some(_) => Ok(Condition::Snapshot),
        None => Err(anyhow!("its records are gone and no snapshot has their place")),
    }
}

/// Judges the records of a stream of which `last` were durable before they were read.
fn journal(records: &[Vec<u8>], last: u64, state: StreamState) -> anyhow::Result<Condition> {
    let count = records.len();
    if (count as u64) < last {
        return Err(anyhow!("{last} records are durable and {count} can be read"));
    }
    let checkpoint = match (Checkpoint::fold(records), state) {
        (Err(CheckpointError::Empty), StreamState::Open) => return Ok(Condition::Unasked),
        (folded, StreamState::Open) => return folded.map(|_| Condition::Open).map_err(Into::into),
        (folded, StreamState::Closed) => folded?,
    };
    if !checkpoint.is_closed() {
        return Err(anyhow!("it is closed, and record {count} does not end it"));
    }
    if !checkpoint.is_complete() {
        return Err(anyhow!("it is closed, but the response has no end"));
    }
    Ok(Condition::Complete)
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::Store;

    /// Whether a stream is closed after its last record.
    enum End {
        Open,
        Closed,
    }

    const CLOSE: &[u8] = b"\x07\0";
    const HALF_A_START: &[u8] = b"\x01\x01abc";

    async fn verdict(records: &[&[u8]], end: End) -> Verdict {
        let store = Store::memory();
        let id = StreamId::new("s-1").unwrap();
        let mut writer = store.create(&id).await.unwrap();
        for record in records {
            writer.append(&[record]).unwrap();
        }
        match end {
            End::Open => drop(writer),
            End::Closed => writer.close().await.unwrap(),
        }
        Verdict::of(&Shelf { store, place: "memory".to_owned() }, &id).await.unwrap().unwrap()
    }

    #[track_caller]
    fn check(verdict: &Verdict, condition: Condition, damage: &str) {
        assert_eq!(verdict.verdict, condition, "{verdict:?}");
        assert!(verdict.damage.as_deref().unwrap_or("").contains(damage), "{verdict:?}");
        assert_eq!(verdict.damage.is_some(), verdict.is_damaged());
    }

    /// The journal of a whole answer.
    fn answer() -> Vec<Vec<u8>> {
        let start: &[&[u8]] = &[
            b"\x01\0\x01",
            &[7; 16],
            b"\0\0\0\x12anthropic-messages\0\0\0\0\0\0\0\0\0\0\0\0",
            br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]}"#,
        ];
        let event = |name: &str, data: &str| {
            let name_len = [u8::try_from(name.len()).unwrap()];
            [b"\x02\0", &name_len[..], name.as_bytes(), data.as_bytes()].concat()
        };
        let stop = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{}}"#;
        vec![start.concat(), event("message_delta", stop), CLOSE.to_vec()]
    }

    #[tokio::test]
    async fn a_whole_journal_is_complete_only_when_its_stream_is_closed() {
        let answer = answer();
        let all: Vec<&[u8]> = answer.iter().map(Vec::as_slice).collect();
        check(&verdict(&all, End::Closed).await, Condition::Complete, "");
        check(&verdict(&all, End::Open).await, Condition::Open, "");
        check(&verdict(&all[..1], End::Open).await, Condition::Open, "");
    }

    #[tokio::test]
    async fn a_closed_stream_ends_with_the_record_of_the_end() {
        let answer = answer();
        let all: Vec<&[u8]> = answer.iter().map(Vec::as_slice).collect();
        let damage = "record 2 does not end it";
        check(&verdict(&all[..2], End::Closed).await, Condition::Damaged, damage);
        let damage = "the response has no end";
        check(&verdict(&[all[0], CLOSE], End::Closed).await, Condition::Damaged, damage);
        check(&verdict(&[], End::Closed).await, Condition::Damaged, "no request");
    }

    #[tokio::test]
    async fn what_was_never_asked_is_no_damage() {
        check(&verdict(&[], End::Open).await, Condition::Unasked, "");
        check(&verdict(&[HALF_A_START], End::Open).await, Condition::Unasked, "");
        check(&verdict(&[HALF_A_START], End::Closed).await, Condition::Damaged, "no request");
    }

    #[tokio::test]
    async fn a_record_that_is_none_is_damage() {
        let answer = answer();
        let records: [&[u8]; 2] = [&answer[0], b"\x09junk"];
        let verdict = verdict(&records, End::Open).await;
        check(&verdict, Condition::Damaged, "record 2 is malformed");
        assert_eq!(verdict.records, 2);
    }

    #[test]
    fn records_that_are_missing_at_the_end_are_damage() {
        let error = journal(&answer()[..2], 3, StreamState::Open).unwrap_err();
        assert_eq!(error.to_string(), "3 records are durable and 2 can be read");
    }

    #[tokio::test]
    async fn a_snapshot_has_the_place_of_records() {
        let store = Store::memory();
        let id = StreamId::new("s-1").unwrap();
        let mut writer = store.create(&id).await.unwrap();
        writer.append(&[CLOSE]).unwrap();
        writer.close().await.unwrap();
        store.compact(&id, b"all of it").await.unwrap();
        let shelf = Shelf { store, place: "memory".to_owned() };
        check(&Verdict::of(&shelf, &id).await.unwrap().unwrap(), Condition::Snapshot, "");
    }

    #[tokio::test]
    async fn a_stream_that_was_deleted_since_it_was_listed_is_not_damaged() {
        let shelf = Shelf { store: Store::memory(), place: "memory".to_owned() };
        assert!(Verdict::of(&shelf, &StreamId::new("s-1").unwrap()).await.unwrap().is_none());
    }
}
