//! `Queue`: what the writers of a store and its committer share: which streams have something to
//! commit, how many bytes wait, and whether the store has failed. It never blocks an append.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, OnceLock, PoisonError};
use std::time::Duration;

use crate::chunk::{Ending, framed_len};
use crate::lane::Lane;
use crate::lock::Lock;
use crate::waiters::Waiters;
use crate::{ErrorKind, Limit, Limits, Seq, StoreError, StreamId};

#[derive(Debug)]
pub(crate) struct Queue {
    state: Lock<State>,
    wake: Condvar,
    /// Appended and not yet taken by the committer.
    gathered: AtomicUsize,
    /// Appended and not yet durable.
    undurable: AtomicUsize,
    failure: OnceLock<StoreError>,
    group_bytes: usize,
    limits: Limits,
    /// Whoever waits for room.
    pub(crate) room: Waiters,
    /// Streams whose writers are gone and whose records are still on their way.
    departing: Lock<Vec<StreamId>>,
    /// Whoever waits for one of those.
    pub(crate) departures: Waiters,
}

#[derive(Debug, Default)]
struct State {
    lanes: Vec<Arc<Lane>>,
    hurry: bool,
    closing: bool,
    /// The committer sleeps without a deadline: someone must wake it.
    asleep: bool,
}

/// What the committer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Nothing waits.
    Nothing,
    /// Nothing waits and nothing will.
    Exit,
    /// Records wait; more may join them.
    Gather,
    /// Records wait and should not wait longer.
    Hurry,
}

impl Queue {
    pub(crate) fn new(group_bytes: usize, limits: Limits) -> Self {
        Self {
            state: Lock::default(),
            wake: Condvar::new(),
            gathered: AtomicUsize::new(0),
            undurable: AtomicUsize::new(0),
            failure: OnceLock::new(),
            group_bytes,
            limits,
            room: Waiters::default(),
            departing: Lock::default(),
            departures: Waiters::default(),
        }
    }

    /// Copies one record into its lane; takes nothing when it fails.
    pub(crate) fn append(
        &self,
        lane: &Arc<Lane>,
        pieces: &[&[u8]],
        len: usize,
    ) -> Result<Seq, StoreError> {
        self.check(lane)?;
        let framed = framed_len(len);
        let mut buffer = lane.buffer.hold();
        buffer.check_stream(framed, &self.limits)?;
        if !buffer.has_room(framed, &self.limits) {
            return Err(ErrorKind::Full { limit: Limit::UndurableStream }.into());
        }
        self.reserve(framed)?;
        let seq = buffer.push(pieces, len);
        let is_news = !std::mem::replace(&mut buffer.queued, true);
        // Before the committer can take the record and count it off.
        let before = self.gathered.fetch_add(framed, Ordering::Relaxed);
        drop(buffer);

        if is_news {
            self.enqueue(lane);
        }
        if before < self.group_bytes && before + framed >= self.group_bytes {
            self.hurry();
        }
        Ok(seq)
    }

    /// Marks the end of a stream.
    pub(crate) fn close_lane(&self, lane: &Arc<Lane>) -> Result<(), StoreError> {
        self.check(lane)?;
        let mut buffer = lane.buffer.hold();
        buffer.ending = Ending::Close;
        let is_news = !std::mem::replace(&mut buffer.queued, true);
        drop(buffer);
        if is_news {
            self.enqueue(lane);
        }
        self.hurry();
        Ok(())
    }

    /// The writer of a stream is gone; says whether something of it is still on its way.
    pub(crate) fn depart(&self, lane: &Lane) -> bool {
        let mut buffer = lane.buffer.hold();
        if buffer.is_settled() {
            return false;
        }
        buffer.departed = true;
        self.departing.hold().push(lane.id.clone());
        true
    }

    /// The last of a stream whose writer is gone has arrived.
    pub(crate) fn departed(&self, id: &StreamId) {
        let mut departing = self.departing.hold();
        if let Some(at) = departing.iter().position(|other| other == id) {
            departing.swap_remove(at);
        }
        drop(departing);
        self.departures.wake_all();
    }

    /// Whether records of a writer that is gone are still on their way.
    pub(crate) fn is_departing(&self, id: &StreamId) -> bool {
        self.departing.hold().contains(id)
    }

    /// Whether the stream still can take records.
    pub(crate) fn check(&self, lane: &Lane) -> Result<(), StoreError> {
        if let Some(error) = lane.progress.failure() {
            return Err(error.clone());
        }
        match self.failure.get() {
            Some(error) => {
                lane.progress.fail(error.clone());
                Err(error.clone())
            }
            None => Ok(()),
        }
    }

    /// Whether `framed` more bytes may wait. A record always may when nothing else waits.
    pub(crate) fn has_room(&self, framed: usize) -> bool {
        let waiting = self.undurable.load(Ordering::Relaxed);
        waiting == 0 || waiting + framed <= self.limits.undurable_store_bytes
    }

    fn reserve(&self, framed: usize) -> Result<(), StoreError> {
        let max = self.limits.undurable_store_bytes;
        let admit = |waiting| (waiting == 0 || waiting + framed <= max).then_some(waiting + framed);
        match self.undurable.fetch_update(Ordering::Relaxed, Ordering::Relaxed, admit) {
            Ok(_) => Ok(()),
            Err(_) => Err(ErrorKind::Full { limit: Limit::UndurableStore }.into()),
        }
    }

    fn enqueue(&self, lane: &Arc<Lane>) {
        let mut state = self.state.hold();
        state.lanes.push(Arc::clone(lane));
        if std::mem::take(&mut state.asleep) {
            self.wake.notify_one();
        }
    }

    /// Ends the gathering of the next batch.
    pub(crate) fn hurry(&self) {
        let mut state = self.state.hold();
        state.hurry = true;
        state.asleep = false;
        self.wake.notify_one();
    }

    /// Lets the committer finish what waits and stop.
    pub(crate) fn close(&self) {
        self.state.hold().closing = true;
        self.hurry();
    }

    pub(crate) fn demand(&self) -> Demand {
        let mut state = self.state.hold();
        if state.lanes.is_empty() {
            state.hurry = false;
            return if state.closing { Demand::Exit } else { Demand::Nothing };
        }
        if state.hurry || state.closing { Demand::Hurry } else { Demand::Gather }
    }

    /// Swaps the streams that wait into `lanes`, which must be empty.
    pub(crate) fn take_lanes(&self, lanes: &mut Vec<Arc<Lane>>) {
        debug_assert!(lanes.is_empty());
        let mut state = self.state.hold();
        state.hurry = false;
        std::mem::swap(&mut state.lanes, lanes);
    }

    /// These bytes are in the committer's hands.
    pub(crate) fn taken(&self, bytes: usize) {
        self.gathered.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// These bytes wait no longer.
    pub(crate) fn release(&self, bytes: usize) {
        self.undurable.fetch_sub(bytes, Ordering::Relaxed);
        self.room.wake_all();
    }

    /// Stops the store; the first reason stays.
    pub(crate) fn poison(&self, error: StoreError) {
        // An error means that a reason is there already.
        let _ = self.failure.set(error);
        self.room.wake_all();
    }

    /// Sleeps until there is a demand other than `seen`, or for `timeout`.
    pub(crate) fn sleep(&self, seen: Demand, timeout: Option<Duration>) {
        let mut state = self.state.hold();
        let is_new =
            state.hurry || state.closing || (seen == Demand::Nothing && !state.lanes.is_empty());
        if is_new {
            return;
        }
        match timeout {
            Some(timeout) => {
                let woken = self.wake.wait_timeout(state, timeout);
                drop(woken.unwrap_or_else(PoisonError::into_inner));
            }
            None => {
                state.asleep = true;
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.asleep = false;
            }
        }
    }
}
