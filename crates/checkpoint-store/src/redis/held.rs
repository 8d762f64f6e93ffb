//! `Held`: the streams that are written through this backend: whose leases are to be renewed, and
//! where each stands, so that the usual append need not ask.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
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
    token: Token,
    next: Seq,
    bytes: u64,
    /// The connection over which that was learned; none while an append is on its way.
    generation: Option<u64>,
    slide: Option<Duration>,
    /// When the expiry of what describes the stream was moved.
    moved: Option<Instant>,
    /// Its writer was told, or will be, that the stream is another's: there is nothing to renew. Its
    /// token stays, for without one it would pass for a writer of its epoch.
    is_lost: bool,
    is_released: bool,
}

/// What tells a writer from any other, also from one that has its epoch because a failover forgot
/// one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token(Arc<str>);

/// A stream, and who holds it.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub(super) id: StreamId,
    pub(super) token: Token,
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

impl Token {
    /// A new one, of 128 random bits.
    pub(super) fn new() -> Self {
        let random = || RandomState::new().build_hasher().finish();
        Self(Arc::from(format!("{:016x}{:016x}", random(), random())))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Held {
    pub(super) fn grant(&self, id: &StreamId, head: &Head, token: Token, generation: u64) {
        let mut grips = self.grips.hold();
        if grips.keys().any(|(stream, epoch)| *stream == head.stream && *epoch > head.epoch) {
            // It was taken over from this writer before that was told.
            return;
        }
        // An earlier writer of this process is fenced.
        grips.retain(|(stream, _), _| *stream != head.stream);
        let grip = Grip {
            id: id.clone(),
            token,
            next: head.next,
            bytes: head.bytes,
            generation: Some(generation),
            slide: head.expiry.slide,
            moved: None,
            is_lost: false,
            is_released: false,
        };
        grips.insert((head.stream, head.epoch), grip);
    }

    /// The id of the stream and the token of its writer, if that is here.
    pub(super) fn writer(&self, stream: StreamNo, epoch: Epoch) -> Option<(StreamId, Token)> {
        let grips = self.grips.hold();
        grips.get(&(stream, epoch)).map(|grip| (grip.id.clone(), grip.token.clone()))
    }

    /// How to append a run, when all about it is as usual: its writer holds the stream, it starts
    /// where the stream ended a moment ago, over this connection, and it does not end it. Until it
    /// is [`stored`](Self::stored) no other one is usual.
    pub(super) fn straight(&self, frames: &Frames<'_>, generation: u64) -> Option<Straight> {
        let mut grips = self.grips.hold();
        let grip = grips.get_mut(&(frames.stream, frames.epoch))?;
        let is_usual = grip.generation == Some(generation)
            && grip.next == frames.first
            && frames.ending == Ending::Open
            && frames.count > 0;
        if !is_usual {
            return None;
        }
        grip.generation = None;
        let slide = grip.slide.map(|time| Slide {
            time,
            moves_rest: grip.moved.is_none_or(|moved| moved.elapsed() >= time / SLIDE_PARTS),
        });
        let bytes = grip.bytes + frames.payload().len() as u64;
        Some(Straight { bytes, slide })
    }

    /// The stream ends here now.
    pub(super) fn stored(&self, frames: &Frames<'_>, next: Seq, bytes: u64, generation: u64) {
        let mut grips = self.grips.hold();
        let Some(grip) = grips.get_mut(&(frames.stream, frames.epoch)) else { return };
        if next >= grip.next {
            (grip.next, grip.bytes, grip.generation) = (next, bytes, Some(generation));
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

    /// Streams of this id are kept longer now.
    pub(super) fn extended(&self, id: &StreamId, slide: Option<Duration>) {
        let mut grips = self.grips.hold();
        grips.values_mut().filter(|grip| grip.id == *id).for_each(|grip| grip.slide = slide);
    }

    /// The stream is not this writer's any more.
    pub(super) fn lose(&self, stream: StreamNo, epoch: Epoch) {
        if let Some(grip) = self.grips.hold().get_mut(&(stream, epoch)) {
            (grip.is_lost, grip.generation) = (true, None);
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
        let holding = |((stream, epoch), grip): (_, Grip)| Holding {
            id: grip.id,
            token: grip.token,
            stream,
            epoch,
        };
        released.into_iter().map(holding).collect()
    }

    /// Those whose leases are to be renewed.
    pub(super) fn all(&self) -> Vec<Holding> {
        let grips = self.grips.hold();
        let holding = |(&(stream, epoch), grip): (&(StreamNo, Epoch), &Grip)| Holding {
            id: grip.id.clone(),
            token: grip.token.clone(),
            stream,
            epoch,
        };
        grips.iter().filter(|(_, grip)| !grip.is_released && !grip.is_lost).map(holding).collect()
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
        held.grant(&id, &Head::new(STREAM, Epoch::FIRST, Expiry::NEVER), Token::new(), 1);
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
        check(&held, &run(1, Ending::Close), 1, None);
        check(&held, &run(2, Ending::Open), 1, None);
        check(&held, &run(1, Ending::Open), 2, None);
        check(&held, &run(1, Ending::Open), 1, Some(4));
        held.stored(&run(1, Ending::Open).frames(), Seq::new(2).unwrap(), 4, 2);
        check(&held, &run(2, Ending::Open), 2, Some(8));
    }

    #[test]
    fn nothing_is_usual_while_a_run_is_on_its_way() {
        let (held, _) = held();
        let first = run(1, Ending::Open);
        check(&held, &first, 1, Some(4));
        check(&held, &first, 1, None);
        held.stored(&first.frames(), Seq::new(2).unwrap(), 4, 1);
        check(&held, &run(2, Ending::Open), 1, Some(8));
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
    fn a_lost_stream_is_not_renewed_and_its_writer_keeps_its_token() {
        let (held, _) = held();
        let token = held.writer(STREAM, Epoch::FIRST).map(|(_, token)| token);
        held.lose(STREAM, Epoch::FIRST);
        assert!(held.all().is_empty());
        check(&held, &run(1, Ending::Open), 1, None);
        assert_eq!(held.writer(STREAM, Epoch::FIRST).map(|(_, token)| token), token);
        held.release(STREAM, Epoch::FIRST);
        assert_eq!(held.take_released().len(), 1);
        assert!(held.writer(STREAM, Epoch::FIRST).is_none());
    }

    #[test]
    fn a_successor_in_this_process_takes_the_place_of_its_predecessor() {
        let (held, id) = held();
        let next = Epoch::FIRST.next();
        held.grant(&id, &Head::new(STREAM, next, Expiry::NEVER), Token::new(), 1);
        assert_eq!(held.all().len(), 1);
        check(&held, &run(1, Ending::Open), 1, None);
        let id_of = |epoch| held.writer(STREAM, epoch).map(|(id, _)| id);
        assert_eq!((id_of(next), id_of(Epoch::FIRST)), (Some(id.clone()), None));
        // Told late, the earlier one changes nothing.
        held.grant(&id, &Head::new(STREAM, Epoch::FIRST, Expiry::NEVER), Token::new(), 1);
        assert_eq!((id_of(next), id_of(Epoch::FIRST)), (Some(id.clone()), None));
    }
}
