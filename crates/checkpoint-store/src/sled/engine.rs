//! `Engine`: the database and the barrier, on the disk thread. Every change ends in one barrier
//! or in a poisoned engine; nothing is tried twice.

use std::collections::HashMap;
use std::fs::{self, File};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use ::sled::{Batch, Db, IVec, Tree};

use super::layout;
use crate::backend::{Applied, Head};
use crate::chunk::{Chunk, Scan};
use crate::page::{PageBuilder, Taken};
use crate::store::Listing;
use crate::{ErrorKind, Page, Seq, StoreError, StreamId, StreamNo};

pub(super) struct Engine {
    db: Db,
    meta: Tree,
    chunks: Tree,
    /// Our own descriptor of the database file, for the barrier.
    file: File,
    /// Where sled puts values that are too long for its log; empty as long as ours are short.
    blobs: PathBuf,
    is_poisoned: bool,
}

impl Engine {
    pub(super) fn new(db: Db, file: File, blobs: PathBuf) -> Result<Self, StoreError> {
        let meta = db.open_tree("meta").map_err(io)?;
        let chunks = db.open_tree("chunks").map_err(io)?;
        let mut engine = Self { db, meta, chunks, file, blobs, is_poisoned: false };
        match engine.meta.get(layout::FORMAT_KEY).map_err(io)?.as_deref() {
            Some([layout::LAYOUT]) => {}
            Some(&[found]) => {
                return Err(ErrorKind::Version { found, max: layout::LAYOUT }.into());
            }
            Some(_) => return Err(layout::damaged()),
            None => engine.change(|engine| {
                engine.meta.insert(layout::FORMAT_KEY, &[layout::LAYOUT])?;
                Ok(())
            })?,
        }
        Ok(engine)
    }

    pub(super) fn create(&mut self, id: &StreamId) -> Result<Head, StoreError> {
        if self.stream_of(id)?.is_some() {
            return Err(ErrorKind::Exists.into());
        }
        let created = match self.meta.get(layout::CREATED_KEY).map_err(io)? {
            Some(value) => layout::number(&value)? + 1,
            None => 1,
        };
        let head = Head::new(StreamNo::new(created));
        let mut names = Batch::default();
        names.insert(layout::CREATED_KEY, &created.to_be_bytes());
        names.insert(layout::id_key(id), &created.to_be_bytes());
        self.change(|engine| {
            // The head first: sled recovers a prefix, so a name always has a head.
            engine.chunks.insert(layout::head_key(head.stream), &layout::encode_head(&head))?;
            engine.meta.apply_batch(names)
        })?;
        Ok(head)
    }

    pub(super) fn recover(&mut self, id: &StreamId) -> Result<Head, StoreError> {
        let head = self.head_of(id)?.recovered()?;
        self.change(|engine| {
            engine.chunks.insert(layout::head_key(head.stream), &layout::encode_head(&head))?;
            Ok(())
        })?;
        Ok(head)
    }

    pub(super) fn head_of(&self, id: &StreamId) -> Result<Head, StoreError> {
        let stream = self.stream_of(id)?.ok_or(ErrorKind::NotFound)?;
        self.head(stream)?.ok_or_else(layout::damaged)
    }

    pub(super) fn commit(&mut self, batch: &[Chunk]) -> Result<Vec<Applied>, StoreError> {
        self.check()?;
        let mut writes = Batch::default();
        let mut heads: HashMap<StreamNo, Head> = HashMap::new();
        let mut applied = Vec::with_capacity(batch.len());
        for chunk in batch {
            let frames = chunk.frames();
            let known = match heads.get(&frames.stream) {
                Some(head) => Some(*head),
                None => self.head(frames.stream)?,
            };
            let Some(mut head) = known else {
                applied.push(Applied::Deleted);
                continue;
            };
            let outcome = head.apply(&frames);
            if matches!(outcome, Applied::Stored { .. }) {
                if frames.count > 0 {
                    insert_chunk(&mut writes, chunk);
                }
                writes.insert(&layout::head_key(head.stream), &layout::encode_head(&head));
                heads.insert(head.stream, head);
            }
            applied.push(outcome);
        }
        if !heads.is_empty() {
            self.change(|engine| engine.chunks.apply_batch(writes))?;
        }
        Ok(applied)
    }

    pub(super) fn read(
        &self,
        id: &StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> Result<Page, StoreError> {
        let head = self.head_of(id)?;
        let last = head.last();
        if after > last {
            return Err(ErrorKind::CursorAhead { last }.into());
        }
        let mut builder = PageBuilder::new(after, bytes_max);
        let mut chunks = self.chunks_from(head.stream, builder.next())?;
        while builder.next() < head.next
            && let Some(value) = chunks.next_chunk()?
            && push_chunk(&mut builder, head.stream, &value)? == Taken::All
        {}
        let page = builder.finish(last);
        // The head counts what was acknowledged, so there is no tail that may be missing. A page
        // ends before the damage; the read after it meets it at once.
        if page.more() && page.is_empty() {
            return Err(ErrorKind::Corrupt { good_prefix: after }.into());
        }
        Ok(page)
    }

    pub(super) fn list(
        &self,
        after: Option<&StreamId>,
        streams_max: usize,
    ) -> Result<Listing, StoreError> {
        self.check()?;
        let from = match after {
            Some(id) => Bound::Excluded(layout::id_key(id)),
            None => Bound::Included(layout::ID_PREFIX.to_vec()),
        };
        let names = self.meta.range::<Vec<u8>, _>((from, Bound::Unbounded));
        let mut names = names.take_while(|entry| {
            entry.as_ref().map_or(true, |(key, _)| key.starts_with(layout::ID_PREFIX))
        });
        let mut streams = Vec::new();
        for entry in names.by_ref().take(streams_max) {
            let (key, value) = entry.map_err(io)?;
            let name = str::from_utf8(&key[layout::ID_PREFIX.len()..]);
            let id = name.ok().and_then(|name| StreamId::new(name).ok());
            let stream = StreamNo::new(layout::number(&value)?);
            let head = self.head(stream)?.ok_or_else(layout::damaged)?;
            streams.push(head.info(id.ok_or_else(layout::damaged)?));
        }
        Ok(Listing { streams, more: names.next().is_some() })
    }

    pub(super) fn delete(&mut self, id: &StreamId) -> Result<(), StoreError> {
        let stream = self.stream_of(id)?.ok_or(ErrorKind::NotFound)?;
        self.change(|engine| {
            // The name first: what is left after a crash in between has no name and no reader.
            engine.meta.remove(layout::id_key(id))?;
            let keys =
                engine.chunks.range(layout::head_key(stream)..layout::end_key(stream)).keys();
            let mut removals = Batch::default();
            for key in keys {
                removals.remove(key?);
            }
            engine.chunks.apply_batch(removals)
        })
    }

    /// Makes a change and waits for the barrier; a failure of either is final.
    fn change(
        &mut self,
        change: impl FnOnce(&Self) -> ::sled::Result<()>,
    ) -> Result<(), StoreError> {
        self.check()?;
        let result = change(self).map_err(io).and_then(|()| self.barrier());
        self.is_poisoned = result.is_err();
        result
    }

    /// After this everything before it survives a power cut.
    ///
    /// `flush` hands the log to the kernel but only asks for it to be written; the sync of the
    /// same file waits until it is.
    fn barrier(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(io)?;
        sync_blobs(&self.blobs).and_then(|_| self.file.sync_data()).map_err(io)
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.is_poisoned { Err(ErrorKind::Poisoned.into()) } else { Ok(()) }
    }

    fn stream_of(&self, id: &StreamId) -> Result<Option<StreamNo>, StoreError> {
        self.check()?;
        let value = self.meta.get(layout::id_key(id)).map_err(io)?;
        value.map(|value| layout::number(&value).map(StreamNo::new)).transpose()
    }

    fn head(&self, stream: StreamNo) -> Result<Option<Head>, StoreError> {
        let value = self.chunks.get(layout::head_key(stream)).map_err(io)?;
        value.map(|value| layout::decode_head(stream, &value)).transpose()
    }

    /// The chunks of a stream from the one that holds `next`.
    fn chunks_from(&self, stream: StreamNo, next: Seq) -> Result<StoredChunks, StoreError> {
        // Parts of a chunk share its position, so the entry before the next position is enough.
        let before = self.chunks.get_lt(layout::chunk_key(stream, next.next())).map_err(io)?;
        let first = before.and_then(|(key, _)| layout::first_of(&key)).unwrap_or(next);
        let entries = self.chunks.range(layout::chunk_key(stream, first)..layout::end_key(stream));
        Ok(StoredChunks { entries, ahead: None })
    }
}

/// Values put together from their parts.
struct StoredChunks {
    entries: ::sled::Iter,
    ahead: Option<IVec>,
}

impl StoredChunks {
    fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut chunk = self.ahead.take().map(|value| value.to_vec());
        for entry in self.entries.by_ref() {
            let (key, value) = entry.map_err(io)?;
            match &mut chunk {
                Some(_) if layout::starts_chunk(&key) => {
                    self.ahead = Some(value);
                    break;
                }
                Some(chunk) => chunk.extend_from_slice(&value),
                None => chunk = Some(value.to_vec()),
            }
        }
        Ok(chunk)
    }
}

/// Adds the records of one stored value to the page. Damage is a gap: records are missing.
fn push_chunk(
    builder: &mut PageBuilder,
    stream: StreamNo,
    value: &[u8],
) -> Result<Taken, StoreError> {
    for frames in Scan::new(value) {
        let taken = match frames {
            Ok(frames) if frames.stream == stream => builder.push(&frames),
            Err(error) if matches!(error.kind(), ErrorKind::Version { .. }) => return Err(error),
            Ok(_) | Err(_) => Taken::Gap,
        };
        if taken != Taken::All {
            return Ok(taken);
        }
    }
    Ok(Taken::All)
}

fn insert_chunk(writes: &mut Batch, chunk: &Chunk) {
    let frames = chunk.frames();
    for (part, value) in (0_u32..).zip(chunk.bytes().chunks(layout::VALUE_BYTES)) {
        match part {
            0 => writes.insert(&layout::chunk_key(frames.stream, frames.first), value),
            _ => writes.insert(layout::part_key(frames.stream, frames.first, part), value),
        }
    }
}

/// Syncs the files in `blobs`, if there are any, and says how many there were.
fn sync_blobs(blobs: &Path) -> std::io::Result<usize> {
    let mut synced = 0;
    for entry in fs::read_dir(blobs)? {
        match File::open(entry?.path()) {
            Ok(file) => file.sync_all()?,
            // Collected since the directory was read.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        }
        synced += 1;
    }
    if synced > 0 {
        File::open(blobs)?.sync_all()?;
    }
    Ok(synced)
}

pub(super) fn io(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::with_source(ErrorKind::Io, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ending;

    fn engine(directory: &Path) -> Engine {
        let db = ::sled::open(directory).unwrap();
        let file = File::open(directory.join("db")).unwrap();
        Engine::new(db, file, directory.join("blobs")).unwrap()
    }

    #[test]
    fn a_sync_that_fails_once_stops_everything_for_good() {
        let directory = tempfile::tempdir().unwrap();
        let mut engine = engine(directory.path());
        let id = StreamId::new("s").unwrap();
        let head = engine.create(&id).unwrap();
        let chunk = Chunk::new(head.stream, head.epoch, head.next, &[b"a"], Ending::Open);

        // A device that cannot be synced stands in for a disk that fails.
        let file = std::mem::replace(&mut engine.file, File::open("/dev/null").unwrap());
        let failed = engine.commit(std::slice::from_ref(&chunk)).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Io);
        engine.file = file;
        assert_eq!(engine.commit(&[chunk]).unwrap_err().kind(), ErrorKind::Poisoned);
        assert_eq!(engine.read(&id, None, 100).unwrap_err().kind(), ErrorKind::Poisoned);
        assert_eq!(engine.recover(&id).unwrap_err().kind(), ErrorKind::Poisoned);
        assert_eq!(engine.list(None, 1).unwrap_err().kind(), ErrorKind::Poisoned);
        assert_eq!(engine.delete(&id).unwrap_err().kind(), ErrorKind::Poisoned);
    }

    #[test]
    fn a_newer_layout_is_not_touched() {
        let directory = tempfile::tempdir().unwrap();
        let db = ::sled::open(directory.path()).unwrap();
        db.open_tree("meta").unwrap().insert(layout::FORMAT_KEY, &[9]).unwrap();
        let file = File::open(directory.path().join("db")).unwrap();
        let refused = Engine::new(db, file, directory.path().join("blobs")).map(drop);
        let version = ErrorKind::Version { found: 9, max: layout::LAYOUT };
        assert_eq!(refused.unwrap_err().kind(), version);
    }

    #[test]
    fn values_outside_the_log_are_synced_too() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = directory.path().to_owned();
        assert_eq!(sync_blobs(&blobs).unwrap(), 0);
        fs::write(blobs.join("1"), b"long").unwrap();
        assert_eq!(sync_blobs(&blobs).unwrap(), 1);
        assert!(sync_blobs(&blobs.join("missing")).is_err());
    }
}
