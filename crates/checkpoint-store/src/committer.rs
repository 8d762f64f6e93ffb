//! `Committer`: gathers what all streams appended into one batch behind one barrier. It reads no
//! clock and never waits; `thread` drives it, and a test can do the same.
//!
//! Batches start at least a window apart, or sooner when enough bytes wait or someone is in a
//! hurry. While a barrier runs the next batch gathers by itself.

pub(crate) mod thread;

use std::sync::Arc;
use std::time::Duration;

use crate::backend::Applied;
use crate::chunk::{Chunk, Ending};
use crate::lane::Lane;
use crate::queue::{Demand, Queue};
use crate::{ErrorKind, StoreError};

/// Input: [`finish`](Self::finish) once per [`Step::Commit`]. Output: [`poll`](Self::poll).
#[derive(Debug)]
pub(crate) struct Committer {
    queue: Arc<Queue>,
    window: Duration,
    /// When the last batch started.
    started: Option<Duration>,
    lanes: Vec<Arc<Lane>>,
    in_flight: Vec<(Arc<Lane>, Chunk)>,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Commit this, then call [`Committer::finish`].
    Commit(Arc<[Chunk]>),
    /// Wait until the demand is no longer this, at most for the time given.
    Sleep(Demand, Option<Duration>),
    /// Stop: the store is gone and everything is committed.
    Exit,
}

impl Committer {
    pub(crate) fn new(queue: Arc<Queue>, window: Duration) -> Self {
        Self { queue, window, started: None, lanes: Vec::new(), in_flight: Vec::new() }
    }

    /// Says what to do at `now`, the time since some fixed moment.
    pub(crate) fn poll(&mut self, now: Duration) -> Step {
        debug_assert!(self.in_flight.is_empty(), "finish comes before the next poll");
        loop {
            match self.queue.demand() {
                Demand::Exit => return Step::Exit,
                Demand::Nothing => return Step::Sleep(Demand::Nothing, None),
                Demand::Gather => {
                    let due = self.started.map_or(now, |at| at + self.window);
                    if now < due {
                        return Step::Sleep(Demand::Gather, Some(due - now));
                    }
                }
                Demand::Hurry => {}
            }
            if let Some(batch) = self.take() {
                self.started = Some(now);
                return Step::Commit(batch);
            }
        }
    }

    /// Settles the batch in flight.
    pub(crate) fn finish(&mut self, result: Result<Vec<Applied>, StoreError>) {
        let in_flight = std::mem::take(&mut self.in_flight);
        let applied = match result {
            Ok(applied) if applied.len() == in_flight.len() => applied,
            Ok(_) => return self.poison(in_flight, &ErrorKind::Poisoned.into()),
            Err(error) => return self.poison(in_flight, &poisoned(error)),
        };
        let mut released = 0;
        for ((lane, chunk), applied) in in_flight.into_iter().zip(applied) {
            released += chunk.frames().payload().len();
            settle(&lane, chunk, applied.into_next().map_err(StoreError::from));
        }
        self.queue.release(released);
    }

    /// Everything that waits, one chunk per stream; `None` when nothing of it can be stored.
    fn take(&mut self) -> Option<Arc<[Chunk]>> {
        let mut lanes = std::mem::take(&mut self.lanes);
        self.queue.take_lanes(&mut lanes);
        let mut taken = 0;
        for lane in lanes.drain(..) {
            let is_refused = self.queue.check(&lane).is_err();
            let mut buffer = lane.buffer.hold();
            buffer.queued = false;
            let dropped = if is_refused { buffer.clear() } else { 0 };
            let parcel = if is_refused { None } else { buffer.take() };
            drop(buffer);
            taken += dropped;
            self.queue.release(dropped);
            if let Some(parcel) = parcel {
                let chunk = parcel.seal(&lane);
                taken += chunk.frames().payload().len();
                self.in_flight.push((lane, chunk));
            }
        }
        self.lanes = lanes;
        self.queue.taken(taken);
        let chunks = self.in_flight.iter().map(|(_, chunk)| chunk.clone());
        (!self.in_flight.is_empty()).then(|| chunks.collect())
    }

    fn poison(&self, in_flight: Vec<(Arc<Lane>, Chunk)>, error: &StoreError) {
        self.queue.poison(error.clone());
        for (lane, chunk) in in_flight {
            let released = chunk.frames().payload().len();
            settle(&lane, chunk, Err(error.clone()));
            self.queue.release(released);
        }
    }
}

fn settle(lane: &Lane, chunk: Chunk, result: Result<crate::Seq, StoreError>) {
    let (next, ending) = (chunk.frames().next(), chunk.frames().ending);
    lane.buffer.hold().settle(chunk);
    match result {
        Ok(_) => {
            lane.progress.advance(next.previous());
            if ending == Ending::Close {
                lane.progress.close();
            }
        }
        Err(error) => lane.progress.fail(error),
    }
}

/// Whatever a commit failed with, what is durable now is open, and that is final.
fn poisoned(error: StoreError) -> StoreError {
    match error.kind() {
        ErrorKind::Poisoned => error,
        _ => StoreError::with_source(ErrorKind::Poisoned, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Head;
    use crate::{Epoch, Limit, Limits, Seq, StreamNo};

    const WINDOW: Duration = Duration::from_millis(5);

    struct Rig {
        queue: Arc<Queue>,
        committer: Committer,
        lanes: Vec<Arc<Lane>>,
    }

    fn rig(streams: u64, limits: Limits) -> Rig {
        let queue = Arc::new(Queue::new(1000, limits));
        let committer = Committer::new(Arc::clone(&queue), WINDOW);
        let heads = (0..streams).map(|number| Head::new(StreamNo::new(number)));
        let lanes = heads.map(|head| Arc::new(Lane::new(&head))).collect();
        Rig { queue, committer, lanes }
    }

    impl Rig {
        fn append(&self, lane: usize, bytes: usize) -> Result<Seq, StoreError> {
            self.queue.append(&self.lanes[lane], &[&vec![1; bytes]], bytes)
        }

        #[track_caller]
        fn batch(&mut self, now: Duration) -> Arc<[Chunk]> {
            match self.committer.poll(now) {
                Step::Commit(batch) => batch,
                step => panic!("no batch but {step:?}"),
            }
        }

        fn store(&mut self, batch: &[Chunk]) {
            let applied = batch.iter().map(|chunk| Applied::Stored { next: chunk.frames().next() });
            self.committer.finish(Ok(applied.collect()));
        }

        #[track_caller]
        fn sleeps(&mut self, now: Duration) -> Option<Duration> {
            match self.committer.poll(now) {
                Step::Sleep(_, timeout) => timeout,
                step => panic!("no sleep but {step:?}"),
            }
        }
    }

    #[test]
    fn one_batch_takes_everything_of_every_stream() {
        let mut rig = rig(3, Limits::default());
        for lane in [0, 1, 0, 2, 0] {
            rig.append(lane, 10).unwrap();
        }
        let batch = rig.batch(Duration::ZERO);
        let mut counts: Vec<u32> = batch.iter().map(|chunk| chunk.frames().count).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 1, 3]);
        assert_eq!(rig.lanes[0].progress.durable(), None);
        rig.store(&batch);
        assert_eq!(rig.lanes[0].progress.durable(), Seq::new(3));
        assert_eq!(rig.sleeps(Duration::ZERO), None);
    }

    #[test]
    fn batches_start_a_window_apart_unless_bytes_or_someone_hurry() {
        let mut rig = rig(1, Limits::default());
        let start = Duration::from_secs(1);
        rig.append(0, 10).unwrap();
        let batch = rig.batch(start);
        rig.append(0, 10).unwrap();
        rig.store(&batch);

        let early = start + Duration::from_millis(1);
        assert_eq!(rig.sleeps(early), Some(Duration::from_millis(4)));
        let batch = rig.batch(start + WINDOW);
        rig.store(&batch);

        rig.append(0, 2000).unwrap();
        let batch = rig.batch(start + WINDOW);
        rig.store(&batch);

        rig.append(0, 10).unwrap();
        rig.queue.hurry();
        assert_eq!(rig.batch(start + WINDOW).len(), 1);
    }

    #[test]
    fn a_failed_commit_stops_the_store_and_frees_its_room() {
        let limits = Limits { undurable_store_bytes: 100, ..Limits::default() };
        let mut rig = rig(2, limits);
        rig.append(0, 60).unwrap();
        let batch = rig.batch(Duration::ZERO);
        drop(batch);
        rig.append(1, 20).unwrap();
        rig.committer.finish(Err(ErrorKind::Io.into()));
        assert_eq!(rig.append(0, 1).unwrap_err().kind(), ErrorKind::Poisoned);
        assert_eq!(rig.sleeps(Duration::from_secs(1)), None);
        assert_eq!(rig.append(1, 1).unwrap_err().kind(), ErrorKind::Poisoned);
        assert!(rig.queue.has_room(99));
        assert_eq!(rig.lanes[0].progress.durable(), None);
    }

    #[test]
    fn a_fenced_stream_fails_alone() {
        let mut rig = rig(2, Limits::default());
        rig.append(0, 10).unwrap();
        rig.append(1, 10).unwrap();
        let batch = rig.batch(Duration::ZERO);
        let current = Epoch::FIRST.next();
        let fenced = Applied::Fenced { current };
        let applied = batch.iter().map(|chunk| match chunk.frames().stream.value() {
            0 => fenced,
            _ => Applied::Stored { next: chunk.frames().next() },
        });
        rig.committer.finish(Ok(applied.collect()));
        assert_eq!(rig.append(0, 1).unwrap_err().kind(), ErrorKind::Fenced { current });
        assert_eq!(rig.append(1, 1).unwrap(), Seq::new(2).unwrap());
    }

    #[test]
    fn full_is_per_stream_and_per_store_and_ends_with_progress() {
        let limits =
            Limits { undurable_stream_bytes: 100, undurable_store_bytes: 150, ..Limits::default() };
        let mut rig = rig(2, limits);
        rig.append(0, 90).unwrap();
        let full = |limit| ErrorKind::Full { limit };
        assert_eq!(rig.append(0, 90).unwrap_err().kind(), full(Limit::UndurableStream));
        assert_eq!(rig.append(1, 90).unwrap_err().kind(), full(Limit::UndurableStore));
        let batch = rig.batch(Duration::ZERO);
        assert_eq!(rig.append(0, 90).unwrap_err().kind(), full(Limit::UndurableStream));
        rig.store(&batch);
        assert_eq!(rig.append(0, 90).unwrap(), Seq::new(2).unwrap());
    }

    #[test]
    fn a_closed_queue_drains_before_it_exits() {
        let mut rig = rig(1, Limits::default());
        rig.append(0, 10).unwrap();
        rig.queue.close();
        let batch = rig.batch(Duration::ZERO);
        rig.store(&batch);
        assert!(matches!(rig.committer.poll(Duration::ZERO), Step::Exit));
    }

    #[test]
    fn buffers_are_used_again() {
        let mut rig = rig(1, Limits::default());
        let mut seen = Vec::new();
        for round in 0..4_u32 {
            rig.append(0, 10).unwrap();
            let batch = rig.batch(WINDOW * round);
            seen.push(batch[0].bytes().as_ptr());
            let applied = Applied::Stored { next: batch[0].frames().next() };
            drop(batch);
            rig.committer.finish(Ok(vec![applied]));
        }
        assert_eq!((seen[0], seen[1]), (seen[2], seen[3]));
    }
}
