//! The records of a stream: what an append-only journal must hold so that any process can go on.
//!
//! A record is a kind byte, a flags byte and a payload. What is larger than one record is
//! split; every record of it but the last has [`MORE`] set. Nothing secret is ever written.

use bytes::{BufMut, Bytes, BytesMut};
use cost::Usage;
use protocol::StopReason;
use retry_policy::IdempotencyKey;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::deliver::Unsaid;
use crate::input::AttemptId;
use crate::seam::{Rung, Seam, SeamLabel};
use crate::source::{Moved, Source};
use crate::transcript::Turn;

/// Bytes of the largest record. Larger contents are split over several.
pub const RECORD_BYTES_MAX: usize = 256 << 10;

/// Version of the records, written into each Start record.
pub(crate) const FORMAT: u8 = 1;

/// Bytes of the longest `event` field that is kept.
pub(crate) const NAME_BYTES_MAX: usize = 255;

/// More records of the same content follow.
const MORE: u8 = 1;

/// Ends of answers behind which a response goes on.
const AT_LIMIT: u8 = 1;
const PAUSED: u8 = 2;
/// The id of the container stands before the content.
const PAUSED_IN_CONTAINER: u8 = 3;

/// The number of a record in its journal: dense, the first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One control record, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(Bytes);

impl AsRef<[u8]> for Record {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Where a stream goes to, as far as a journal may know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The base URL, without user info and query.
    pub endpoint: String,
    /// Request headers that hold no secret.
    pub headers: Vec<(String, String)>,
}

/// What kind of content a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Start,
    Emitted,
    Attempt,
    Seam,
    Usage,
    Cancel,
    Close,
    Cursor,
    GoOn,
    Hedge,
    Unsaid,
    OwnEnd,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::Start => 1,
            Self::Emitted => 2,
            Self::Attempt => 3,
            Self::Seam => 4,
            Self::Usage => 5,
            Self::Cancel => 6,
            Self::Close => 7,
            Self::Cursor => 8,
            Self::GoOn => 9,
            Self::Hedge => 10,
            Self::Unsaid => 11,
            Self::OwnEnd => 12,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Start,
            2 => Self::Emitted,
            3 => Self::Attempt,
            4 => Self::Seam,
            5 => Self::Usage,
            6 => Self::Cancel,
            7 => Self::Close,
            8 => Self::Cursor,
            9 => Self::GoOn,
            10 => Self::Hedge,
            11 => Self::Unsaid,
            12 => Self::OwnEnd,
            _ => return None,
        })
    }
}

/// The Start content: all that a request needs to be made again.
pub(crate) struct Start<'a> {
    pub(crate) wire: &'a str,
    pub(crate) profile: &'a str,
    pub(crate) key: IdempotencyKey,
    pub(crate) origin: &'a Origin,
    pub(crate) body: &'a [u8],
}

impl Start<'_> {
    pub(crate) fn encode(&self) -> Vec<Record> {
        let mut out = BytesMut::with_capacity(self.body.len() + 256);
        out.put_u8(FORMAT);
        out.put_slice(self.key.as_bytes());
        put_text(&mut out, self.wire);
        put_text(&mut out, self.profile);
        put_text(&mut out, &self.origin.endpoint);
        out.put_u32(u32::try_from(self.origin.headers.len()).unwrap_or(u32::MAX));
        for (name, value) in &self.origin.headers {
            put_text(&mut out, name);
            put_text(&mut out, value);
        }
        out.put_slice(self.body);
        split(Kind::Start, &out)
    }
}

/// Where an attempt is made, and what is asked there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spot<'a> {
    pub(crate) endpoint: Option<&'a str>,
    /// In the place of the request's model.
    pub(crate) model: Option<&'a str>,
    pub(crate) upstream: usize,
}

/// Endpoint, model and the number of the upstream come last, in this order, and may be missing from
/// any of them on: records without them are read as well.
pub(crate) fn attempt(id: AttemptId, rung: Rung, offset: u64, spot: Spot<'_>) -> Record {
    let mut out = head(Kind::Attempt);
    out.put_u32(id.0);
    out.put_u8(rung.code());
    out.put_u64(offset);
    if spot.endpoint.is_some() || spot.model.is_some() {
        put_text(&mut out, spot.endpoint.unwrap_or_default());
        put_text(&mut out, spot.model.unwrap_or_default());
        out.put_u32(u32::try_from(spot.upstream).unwrap_or(u32::MAX));
    }
    Record(out.freeze())
}

/// A copy of the live attempt's request was made; it is an attempt of its own once it has won.
pub(crate) fn hedge(id: AttemptId, rung: Rung, endpoint: &str, model: Option<&str>) -> Record {
    let mut out = head(Kind::Hedge);
    out.put_u32(id.0);
    out.put_u8(rung.code());
    put_text(&mut out, endpoint);
    if let Some(model) = model {
        put_text(&mut out, model);
    }
    Record(out.freeze())
}

/// The provider keeps the response of this attempt under this id.
pub(crate) fn cursor(attempt: AttemptId, response: &str) -> Record {
    let mut out = head(Kind::Cursor);
    out.put_u32(attempt.0);
    put_text(&mut out, response);
    Record(out.freeze())
}

/// An answer ended for this reason, which is not told, and the response goes on behind it; `turn` is
/// what is sent back then.
pub(crate) fn go_on(reason: StopReason, turn: Option<&Turn>) -> Vec<Record> {
    let mut out = BytesMut::new();
    let container = turn.and_then(|turn| turn.container.as_deref());
    out.put_u8(match (reason, container) {
        (StopReason::PauseTurn, Some(_)) => PAUSED_IN_CONTAINER,
        (StopReason::PauseTurn, None) => PAUSED,
        _ => AT_LIMIT,
    });
    if let Some(container) = container {
        put_text(&mut out, container);
    }
    out.put_slice(turn.map_or(b"", |turn| turn.blocks.as_bytes()));
    split(Kind::GoOn, &out)
}

/// The events of an end that was not told, as they are told where nothing follows it.
pub(crate) fn unsaid(attempt: AttemptId, events: &VecDeque<Unsaid>) -> Vec<Record> {
    let mut out = BytesMut::new();
    out.put_u32(attempt.0);
    for Unsaid { name, data } in events {
        put_bytes(&mut out, name);
        put_bytes(&mut out, data);
    }
    split(Kind::Unsaid, &out)
}

pub(crate) fn seam(seam: &Seam) -> Record {
    let mut out = head(Kind::Seam);
    out.put_u32(seam.attempt.0);
    out.put_u8(seam.rung.code());
    out.put_u8(seam.label.code());
    out.put_u64(seam.offset);
    out.put_u64(seam.dropped);
    // The model, and behind it who wrote before and after, come last and may be missing.
    if seam.model.is_some() || seam.moved.is_some() {
        put_text(&mut out, seam.model.as_deref().unwrap_or_default());
    }
    for source in seam.moved.iter().flat_map(|moved| [&moved.from, &moved.to]) {
        put_text(&mut out, source.endpoint.as_deref().unwrap_or_default());
        put_text(&mut out, source.model.as_deref().unwrap_or_default());
    }
    Record(out.freeze())
}

pub(crate) fn usage(id: AttemptId, usage: &Usage) -> Record {
    let mut out = head(Kind::Usage);
    out.put_u32(id.0);
    for count in counts(usage) {
        out.put_u64(count);
    }
    Record(out.freeze())
}

/// The end of the turn that follows is our own.
pub(crate) fn own_end() -> Record {
    Record(head(Kind::OwnEnd).freeze())
}

pub(crate) fn cancel() -> Record {
    Record(head(Kind::Cancel).freeze())
}

pub(crate) fn close() -> Record {
    Record(head(Kind::Close).freeze())
}

/// The records of one emitted event, each as pieces that are joined when they are copied.
pub(crate) fn emitted<'a>(
    name: &'a [u8],
    data: &'a [u8],
) -> impl Iterator<Item = [&'a [u8]; 3]> + use<'a> {
    let room = RECORD_BYTES_MAX - 3 - NAME_BYTES_MAX;
    let pieces = emitted_records(data.len());
    (0..pieces).map(move |piece| {
        let name = if piece == 0 { name } else { &[] };
        let start = piece * room;
        let end = data.len().min(start + room);
        let more = usize::from(piece + 1 < pieces);
        let header: &'static [u8; 3] = &EMITTED_HEADERS[more][name.len().min(NAME_BYTES_MAX)];
        [header.as_slice(), name, &data[start..end]]
    })
}

/// How many records an emitted event of this size takes.
pub(crate) const fn emitted_records(data_len: usize) -> usize {
    let room = RECORD_BYTES_MAX - 3 - NAME_BYTES_MAX;
    if data_len == 0 { 1 } else { data_len.div_ceil(room) }
}

/// Kind, flags and length of the name, for each length, so that a header needs no buffer.
static EMITTED_HEADERS: [[[u8; 3]; NAME_BYTES_MAX + 1]; 2] = emitted_headers();

const fn emitted_headers() -> [[[u8; 3]; NAME_BYTES_MAX + 1]; 2] {
    let mut headers = [[[Kind::Emitted.code(), 0, 0]; NAME_BYTES_MAX + 1]; 2];
    let mut len = 0;
    while len <= NAME_BYTES_MAX {
        headers[0][len][2] = len as u8;
        headers[1][len][2] = len as u8;
        headers[1][len][1] = MORE;
        len += 1;
    }
    headers
}

/// A record taken apart.
pub(crate) struct Part<'a> {
    pub(crate) kind: Kind,
    pub(crate) more: bool,
    pub(crate) payload: &'a [u8],
}

impl<'a> Part<'a> {
    pub(crate) fn read(record: &'a [u8]) -> Option<Self> {
        let [kind, flags, payload @ ..] = record else { return None };
        let kind = Kind::from_code(*kind)?;
        (flags & !MORE == 0).then_some(Self { kind, more: *flags == MORE, payload })
    }
}

/// Reads fields off a payload; `None` means that it is too short.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.bytes(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.bytes(8)?.try_into().ok().map(u64::from_be_bytes)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.long_bytes()?).ok()
    }

    /// Bytes behind their number.
    pub(crate) fn long_bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.u32()?).ok()?;
        self.bytes(len)
    }

    /// The names and the data of events, to the end of the payload.
    pub(crate) fn events(&mut self) -> Option<Vec<(&'a [u8], &'a [u8])>> {
        let mut events = Vec::new();
        while !self.0.is_empty() {
            events.push((self.long_bytes()?, self.long_bytes()?));
        }
        Some(events)
    }

    pub(crate) fn rung(&mut self) -> Option<Rung> {
        Rung::from_code(self.u8()?)
    }

    /// The reason of an end behind which a response goes on, and the container of a paused turn.
    pub(crate) fn reason(&mut self) -> Option<(StopReason, Option<&'a str>)> {
        Some(match self.u8()? {
            AT_LIMIT => (StopReason::MaxTokens, None),
            PAUSED => (StopReason::PauseTurn, None),
            PAUSED_IN_CONTAINER => (StopReason::PauseTurn, Some(self.text()?)),
            _ => return None,
        })
    }

    pub(crate) fn seam(&mut self) -> Option<Seam> {
        Some(Seam {
            attempt: AttemptId(self.u32()?),
            rung: self.rung()?,
            label: SeamLabel::from_code(self.u8()?)?,
            offset: self.u64()?,
            dropped: self.u64()?,
            model: self.name(),
            moved: self.moved(),
        })
    }

    /// A name, which may be missing or empty where there is none.
    pub(crate) fn name(&mut self) -> Option<Arc<str>> {
        self.text().filter(|name| !name.is_empty()).map(Arc::from)
    }

    fn moved(&mut self) -> Option<Box<Moved>> {
        if self.0.is_empty() {
            return None;
        }
        let mut source = || Source { endpoint: self.name(), model: self.name() };
        let (from, to) = (source(), source());
        Some(Box::new(Moved { from, to }))
    }

    pub(crate) fn usage(&mut self) -> Option<Usage> {
        Some(Usage {
            input: self.u64()?,
            cache_read: self.u64()?,
            cache_write_5m: self.u64()?,
            cache_write_1h: self.u64()?,
            input_audio: self.u64()?,
            output: self.u64()?,
            output_reasoning: self.u64()?,
            output_audio: self.u64()?,
            web_searches: self.u64()?,
        })
    }
}

const fn counts(usage: &Usage) -> [u64; 9] {
    [
        usage.input,
        usage.cache_read,
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.input_audio,
        usage.output,
        usage.output_reasoning,
        usage.output_audio,
        usage.web_searches,
    ]
}

fn head(kind: Kind) -> BytesMut {
    let mut out = BytesMut::with_capacity(96);
    out.put_slice(&[kind.code(), 0]);
    out
}

fn put_text(out: &mut BytesMut, text: &str) {
    put_bytes(out, text.as_bytes());
}

fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.put_slice(bytes);
}

fn split(kind: Kind, payload: &[u8]) -> Vec<Record> {
    let pieces = payload.chunks(RECORD_BYTES_MAX - 2);
    let last = pieces.len() - 1;
    pieces
        .enumerate()
        .map(|(at, piece)| {
            let mut out = BytesMut::with_capacity(piece.len() + 2);
            out.put_slice(&[kind.code(), if at < last { MORE } else { 0 }]);
            out.put_slice(piece);
            Record(out.freeze())
        })
        .collect()
}
