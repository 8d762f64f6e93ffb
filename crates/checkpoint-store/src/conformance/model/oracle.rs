//! `Oracle`: what a store must answer, from nothing but ordered maps and the words of the contract.
//! It shares no rule with the backends: the conditions are written out a second time on purpose.

use std::collections::BTreeMap;

use crate::{
    Applied, Ending, Epoch, ErrorKind, Frames, Head, Seq, StreamInfo, StreamNo, StreamState,
    Takeover, Timestamp, Ttl,
};

/// Every stream, and the epochs of those that are gone.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    streams: BTreeMap<String, Stream>,
    epochs: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Stream {
    number: Option<StreamNo>,
    epoch: u64,
    records: Vec<Vec<u8>>,
    is_closed: bool,
    snapshot: Option<Vec<u8>>,
    expires: Option<u64>,
    slide: Option<u64>,
    hold: Hold,
}

/// Whether somebody holds a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    Free,
    Held,
    /// Its writer died; whether its lease has lapsed is a matter of time.
    Unknown,
}

impl Oracle {
    /// `None` when the name is taken; otherwise the epoch that the new one must be above.
    pub(super) fn create(&mut self, name: &str, ttl: Option<Ttl>, now: Timestamp) -> Option<Epoch> {
        self.expire(now);
        if self.streams.contains_key(name) {
            return None;
        }
        let now = now.millis();
        let (expires, slide) = match ttl {
            None => (None, None),
            Some(Ttl::Until(at)) => (Some(at.millis()), None),
            Some(Ttl::Sliding(time)) => {
                let time = time.as_millis() as u64;
                (Some(now + time), Some(time))
            }
        };
        let stream = Stream {
            number: None,
            epoch: 0,
            records: Vec::new(),
            is_closed: false,
            snapshot: None,
            expires,
            slide,
            hold: Hold::Held,
        };
        self.streams.insert(name.to_owned(), stream);
        Some(Epoch::new(self.epochs.get(name).copied().unwrap_or(0)))
    }

    /// The store said which number and epoch it gave.
    pub(super) fn created(&mut self, name: &str, head: &Head) {
        let stream = self.streams.get_mut(name).expect("it was created a moment ago");
        (stream.number, stream.epoch) = (Some(head.stream), head.epoch.value());
    }

    pub(super) fn recover(
        &mut self,
        name: &str,
        takeover: Takeover,
        now: Timestamp,
    ) -> Result<(Epoch, Seq), ErrorKind> {
        self.expire(now);
        let stream = self.streams.get_mut(name).ok_or(ErrorKind::NotFound)?;
        if stream.is_closed {
            return Err(ErrorKind::Closed { last: Seq::new(stream.records.len() as u64) });
        }
        let current = Epoch::new(stream.epoch);
        if stream.hold != Hold::Free && takeover != Takeover::Over(current) {
            return Err(ErrorKind::Held { epoch: current, left: None });
        }
        stream.epoch += 1;
        stream.hold = Hold::Held;
        stream.touch(now);
        Ok((Epoch::new(stream.epoch), stream.next()))
    }

    pub(super) fn commit(&mut self, frames: &Frames<'_>, now: Timestamp) -> Applied {
        self.expire(now);
        let by_number = |stream: &&mut Stream| stream.number == Some(frames.stream);
        let Some(stream) = self.streams.values_mut().find(by_number) else {
            return Applied::Deleted;
        };
        let (first, count) = (frames.first.value(), u64::from(frames.count));
        let (next, closes) = (stream.next().value(), frames.ending == Ending::Close);
        if frames.epoch.value() != stream.epoch {
            return Applied::Fenced { current: Epoch::new(stream.epoch) };
        }
        if closes && stream.is_closed && first + count == next || !closes && first + count <= next {
            return Applied::Duplicate { next: stream.next() };
        }
        if stream.is_closed {
            return Applied::Closed { last: Seq::new(stream.records.len() as u64) };
        }
        if first != next {
            return Applied::Gap { expected: stream.next() };
        }
        stream.records.extend(frames.records().map(|record| record.bytes.to_vec()));
        if closes {
            (stream.is_closed, stream.hold) = (true, Hold::Free);
        }
        stream.touch(now);
        Applied::Stored { next: stream.next() }
    }

    /// The records of a page, and whether there are more.
    pub(super) fn read(
        &self,
        name: &str,
        after: u64,
        bytes_max: usize,
    ) -> Result<(Vec<Vec<u8>>, bool), ErrorKind> {
        let stream = self.streams.get(name).ok_or(ErrorKind::NotFound)?;
        let len = stream.records.len() as u64;
        if after > len {
            return Err(ErrorKind::CursorAhead { last: Seq::new(len) });
        }
        if stream.snapshot.is_some() && after < len {
            return Err(ErrorKind::CursorTrimmed { first: stream.next() });
        }
        let mut page: Vec<Vec<u8>> = Vec::new();
        let mut bytes = 0;
        for record in &stream.records[after as usize..] {
            bytes += record.len();
            if bytes > bytes_max && !page.is_empty() {
                return Ok((page, true));
            }
            page.push(record.clone());
        }
        Ok((page, false))
    }

    pub(super) fn compact(&mut self, name: &str, snapshot: Vec<u8>) -> Result<(), ErrorKind> {
        let stream = self.streams.get_mut(name).ok_or(ErrorKind::NotFound)?;
        if !stream.is_closed {
            return Err(ErrorKind::StillOpen);
        }
        stream.snapshot = Some(snapshot);
        Ok(())
    }

    pub(super) fn extend(&mut self, name: &str, ttl: Ttl, now: Timestamp) -> Result<(), ErrorKind> {
        let stream = self.streams.get_mut(name).ok_or(ErrorKind::NotFound)?;
        let Some(expires) = stream.expires else { return Ok(()) };
        let (asked, slide) = match ttl {
            Ttl::Until(at) => (at.millis(), None),
            Ttl::Sliding(time) => {
                let time = time.as_millis() as u64;
                (now.millis() + time, Some(time))
            }
        };
        stream.expires = Some(expires.max(asked));
        stream.slide = stream.slide.max(slide);
        Ok(())
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<(), ErrorKind> {
        self.bury(name).ok_or(ErrorKind::NotFound)
    }

    /// Whether a release ends a lease.
    pub(super) fn release(&mut self, number: StreamNo, epoch: Epoch) -> bool {
        let held = self.streams.values_mut().find(|stream| {
            stream.number == Some(number) && stream.epoch == epoch.value() && !stream.is_closed
        });
        held.map(|stream| stream.hold = Hold::Free).is_some()
    }

    /// The store was opened again.
    pub(super) fn reopened(&mut self, leases_lapse: bool) {
        let held = self.streams.values_mut().filter(|stream| stream.hold != Hold::Free);
        held.for_each(|stream| stream.hold = if leases_lapse { Hold::Unknown } else { Hold::Free });
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        let past = |stream: &Stream| stream.expires.is_some_and(|at| at <= now.millis());
        let expired = self.streams.iter().filter(|(_, stream)| past(stream));
        let expired: Vec<String> = expired.map(|(name, _)| name.clone()).collect();
        for name in expired {
            self.bury(&name);
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.streams.keys().cloned().collect()
    }

    pub(super) fn epoch(&self, name: &str) -> Epoch {
        Epoch::new(self.streams.get(name).map_or(1, |stream| stream.epoch))
    }

    pub(super) fn hold(&self, name: &str) -> Option<Hold> {
        self.streams.get(name).map(|stream| stream.hold)
    }

    /// Where a stream ends; its start when there is none.
    pub(super) fn next(&self, name: &str) -> Seq {
        self.streams.get(name).map_or(Seq::FIRST, Stream::next)
    }

    pub(super) fn records(&self, name: &str) -> &[Vec<u8>] {
        self.streams.get(name).map_or(&[], |stream| &stream.records)
    }

    pub(super) fn snapshot(&self, name: &str) -> Option<&[u8]> {
        self.streams.get(name)?.snapshot.as_deref()
    }

    /// Compares what is known about a stream.
    #[track_caller]
    pub(super) fn check(&self, info: &StreamInfo, knows_time: bool) {
        let stream = &self.streams[info.id.as_str()];
        let len = stream.records.len() as u64;
        let first = if stream.snapshot.is_some() { stream.next() } else { Seq::FIRST };
        let state = if stream.is_closed { StreamState::Closed } else { StreamState::Open };
        assert_eq!(
            (info.epoch.value(), info.first, info.last),
            (stream.epoch, first, Seq::new(len))
        );
        assert_eq!(info.state, state);
        if stream.snapshot.is_none() {
            let framed = stream.records.iter().map(|record| framed_len(record.len()) as u64);
            assert_eq!(info.bytes, framed.sum::<u64>());
        }
        match stream.hold {
            Hold::Free => assert_eq!(info.lease, None),
            Hold::Held => assert!(info.lease.is_some()),
            Hold::Unknown => {}
        }
        if knows_time {
            assert_eq!(info.expires.map(Timestamp::millis), stream.expires);
        }
    }

    fn bury(&mut self, name: &str) -> Option<()> {
        let stream = self.streams.remove(name)?;
        self.epochs.insert(name.to_owned(), stream.epoch);
        Some(())
    }
}

impl Stream {
    fn next(&self) -> Seq {
        Seq::new(self.records.len() as u64 + 1).expect("at least 1")
    }

    fn touch(&mut self, now: Timestamp) {
        if let (Some(at), Some(slide)) = (self.expires, self.slide) {
            self.expires = Some(at.max(now.millis() + slide));
        }
    }
}

/// Bytes of a record behind its length, seven bits of that in a byte.
fn framed_len(len: usize) -> usize {
    let mut bytes = 1;
    while len >> (7 * bytes) > 0 {
        bytes += 1;
    }
    bytes + len
}
