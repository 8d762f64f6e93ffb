//! `Tails`: who waits for the next entry of a log. What this process commits wakes them at once;
//! what others commit is looked for, for all of them in one go, as long as somebody waits.

use std::collections::BTreeMap;
use std::sync::Arc;

use redis::{Pipeline, Value};
use tokio::sync::{Notify, oneshot};

use super::link::Connection;
use super::reply::read;
use super::standing::EntryId;
use super::streams::Streams;
use crate::lock::Lock;
use crate::{ErrorKind, StoreError, StreamId, StreamNo};

/// Streams that one pipeline looks at.
const STREAMS_PER_LOOK: usize = 512;

/// Everyone who waits.
#[derive(Debug, Default)]
pub(super) struct Tails {
    waiting: Lock<Vec<Waiting>>,
    came: Notify,
}

#[derive(Debug)]
struct Waiting {
    id: StreamId,
    stream: StreamNo,
    /// The last entry that it knows.
    entry: EntryId,
    ready: oneshot::Sender<Result<(), StoreError>>,
}

impl Tails {
    /// Over when there may be an entry after this one, or the stream has ended or is gone.
    pub(super) async fn wait(
        &self,
        id: &StreamId,
        stream: StreamNo,
        entry: EntryId,
    ) -> Result<(), StoreError> {
        let (ready, is_ready) = oneshot::channel();
        self.waiting.hold().push(Waiting { id: id.clone(), stream, entry, ready });
        self.came.notify_one();
        is_ready.await.unwrap_or_else(|_| Err(ErrorKind::Poisoned.into()))
    }

    /// Wakes whoever waits for this stream.
    pub(super) fn changed(&self, stream: StreamNo) {
        self.wake(|waiting| waiting.stream == stream, &Ok(()));
    }

    fn wake(&self, which: impl Fn(&Waiting) -> bool, result: &Result<(), StoreError>) {
        let woken: Vec<_> = self.waiting.hold().extract_if(.., |waiting| which(waiting)).collect();
        for waiting in woken {
            // Whoever does not wait any more needs no answer.
            let _ = waiting.ready.send(result.clone());
        }
    }

    /// What is waited for, once each; whoever waits no longer is forgotten.
    fn wanted(&self) -> Vec<(StreamId, EntryId)> {
        let mut waiting = self.waiting.hold();
        let left: Vec<_> = waiting.extract_if(.., |waiting| waiting.ready.is_closed()).collect();
        let wanted = waiting.iter().map(|waiting| ((waiting.id.clone(), waiting.entry), ()));
        let wanted = wanted.collect::<BTreeMap<_, ()>>().into_keys().collect();
        drop(waiting);
        // Outside the lock: with each goes the waker of whoever left.
        drop(left);
        wanted
    }
}

impl Streams {
    /// Looks for what others commit, as long as somebody waits; never ends by itself.
    pub(super) async fn watch_tails(self: Arc<Self>) {
        loop {
            let wanted = self.tails.wanted();
            if wanted.is_empty() {
                self.tails.came.notified().await;
            }
            tokio::time::sleep(self.options.tail_interval).await;
            for wanted in self.tails.wanted().chunks(STREAMS_PER_LOOK) {
                if let Err(error) = self.look(wanted).await {
                    self.tails.wake(|_| true, &Err(error));
                }
            }
        }
    }

    async fn look(&self, wanted: &[(StreamId, EntryId)]) -> Result<(), StoreError> {
        let mut connection = self.link.connection().await?;
        let mut pipe = Pipeline::new();
        for (id, entry) in wanted {
            pipe.cmd("XRANGE").arg(self.keys.log(id)).arg(format!("({}", entry.text())).arg("+");
            pipe.arg("COUNT").arg(1);
            pipe.cmd("EXISTS").arg(self.keys.log(id));
            pipe.cmd("HGET").arg(self.keys.meta(id)).arg("state");
        }
        let answers = connection.send(&pipe).await?;
        let (looks, _) = answers.as_chunks::<3>();
        for ((id, entry), look) in wanted.iter().zip(looks) {
            let over = is_over(&connection, look);
            if !matches!(over, Ok(false)) {
                let result = over.map(drop);
                self.tails.wake(|waiting| (&waiting.id, waiting.entry) == (id, *entry), &result);
            }
        }
        Ok(())
    }
}

/// Whether the wait for a stream is over. What is wrong with one stream is no matter of others.
fn is_over(connection: &Connection, look: &[Value; 3]) -> Result<bool, StoreError> {
    let [entries, is_there, state] = look;
    let entries: Vec<Value> = read(connection.accept(entries.clone())?)?;
    let is_there: bool = read(connection.accept(is_there.clone())?)?;
    let state: Option<String> = read(connection.accept(state.clone())?)?;
    Ok(!entries.is_empty() || !is_there || state.as_deref() != Some("open"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Epoch;

    const ENTRY: EntryId = EntryId { epoch: Epoch::FIRST, position: 1 };

    #[test]
    fn whoever_left_is_not_looked_for() {
        let tails = Tails::default();
        let id = StreamId::new("s").unwrap();
        let mut wait = Box::pin(tails.wait(&id, StreamNo::new(1), ENTRY));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        assert_eq!(tails.wanted(), [(id.clone(), ENTRY)]);
        drop(wait);
        assert!(tails.wanted().is_empty() && tails.waiting.hold().is_empty());
    }

    #[test]
    fn a_change_wakes_those_of_its_stream_alone() {
        let tails = Tails::default();
        let id = StreamId::new("s").unwrap();
        let mut other = Box::pin(tails.wait(&id, StreamNo::new(2), ENTRY));
        let mut wait = Box::pin(tails.wait(&id, StreamNo::new(1), ENTRY));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(other.as_mut().poll(&mut cx).is_pending());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        tails.changed(StreamNo::new(1));
        assert!(wait.as_mut().poll(&mut cx).is_ready());
        assert!(other.as_mut().poll(&mut cx).is_pending());
    }
}
