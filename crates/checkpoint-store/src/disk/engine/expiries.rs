//! `Expiries`: when the streams that somebody waits for expire, so that the wait ends by itself.

use std::collections::{BTreeSet, HashMap};

use crate::{StreamNo, Timestamp};

/// One time for each stream; it is dropped when it has come, or the stream has ended or is gone.
#[derive(Debug, Default)]
pub(super) struct Expiries {
    by_time: BTreeSet<(Timestamp, StreamNo)>,
    by_stream: HashMap<StreamNo, Timestamp>,
}

impl Expiries {
    /// The stream expires then, and no longer at another time.
    pub(super) fn note(&mut self, stream: StreamNo, at: Timestamp) {
        self.forget(stream);
        self.by_stream.insert(stream, at);
        self.by_time.insert((at, stream));
    }

    pub(super) fn forget(&mut self, stream: StreamNo) {
        if let Some(at) = self.by_stream.remove(&stream) {
            self.by_time.remove(&(at, stream));
        }
    }

    /// Forgets a stream whose time has come.
    pub(super) fn take_past(&mut self, now: Timestamp) -> Option<StreamNo> {
        let (at, stream) = *self.by_time.first()?;
        (at <= now).then(|| self.forget(stream))?;
        Some(stream)
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: StreamNo = StreamNo::new(1);
    const TWO: StreamNo = StreamNo::new(2);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn each_stream_comes_once_and_at_its_latest_time() {
        let mut expiries = Expiries::default();
        expiries.note(ONE, at(5));
        expiries.note(TWO, at(7));
        expiries.note(ONE, at(9));
        assert_eq!((expiries.next(), expiries.take_past(at(6))), (Some(at(7)), None));
        assert_eq!(expiries.take_past(at(9)), Some(TWO));
        assert_eq!(expiries.take_past(at(9)), Some(ONE));
        assert_eq!((expiries.next(), expiries.take_past(at(9))), (None, None));
    }

    #[test]
    fn what_is_forgotten_does_not_come() {
        let mut expiries = Expiries::default();
        expiries.note(ONE, at(5));
        expiries.forget(ONE);
        assert!(expiries.by_stream.is_empty() && expiries.by_time.is_empty());
    }
}
