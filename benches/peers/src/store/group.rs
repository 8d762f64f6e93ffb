//! `Grouped`: the committer of the entries that have none: what all streams appended becomes one
//! durable step, with the window and the size of our own committer.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::journal::{Journal, Reader};
use super::record::Record;

/// Shortest time between the starts of two batches.
const WINDOW: Duration = Duration::from_millis(5);

/// Records that start a batch before the window ends, about 256 KiB.
const GROUP_RECORDS: usize = 256 * 1024 / size_of::<Record>();

/// What makes batches durable.
pub(super) trait Engine: Reader + Send + 'static {
    /// Makes a batch durable in one step. It is in the order of streams and positions.
    fn commit(&mut self, batch: &[Appended]) -> Result<(), String>;
}

/// A record with its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appended {
    pub(super) stream: u32,
    pub(super) seq: u64,
    pub(super) record: Record,
}

impl Appended {
    /// A key that sorts by stream, then by position.
    pub(super) fn key(&self) -> [u8; 12] {
        key(self.stream, self.seq)
    }
}

pub(super) fn key(stream: u32, seq: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&stream.to_be_bytes());
    key[4..].copy_from_slice(&seq.to_be_bytes());
    key
}

/// An engine on a thread of its own, behind a queue.
#[derive(Debug)]
pub(super) struct Grouped<E> {
    shared: Arc<Shared>,
    /// The last position of each stream.
    lasts: Vec<u64>,
    thread: JoinHandle<Result<E, String>>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    durable: Vec<AtomicU64>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Appended>,
    is_closing: bool,
    failure: Option<String>,
}

impl<E: Engine> Journal for Grouped<E> {
    type Reader = E;

    fn create(path: &Path, streams: u32) -> Result<Self, String> {
        let engine = E::open(path)?;
        let durable = (0..streams).map(|_| AtomicU64::new(0)).collect();
        let shared = Shared { queue: Mutex::default(), wake: Condvar::new(), durable };
        let shared = Arc::new(shared);
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.run(engine)
        });
        Ok(Self { shared, lasts: vec![0; streams as usize], thread })
    }

    fn append(&mut self, stream: u32, record: &Record) -> Result<(), String> {
        let last = &mut self.lasts[stream as usize];
        *last += 1;
        let mut queue = self.shared.lock();
        queue.waiting.push(Appended { stream, seq: *last, record: *record });
        if queue.waiting.len() == 1 || queue.waiting.len() == GROUP_RECORDS {
            self.shared.wake.notify_one();
        }
        queue.failure.clone().map_or(Ok(()), Err)
    }

    fn durable(&self, stream: u32) -> Result<u64, String> {
        if self.thread.is_finished() {
            let failure = self.shared.lock().failure.clone();
            return Err(failure.unwrap_or_else(|| "panicked".to_owned()));
        }
        Ok(self.shared.durable[stream as usize].load(Ordering::Acquire))
    }

    fn close(self) -> Result<(), String> {
        self.shared.lock().is_closing = true;
        self.shared.wake.notify_one();
        self.thread.join().map_err(|_| "panicked".to_owned())?.map(drop)
    }
}

impl Shared {
    fn run<E: Engine>(&self, mut engine: E) -> Result<E, String> {
        while let Some(mut batch) = self.gather() {
            let started = Instant::now();
            batch.sort_by_key(|appended| (appended.stream, appended.seq));
            if let Err(error) = engine.commit(&batch) {
                self.lock().failure = Some(error.clone());
                return Err(error);
            }
            for Appended { stream, seq, .. } in batch {
                self.durable[stream as usize].store(seq, Ordering::Release);
            }
            self.wait_until(started + WINDOW);
        }
        Ok(engine)
    }

    /// Everything that waits, at least one record; `None` when none will come.
    fn gather(&self) -> Option<Vec<Appended>> {
        let mut queue = self.lock();
        while queue.waiting.is_empty() && !queue.is_closing {
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let batch = std::mem::take(&mut queue.waiting);
        (!batch.is_empty()).then_some(batch)
    }

    /// Waits for the end of the window, or less when enough waits.
    fn wait_until(&self, end: Instant) {
        let mut queue = self.lock();
        while queue.waiting.len() < GROUP_RECORDS && !queue.is_closing {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let woken = self.wake.wait_timeout(queue, left);
            queue = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
