//! `Ledger`: what a victim promised, in a file that outlives it, and the judgement of a store by
//! it. Each number has a slot of its own, written by `pwrite`: a kill cannot tear it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::conformance::executor::run;
use crate::{ErrorKind, PAGE_BYTES, Seq, Store, StoreError, StreamId, StreamState};

/// Streams that are written to from the first generation to the last.
pub(super) const STREAMS: u64 = 4;

/// Records of each stream that is created, closed and soon deleted.
pub(super) const SHORT_RECORDS: u64 = 3;

const NAME: &str = "ledger";

/// What a victim promised.
#[derive(Debug)]
pub struct Ledger(File);

/// A number in the ledger.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// The last record of a stream that was appended, perhaps.
    Attempted(u64),
    /// The last record of a stream that was acknowledged.
    Acknowledged(u64),
    /// The epoch of the last writer of a stream that was acknowledged.
    Epoch(u64),
    /// The last short stream that was begun, perhaps.
    Begun,
    /// The last short stream whose close was acknowledged.
    Closed,
    /// The last short stream whose removal was acknowledged.
    Deleted,
    /// Rounds of all victims.
    Rounds,
}

const SLOTS: u64 = STREAMS * 3 + 4;

impl Ledger {
    /// An empty ledger in a directory.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    pub fn create(directory: &Path) -> Self {
        std::fs::write(directory.join(NAME), [0; SLOTS as usize * 8]).expect("a file");
        Self::open(directory)
    }

    /// The ledger in a directory.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn open(directory: &Path) -> Self {
        let file = File::options().read(true).write(true).open(directory.join(NAME));
        Self(file.expect("the ledger was created"))
    }

    /// Rounds that all victims together have acknowledged.
    pub fn rounds(&self) -> u64 {
        self.number(Slot::Rounds)
    }

    /// Notes that a round is acknowledged, for a victim that does something else.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    pub fn note_round(&self, round: u64) {
        self.note(Slot::Rounds, round);
    }

    /// Judges a store: per stream it has what was acknowledged and after that at most one run of
    /// whole records that were attempted; epochs never fall; what was closed is closed and whole,
    /// and what was deleted is gone.
    ///
    /// # Errors
    ///
    /// What is missing, or what is there and should not be.
    pub fn verify(&self, store: &Store) -> Result<(), String> {
        (0..STREAMS).try_for_each(|stream| self.verify_stream(store, stream))?;
        let (begun, closed) = (self.number(Slot::Begun), self.number(Slot::Closed));
        (1..=begun).try_for_each(|number| self.verify_short(store, number, number <= closed))
    }

    fn verify_stream(&self, store: &Store, stream: u64) -> Result<(), String> {
        let acknowledged = self.number(Slot::Acknowledged(stream));
        let (epoch, attempted) =
            (self.number(Slot::Epoch(stream)), self.number(Slot::Attempted(stream)));
        let id = id(stream);
        let found = read(store, &id, |seq| record(stream, seq));
        let found = match found {
            Err(Failure::Error(error)) if error.kind() == ErrorKind::NotFound && epoch == 0 => {
                return Ok(());
            }
            found => found.map_err(|failure| failure.about(&id))?,
        };
        if found < acknowledged {
            return Err(format!("{id} has {found} records, {acknowledged} were acknowledged"));
        }
        if found > attempted {
            return Err(format!("{id} has {found} records, only {attempted} were appended"));
        }
        let info = run(store.info(&id)).map_err(|error| format!("{id}: {error}"))?;
        if info.epoch.value() < epoch {
            return Err(format!("{id} is in epoch {}, {epoch} was acknowledged", info.epoch));
        }
        Ok(())
    }

    fn verify_short(&self, store: &Store, number: u64, is_closed: bool) -> Result<(), String> {
        let id = short_id(number);
        let info = match run(store.info(&id)) {
            Ok(info) => info,
            // Its removal may have been on the way.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let deleted = self.number(Slot::Deleted);
                return match !is_closed || number <= deleted + 1 {
                    true => Ok(()),
                    false => Err(format!("{id} is gone; only {deleted} were deleted")),
                };
            }
            Err(error) => return Err(format!("{id}: {error}")),
        };
        if number <= self.number(Slot::Deleted) {
            return Err(format!("{id} was deleted and is there"));
        }
        let found = read(store, &id, |seq| record(number, seq));
        let found = found.map_err(|failure| failure.about(&id))?;
        let is_whole = info.state == StreamState::Closed && found == SHORT_RECORDS;
        if found > SHORT_RECORDS || is_closed && !is_whole {
            return Err(format!("{id} was closed and is {info:?} with {found} records"));
        }
        Ok(())
    }

    pub(super) fn number(&self, slot: Slot) -> u64 {
        let mut number = [0; 8];
        self.0.read_exact_at(&mut number, slot.offset()).expect("every slot is in the file");
        u64::from_le_bytes(number)
    }

    pub(super) fn note(&self, slot: Slot, number: u64) {
        self.0.write_all_at(&number.to_le_bytes(), slot.offset()).expect("noted");
    }
}

impl Slot {
    fn offset(self) -> u64 {
        let slot = match self {
            Self::Attempted(stream) => stream,
            Self::Acknowledged(stream) => STREAMS + stream,
            Self::Epoch(stream) => STREAMS * 2 + stream,
            Self::Begun => STREAMS * 3,
            Self::Closed => STREAMS * 3 + 1,
            Self::Deleted => STREAMS * 3 + 2,
            Self::Rounds => STREAMS * 3 + 3,
        };
        slot * 8
    }
}

enum Failure {
    Error(StoreError),
    Other(String),
}

impl Failure {
    fn about(self, id: &StreamId) -> String {
        match self {
            Self::Error(error) => format!("{id}: {error}"),
            Self::Other(text) => format!("{id}: {text}"),
        }
    }
}

/// Reads a stream to its end and says how many records it has, all of them as they must be.
fn read(store: &Store, id: &StreamId, expected: impl Fn(Seq) -> Vec<u8>) -> Result<u64, Failure> {
    let mut last = None;
    loop {
        let page = run(store.read(id, last, PAGE_BYTES)).map_err(Failure::Error)?;
        for found in page.records() {
            if found.seq != Seq::after(last) || found.bytes != expected(found.seq) {
                return Err(Failure::Other(format!("other bytes in record {}", found.seq)));
            }
            last = Some(found.seq);
        }
        if !page.more() {
            return Ok(last.map_or(0, Seq::value));
        }
    }
}

pub(super) fn id(stream: u64) -> StreamId {
    StreamId::new(format!("stream-{stream}")).expect("a valid name")
}

pub(super) fn short_id(number: u64) -> StreamId {
    StreamId::new(format!("short-{number}")).expect("a valid name")
}

/// A record that says what it is; its length varies so that buffers of every size are cut.
pub(super) fn record(stream: u64, seq: Seq) -> Vec<u8> {
    let fill = (seq.value() * 37 + stream) % 400;
    let mut record = format!("{stream}/{seq}/").into_bytes();
    record.resize(record.len() + usize::try_from(fill).expect("below 400"), b'x');
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::crash::Directory;

    fn stored(records: u64) -> Store {
        let store = Store::memory();
        let mut writer = run(store.create(&id(0))).unwrap();
        for number in 1..=records {
            writer.append(&[&record(0, Seq::new(number).unwrap())]).unwrap();
        }
        store
    }

    #[test]
    fn a_loss_an_invention_and_a_return_are_found() {
        let directory = Directory::new();
        let ledger = Ledger::create(directory.path());
        for (slot, number) in
            [(Slot::Attempted(0), 5), (Slot::Acknowledged(0), 3), (Slot::Epoch(0), 1)]
        {
            ledger.note(slot, number);
        }
        ledger.verify(&stored(3)).unwrap();
        ledger.verify(&stored(5)).unwrap();
        assert!(ledger.verify(&stored(2)).unwrap_err().contains("3 were acknowledged"));
        assert!(ledger.verify(&stored(6)).unwrap_err().contains("only 5 were appended"));
        assert!(ledger.verify(&Store::memory()).is_err());
        let store = stored(3);
        run(store.create(&short_id(1))).unwrap();
        ledger.note(Slot::Begun, 1);
        ledger.verify(&store).unwrap();
        ledger.note(Slot::Closed, 1);
        assert!(ledger.verify(&store).unwrap_err().contains("was closed"));
        ledger.note(Slot::Deleted, 1);
        assert!(ledger.verify(&store).unwrap_err().contains("was deleted"));
        ledger.note(Slot::Epoch(0), 2);
        assert!(ledger.verify(&store).unwrap_err().contains("epoch"));
    }

    #[test]
    fn other_bytes_are_found() {
        let directory = Directory::new();
        let ledger = Ledger::create(directory.path());
        ledger.note(Slot::Attempted(0), 5);
        let store = Store::memory();
        run(store.create(&id(0))).unwrap().append(&[b"0/1/"]).unwrap();
        assert!(ledger.verify(&store).unwrap_err().contains("other bytes"));
    }
}
