//! `Held`: the streams that are written through this backend: whose leases are to be renewed, and
//! where each stands, so that the usual append need not ask.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::backend::Head;
use crate::chunk::{Ending, Frames};
use crate::lock::Lock;
use crate::{Epoch, Seq, StreamId, StreamNo};

/// A writer moves the expiry of what describes its stream once per this part of the time that the
/// stream is kept; the scripts leave it twice as much.
const SLIDE_PARTS: u32 = 64;

/// The streams that are written through this backend.
#[derive(Debug, Default)]
pub(super) struct Held {
    grips: Lock<HashMap<(StreamNo, Epoch), Grip>>,
    news: Notify,
    is_stopped: AtomicBool,
}

/// What is known of one of them.
#[derive(Debug)]
struct Grip {
    id: StreamId,
    next: Seq,
    bytes: u64,
    /// The connection over which that was learned.
    generation: u64,
    slide: Option<Duration>,
    /// When the expiry of what describes the stream was moved.
    moved: Option<Instant>,
    is_released: bool,
}

/// A stream and the epoch in which it is held.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub(super) id: StreamId,
    pub(super) stream: StreamNo,
    pub(super) epoch: Epoch,
}

/// How the usual append goes.
#[derive(Debug)]
pub(super) struct Straight {
    /// Bytes of all records after it.
    pub(super) bytes: u64,
    /// How far the expiry moves.
    pub(super) slide: Option<Slide>,
}

#[derive(Debug)]
pub(super) struct Slide {
    pub(super) time: Duration,
    /// Whether what describes the stream is to be moved too.
    pub(super) moves_rest: bool,
}

impl Held {
    pub(super) fn grant(&self, id: &StreamId, head: &Head, generation: u64) {
        let mut grips = self.grips.hold();
        // An earlier writer of this process is fenced.
        grips.retain(|(stream, _), _| *stream != head.stream);
        let grip = Grip {
            id: id.clone(),
            next: head.next,
            bytes: head.bytes,
            generation,
            slide: head.expiry.slide,
            moved: None,
            is_released: false,
        };
        grips.insert((head.stream, head.epoch), grip);
    }

    pub(super) fn id_of(&self, stream: StreamNo, epoch: Epoch) -> Option<StreamId> {
        self.grips.hold().get(&(stream, epoch)).map(|grip| grip.id.clone())
    }

    /// How to append a run, when all about it is as usual: its writer holds the stream, it starts
    /// where the stream ended a moment ago, over this connection, and it does not end it.
    pub(super) fn straight(&self, frames: &Frames<'_>, generation: u64) -> Option<Straight> {
        let grips = self.grips.hold();
        let grip = grips.get(&(frames.stream, frames.epoch))?;
        let is_usual = grip.generation == generation
            && grip.next == frames.first
            && frames.ending == Ending::Open
            && frames.count > 0;
        let slide = grip.slide.map(|time| Slide {
            time,
            moves_rest: grip.moved.is_none_or(|moved| moved.elapsed() >= time / SLIDE_PARTS),
        });
        let bytes = grip.bytes + frames.payload().len() as u64;
        is_usual.then_some(Straight { bytes, slide })
    }

    /// The stream ends here now.
    pub(super) fn stored(&self, frames: &Frames<'_>, next: Seq, bytes: u64, generation: u64) {
        let mut grips = self.grips.hold();
        let Some(grip) = grips.get_mut(&(frames.stream, frames.epoch)) else { return };
        if generation > grip.generation || next > grip.next {
            (grip.next, grip.bytes, grip.generation) = (next, bytes, generation);
        }
    }

    /// The expiry of what describes the stream was moved.
    pub(super) fn moved(&self, frames: &Frames<'_>) {
        if let Some(grip) = self.grips.hold().get_mut(&(frames.stream, frames.epoch)) {
            grip.moved = Some(Instant::now());
        }
    }

    pub(super) fn set_slide(&self, holding: &Holding, slide: Option<Duration>) {
        if let Some(grip) = self.grips.hold().get_mut(&(holding.stream, holding.epoch)) {
            grip.slide = slide;
        }
    }

    /// It has no writer here any more.
    pub(super) fn forget(&self, stream: StreamNo, epoch: Epoch) {
        self.grips.hold().remove(&(stream, epoch));
    }

    /// Its lease is to be ended.
    pub(super) fn release(&self, stream: StreamNo, epoch: Epoch) {
        if let Some(grip) = self.grips.hold().get_mut(&(stream, epoch)) {
            grip.is_released = true;
            self.news.notify_one();
        }
    }

    /// Forgets the released ones, whose leases are to be ended.
    pub(super) fn take_released(&self) -> Vec<Holding> {
        let released = self.grips.hold().extract_if(|_, grip| grip.is_released).collect::<Vec<_>>();
        let holding = |((stream, epoch), grip): (_, Grip)| Holding { id: grip.id, stream, epoch };
        released.into_iter().map(holding).collect()
    }

    /// Those whose leases are to be renewed.
    pub(super) fn all(&self) -> Vec<Holding> {
        let grips = self.grips.hold();
        let holding = |(&(stream, epoch), grip): (&(StreamNo, Epoch), &Grip)| Holding {
            id: grip.id.clone(),
            stream,
            epoch,
        };
        grips.iter().filter(|(_, grip)| !grip.is_released).map(holding).collect()
    }

    /// Over at that time, or earlier when something was released or all is to stop.
    pub(super) async fn news_until(&self, time: Instant) {
        // Late is no error: it says that nothing happened.
        let _ = timeout_at(time, self.news.notified()).await;
    }

    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        self.news.notify_one();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::Chunk;
    use crate::expiry::Expiry;

    const STREAM: StreamNo = StreamNo::new(3);

    fn held() -> (Held, StreamId) {
        let (held, id) = (Held::default(), StreamId::new("s").unwrap());
        held.grant(&id, &Head::new(STREAM, Epoch::FIRST, Expiry::NEVER), 1);
        (held, id)
    }

    fn run(first: u64, ending: Ending) -> Chunk {
        Chunk::new(STREAM, Epoch::FIRST, Seq::new(first).unwrap(), &[b"abc"], ending)
    }

    #[track_caller]
    fn check(held: &Held, chunk: &Chunk, generation: u64, bytes: Option<u64>) {
        let straight = held.straight(&chunk.frames(), generation);
        assert_eq!(straight.map(|straight| straight.bytes), bytes);
    }

    #[test]
    fn only_the_next_run_over_the_same_connection_is_usual() {
        let (held, _) = held();
        check(&held, &run(1, Ending::Open), 1, Some(4));
        check(&held, &run(1, Ending::Close), 1, None);
        check(&held, &run(2, Ending::Open), 1, None);
        check(&held, &run(1, Ending::Open), 2, None);
        held.stored(&run(1, Ending::Open).frames(), Seq::new(2).unwrap(), 4, 2);
        check(&held, &run(2, Ending::Open), 2, Some(8));
    }

    #[test]
    fn a_late_answer_moves_nothing_back() {
        let (held, _) = held();
        let first = run(1, Ending::Open);
        held.stored(&first.frames(), Seq::new(3).unwrap(), 9, 1);
        held.stored(&first.frames(), Seq::new(2).unwrap(), 4, 1);
        check(&held, &run(3, Ending::Open), 1, Some(13));
    }

    #[test]
    fn a_released_stream_is_taken_once_and_never_renewed() {
        let (held, id) = held();
        held.release(STREAM, Epoch::FIRST.next());
        assert_eq!((held.all().len(), held.take_released().len()), (1, 0));
        held.release(STREAM, Epoch::FIRST);
        assert!(held.all().is_empty());
        assert_eq!(held.take_released()[0].id, id);
        assert!(held.take_released().is_empty());
    }

    #[test]
    fn a_successor_in_this_process_takes_the_place_of_its_predecessor() {
        let (held, id) = held();
        let next = Epoch::FIRST.next();
        held.grant(&id, &Head::new(STREAM, next, Expiry::NEVER), 1);
        assert_eq!(held.all().len(), 1);
        check(&held, &run(1, Ending::Open), 1, None);
        assert_eq!((held.id_of(STREAM, next), held.id_of(STREAM, Epoch::FIRST)), (Some(id), None));
    }
}
