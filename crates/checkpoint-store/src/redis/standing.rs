//! `Standing`: where a stream stands, as its keys say, and `Entry`, one entry of its log.

use std::collections::HashMap;
use std::time::Duration;

use redis::Value;

use super::reply::{malformed, read};
use crate::backend::Head;
use crate::chunk::{Chunk, Ending};
use crate::expiry::Expiry;
use crate::stream_info::{StreamInfo, StreamState};
use crate::{Epoch, Holder, Lease, Seq, StoreError, StreamId, StreamNo, Timestamp};

/// Values that the script answers for each stream.
pub(super) const ANSWERS: usize = 3;

/// Where a stream stands.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) head: Head,
    pub(super) lease: Option<Lease>,
    /// What tells this stream from any other of its id.
    pub(super) born: String,
    /// The last entry of the log.
    pub(super) entry: EntryId,
    /// Where each epoch began, in their order.
    epochs: Vec<(Epoch, Seq)>,
}

/// The id of an entry: the epoch that wrote it and its last position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryId {
    pub(super) epoch: Epoch,
    pub(super) position: u64,
}

/// One entry of a log.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: EntryId,
    /// None for a mark.
    pub(super) chunk: Option<Vec<u8>>,
    next: Option<u64>,
    bytes: u64,
}

impl Standing {
    /// Reads what the script answers; `None` when there is no such stream.
    pub(super) fn read(answers: [Value; 3], now: Timestamp) -> Result<Option<Self>, StoreError> {
        let [meta, expires, last] = answers;
        let meta: HashMap<String, String> = read(meta)?;
        let expires: i64 = read(expires)?;
        let last: Vec<Value> = read(last)?;
        let Some(last) = last.into_iter().next() else { return Ok(None) };
        if meta.is_empty() {
            return Ok(None);
        }
        let entry = Entry::read(last)?;
        let number = |name: &str| {
            let value = meta.get(name).map(|value| value.parse::<u64>());
            value.transpose().map_err(|_| malformed())
        };
        let required = |name: &str| number(name)?.ok_or_else(malformed);
        let state = match meta.get("state").map(String::as_str) {
            Some("open") => StreamState::Open,
            Some("closed") => StreamState::Closed,
            _ => return Err(malformed()),
        };
        let expiry = Expiry {
            at: u64::try_from(expires).ok().map(Timestamp::from_millis),
            slide: number("slide")?.map(Duration::from_millis),
        };
        let head = Head {
            stream: StreamNo::new(required("number")?),
            epoch: Epoch::new(required("epoch")?),
            first: Seq::new(required("first")?).ok_or_else(malformed)?,
            next: entry.next()?,
            bytes: entry.bytes,
            state,
            expiry,
        };
        let lease = lease(meta.get("holder"), number("lease")?, now);
        let mut epochs = Vec::new();
        for (name, value) in &meta {
            if let Some(epoch) = name.strip_prefix("from:") {
                let epoch = epoch.parse().map_err(|_| malformed())?;
                let from = value.parse().ok().and_then(Seq::new).ok_or_else(malformed)?;
                epochs.push((Epoch::new(epoch), from));
            }
        }
        epochs.sort_unstable();
        let born = meta.get("born").cloned().ok_or_else(malformed)?;
        Ok(Some(Self { head, lease, born, entry: entry.id, epochs }))
    }

    /// An id that is not after the entry which holds the record at `next`, and after all before.
    pub(super) fn entry_of(&self, next: Seq) -> Result<EntryId, StoreError> {
        let wrote = self.epochs.iter().rfind(|(_, from)| *from <= next);
        let epoch = wrote.ok_or_else(malformed)?.0;
        Ok(EntryId { epoch, position: next.value() })
    }

    pub(super) fn info(&self, id: StreamId) -> StreamInfo {
        self.head.info(id, self.lease.clone())
    }
}

fn lease(holder: Option<&String>, until: Option<u64>, now: Timestamp) -> Option<Lease> {
    let left = now.until(Timestamp::from_millis(until?));
    (!left.is_zero()).then_some(Lease { holder: Holder::new(holder?), left: Some(left) })
}

impl EntryId {
    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        let parts = text.split_once('-').and_then(|(epoch, position)| {
            Some(Self { epoch: Epoch::new(epoch.parse().ok()?), position: position.parse().ok()? })
        });
        parts.ok_or_else(malformed)
    }

    pub(super) fn text(self) -> String {
        format!("{}-{}", self.epoch.value(), self.position)
    }

    /// The id that a chunk gets.
    pub(super) fn of(chunk: &Chunk) -> Self {
        let frames = chunk.frames();
        Self { epoch: frames.epoch, position: frames.next().value() - 1 }
    }
}

impl Entry {
    pub(super) fn read(value: Value) -> Result<Self, StoreError> {
        let (id, fields): (String, Vec<Vec<u8>>) = read(value)?;
        let mut entry = Self { id: EntryId::parse(&id)?, chunk: None, next: None, bytes: 0 };
        let mut fields = fields.into_iter();
        while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
            match name.as_slice() {
                b"c" => entry.chunk = Some(value),
                b"n" => entry.next = Some(decimal(&value)?),
                b"b" => entry.bytes = decimal(&value)?,
                _ => return Err(malformed()),
            }
        }
        Ok(entry)
    }

    /// The position after it.
    fn next(&self) -> Result<Seq, StoreError> {
        let next = self.next.or_else(|| self.id.position.checked_add(1));
        next.and_then(Seq::new).ok_or_else(malformed)
    }
}

fn decimal(text: &[u8]) -> Result<u64, StoreError> {
    let text = std::str::from_utf8(text).map_err(|_| malformed())?;
    text.parse().map_err(|_| malformed())
}

/// How a run ends, as a script is told.
pub(super) fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Open => "open",
        Ending::Close => "close",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(5000);

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn bulks(texts: &[&str]) -> Value {
        Value::Array(texts.iter().map(|text| bulk(text)).collect())
    }

    fn entry(id: &str, fields: &[&str]) -> Value {
        Value::Array(vec![Value::Array(vec![bulk(id), bulks(fields)])])
    }

    const META: [&str; 18] = [
        "number", "4", "epoch", "3", "state", "open", "first", "1", "from:1", "1", "from:3", "10",
        "from:2", "10", "lease", "6500", "born", "a1",
    ];

    fn standing(meta: &[&str]) -> Result<Option<Standing>, StoreError> {
        let last = entry("3-12", &["c", "chunk", "b", "700"]);
        Standing::read([bulks(meta), Value::Int(-1), last], NOW)
    }

    #[test]
    fn a_head_is_what_the_keys_say() {
        let held = [&META[..], &["holder", "me"]].concat();
        let standing = standing(&held).unwrap().unwrap();
        let head = standing.head;
        assert_eq!((head.next.value(), head.bytes, head.epoch.value()), (13, 700, 3));
        assert_eq!(head.expiry, Expiry::NEVER);
        let lease = standing.lease.clone().unwrap();
        assert_eq!((lease.holder.as_str(), lease.left), ("me", Some(Duration::from_millis(1500))));
    }

    #[test]
    fn a_record_is_looked_for_in_the_last_epoch_that_began_before_it() {
        let standing = standing(&META).unwrap().unwrap();
        let of = |position| standing.entry_of(Seq::new(position).unwrap()).unwrap().text();
        assert_eq!(
            (of(1), of(9), of(10), of(12)),
            ("1-1".into(), "1-9".into(), "3-10".into(), "3-12".into())
        );
    }

    #[test]
    fn what_is_missing_or_odd_is_said() {
        let gone = Standing::read([bulks(&[]), Value::Int(-2), Value::Array(vec![])], NOW);
        assert!(gone.unwrap().is_none());
        for (at, odd) in [(1, "x"), (5, "ajar"), (7, "0"), (9, "x")] {
            let mut meta = META;
            meta[at] = odd;
            assert!(standing(&meta).is_err(), "{odd} at {at}");
        }
        for id in ["", "7", "7-", "a-1", "7-18446744073709551616"] {
            assert!(EntryId::parse(id).is_err(), "{id}");
        }
        let last = entry("1-18446744073709551615", &["b", "0"]);
        assert!(Standing::read([bulks(&META), Value::Int(-1), last], NOW).is_err());
    }
}
