//! What a journal says, one entry for each thing that was written down. It puts records together and
//! reads them; what follows from the entries is the work of `checkpoint`.

use bytes::Bytes;
use cost::Usage;
use protocol::{RequestBody, StopReason, Wire};
use retry_policy::IdempotencyKey;

use crate::checkpoint::CheckpointError;
use crate::input::AttemptId;
use crate::journal::{self, Fields, Kind, Origin, Part, Seq};
use crate::seam::{Rung, Seam};

/// One thing that a journal says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Entry<'a> {
    /// What was asked, and where.
    Start(Box<Start>),
    /// An event that the consumer was given.
    Emitted {
        /// The value of its `event` field.
        name: &'a [u8],
        /// The value of its `data` field.
        data: &'a [u8],
    },
    /// A connection attempt.
    Attempt {
        /// Its number.
        attempt: AttemptId,
        /// How it went on.
        rung: Rung,
        /// Bytes of text before it.
        offset: u64,
        /// Where it was made, as far as the journal says.
        endpoint: Option<&'a str>,
        /// What was asked there in the place of the request's model.
        model: Option<&'a str>,
        /// The number of the upstream, as far as the journal says: 0 is the first, any other a
        /// [fallback](crate::Config::fallbacks) of the process that wrote it.
        upstream: Option<u32>,
    },
    /// A copy of the request of the last attempt, beside it. If it wins, an `Attempt` of the same number
    /// follows.
    Hedge {
        /// Its number.
        attempt: AttemptId,
        /// How it went on.
        rung: Rung,
        /// Where it was made.
        endpoint: &'a str,
        /// What was asked there in the place of the request's model.
        model: Option<&'a str>,
    },
    /// A joint of the text.
    Seam(Seam),
    /// What an attempt was billed, as far as its provider had reported.
    Usage {
        /// The attempt.
        attempt: AttemptId,
        /// Its tokens.
        usage: Usage,
    },
    /// The provider keeps the response that an attempt asked for.
    Cursor {
        /// The attempt.
        attempt: AttemptId,
        /// The provider's id of the response.
        response: &'a str,
    },
    /// An answer ended, and the response goes on behind it.
    GoOn {
        /// Why the answer ended.
        reason: StopReason,
        /// The content blocks that are sent back, of a turn that was paused.
        turn: Option<&'a str>,
        /// The container that the tools of that turn run in.
        container: Option<&'a str>,
    },
    /// The end of that answer as its provider said it: it is told where nothing follows.
    Unsaid {
        /// The attempt that brought it.
        attempt: AttemptId,
        /// The values of the `event` and of the `data` field of its events.
        events: Vec<(&'a [u8], &'a [u8])>,
    },
    /// The end that follows is not the provider's: the caller wants the turn to end behind the calls
    /// that were shown.
    OwnEnd,
    /// The caller gave the stream up.
    Cancel,
    /// The provider had finished.
    Close,
}

/// What was asked, and where.
#[derive(Clone, Debug)]
pub struct Start {
    /// The wire of the request.
    pub wire: Wire,
    /// The name of the profile.
    pub profile: String,
    /// The idempotency key of the response.
    pub key: IdempotencyKey,
    /// Where the request goes.
    pub origin: Origin,
    /// The request as the caller wrote it.
    pub request: RequestBody,
}

/// Puts the records of one journal together.
///
/// An entry whose writer died before its last record is left out: nobody was given what it says.
///
/// ```
/// use resume::{Entries, Entry};
///
/// let mut entries = Entries::default();
/// assert!(entries.push(b"\x02\x01\x01nab")?.is_none());
/// let Some((seq, Entry::Emitted { name, data })) = entries.push(b"\x02\0\0cd")? else {
///     panic!("its last record")
/// };
/// assert_eq!((seq.0, name, data), (1, b"n".as_slice(), b"abcd".as_slice()));
/// # Ok::<(), resume::CheckpointError>(())
/// ```
#[derive(Debug, Default)]
pub struct Entries {
    /// The records so far.
    seq: u64,
    content: Vec<u8>,
    /// The first record of an entry whose last one is still to come, and its kind.
    pending: Option<(u64, Kind)>,
}

impl Entries {
    /// Takes the next record; the last one of an entry gives it, with the number of its first.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] when the record is not one that this version reads.
    pub fn push(&mut self, record: &[u8]) -> Result<Option<(Seq, Entry<'_>)>, CheckpointError> {
        self.seq += 1;
        let malformed = CheckpointError::Malformed { seq: Seq(self.seq) };
        let part = Part::read(record).ok_or(malformed)?;
        let goes_on = self.pending.is_some_and(|(_, kind)| kind == part.kind);
        let payload = match (goes_on, part.kind) {
            // Only the first record of an event has a name; the others repeat its empty length.
            (true, Kind::Emitted) => part.payload.get(1..).ok_or(malformed)?,
            _ => part.payload,
        };
        let first = match self.pending.take().filter(|_| goes_on) {
            Some((first, _)) => first,
            None => {
                self.content.clear();
                self.seq
            }
        };
        self.content.extend_from_slice(payload);
        if part.more {
            self.pending = Some((first, part.kind));
            return Ok(None);
        }
        Ok(Some((Seq(first), read(part.kind, &self.content, malformed)?)))
    }

    /// Whether the writer died before the last record of what it had begun.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.pending.is_some()
    }
}

fn read(
    kind: Kind,
    content: &[u8],
    malformed: CheckpointError,
) -> Result<Entry<'_>, CheckpointError> {
    let mut fields = Fields(content);
    match kind {
        Kind::Start => match fields.u8() {
            Some(journal::FORMAT) => read_start(&mut fields),
            Some(found) => return Err(CheckpointError::Version { found }),
            None => None,
        },
        kind => read_short(kind, &mut fields),
    }
    .ok_or(malformed)
}

fn read_short<'a>(kind: Kind, fields: &mut Fields<'a>) -> Option<Entry<'a>> {
    Some(match kind {
        Kind::Start => return None,
        Kind::Emitted => {
            let len = usize::from(fields.u8()?);
            let name = fields.bytes(len)?;
            Entry::Emitted { name, data: fields.0 }
        }
        Kind::Attempt => Entry::Attempt {
            attempt: AttemptId(fields.u32()?),
            rung: fields.rung()?,
            offset: fields.u64()?,
            endpoint: fields.text().filter(|name| !name.is_empty()),
            model: fields.text().filter(|name| !name.is_empty()),
            upstream: fields.u32(),
        },
        Kind::Hedge => Entry::Hedge {
            attempt: AttemptId(fields.u32()?),
            rung: fields.rung()?,
            endpoint: fields.text()?,
            model: fields.text(),
        },
        Kind::Seam => Entry::Seam(fields.seam()?),
        Kind::Usage => Entry::Usage { attempt: AttemptId(fields.u32()?), usage: fields.usage()? },
        Kind::Cursor => {
            Entry::Cursor { attempt: AttemptId(fields.u32()?), response: fields.text()? }
        }
        Kind::GoOn => {
            let (reason, container) = fields.reason()?;
            let turn = std::str::from_utf8(fields.0).ok()?;
            Entry::GoOn { reason, turn: Some(turn).filter(|turn| !turn.is_empty()), container }
        }
        Kind::Unsaid => {
            Entry::Unsaid { attempt: AttemptId(fields.u32()?), events: fields.events()? }
        }
        Kind::OwnEnd => Entry::OwnEnd,
        Kind::Cancel => Entry::Cancel,
        Kind::Close => Entry::Close,
    })
}

fn read_start<'a>(fields: &mut Fields<'_>) -> Option<Entry<'a>> {
    let key = IdempotencyKey::from_bytes(fields.bytes(16)?.try_into().ok()?);
    let wire: Wire = fields.text()?.parse().ok()?;
    let profile = fields.text()?.to_owned();
    let endpoint = fields.text()?.to_owned();
    let headers = (0..fields.u32()?)
        .map(|_| Some((fields.text()?.to_owned(), fields.text()?.to_owned())))
        .collect::<Option<Vec<_>>>()?;
    let request = RequestBody::parse(wire, Bytes::copy_from_slice(fields.0)).ok()?;
    let origin = Origin { endpoint, headers };
    Some(Entry::Start(Box::new(Start { wire, profile, key, origin, request })))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number, the name and the data of an event.
    type Event = (u64, Vec<u8>, Vec<u8>);

    fn event(entries: &mut Entries, record: &[u8]) -> Option<Event> {
        match entries.push(record).unwrap()? {
            (seq, Entry::Emitted { name, data }) => Some((seq.0, name.to_vec(), data.to_vec())),
            (_, entry) => panic!("no event: {entry:?}"),
        }
    }

    #[test]
    fn records_of_one_entry_are_put_together_at_the_first_number() {
        let mut entries = Entries::default();
        assert!(event(&mut entries, b"\x02\x01\x01nab").is_none());
        assert!(event(&mut entries, b"\x02\x01\0cd").is_none() && entries.is_cut());
        let whole = event(&mut entries, b"\x02\0\0e").unwrap();
        assert_eq!(whole, (1, b"n".to_vec(), b"abcde".to_vec()));
        assert!(!entries.is_cut());
    }

    #[test]
    fn what_its_writer_did_not_end_is_left_out() {
        let mut entries = Entries::default();
        assert!(event(&mut entries, b"\x02\x01\x01nab").is_none());
        assert!(matches!(entries.push(b"\x06\0"), Ok(Some((Seq(2), Entry::Cancel)))));
        assert_eq!(event(&mut entries, b"\x02\0\x01mx"), Some((3, b"m".to_vec(), b"x".to_vec())));
    }

    #[test]
    fn bytes_of_no_version_are_malformed_and_never_panic() {
        let records = [
            &b""[..],
            b"\x02",
            b"\x0d\0",
            b"\x0b\0\0\0\0\x01\0\0\0\x01",
            b"\x09\0\x07",
            b"\x07\x02",
            b"\x02\0\x09short",
            b"\x03\0\0\0\0\x01\x01",
            b"\x04\0\0\0\0\x01\x02\x07",
            b"\x05\0\0\0\0\x01",
            b"\x01\0",
        ];
        for record in records {
            let error = Entries::default().push(record).map(drop).unwrap_err();
            assert_eq!(error, CheckpointError::Malformed { seq: Seq(1) }, "{record:?}");
        }
        let newer = Entries::default().push(b"\x01\0\x63").map(drop).unwrap_err();
        assert_eq!(newer, CheckpointError::Version { found: 0x63 });
    }
}
