//! `MemoryBackend`, the reference: every rule of a backend in its shortest form. Records live as
//! long as the backend; a commit is one copy and never waits.

use std::collections::{BTreeMap, HashMap};
use std::future::ready;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::backend::{Applied, Backend, BoxFuture, Caps, CommitPath, Head, Open};
use crate::chunk::{Chunk, Ending, Frames};
use crate::lock::Lock;
use crate::page::{PageBuilder, Taken};
use crate::store::Listing;
use crate::{ErrorKind, Level, Page, Seq, StoreError, StreamId, StreamNo};

/// Bytes after which a new segment starts, so that growing never copies a whole stream.
const SEGMENT_BYTES: usize = 64 * 1024;

/// Streams in memory.
#[derive(Debug, Default)]
pub struct MemoryBackend {
    streams: RwLock<Streams>,
}

#[derive(Debug, Default)]
struct Streams {
    created: u64,
    by_id: BTreeMap<StreamId, StreamNo>,
    by_no: HashMap<StreamNo, Arc<Lock<Log>>>,
}

#[derive(Debug)]
struct Log {
    head: Head,
    segments: Vec<Segment>,
}

/// Frames back to back, in one allocation.
#[derive(Debug)]
struct Segment {
    first: Seq,
    count: u32,
    payload: Vec<u8>,
}

impl MemoryBackend {
    fn streams(&self) -> RwLockReadGuard<'_, Streams> {
        self.streams.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn streams_mut(&self) -> RwLockWriteGuard<'_, Streams> {
        self.streams.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn create(&self, id: &StreamId) -> Result<Head, StoreError> {
        let mut streams = self.streams_mut();
        if streams.by_id.contains_key(id) {
            return Err(ErrorKind::Exists.into());
        }
        streams.created += 1;
        let head = Head::new(StreamNo::new(streams.created));
        let log = Arc::new(Lock::new(Log { head, segments: Vec::new() }));
        streams.by_id.insert(id.clone(), head.stream);
        streams.by_no.insert(head.stream, log);
        Ok(head)
    }

    fn log(&self, id: &StreamId) -> Result<Arc<Lock<Log>>, StoreError> {
        let streams = self.streams();
        let log = streams.by_id.get(id).and_then(|stream| streams.by_no.get(stream));
        log.map(Arc::clone).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn open_now(&self, id: &StreamId, open: Open) -> Result<Head, StoreError> {
        match open {
            Open::Create => self.create(id),
            Open::Read => Ok(self.log(id)?.hold().head),
            Open::Recover => {
                let log = self.log(id)?;
                let mut log = log.hold();
                log.head = log.head.recovered()?;
                Ok(log.head)
            }
        }
    }

    fn apply(&self, frames: &Frames<'_>) -> Applied {
        match self.streams().by_no.get(&frames.stream) {
            Some(log) => log.hold().apply(frames),
            None => Applied::Deleted,
        }
    }

    fn list_now(&self, after: Option<&StreamId>, streams_max: usize) -> Listing {
        let streams = self.streams();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = streams.by_id.range((from, Bound::Unbounded));
        let listed = rest.by_ref().take(streams_max).filter_map(|(id, stream)| {
            Some(streams.by_no.get(stream)?.hold().head.info(id.clone()))
        });
        let listed = listed.collect();
        Listing { streams: listed, more: rest.next().is_some() }
    }

    fn delete_now(&self, id: &StreamId) -> Result<(), StoreError> {
        let mut streams = self.streams_mut();
        let stream = streams.by_id.remove(id).ok_or(ErrorKind::NotFound)?;
        streams.by_no.remove(&stream);
        Ok(())
    }
}

impl Backend for MemoryBackend {
    fn caps(&self) -> Caps {
        Caps { level: Level::Memory, path: CommitPath::Inline }
    }

    fn open<'a>(&'a self, id: &'a StreamId, open: Open) -> BoxFuture<'a, Result<Head, StoreError>> {
        Box::pin(async move { self.open_now(id, open) })
    }

    fn commit(&self, batch: Arc<[Chunk]>) -> BoxFuture<'_, Result<Vec<Applied>, StoreError>> {
        let applied = batch.iter().map(|chunk| self.apply(&chunk.frames())).collect();
        Box::pin(ready(Ok(applied)))
    }

    fn commit_inline(&self, frames: &Frames<'_>) -> Result<Applied, StoreError> {
        Ok(self.apply(frames))
    }

    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move { self.log(id)?.hold().read(after, bytes_max) })
    }

    fn list<'a>(
        &'a self,
        after: Option<&'a StreamId>,
        streams_max: usize,
    ) -> BoxFuture<'a, Result<Listing, StoreError>> {
        Box::pin(async move { Ok(self.list_now(after, streams_max)) })
    }

    fn delete<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.delete_now(id) })
    }
}

impl Log {
    fn apply(&mut self, frames: &Frames<'_>) -> Applied {
        let applied = self.head.apply(frames);
        if matches!(applied, Applied::Stored { .. }) && frames.count > 0 {
            self.push(frames);
        }
        applied
    }

    fn push(&mut self, frames: &Frames<'_>) {
        let payload = frames.payload();
        match self.segments.last_mut() {
            Some(segment)
                if segment.payload.len() + payload.len() <= segment.payload.capacity() =>
            {
                segment.payload.extend_from_slice(payload);
                segment.count += frames.count;
            }
            last => {
                // The first segment is small: most streams are short.
                let room = if last.is_none() { SEGMENT_BYTES / 16 } else { SEGMENT_BYTES };
                let mut segment = Vec::with_capacity(payload.len().max(room));
                segment.extend_from_slice(payload);
                let (first, count) = (frames.first, frames.count);
                self.segments.push(Segment { first, count, payload: segment });
            }
        }
    }

    fn read(&self, after: Option<Seq>, bytes_max: usize) -> Result<Page, StoreError> {
        let last = self.head.last();
        if after > last {
            return Err(ErrorKind::CursorAhead { last }.into());
        }
        let mut builder = PageBuilder::new(after, bytes_max);
        let from = self.segments.partition_point(|segment| segment.first <= builder.next());
        for segment in &self.segments[from.saturating_sub(1)..] {
            if builder.push(&self.frames(segment)) == Taken::Full {
                break;
            }
        }
        Ok(builder.finish(last))
    }

    fn frames<'a>(&self, segment: &'a Segment) -> Frames<'a> {
        Frames {
            stream: self.head.stream,
            epoch: self.head.epoch,
            first: segment.first,
            count: segment.count,
            ending: Ending::Open,
            payload: &segment.payload,
        }
    }
}
