//! `MemoryBackend`, the reference: every rule of a backend in its shortest form. Records live as
//! long as the backend; a commit is one copy and never waits.

use std::collections::{BTreeMap, HashMap};
use std::future::{poll_fn, ready};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::task::Poll;

use crate::backend::{Applied, Backend, BoxFuture, Caps, CommitPath, Head, Open};
use crate::chunk::{Chunk, Ending, Frames};
use crate::expiry::{Clock, Expiry, TOMBSTONE_TTL, Timestamp, Ttl};
use crate::lease::Leases;
use crate::lock::Lock;
use crate::page::{PageBuilder, Taken};
use crate::stream_info::{Listing, StreamInfo};
use crate::tails::Tails;
use crate::{Epoch, ErrorKind, Level, Page, Seq, StoreError, StreamId, StreamNo};

/// Bytes of the first segment, and of the largest: growing never copies a stream.
const SEGMENT_BYTES_MIN: usize = 512;
const SEGMENT_BYTES_MAX: usize = 64 * 1024;

/// Streams in memory.
#[derive(Debug, Default)]
pub struct MemoryBackend {
    clock: Clock,
    streams: RwLock<Streams>,
    leases: Leases,
    tails: Tails,
}

#[derive(Debug, Default)]
struct Streams {
    created: u64,
    by_id: BTreeMap<StreamId, StreamNo>,
    by_no: HashMap<StreamNo, Lock<Log>>,
    tombstones: BTreeMap<StreamId, Tombstone>,
}

/// What is left of a stream: the epoch above which its successor starts.
#[derive(Clone, Copy, Debug)]
struct Tombstone {
    epoch: Epoch,
    until: Timestamp,
}

#[derive(Debug)]
struct Log {
    head: Head,
    segments: Vec<Segment>,
    snapshot: Option<Arc<[u8]>>,
}

/// Frames back to back, in one allocation.
#[derive(Debug)]
struct Segment {
    first: Seq,
    count: u32,
    payload: Vec<u8>,
}

impl MemoryBackend {
    /// A backend that takes the time, for what expires, from `clock`.
    pub fn with_clock(clock: Clock) -> Self {
        Self { clock, ..Self::default() }
    }

    fn streams(&self) -> RwLockReadGuard<'_, Streams> {
        self.streams.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn streams_mut(&self) -> RwLockWriteGuard<'_, Streams> {
        self.streams.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_now(&self, id: &StreamId, open: Open<'_>) -> Result<Head, StoreError> {
        let now = self.clock.now();
        match open {
            Open::Create { holder, ttl } => {
                let mut streams = self.streams_mut();
                let expired = streams.make_room(id, now)?;
                let head = streams.create(id, Expiry::new(ttl, now));
                // Before anybody else can see the stream and take it for a free one.
                self.leases.grant(head.stream, head.epoch, holder);
                drop(streams);
                expired.into_iter().for_each(|stream| self.forget(stream));
                Ok(head)
            }
            Open::Recover { holder, takeover } => self.with_log(id, |log| {
                let recovered = log.head.recovered()?;
                takeover.check(log.head.epoch, self.leases.of(log.head.stream).as_ref())?;
                log.head = Head { expiry: recovered.expiry.touched(now), ..recovered };
                self.leases.grant(log.head.stream, log.head.epoch, holder);
                Ok(log.head)
            }),
        }
    }

    /// Does something with the stream of this name, unless it has expired. It is not removed
    /// meanwhile.
    fn with_log<T>(
        &self,
        id: &StreamId,
        work: impl FnOnce(&mut Log) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let streams = self.streams();
        let log = streams.log(id).ok_or(ErrorKind::NotFound)?;
        let mut log = log.hold();
        if log.head.expiry.is_past(self.clock.now()) {
            return Err(ErrorKind::NotFound.into());
        }
        work(&mut log)
    }

    fn apply(&self, frames: &Frames<'_>) -> Applied {
        let now = self.clock.now();
        let applied = match self.streams().by_no.get(&frames.stream) {
            Some(log) => log.hold().apply(frames, now),
            None => Applied::Deleted,
        };
        if matches!(applied, Applied::Stored { .. }) {
            if frames.ending == Ending::Close {
                self.leases.end(frames.stream);
            }
            self.tails.changed(frames.stream);
        }
        applied
    }

    fn list_now(&self, after: Option<&StreamId>, streams_max: usize) -> Listing {
        let now = self.clock.now();
        let streams = self.streams();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = streams.by_id.range((from, Bound::Unbounded));
        let mut rest = rest.filter_map(|(id, stream)| {
            let head = streams.by_no.get(stream)?.hold().head;
            let lease = self.leases.of(*stream);
            (!head.expiry.is_past(now)).then(|| head.info(id.clone(), lease))
        });
        let listed = rest.by_ref().take(streams_max).collect();
        Listing { streams: listed, more: rest.next().is_some() }
    }

    fn delete_now(&self, id: &StreamId) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut streams = self.streams_mut();
        // What has expired is not there to be deleted.
        let is_there = |log: &Lock<Log>| !log.hold().head.expiry.is_past(now);
        let removed =
            streams.log(id).is_some_and(is_there).then(|| streams.bury(id, now)).flatten();
        drop(streams);
        self.forget(removed.ok_or(ErrorKind::NotFound)?);
        Ok(())
    }

    fn sweep_now(&self, streams_max: usize) -> usize {
        let now = self.clock.now();
        let mut streams = self.streams_mut();
        streams.tombstones.retain(|_, tombstone| tombstone.until > now);
        let expired = streams.expired(now, streams_max);
        let gone: Vec<_> = expired.iter().filter_map(|id| streams.bury(id, now)).collect();
        drop(streams);
        gone.iter().for_each(|stream| self.forget(*stream));
        gone.len()
    }

    /// Nobody holds the stream any more, and whoever waits for it is told.
    fn forget(&self, stream: StreamNo) {
        self.leases.end(stream);
        self.tails.changed(stream);
    }
}

impl Streams {
    /// The stream of this name, expired or not.
    fn log(&self, id: &StreamId) -> Option<&Lock<Log>> {
        self.by_id.get(id).and_then(|stream| self.by_no.get(stream))
    }

    /// Makes room for a new stream; says which expired one gave way.
    fn make_room(&mut self, id: &StreamId, now: Timestamp) -> Result<Option<StreamNo>, StoreError> {
        let Some(log) = self.log(id) else { return Ok(None) };
        if !log.hold().head.expiry.is_past(now) {
            return Err(ErrorKind::Exists.into());
        }
        Ok(self.bury(id, now))
    }

    /// A new stream, in the room that was made.
    fn create(&mut self, id: &StreamId, expiry: Expiry) -> Head {
        self.created += 1;
        let epoch = self.tombstones.remove(id).map_or(Epoch::FIRST, |gone| gone.epoch.next());
        let head = Head::new(StreamNo::new(self.created), epoch, expiry);
        let log = Log { head, segments: Vec::new(), snapshot: None };
        self.by_id.insert(id.clone(), head.stream);
        self.by_no.insert(head.stream, Lock::new(log));
        head
    }

    /// Leaves a tombstone in the place of a stream.
    fn bury(&mut self, id: &StreamId, now: Timestamp) -> Option<StreamNo> {
        let stream = self.by_id.remove(id)?;
        let epoch = self.by_no.remove(&stream)?.hold().head.epoch;
        self.tombstones.insert(id.clone(), Tombstone { epoch, until: now.plus(TOMBSTONE_TTL) });
        Some(stream)
    }

    fn expired(&self, now: Timestamp, streams_max: usize) -> Vec<StreamId> {
        let is_past =
            |stream| self.by_no.get(stream).is_some_and(|log| log.hold().head.expiry.is_past(now));
        let expired = self.by_id.iter().filter(|(_, stream)| is_past(*stream));
        expired.map(|(id, _)| id.clone()).take(streams_max).collect()
    }
}

impl Backend for MemoryBackend {
    fn caps(&self) -> Caps {
        Caps { level: Level::Memory, path: CommitPath::Inline, lease: None }
    }

    fn open<'a>(
        &'a self,
        id: &'a StreamId,
        open: Open<'a>,
    ) -> BoxFuture<'a, Result<Head, StoreError>> {
        Box::pin(async move { self.open_now(id, open) })
    }

    fn release(&self, stream: StreamNo, epoch: Epoch) {
        self.leases.release(stream, epoch);
    }

    fn commit(&self, batch: Arc<[Chunk]>) -> BoxFuture<'_, Result<Vec<Applied>, StoreError>> {
        let applied = batch.iter().map(|chunk| self.apply(&chunk.frames())).collect();
        Box::pin(ready(Ok(applied)))
    }

    fn commit_inline(&self, frames: &Frames<'_>) -> Result<Applied, StoreError> {
        Ok(self.apply(frames))
    }

    fn stat<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<StreamInfo, StoreError>> {
        Box::pin(async move {
            self.with_log(id, |log| Ok(log.head.info(id.clone(), self.leases.of(log.head.stream))))
        })
    }

    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move { self.with_log(id, |log| log.read(after, bytes_max)) })
    }

    fn wait<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let stream = self.with_log(id, |log| Ok(log.head.stream))?;
            let tail = self.tails.tail(stream);
            poll_fn(|cx| {
                tail.park(cx.waker());
                let now = self.clock.now();
                match self.streams().by_no.get(&stream).map(|log| log.hold().head) {
                    Some(head) if head.is_quiet_after(after) && !head.expiry.is_past(now) => {
                        Poll::Pending
                    }
                    _ => Poll::Ready(Ok(())),
                }
            })
            .await
        })
    }

    fn list<'a>(
        &'a self,
        after: Option<&'a StreamId>,
        streams_max: usize,
    ) -> BoxFuture<'a, Result<Listing, StoreError>> {
        Box::pin(async move { Ok(self.list_now(after, streams_max)) })
    }

    fn extend<'a>(&'a self, id: &'a StreamId, ttl: Ttl) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.with_log(id, |log| {
                log.head.expiry = log.head.expiry.extended(ttl, self.clock.now());
                Ok(())
            })
        })
    }

    fn compact<'a>(
        &'a self,
        id: &'a StreamId,
        snapshot: Arc<[u8]>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.with_log(id, |log| log.compact(snapshot)) })
    }

    fn snapshot<'a>(
        &'a self,
        id: &'a StreamId,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            let snapshot = self.with_log(id, |log| Ok(log.snapshot.clone()))?;
            Ok(snapshot.as_deref().map(<[u8]>::to_vec))
        })
    }

    fn delete<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.delete_now(id) })
    }

    fn sweep(&self, streams_max: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(ready(Ok(self.sweep_now(streams_max))))
    }
}

impl Log {
    fn apply(&mut self, frames: &Frames<'_>, now: Timestamp) -> Applied {
        if self.head.expiry.is_past(now) {
            return Applied::Deleted;
        }
        let applied = self.head.apply(frames);
        if matches!(applied, Applied::Stored { .. }) {
            self.head.expiry = self.head.expiry.touched(now);
            if frames.count > 0 {
                self.push(frames);
            }
        }
        applied
    }

    fn compact(&mut self, snapshot: Arc<[u8]>) -> Result<(), StoreError> {
        self.head = self.head.compacted()?;
        self.segments = Vec::new();
        self.snapshot = Some(snapshot);
        Ok(())
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
            _ => {
                // Each has room for half of all before it: most streams are short, and little is spare.
                let before: usize = self.segments.iter().map(|it| it.payload.capacity()).sum();
                let room = (before / 2).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
                let mut segment = Vec::with_capacity(payload.len().max(room));
                segment.extend_from_slice(payload);
                let (first, count) = (frames.first, frames.count);
                self.segments.push(Segment { first, count, payload: segment });
            }
        }
    }

    fn read(&self, after: Option<Seq>, bytes_max: usize) -> Result<Page, StoreError> {
        self.head.check_cursor(after)?;
        let mut builder = PageBuilder::new(after, bytes_max).with_room_for(&self.head);
        let from = self.segments.partition_point(|segment| segment.first <= builder.next());
        for segment in &self.segments[from.saturating_sub(1)..] {
            if builder.push(&self.frames(segment)) == Taken::Full {
                break;
            }
        }
        Ok(builder.finish(&self.head))
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

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::task::{Context, Waker};
    use std::thread;

    use super::*;
    use crate::{Holder, Takeover};

    /// Enough for the calls to meet at every moment.
    const ROUNDS: u32 = 3000;

    fn id() -> StreamId {
        StreamId::new("s").unwrap()
    }

    fn create(backend: &MemoryBackend, ttl: Option<Ttl>) -> Result<Head, StoreError> {
        backend.open_now(&id(), Open::Create { holder: &Holder::new("creator"), ttl })
    }

    fn recover(backend: &MemoryBackend) -> Result<Head, StoreError> {
        let open = Open::Recover { holder: &Holder::new("other"), takeover: Takeover::IfFree };
        backend.open_now(&id(), open)
    }

    /// What two calls give that begin at the same time.
    fn race<A: Send, B: Send>(one: impl FnOnce() -> A + Send, two: impl FnOnce() -> B) -> (A, B) {
        let start = Barrier::new(2);
        thread::scope(|scope| {
            let one = scope.spawn(|| {
                start.wait();
                one()
            });
            start.wait();
            let two = two();
            (one.join().unwrap(), two)
        })
    }

    #[test]
    fn a_recovery_that_meets_a_delete_leaves_no_lease() {
        let backend = MemoryBackend::default();
        let is_over = AtomicBool::new(false);
        let recover_all = || {
            while !is_over.load(Ordering::SeqCst) {
                // Whatever it meets: a stream, or none.
                let _ = recover(&backend);
            }
        };
        race(recover_all, || {
            for _ in 0..ROUNDS * 10 {
                let head = create(&backend, None).unwrap();
                backend.release(head.stream, head.epoch);
                backend.delete_now(&id()).unwrap();
            }
            is_over.store(true, Ordering::SeqCst);
        });
        for stream in 1..=u64::from(ROUNDS) * 10 {
            assert_eq!(backend.leases.of(StreamNo::new(stream)), None, "{stream}");
        }
    }

    #[test]
    fn a_stream_is_held_from_its_first_moment() {
        let backend = MemoryBackend::default();
        let first_answer = || loop {
            match recover(&backend).map_err(|error| error.kind()) {
                Err(ErrorKind::NotFound) => {}
                answer => return answer,
            }
        };
        for round in 0..ROUNDS {
            let (answer, created) = race(first_answer, || create(&backend, None));
            let head = created.unwrap();
            let held = ErrorKind::Held { epoch: head.epoch, left: None };
            assert_eq!(answer, Err(held), "round {round}");
            backend.delete_now(&id()).unwrap();
        }
    }

    #[test]
    fn a_wait_that_is_polled_again_sees_that_its_stream_has_expired() {
        let millis = Arc::new(AtomicU64::new(0));
        let now = Arc::clone(&millis);
        let clock = Clock::new(move || Timestamp::from_millis(now.load(Ordering::SeqCst)));
        let backend = MemoryBackend::with_clock(clock);
        create(&backend, Some(Ttl::Until(Timestamp::from_millis(5)))).unwrap();
        let id = id();
        let mut wait = backend.wait(&id, None);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        millis.store(5, Ordering::SeqCst);
        assert!(wait.as_mut().poll(&mut cx).is_ready());
    }
}
