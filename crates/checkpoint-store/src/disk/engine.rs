//! `Engine`: the streams of one database, on the disk thread. Every call makes at most one change,
//! atomic and durable, or a sweep a few; after a failed one the engine does nothing any more.

#[cfg(test)]
mod cuts;
mod granted;
mod reading;
mod removal;

use std::collections::HashMap;
use std::sync::Arc;

pub(super) use self::granted::Granted;
use super::database::{Batch, Database, Table};
use super::layout::{self, damaged};
use super::stored::Stored;
use super::tombstone::Tombstone;
use crate::backend::{Applied, Head};
use crate::chunk::Chunk;
use crate::expiry::{Clock, Expiry, Ttl};
use crate::lease::Leases;
use crate::stream_info::StreamState;
use crate::tails::Tails;
use crate::{Epoch, ErrorKind, Holder, StoreError, StreamId, StreamNo, Takeover, Timestamp};

pub(super) struct Engine {
    database: Box<dyn Database>,
    clock: Clock,
    watch: Arc<Watch>,
    is_poisoned: bool,
}

/// What lasts as long as the process: who writes and who waits. Shared with the callers.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) leases: Leases,
    pub(super) tails: Tails,
}

impl Watch {
    /// Nobody holds the stream any more, and whoever waits for it is told.
    fn forget(&self, stream: StreamNo) {
        self.leases.end(stream);
        self.tails.changed(stream);
    }
}

impl Engine {
    pub(super) fn new(
        database: Box<dyn Database>,
        clock: Clock,
        watch: Arc<Watch>,
    ) -> Result<Self, StoreError> {
        let mut engine = Self { database, clock, watch, is_poisoned: false };
        match engine.database.value(Table::Names, layout::FORMAT_KEY)?.as_deref() {
            Some([layout::LAYOUT]) => {}
            Some(&[found]) => {
                return Err(ErrorKind::Version { found, max: layout::LAYOUT }.into());
            }
            Some(_) => return Err(damaged()),
            None => {
                let mut batch = Batch::default();
                batch.put(Table::Names, layout::FORMAT_KEY, [layout::LAYOUT]);
                engine.change(batch)?;
            }
        }
        Ok(engine)
    }

    pub(super) fn create(
        &mut self,
        id: &StreamId,
        holder: &Holder,
        ttl: Option<Ttl>,
    ) -> Result<Granted, StoreError> {
        let now = self.clock.now();
        let mut batch = Batch::default();
        let (epoch, expired) = self.make_room(id, now, &mut batch)?;
        let created = match self.database.value(Table::Names, layout::CREATED_KEY)? {
            Some(value) => layout::number(&value)? + 1,
            None => 1,
        };
        let head = Head::new(StreamNo::new(created), epoch, Expiry::new(ttl, now));
        batch.put(Table::Names, layout::CREATED_KEY, created.to_be_bytes());
        batch.put(Table::Names, layout::id_key(id), created.to_be_bytes());
        if let Some(at) = head.expiry.at {
            batch.put(Table::Names, layout::due_key(at, head.stream), id.as_str());
        }
        put_head(&mut batch, Stored::new(head));
        self.change(batch)?;
        if let Some(expired) = expired {
            self.watch.forget(expired);
        }
        Ok(Granted::new(&self.watch, head, holder))
    }

    pub(super) fn recover(
        &mut self,
        id: &StreamId,
        holder: &Holder,
        takeover: Takeover,
    ) -> Result<Granted, StoreError> {
        let now = self.clock.now();
        let mut stored = self.stored_of(id, now)?;
        let recovered = stored.head.recovered()?;
        let lease = self.watch.leases.of(stored.head.stream);
        takeover.check(stored.head.epoch, lease.as_ref())?;
        // Nobody is to write behind records that cannot be read.
        stored.tail()?;
        stored.head = Head { expiry: recovered.expiry.touched(now), ..recovered };
        let head = stored.head;
        let mut batch = Batch::default();
        put_head(&mut batch, stored);
        self.change(batch)?;
        Ok(Granted::new(&self.watch, head, holder))
    }

    pub(super) fn commit(&mut self, chunks: &[Chunk]) -> Result<Vec<Applied>, StoreError> {
        self.check()?;
        let now = self.clock.now();
        let mut batch = Batch::default();
        let mut changed: HashMap<StreamNo, Stored> = HashMap::new();
        let mut applied = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let frames = chunk.frames();
            let earlier = changed.remove(&frames.stream);
            let is_changed = earlier.is_some();
            let known = if is_changed { earlier } else { self.stored(frames.stream)? };
            let Some(mut stored) = known else {
                applied.push(Applied::Deleted);
                continue;
            };
            let (outcome, merged) = stored.apply(&frames, now)?;
            if let Some(merged) = merged {
                put_chunk(&mut batch, &merged);
            }
            if is_changed || matches!(outcome, Applied::Stored { .. }) {
                changed.insert(frames.stream, stored);
            }
            applied.push(outcome);
        }
        let mut settled = Vec::with_capacity(changed.len());
        for stored in changed.into_values() {
            settled.push((stored.head.stream, stored.head.state));
            put_head(&mut batch, stored);
        }
        if !settled.is_empty() {
            self.change(batch)?;
        }
        for (stream, state) in settled {
            match state {
                StreamState::Closed => self.watch.forget(stream),
                StreamState::Open => self.watch.tails.changed(stream),
            }
        }
        Ok(applied)
    }

    pub(super) fn extend(&mut self, id: &StreamId, ttl: Ttl) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut stored = self.stored_of(id, now)?;
        stored.head.expiry = stored.head.expiry.extended(ttl, now);
        let mut batch = Batch::default();
        put_head(&mut batch, stored);
        self.change(batch)
    }

    pub(super) fn compact(&mut self, id: &StreamId, snapshot: &[u8]) -> Result<(), StoreError> {
        let mut stored = self.stored_of(id, self.clock.now())?;
        stored.compact(snapshot)?;
        let stream = stored.head.stream;
        let mut batch = Batch::default();
        self.remove_content(stream, &mut batch)?;
        for (part, value) in (0_u32..).zip(snapshot.chunks(layout::VALUE_BYTES)) {
            batch.put(Table::Chunks, layout::snapshot_key(stream, part), value);
        }
        put_head(&mut batch, stored);
        self.change(batch)
    }

    /// Makes a change; a failure is final.
    fn change(&mut self, batch: Batch) -> Result<(), StoreError> {
        self.check()?;
        let result = self.database.commit(batch);
        if result.is_err() {
            self.is_poisoned = true;
            self.watch.tails.all_changed();
        }
        result
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.is_poisoned { Err(ErrorKind::Poisoned.into()) } else { Ok(()) }
    }

    /// The epoch of a new stream of this name, and the expired stream that gives way to it.
    fn make_room(
        &self,
        id: &StreamId,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(Epoch, Option<StreamNo>), StoreError> {
        if let Some(stream) = self.stream_of(id)? {
            let head = self.stored(stream)?.ok_or_else(damaged)?.head;
            if !head.expiry.is_past(now) {
                return Err(ErrorKind::Exists.into());
            }
            self.remove_stream(stream, batch)?;
            return Ok((head.epoch.next(), Some(stream)));
        }
        let key = layout::gone_key(id);
        let Some(tombstone) = self.database.value(Table::Names, &key)? else {
            return Ok((Epoch::FIRST, None));
        };
        batch.remove(Table::Names, key);
        Ok((Tombstone::decode(&tombstone)?.epoch.next(), None))
    }

    fn stream_of(&self, id: &StreamId) -> Result<Option<StreamNo>, StoreError> {
        self.check()?;
        let value = self.database.value(Table::Names, &layout::id_key(id))?;
        value.map(|value| layout::number(&value).map(StreamNo::new)).transpose()
    }

    /// The stream of this name, unless it has expired.
    fn stored_of(&self, id: &StreamId, now: Timestamp) -> Result<Stored, StoreError> {
        let stream = self.stream_of(id)?.ok_or(ErrorKind::NotFound)?;
        let stored = self.stored(stream)?.ok_or_else(damaged)?;
        if stored.head.expiry.is_past(now) {
            return Err(ErrorKind::NotFound.into());
        }
        Ok(stored)
    }

    fn stored(&self, stream: StreamNo) -> Result<Option<Stored>, StoreError> {
        let value = self.database.value(Table::Chunks, &layout::head_key(stream))?;
        value.map(|value| Stored::decode(stream, value)).transpose()
    }
}

impl Drop for Engine {
    /// Whoever waits finds out that there is nothing to wait for.
    fn drop(&mut self) {
        self.watch.tails.all_changed();
    }
}

fn put_head(batch: &mut Batch, stored: Stored) {
    batch.put(Table::Chunks, layout::head_key(stored.head.stream), stored.into_value());
}

fn put_chunk(batch: &mut Batch, chunk: &Chunk) {
    let (stream, first) = (chunk.frames().stream, chunk.frames().first);
    for (part, value) in (0_u32..).zip(chunk.bytes().chunks(layout::VALUE_BYTES)) {
        match part {
            0 => batch.put(Table::Chunks, layout::chunk_key(stream, first), value),
            _ => batch.put(Table::Chunks, layout::part_key(stream, first, part), value),
        }
    }
}
