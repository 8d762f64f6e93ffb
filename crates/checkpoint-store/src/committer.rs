//! `Committer`: gathers what all streams appended into one batch behind one barrier. It reads no
//! clock and never waits; `Commits` runs its batches on a backend, and a thread or a simulation
//! drives that.
//!
//! Batches start at least a window apart, or sooner when enough bytes wait or someone is in a
//! hurry. While a barrier runs the next batch gathers by itself. A batch that did not reach the
//! backend is repeated as it is: the backend knows what it has already.

mod commits;
pub(crate) mod thread;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

pub use self::commits::{Commits, Turn};
use crate::backend::Applied;
use crate::chunk::{Chunk, Ending};
use crate::lane::Lane;
use crate::queue::{Demand, Queue};
use crate::{ErrorKind, Seq, StoreError};

/// The first pause before a batch is repeated; doubled each time.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause before a batch is repeated.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Input: [`finish`](Self::finish) once per [`Step::Commit`]. Output: [`poll`](Self::poll).
#[derive(Debug)]
pub(crate) struct Committer {
    queue: Arc<Queue>,
    window: Duration,
    /// How long a backend may be out of reach before the store stops.
    outage_max: Duration,
    /// When the last batch started.
    started: Option<Duration>,
    lanes: Vec<Arc<Lane>>,
    in_flight: VecDeque<(Arc<Lane>, Chunk)>,
    outage: Option<Outage>,
    /// Streams whose writers are gone and whose last records have arrived.
    released: Vec<Arc<Lane>>,
}

/// The backend is out of reach; the batch in flight is to be repeated.
#[derive(Clone, Copy, Debug)]
struct Outage {
    began: Duration,
    retry_at: Duration,
    pause: Duration,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Commit this, then call [`Committer::finish`].
    Commit(Arc<[Chunk]>),
    /// Wait until the demand is no longer this, at most for the time given.
    Sleep(Demand, Option<Duration>),
    /// Wait this long, whatever is demanded.
    Pause(Duration),
    /// Stop: the store is gone and everything is committed.
    Exit,
}

impl Committer {
    pub(crate) fn new(queue: Arc<Queue>, window: Duration, outage_max: Duration) -> Self {
        Self {
            queue,
            window,
            outage_max,
            started: None,
            lanes: Vec::new(),
            in_flight: VecDeque::new(),
            outage: None,
            released: Vec::new(),
        }
    }

    /// Says what to do at `now`, the time since some fixed moment.
    pub(crate) fn poll(&mut self, now: Duration) -> Step {
        if let Some(outage) = self.outage {
            return match outage.retry_at.checked_sub(now) {
                Some(pause) if !pause.is_zero() => Step::Pause(pause),
                _ => Step::Commit(self.batch()),
            };
        }
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
            self.take();
            if !self.in_flight.is_empty() {
                self.started = Some(now);
                return Step::Commit(self.batch());
            }
        }
    }

    /// Settles the batch in flight at `now`, or keeps it to be repeated.
    pub(crate) fn finish(&mut self, result: Result<Vec<Applied>, StoreError>, now: Duration) {
        if let Err(error) = &result
            && error.kind() == ErrorKind::Unavailable
            && self.keep_trying(now)
        {
            return;
        }
        self.outage = None;
        let applied = match result {
            Ok(applied) if applied.len() == self.in_flight.len() => applied,
            Ok(_) => return self.poison(&ErrorKind::Poisoned.into()),
            Err(error) => return self.poison(&poisoned(error)),
        };
        let mut settled = 0;
        for applied in applied {
            // One by one: should a waker panic, the rest is still there to be told.
            let Some((lane, chunk)) = self.in_flight.pop_front() else { break };
            settled += chunk.frames().payload().len();
            self.settle(lane, chunk, applied.into_next().map_err(StoreError::from));
        }
        self.queue.release(settled);
    }

    /// Nothing is committed any more: whoever waits is told.
    pub(crate) fn abandon(&mut self) {
        self.poison(&ErrorKind::Poisoned.into());
        // What still waits is refused now.
        self.take();
    }

    /// Streams that nobody writes to any more and of which nothing is on its way.
    pub(crate) fn released(&mut self) -> impl Iterator<Item = Arc<Lane>> + '_ {
        self.released.drain(..)
    }

    /// Notes that the backend is out of reach; says whether the batch is to be repeated.
    fn keep_trying(&mut self, now: Duration) -> bool {
        let outage = match self.outage {
            None => Outage { began: now, retry_at: now + RETRY_PAUSE, pause: RETRY_PAUSE },
            Some(outage) => {
                let pause = (outage.pause * 2).min(RETRY_PAUSE_MAX);
                Outage { retry_at: now + pause, pause, ..outage }
            }
        };
        self.outage = Some(outage);
        now.saturating_sub(outage.began) < self.outage_max
    }

    fn batch(&self) -> Arc<[Chunk]> {
        self.in_flight.iter().map(|(_, chunk)| chunk.clone()).collect()
    }

    /// Takes everything that waits, one chunk per stream.
    fn take(&mut self) {
        let mut lanes = std::mem::take(&mut self.lanes);
        self.queue.take_lanes(&mut lanes);
        let (mut taken, mut refused) = (0, 0);
        for lane in lanes.drain(..) {
            let is_refused = self.queue.check(&lane).is_err();
            let mut buffer = lane.buffer.hold();
            buffer.queued = false;
            let dropped = if is_refused { buffer.clear() } else { 0 };
            let parcel = if is_refused { None } else { buffer.take() };
            let is_gone = buffer.departed && buffer.is_settled();
            drop(buffer);
            refused += dropped;
            if let Some(parcel) = parcel {
                let chunk = parcel.seal(&lane);
                taken += chunk.frames().payload().len();
                self.in_flight.push_back((lane, chunk));
            } else if is_gone {
                self.released.push(lane);
            }
        }
        self.lanes = lanes;
        self.queue.taken(taken + refused);
        // Once for all: it wakes everyone who waits for room.
        if refused > 0 {
            self.queue.release(refused);
        }
    }

    fn settle(&mut self, lane: Arc<Lane>, chunk: Chunk, result: Result<Seq, StoreError>) {
        let (next, ending) = (chunk.frames().next(), chunk.frames().ending);
        let mut buffer = lane.buffer.hold();
        buffer.settle(chunk);
        let is_gone = buffer.departed && buffer.is_settled();
        drop(buffer);
        match result {
            Ok(_) => {
                lane.progress.advance(next.previous());
                if ending == Ending::Close {
                    lane.progress.close();
                }
            }
            Err(error) => lane.progress.fail(error),
        }
        if is_gone {
            self.released.push(lane);
        }
    }

    fn poison(&mut self, error: &StoreError) {
        self.queue.poison(error.clone());
        while let Some((lane, chunk)) = self.in_flight.pop_front() {
            let settled = chunk.frames().payload().len();
            self.settle(lane, chunk, Err(error.clone()));
            self.queue.release(settled);
        }
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
    use crate::{Epoch, Expiry, Limit, Limits, StreamId, StreamNo};

    const WINDOW: Duration = Duration::from_millis(5);
    const OUTAGE_MAX: Duration = Duration::from_secs(30);

    struct Rig {
        queue: Arc<Queue>,
        committer: Committer,
        lanes: Vec<Arc<Lane>>,
    }

    fn rig(streams: u64, limits: Limits) -> Rig {
        let queue = Arc::new(Queue::new(1000, limits));
        let committer = Committer::new(Arc::clone(&queue), WINDOW, OUTAGE_MAX);
        let head = |number| Head::new(StreamNo::new(number), Epoch::FIRST, Expiry::NEVER);
        let id = |number: u64| StreamId::new(number.to_string()).unwrap();
        let lane = |number| Arc::new(Lane::new(id(number), &head(number)));
        let lanes = (0..streams).map(lane).collect();
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
            self.committer.finish(Ok(applied.collect()), Duration::ZERO);
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
        rig.committer.finish(Err(ErrorKind::Io.into()), Duration::ZERO);
        assert_eq!(rig.append(0, 1).unwrap_err().kind(), ErrorKind::Poisoned);
        assert_eq!(rig.sleeps(Duration::from_secs(1)), None);
        assert_eq!(rig.append(1, 1).unwrap_err().kind(), ErrorKind::Poisoned);
        assert!(rig.queue.has_room(99));
        assert_eq!(rig.lanes[0].progress.durable(), None);
    }

    #[test]
    fn a_fenced_stream_and_an_unreadable_one_fail_alone() {
        let mut rig = rig(3, Limits::default());
        for lane in 0..3 {
            rig.append(lane, 10).unwrap();
        }
        let batch = rig.batch(Duration::ZERO);
        let current = Epoch::FIRST.next();
        let fenced = Applied::Fenced { current };
        let damage = ErrorKind::Corrupt { good_prefix: None };
        let applied = batch.iter().map(|chunk| match chunk.frames().stream.value() {
            0 => fenced,
            2 => Applied::Unreadable { kind: damage },
            _ => Applied::Stored { next: chunk.frames().next() },
        });
        rig.committer.finish(Ok(applied.collect()), Duration::ZERO);
        assert_eq!(rig.append(0, 1).unwrap_err().kind(), ErrorKind::Fenced { current });
        assert_eq!(rig.append(2, 1).unwrap_err().kind(), damage);
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
            rig.committer.finish(Ok(vec![applied]), Duration::ZERO);
        }
        assert_eq!((seen[0], seen[1]), (seen[2], seen[3]));
    }

    fn unavailable() -> Result<Vec<Applied>, StoreError> {
        Err(ErrorKind::Unavailable.into())
    }

    #[test]
    fn a_batch_that_did_not_arrive_is_repeated_as_it_was() {
        let mut rig = rig(1, Limits::default());
        rig.append(0, 10).unwrap();
        let batch = rig.batch(Duration::ZERO);
        rig.committer.finish(unavailable(), Duration::ZERO);
        rig.append(0, 20).unwrap();
        assert!(matches!(rig.committer.poll(Duration::ZERO), Step::Pause(RETRY_PAUSE)));
        let again = rig.batch(RETRY_PAUSE);
        assert_eq!(again[0].bytes(), batch[0].bytes());
        rig.store(&again);
        assert_eq!(rig.lanes[0].progress.durable(), Seq::new(1));
        let rest = rig.batch(RETRY_PAUSE + WINDOW);
        assert_eq!(rest[0].frames().first, Seq::new(2).unwrap());
    }

    #[test]
    fn an_outage_that_is_too_long_stops_the_store() {
        let mut rig = rig(1, Limits::default());
        rig.append(0, 10).unwrap();
        let mut now = Duration::ZERO;
        let mut tries = 0;
        loop {
            match rig.committer.poll(now) {
                Step::Sleep(Demand::Nothing, _) => break,
                Step::Pause(pause) => now += pause,
                Step::Commit(_) => {
                    tries += 1;
                    rig.committer.finish(unavailable(), now);
                }
                step => panic!("{step:?}"),
            }
        }
        assert!((30..=40).contains(&tries), "{tries}");
        assert!((OUTAGE_MAX..OUTAGE_MAX + RETRY_PAUSE_MAX).contains(&now), "{now:?}");
        assert_eq!(rig.append(0, 1).unwrap_err().kind(), ErrorKind::Poisoned);
    }

    #[test]
    fn a_stream_is_released_when_the_last_of_it_has_arrived() {
        let mut rig = rig(2, Limits::default());
        assert!(!rig.queue.depart(&rig.lanes[1]));
        rig.append(0, 10).unwrap();
        assert!(rig.queue.depart(&rig.lanes[0]));
        let batch = rig.batch(Duration::ZERO);
        assert_eq!(rig.committer.released().count(), 0);
        rig.store(&batch);
        assert_eq!(rig.committer.released().count(), 1);
    }
}
