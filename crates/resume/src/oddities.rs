//! What providers and proxies do that they should not, and that costs the response nothing.
//!
//! It is counted, so that somebody can be told. On the way of an event it costs a comparison.

use protocol::Decoded;
use retry_policy::Nanos;

/// How often an attempt was odd, in each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Oddities {
    /// Events whose name is not the type that their data says. The type was believed.
    pub misnamed: u64,
    /// Bytes, or halves of a surrogate pair, that are no text: what stood there is U+FFFD now. Only in
    /// the text; what else an event holds goes on as it came.
    pub replaced: u64,
    /// Content blocks out of their order: a piece of one that is not open, the end of one that was not
    /// opened, a beginning inside another one, a gap in the indices. On the Messages wire; what was
    /// said was delivered.
    pub misplaced: u64,
    /// Attempts whose whole answer came at once, long after it was asked for: something on the way
    /// keeps a stream until its end. An answer that does so has at least 32 events with content, the
    /// first of them came a second or more after the request, and from there to the last it took no
    /// more than a twentieth of that time and half a millisecond per event. A quick answer is not
    /// waited for so long, and a slow one does not come so fast.
    pub buffered: u64,
}

impl Oddities {
    /// Whether all was as it should be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each kind that occurred: its name, how often, and what it means in words.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, u64, &'static str)> {
        let Self { misnamed, replaced, misplaced, buffered } = *self;
        [
            ("misnamed", misnamed, "event names unlike the type in the data"),
            ("replaced", replaced, "bytes of text that are not UTF-8"),
            ("misplaced", misplaced, "content blocks out of order"),
            ("buffered", buffered, "answers that something kept back until they were whole"),
        ]
        .into_iter()
        .filter(|(_, count, _)| *count > 0)
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            misnamed: self.misnamed.saturating_add(other.misnamed),
            replaced: self.replaced.saturating_add(other.replaced),
            misplaced: self.misplaced.saturating_add(other.misplaced),
            buffered: self.buffered.saturating_add(other.buffered),
        }
    }
}

/// Which content block is open where the provider stands (Messages).
#[derive(Debug, Default)]
pub(crate) struct Nesting {
    open: Option<u32>,
    next: u32,
}

impl Nesting {
    /// Takes an event; how many things are out of order in it.
    #[inline]
    pub(crate) fn take(&mut self, event: &Decoded<'_>) -> u64 {
        match (&event.delta, event.open, event.close) {
            (Some(delta), None, None) if self.open == Some(delta.index) => 0,
            (None, None, None) => 0,
            _ => self.take_step(event),
        }
    }

    fn take_step(&mut self, event: &Decoded<'_>) -> u64 {
        let mut odd = 0;
        if let Some(open) = event.open {
            odd += u64::from(self.open.is_some() || open.index != self.next);
            self.begin(open.index);
        }
        if let Some(delta) = &event.delta
            && self.open != Some(delta.index)
        {
            // It opens its block: what follows there is in order.
            odd += 1;
            self.begin(delta.index);
        }
        if let Some(index) = event.close {
            odd += u64::from(self.open != Some(index));
            self.open = None;
        }
        odd
    }

    fn begin(&mut self, index: u32) {
        self.open = Some(index);
        self.next = self.next.max(index.saturating_add(1));
    }
}

/// When the content of one attempt came.
#[derive(Debug, Default)]
pub(crate) struct Arrival {
    chunk: Nanos,
    first: Nanos,
    last: Nanos,
    content: u64,
    /// The times of arrival are not those at which it was read.
    is_unknown: bool,
}

impl Arrival {
    /// A piece of the body came.
    pub(crate) const fn chunk(&mut self, now: Nanos) {
        self.chunk = now;
    }

    /// An event with content came in the last piece.
    #[inline]
    pub(crate) const fn content(&mut self) {
        if self.content == 0 {
            self.first = self.chunk;
        }
        self.last = self.chunk;
        self.content += 1;
    }

    /// Nobody read for a while, so that what came meanwhile is read late and all at once.
    pub(crate) const fn miss(&mut self) {
        self.is_unknown = true;
    }

    /// Whether all of it came at once, long after the attempt began.
    pub(crate) fn is_buffered(&self, began: Nanos) -> bool {
        let waited = self.first.saturating_sub(began);
        let took = self.last.saturating_sub(self.first);
        let least = Nanos(EVENT_NANOS.0.saturating_mul(self.content));
        !self.is_unknown
            && self.content >= EVENTS_MIN
            && waited >= WAIT_MIN
            && took <= Nanos(waited.0 / WAIT_SHARE)
            && took <= least
    }
}

/// Events with content below which an answer may as well be a quick one.
const EVENTS_MIN: u64 = 32;
/// How long an answer is waited for at least that something kept back.
const WAIT_MIN: Nanos = Nanos::from_secs(1);
/// The share of the wait in which such an answer comes.
const WAIT_SHARE: u64 = 20;
/// An event in less than this is faster than a model writes.
const EVENT_NANOS: Nanos = Nanos::from_micros(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(began_ms: u64, arrivals_us: &[u64], buffered: bool) {
        let mut arrival = Arrival::default();
        for at in arrivals_us {
            arrival.chunk(Nanos::from_micros(*at));
            arrival.content();
        }
        assert_eq!(arrival.is_buffered(Nanos::from_millis(began_ms)), buffered);
        arrival.miss();
        assert!(!arrival.is_buffered(Nanos::from_millis(began_ms)));
    }

    #[test]
    fn what_comes_at_once_after_a_long_wait_was_kept_back() {
        check(0, &[2_000_000; 40], true);
        check(0, &[2_000_000; 31], false);
        check(1500, &[2_000_000; 40], false);
    }

    #[test]
    fn what_a_model_can_write_was_not() {
        let every = |micros: u64| (0..40).map(|n| 5_000_000 + n * micros).collect::<Vec<_>>();
        check(0, &every(400), true);
        check(0, &every(600), false);
        let many: Vec<_> = (0..1000).map(|n| 1_000_000 + n * 100).collect();
        check(0, &many, false);
    }
}
