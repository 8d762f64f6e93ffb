//! The committing half of the real store, on a backend that is slow and out of reach now and then,
//! under the clock of the simulation. What a dead process had on its way may still arrive.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use checkpoint_store::conformance::{Fault, Faulty, run};
use checkpoint_store::{
    Commits, MemoryBackend, Options, PAGE_BYTES, Seq, Store, StreamId, StreamWriter, Turn,
};

use crate::dice::Dice;

/// Of a hundred commits this many are broken.
const FAULTS_PERCENT: usize = 15;

/// The longest time of a slow commit, in nanoseconds.
const SLOW_MAX: usize = 60_000_000;

/// One process that writes one stream.
struct Process {
    store: Store,
    commits: Commits,
    writer: StreamWriter,
}

/// A stream that outlives the processes that write it.
pub(crate) struct Committer {
    backend: Arc<Faulty>,
    process: Process,
    /// A commit waits until the backend is released.
    is_slow: bool,
}

impl Committer {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let faults = [Fault::UnavailableBefore, Fault::UnavailableAfter, Fault::Delay];
        let backend = Faulty::new(MemoryBackend::default());
        let backend = Arc::new(backend.with_dice(dice.next(), FAULTS_PERCENT, &faults));
        let process = Process::start(&backend, |store| run(store.create(&id())));
        Self { backend, process, is_slow: false }
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.process.writer.append(&[bytes]).map(drop).map_err(|error| error.to_string())
    }

    /// The number of the last durable record.
    pub(crate) fn durable(&self) -> usize {
        let last = self.process.writer.durable().map_or(0, Seq::value);
        usize::try_from(last).expect("a number of records")
    }

    /// Does what is due at `now`, in nanoseconds; how long until there is more to do.
    pub(crate) fn poll(&mut self, now: u64, dice: &mut Dice) -> Option<u64> {
        if std::mem::take(&mut self.is_slow) {
            self.backend.release();
        }
        match self.process.poll(now) {
            Turn::Running => {
                self.is_slow = true;
                Some(dice.below(SLOW_MAX) as u64)
            }
            Turn::Idle(rest) => rest.map(|rest| u64::try_from(rest.as_nanos()).expect("short")),
            Turn::Done => None,
        }
    }

    /// The process dies and another one takes the stream over; the records that are left.
    pub(crate) fn crash(&mut self, now: u64, dice: &mut Dice) -> Vec<Vec<u8>> {
        let over = self.process.writer.epoch();
        let next = Process::start(&self.backend, |store| run(store.take_over(&id(), over)));
        let mut dead = std::mem::replace(&mut self.process, next);
        self.is_slow = false;
        let records = self.records();
        if dice.percent(50) {
            // It was not dead but asleep: what it had on its way arrives now, and is refused.
            for _ in 0..4 {
                self.backend.release();
                dead.poll(now + 1_000_000_000);
            }
            drop(dead);
            assert_eq!(self.records(), records, "a fenced writer wrote");
        }
        records
    }

    /// Everything that the stream holds.
    fn records(&self) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        loop {
            let after = Seq::new(records.len() as u64);
            let page = run(self.process.store.read(&id(), after, PAGE_BYTES)).expect("it reads");
            records.extend(page.records().map(|record| record.bytes.to_vec()));
            if !page.more() {
                return records;
            }
        }
    }
}

impl std::fmt::Debug for Committer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committer").field("durable", &self.durable()).finish_non_exhaustive()
    }
}

impl Process {
    fn start(
        backend: &Arc<Faulty>,
        open: impl FnOnce(&Store) -> Result<StreamWriter, checkpoint_store::StoreError>,
    ) -> Self {
        let backend = Arc::clone(backend);
        let (store, commits) = Store::driven(backend, Options::default()).expect("any level");
        let writer = open(&store).expect("nobody else is after it");
        Self { store, commits, writer }
    }

    fn poll(&mut self, now: u64) -> Turn {
        let mut cx = Context::from_waker(Waker::noop());
        self.commits.poll(&mut cx, Duration::from_nanos(now))
    }
}

fn id() -> StreamId {
    StreamId::new("simulated").expect("valid")
}
