//! `Engine`: the streams of one database, on the disk thread. Every call makes at most one change,
//! atomic and durable, or a sweep a few; after a failed one the engine does nothing any more.

#[cfg(test)]
mod cuts;
#[cfg(test)]
mod damage;
mod expiries;
mod granted;
mod named;
mod reading;
mod removal;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use self::expiries::Expiries;
pub(super) use self::granted::Granted;
use self::named::{Named, epoch_above_all};
use super::database::{Batch, Database, Table};
use super::layout::{self, damaged};
use super::stored::Stored;
use super::tombstone::Tombstone;
use crate::backend::{Applied, Head};
use crate::chunk::{Chunk, Frames};
use crate::expiry::{Clock, Expiry, Ttl};
use crate::lease::Leases;
use crate::stream_info::StreamState;
use crate::tails::Tails;
use crate::{Epoch, ErrorKind, Holder, StoreError, StreamId, StreamNo, Takeover, Timestamp};

pub(super) struct Engine {
    database: Box<dyn Database>,
    clock: Clock,
    watch: Arc<Watch>,
    /// Of streams that somebody waits for.
    expiries: Expiries,
    is_poisoned: bool,
}

/// What lasts as long as the process: who writes and who waits. Shared with the callers.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) leases: Leases,
    pub(super) tails: Tails,
}

impl Engine {
    pub(super) fn new(
        database: Box<dyn Database>,
        clock: Clock,
        watch: Arc<Watch>,
    ) -> Result<Self, StoreError> {
        let expiries = Expiries::default();
        let mut engine = Self { database, clock, watch, expiries, is_poisoned: false };
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
            self.forget(expired);
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
            applied.push(match self.add(&chunk.frames(), now, &mut changed, &mut batch) {
                Err(error) if error.is_damage() => Applied::Unreadable { kind: error.kind() },
                outcome => outcome?,
            });
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
                StreamState::Closed => self.forget(stream),
                StreamState::Open => self.watch.tails.changed(stream),
            }
        }
        Ok(applied)
    }

    /// Adds a run to the changes of its stream, if it is taken.
    fn add(
        &self,
        frames: &Frames<'_>,
        now: Timestamp,
        changed: &mut HashMap<StreamNo, Stored>,
        batch: &mut Batch,
    ) -> Result<Applied, StoreError> {
        let (outcome, merged) = match changed.entry(frames.stream) {
            Entry::Occupied(mut earlier) => earlier.get_mut().apply(frames, now)?,
            Entry::Vacant(place) => {
                let Some(mut stored) = self.stored(frames.stream)? else {
                    return Ok(Applied::Deleted);
                };
                let applied = stored.apply(frames, now)?;
                if matches!(applied.0, Applied::Stored { .. }) {
                    place.insert(stored);
                }
                applied
            }
        };
        if let Some(merged) = merged {
            put_chunk(batch, &merged);
        }
        Ok(outcome)
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

    /// Wakes whoever waits for a stream that has expired; says how long to the next one.
    pub(super) fn wake_expired(&mut self) -> Option<Duration> {
        self.expiries.next()?;
        let now = self.clock.now();
        while let Some(stream) = self.expiries.take_past(now) {
            self.watch.tails.changed(stream);
        }
        self.expiries.next().map(|at| now.until(at))
    }

    /// Nobody holds the stream any more, and whoever waits for it is told.
    fn forget(&mut self, stream: StreamNo) {
        self.expiries.forget(stream);
        self.watch.leases.end(stream);
        self.watch.tails.changed(stream);
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
        match self.named(id)? {
            Some(Named::Whole(Stored { head, .. })) if head.expiry.is_past(now) => {
                self.remove_stream(head.stream, batch)?;
                return Ok((head.epoch.next(), Some(head.stream)));
            }
            Some(Named::Whole(_)) => return Err(ErrorKind::Exists.into()),
            // Some of it may still be saved: nothing but a delete removes it.
            Some(Named::Damaged(damaged)) => return Err(damaged.error),
            None => {}
        }
        let key = layout::gone_key(id);
        let Some(tombstone) = self.database.value(Table::Names, &key)? else {
            return Ok((Epoch::FIRST, None));
        };
        batch.remove(Table::Names, key);
        let epoch = Tombstone::decode(&tombstone).map(|tombstone| tombstone.epoch);
        Ok((epoch.unwrap_or_else(|_| epoch_above_all(now)).next(), None))
    }

    /// The stream of this name, unless it has expired.
    fn stored_of(&self, id: &StreamId, now: Timestamp) -> Result<Stored, StoreError> {
        match self.named(id)? {
            Some(Named::Whole(stored)) if !stored.head.expiry.is_past(now) => Ok(stored),
            Some(Named::Damaged(damaged)) => Err(damaged.error),
            Some(Named::Whole(_)) | None => Err(ErrorKind::NotFound.into()),
        }
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
