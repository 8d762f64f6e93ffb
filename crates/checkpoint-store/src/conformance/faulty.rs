//! `Faulty`: a backend around another one that breaks commits and reads, by a script or by dice.
//! It never changes records; what it reports is what a network or a disk could report.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::dice::Dice;
use crate::lock::Lock;
use crate::waiters::Waiters;
use crate::{
    Applied, Backend, BoxFuture, Caps, Chunk, CommitPath, Epoch, ErrorKind, Head, Level, Listing,
    Open, Page, Seq, StoreError, StreamId, StreamInfo, StreamNo, Ttl,
};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// [`ErrorKind::Unavailable`], and the call had no effect.
    UnavailableBefore,
    /// [`ErrorKind::Unavailable`], and the call had its effect.
    UnavailableAfter,
    /// [`ErrorKind::Io`], and the call had no effect.
    Io,
    /// The call waits for its turn of [`Faulty::release`], then works.
    Delay,
    /// The answer to a commit lacks its last entry; a read works.
    ShortAnswer,
    /// The call panics, without an effect.
    Panic,
}

/// A backend that breaks commits and reads. Commits go through [`Backend::commit`], whatever path
/// the inner backend prefers.
///
/// ```
/// use std::sync::Arc;
///
/// use checkpoint_store::conformance::{Fault, Faulty, run};
/// use checkpoint_store::{ErrorKind, MemoryBackend, Options, Store, StreamId};
///
/// let faulty = Arc::new(Faulty::new(MemoryBackend::default()));
/// let store = Store::new(faulty.clone(), Options::default())?;
/// let mut writer = run(store.create(&StreamId::new("s")?))?;
/// faulty.script([Fault::Io]);
/// writer.append(&[b"a"])?;
/// assert_eq!(run(writer.flush()).unwrap_err().kind(), ErrorKind::Poisoned);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Faulty {
    inner: Box<dyn Backend>,
    caps: Caps,
    plan: Lock<Plan>,
    delayed: Waiters,
}

#[derive(Default)]
struct Plan {
    commits: Source,
    reads: Source,
    broken: u64,
    /// Calls that were delayed, and how many of them may go on.
    delayed: u64,
    released: u64,
}

#[derive(Default)]
struct Source {
    script: VecDeque<Fault>,
    dice: Option<(Dice, usize, Vec<Fault>)>,
}

impl Faulty {
    /// `inner` without faults, behind batches.
    pub fn new(inner: impl Backend) -> Self {
        let caps = Caps { path: CommitPath::Grouped, ..inner.caps() };
        let plan = Lock::new(Plan::default());
        Self { inner: Box::new(inner), caps, plan, delayed: Waiters::default() }
    }

    /// Claims another level than the inner backend does.
    #[must_use]
    pub fn with_level(mut self, level: Level) -> Self {
        self.caps.level = level;
        self
    }

    /// Breaks `percent` of a hundred commits, by one of `faults` as `seed` has it.
    #[must_use]
    pub fn with_dice(self, seed: u64, percent: usize, faults: &[Fault]) -> Self {
        self.plan.hold().commits.dice = Some((Dice::new(seed), percent, faults.to_vec()));
        self
    }

    /// What the next commits do, one after another; whatever comes after them works.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.plan.hold().commits.script.extend(faults);
    }

    /// What the next reads do, one after another; whatever comes after them works.
    pub fn script_reads(&self, faults: impl IntoIterator<Item = Fault>) {
        self.plan.hold().reads.script.extend(faults);
    }

    /// Lets one delayed call go on, the first of those that wait or will wait.
    pub fn release(&self) {
        self.plan.hold().released += 1;
        self.delayed.wake_all();
    }

    /// The number of calls that were broken, delays included.
    pub fn broken(&self) -> u64 {
        self.plan.hold().broken
    }

    fn draw(&self, source: impl FnOnce(&mut Plan) -> &mut Source) -> Fault {
        let mut plan = self.plan.hold();
        let fault = source(&mut plan).draw();
        plan.broken += u64::from(fault != Fault::None);
        fault
    }

    async fn delay(&self) {
        let slot = self.delayed.enroll();
        let turn = {
            let mut plan = self.plan.hold();
            plan.delayed += 1;
            plan.delayed
        };
        poll_fn(|cx| {
            slot.park(cx.waker());
            if self.plan.hold().released >= turn { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// The call, broken as `fault` says; `short` is what a short answer lacks.
    async fn call<T>(
        &self,
        fault: Fault,
        work: BoxFuture<'_, Result<T, StoreError>>,
        short: impl FnOnce(&mut T),
    ) -> Result<T, StoreError> {
        match fault {
            Fault::None => work.await,
            Fault::UnavailableBefore => Err(ErrorKind::Unavailable.into()),
            Fault::UnavailableAfter => {
                work.await?;
                Err(ErrorKind::Unavailable.into())
            }
            Fault::Io => Err(ErrorKind::Io.into()),
            Fault::Delay => {
                self.delay().await;
                work.await
            }
            Fault::ShortAnswer => {
                let mut answer = work.await?;
                short(&mut answer);
                Ok(answer)
            }
            Fault::Panic => panic!("a fault of the script"),
        }
    }
}

impl Source {
    fn draw(&mut self) -> Fault {
        if let Some(fault) = self.script.pop_front() {
            return fault;
        }
        let Some((dice, percent, faults)) = &mut self.dice else { return Fault::None };
        if !dice.percent(*percent) {
            return Fault::None;
        }
        faults.get(dice.below(faults.len())).copied().unwrap_or(Fault::None)
    }
}

impl Backend for Faulty {
    fn caps(&self) -> Caps {
        self.caps
    }

    fn open<'a>(
        &'a self,
        id: &'a StreamId,
        open: Open<'a>,
    ) -> BoxFuture<'a, Result<Head, StoreError>> {
        self.inner.open(id, open)
    }

    fn release(&self, stream: StreamNo, epoch: Epoch) {
        self.inner.release(stream, epoch);
    }

    fn commit(&self, batch: Arc<[Chunk]>) -> BoxFuture<'_, Result<Vec<Applied>, StoreError>> {
        let fault = self.draw(|plan| &mut plan.commits);
        Box::pin(async move {
            // Made here: a commit without an effect must not even begin.
            let work: BoxFuture<'_, _> = Box::pin(async move { self.inner.commit(batch).await });
            self.call(fault, work, |applied| _ = applied.pop()).await
        })
    }

    fn stat<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<StreamInfo, StoreError>> {
        self.inner.stat(id)
    }

    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        let fault = self.draw(|plan| &mut plan.reads);
        Box::pin(async move {
            let work = self.inner.read(id, after, bytes_max);
            self.call(fault, work, |_| ()).await
        })
    }

    fn wait<'a>(
        &'a self,
        id: &'a StreamId,
        after: Option<Seq>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.wait(id, after)
    }

    fn list<'a>(
        &'a self,
        after: Option<&'a StreamId>,
        streams_max: usize,
    ) -> BoxFuture<'a, Result<Listing, StoreError>> {
        self.inner.list(after, streams_max)
    }

    fn extend<'a>(&'a self, id: &'a StreamId, ttl: Ttl) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.extend(id, ttl)
    }

    fn compact<'a>(
        &'a self,
        id: &'a StreamId,
        snapshot: Arc<[u8]>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.compact(id, snapshot)
    }

    fn snapshot<'a>(
        &'a self,
        id: &'a StreamId,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.snapshot(id)
    }

    fn delete<'a>(&'a self, id: &'a StreamId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.delete(id)
    }

    fn sweep(&self, streams_max: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.inner.sweep(streams_max)
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty").field("caps", &self.caps).finish_non_exhaustive()
    }
}
