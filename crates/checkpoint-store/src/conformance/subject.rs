//! `Subject`: a backend to judge, together with what a rule needs to know about it: how to open it
//! again, how time passes for it, and what must stay alive meanwhile.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::executor::eventually;
use crate::{Backend, Clock, Options, Store, Timestamp};

/// A backend to judge.
///
/// ```
/// use std::time::Duration;
///
/// use checkpoint_store::MemoryBackend;
/// use checkpoint_store::conformance::{ManualClock, Subject};
///
/// let clock = ManualClock::default();
/// let subject = Subject::new(MemoryBackend::with_clock(clock.clock())).with_clock(clock);
/// assert!(!subject.can_reopen());
/// subject.pass(Duration::from_secs(3600));
/// ```
pub struct Subject {
    // Dropped in this order: whoever is kept alive outlives the backend.
    backend: Option<Arc<dyn Backend>>,
    open: Option<Box<dyn FnMut() -> Arc<dyn Backend>>>,
    clock: Option<ManualClock>,
    kept: Vec<Box<dyn Any>>,
}

impl Subject {
    /// A backend that ends with its process. It must hold no stream.
    pub fn new(backend: impl Backend) -> Self {
        Self { backend: Some(Arc::new(backend)), open: None, clock: None, kept: Vec::new() }
    }

    /// A backend that `open` opens, and opens again with what it held. It must hold no stream at
    /// first.
    pub fn reopening<B: Backend>(mut open: impl FnMut() -> B + 'static) -> Self {
        let mut open = move || Arc::new(open()) as Arc<dyn Backend>;
        let backend = Some(open());
        Self { backend, open: Some(Box::new(open)), clock: None, kept: Vec::new() }
    }

    /// The backend takes its time from this clock; without one it has a clock of its own, and the
    /// rules about expiry wait for it.
    #[must_use]
    pub fn with_clock(mut self, clock: ManualClock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Keeps something until the backend is gone: a temporary directory, a server.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The backend.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        self.backend.as_ref().expect("it is only away inside of `reopen`")
    }

    /// Whether it keeps what it holds when it is opened again.
    pub fn can_reopen(&self) -> bool {
        self.open.is_some()
    }

    /// Releases the backend and opens it again. Whatever used it must be dropped before.
    ///
    /// # Panics
    ///
    /// When it cannot be reopened, or is still used.
    pub fn reopen(&mut self) {
        let open = self.open.as_mut().expect("the subject was made with `reopening`");
        // A committer lets go of it in the background.
        let backend = self.backend.as_ref().expect("there is one");
        eventually("nobody else uses the backend", || {
            (Arc::strong_count(backend) == 1).then_some(())
        });
        self.backend = None;
        self.backend = Some(open());
    }

    /// A store on the backend.
    pub fn store(&self) -> Store {
        self.store_with(Options::default())
    }

    /// A store on the backend.
    pub fn store_with(&self, options: Options) -> Store {
        Store::new(Arc::clone(self.backend()), options).expect("the level is reached")
    }

    /// Lets time pass: on its clock, or really.
    pub fn pass(&self, time: Duration) {
        match &self.clock {
            Some(clock) => clock.advance(time),
            None => sleep(time),
        }
    }

    /// The moment that the backend takes for now.
    pub fn now(&self) -> Timestamp {
        self.clock.as_ref().map_or_else(|| Clock::system().now(), |clock| clock.clock().now())
    }

    /// Whether the rules decide when time passes.
    pub fn has_clock(&self) -> bool {
        self.clock.is_some()
    }

    /// A time that is long for the backend and short for whoever waits for it.
    pub(crate) fn short_ttl(&self) -> Duration {
        match self.clock {
            Some(_) => Duration::from_secs(60),
            None => Duration::from_millis(500),
        }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("caps", &self.backend().caps())
            .field("can_reopen", &self.can_reopen())
            .finish_non_exhaustive()
    }
}

/// A clock that stands still until it is told to go on. Cloning gives the same clock.
#[derive(Clone, Debug)]
pub struct ManualClock {
    millis: Arc<AtomicU64>,
}

impl ManualClock {
    /// What to give to the backend.
    pub fn clock(&self) -> Clock {
        let millis = Arc::clone(&self.millis);
        Clock::new(move || Timestamp::from_millis(millis.load(Ordering::SeqCst)))
    }

    /// Moves it on.
    pub fn advance(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).expect("a time in u64 milliseconds");
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// A clock that shows 2,000,000 s after the Unix epoch.
    fn default() -> Self {
        Self { millis: Arc::new(AtomicU64::new(2_000_000_000)) }
    }
}
