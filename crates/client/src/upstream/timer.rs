//! The one timer of an upstream: a small task that sleeps until the pool wants to be asked
//! again. It runs only while somebody waits, and no stream needs to be polled for it.

use std::sync::{Arc, Weak};
use std::task::Waker;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use super::Upstream;
use super::desk::Order;

/// A timer that runs, or that its runtime dropped.
pub(super) struct Timer {
    upstream: Weak<Upstream>,
    number: u64,
}

impl Timer {
    /// Starts it on the runtime of whoever asks. Outside of one it is lost at once, and those who
    /// wait start another.
    pub(super) fn start(upstream: &Arc<Upstream>, order: Order) {
        let Order { number, at, replaced } = order;
        drop(replaced);
        let timer = Self { upstream: Arc::downgrade(upstream), number };
        let Some(at) = upstream.epoch.checked_add(at.as_duration()) else { return };
        let Ok(runtime) = Handle::try_current() else { return };
        let task = runtime.spawn(timer.run(at)).abort_handle();
        let stray = upstream.lock().note_task(number, task);
        if let Some(stray) = stray {
            stray.abort();
        }
    }

    async fn run(self, at: Instant) {
        sleep_until(at).await;
        if let Some(upstream) = self.upstream.upgrade() {
            // One that was replaced while it rang finds the pool with nothing to say.
            upstream.act(|desk, _| desk.disarm(self.number));
        }
    }
}

impl Drop for Timer {
    /// Does nothing after a timer that rang or was replaced.
    fn drop(&mut self) {
        let Some(upstream) = self.upstream.upgrade() else { return };
        let mut woken = Vec::new();
        let lost = {
            let mut desk = upstream.lock();
            let lost = desk.disarm(self.number);
            if lost.is_some() {
                desk.wake_all(&mut woken);
            }
            lost
        };
        drop(lost);
        woken.into_iter().for_each(Waker::wake);
    }
}
