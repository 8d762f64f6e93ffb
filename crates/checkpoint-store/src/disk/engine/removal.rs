//! What the engine removes: streams that are deleted or have expired, and old tombstones.

use std::ops::ControlFlow;

use super::super::database::{Batch, Table};
use super::super::layout;
use super::super::tombstone::Tombstone;
use super::Engine;
use super::named::{Named, epoch_above_all};
use crate::expiry::TOMBSTONE_TTL;
use crate::{Epoch, ErrorKind, StoreError, StreamId, StreamNo, Timestamp};

/// Names that one round of a sweep looks at, at most.
const SWEEP_LOOKS: usize = 1024;

/// Changes of a sweep after which it stops: others wait for the disk meanwhile.
const SWEEP_CHANGES: usize = 4096;

/// What one round of a sweep did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) struct Swept {
    pub(in crate::disk) removed: usize,
    /// Whether there is more to look at: a round may meet nothing but what is kept longer by now.
    pub(in crate::disk) more: bool,
}

/// The key of something to look at, and the name of whose it is.
type Due = (Vec<u8>, Vec<u8>);

impl Engine {
    pub(in crate::disk) fn delete(&mut self, id: &StreamId) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (stream, epoch) = match self.named(id)? {
            Some(Named::Whole(stored)) if !stored.head.expiry.is_past(now) => {
                (Some(stored.head.stream), stored.head.epoch)
            }
            Some(Named::Damaged(damaged)) => (damaged.stream, epoch_above_all(now)),
            Some(Named::Whole(_)) | None => return Err(ErrorKind::NotFound.into()),
        };
        let mut batch = Batch::default();
        self.bury(id, stream, epoch, now, &mut batch)?;
        self.change(batch)?;
        stream.into_iter().for_each(|stream| self.forget(stream));
        Ok(())
    }

    /// Removes what has expired, the oldest first, in one change. Of what is damaged nobody knows
    /// whether it has: it stays until it is deleted.
    pub(in crate::disk) fn sweep(&mut self, streams_max: usize) -> Result<Swept, StoreError> {
        self.check()?;
        let now = self.clock.now();
        let mut batch = Batch::default();
        let mut buried = Vec::new();
        let due = self.due(now)?;
        let more = due.len() == SWEEP_LOOKS && streams_max > 0;
        for (key, name) in due {
            if buried.len() >= streams_max || batch.len() > SWEEP_CHANGES {
                break;
            }
            let stream = layout::due_stream(&key);
            batch.remove(Table::Names, key);
            let Ok(stream) = stream else { continue };
            match layout::name(&name) {
                Ok(id) => buried.extend(self.settle(&id, stream, now, &mut batch)?),
                Err(_) => put_off(stream, name, now, &mut batch),
            }
        }
        if batch.len() > 0 {
            self.change(batch)?;
        }
        for stream in &buried {
            self.forget(*stream);
        }
        Ok(Swept { removed: buried.len(), more })
    }

    /// Removes everything of a stream but its name.
    pub(super) fn remove_stream(
        &self,
        stream: StreamNo,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        self.remove_content(stream, batch)?;
        batch.remove(Table::Chunks, layout::head_key(stream));
        Ok(())
    }

    /// Removes the chunks and the snapshot of a stream.
    pub(super) fn remove_content(
        &self,
        stream: StreamNo,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let keys = layout::stream_range(stream);
        self.database.scan(Table::Chunks, &keys.start..&keys.end, &mut |key, _| {
            batch.remove(Table::Chunks, key);
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Leaves a tombstone in the place of a stream. One without a number has content that nobody can
    /// find.
    fn bury(
        &self,
        id: &StreamId,
        stream: Option<StreamNo>,
        epoch: Epoch,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        batch.remove(Table::Names, layout::id_key(id));
        put_tombstone(id, stream.unwrap_or(StreamNo::new(u64::MAX)), epoch, now, batch);
        stream.map_or(Ok(()), |stream| self.remove_stream(stream, batch))
    }

    /// The names to look at now, the longest due first.
    fn due(&self, now: Timestamp) -> Result<Vec<Due>, StoreError> {
        let keys = layout::due_range(now);
        let mut due = Vec::new();
        self.database.scan(Table::Names, &keys.start..&keys.end, &mut |key, value| {
            due.push((key.to_vec(), value.to_vec()));
            Ok(if due.len() < SWEEP_LOOKS {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        })?;
        Ok(due)
    }

    /// Does what is due for this stream, or for its tombstone; says which stream it removed.
    ///
    /// A stream that was kept longer is looked at again when it expires. Commits that move an
    /// expiry away do not pay for that.
    fn settle(
        &self,
        id: &StreamId,
        stream: StreamNo,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Option<StreamNo>, StoreError> {
        let head = match self.named(id)? {
            Some(Named::Whole(stored)) if stored.head.stream == stream => stored.head,
            Some(Named::Damaged(damaged)) if damaged.stream.is_none_or(|other| other == stream) => {
                put_off(stream, id.as_str(), now, batch);
                return Ok(None);
            }
            _ => {
                self.settle_tombstone(id, stream, now, batch)?;
                return Ok(None);
            }
        };
        if head.expiry.is_past(now) {
            self.bury(id, Some(stream), head.epoch, now, batch)?;
            return Ok(Some(stream));
        }
        if let Some(at) = head.expiry.at {
            batch.put(Table::Names, layout::due_key(at, stream), id.as_str());
        }
        Ok(None)
    }

    fn settle_tombstone(
        &self,
        id: &StreamId,
        stream: StreamNo,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let key = layout::gone_key(id);
        let Some(value) = self.database.value(Table::Names, &key)? else { return Ok(()) };
        match Tombstone::decode(&value) {
            Ok(tombstone) if tombstone.stream == stream && tombstone.until <= now => {
                batch.remove(Table::Names, key);
            }
            Ok(_) => {}
            // Its epoch is still to be kept from coming again, for as long as that is promised.
            Err(_) => put_tombstone(id, stream, epoch_above_all(now), now, batch),
        }
        Ok(())
    }
}

fn put_tombstone(id: &StreamId, stream: StreamNo, epoch: Epoch, now: Timestamp, batch: &mut Batch) {
    let until = now.plus(TOMBSTONE_TTL);
    let tombstone = Tombstone { stream, epoch, until };
    batch.put(Table::Names, layout::gone_key(id), tombstone.encode());
    batch.put(Table::Names, layout::due_key(until, stream), id.as_str());
}

/// What cannot be read now is looked at again much later, so that it is in nobody's way.
fn put_off(stream: StreamNo, name: impl Into<Vec<u8>>, now: Timestamp, batch: &mut Batch) {
    batch.put(Table::Names, layout::due_key(now.plus(TOMBSTONE_TTL), stream), name);
}
