//! What the engine removes: streams that are deleted or have expired, and old tombstones.

use std::ops::ControlFlow;

use super::super::database::{Batch, Table};
use super::super::layout::{self, damaged};
use super::super::tombstone::Tombstone;
use super::Engine;
use crate::backend::Head;
use crate::expiry::TOMBSTONE_TTL;
use crate::{StoreError, StreamId, StreamNo, Timestamp};

/// Names that one sweep looks at, at most.
const SWEEP_LOOKS: usize = 1024;

/// Changes of a sweep after which it stops: others wait for the disk meanwhile.
const SWEEP_CHANGES: usize = 4096;

impl Engine {
    pub(in crate::disk) fn delete(&mut self, id: &StreamId) -> Result<(), StoreError> {
        let now = self.clock.now();
        let head = self.stored_of(id, now)?.head;
        let mut batch = Batch::default();
        self.bury(id, &head, now, &mut batch)?;
        self.change(batch)?;
        self.watch.forget(head.stream);
        Ok(())
    }

    /// Removes what has expired, the oldest first, in one change.
    pub(in crate::disk) fn sweep(&mut self, streams_max: usize) -> Result<usize, StoreError> {
        self.check()?;
        let now = self.clock.now();
        let mut batch = Batch::default();
        let mut buried = Vec::new();
        for (key, id) in self.due(now)? {
            if buried.len() >= streams_max || batch.len() > SWEEP_CHANGES {
                break;
            }
            let stream = layout::due_stream(&key)?;
            batch.remove(Table::Names, key);
            buried.extend(self.settle(&id, stream, now, &mut batch)?);
        }
        if batch.len() > 0 {
            self.change(batch)?;
        }
        for stream in &buried {
            self.watch.forget(*stream);
        }
        Ok(buried.len())
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

    /// Leaves a tombstone in the place of a stream.
    fn bury(
        &self,
        id: &StreamId,
        head: &Head,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let until = now.plus(TOMBSTONE_TTL);
        let tombstone = Tombstone { stream: head.stream, epoch: head.epoch, until };
        batch.remove(Table::Names, layout::id_key(id));
        batch.put(Table::Names, layout::gone_key(id), tombstone.encode());
        batch.put(Table::Names, layout::due_key(until, head.stream), id.as_str());
        self.remove_stream(head.stream, batch)
    }

    /// The names to look at now, the longest due first.
    fn due(&self, now: Timestamp) -> Result<Vec<(Vec<u8>, StreamId)>, StoreError> {
        let keys = layout::due_range(now);
        let mut due = Vec::new();
        self.database.scan(Table::Names, &keys.start..&keys.end, &mut |key, value| {
            due.push((key.to_vec(), layout::name(value)?));
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
        if self.stream_of(id)? != Some(stream) {
            self.settle_tombstone(id, stream, now, batch)?;
            return Ok(None);
        }
        let head = self.stored(stream)?.ok_or_else(damaged)?.head;
        if head.expiry.is_past(now) {
            self.bury(id, &head, now, batch)?;
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
        let tombstone = Tombstone::decode(&value)?;
        if tombstone.stream == stream && tombstone.until <= now {
            batch.remove(Table::Names, key);
        }
        Ok(())
    }
}
