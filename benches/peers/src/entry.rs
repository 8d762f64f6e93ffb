//! The entries of the comparison, each behind the same two functions.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::cell::Input;
use crate::ours::{decode_bytes, decode_owned, decode_text};
use crate::sink::{Digest, Sink, Totals};
use crate::{floor, peer};

/// Something that reads a stream.
pub trait Codec {
    /// Reads all of `input` and hands on every event.
    ///
    /// # Errors
    ///
    /// Its own, as text.
    fn run(input: &Input, sink: &mut impl Sink) -> Result<(), String>;
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Name and version.
    pub name: &'static str,
    /// What it is compared as.
    pub role: Role,
    count: fn(&Input) -> Result<Totals, String>,
    digest: fn(&Input) -> Result<(Totals, u64), String>,
}

/// What an entry is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Our decoder, lending bytes.
    Bytes,
    /// Our decoder, lending text.
    Text,
    /// Our decoder, its text copied by the caller.
    Owned,
    /// Someone else's decoder.
    Peer,
    /// Less than any decoder can do.
    Floor,
}

/// Every entry, in the order of the table.
pub const ENTRIES: &[Entry] = &[
    Entry::of::<OursBytes>("ours, bytes", Role::Bytes),
    Entry::of::<OursText>("ours, &str", Role::Text),
    Entry::of::<OursOwned>("ours, owned", Role::Owned),
    Entry::of::<peer::SseCore>("sse-core 0.2.3", Role::Peer),
    Entry::of::<peer::SseStream>("sse-stream 0.3.0", Role::Peer),
    Entry::of::<peer::Sseer>("sseer 0.3.1", Role::Peer),
    Entry::of::<peer::SseParse>("sse-parse 0.1.0", Role::Peer),
    Entry::of::<peer::EventsourceStream>("eventsource-stream 0.2.3", Role::Peer),
    Entry::of::<peer::AsyncSse>("async-sse 5.1.0", Role::Peer),
    Entry::of::<floor::LineScan>("floor: memchr2", Role::Floor),
    Entry::of::<floor::Copy>("floor: memcpy", Role::Floor),
];

impl Entry {
    const fn of<C: Codec>(name: &'static str, role: Role) -> Self {
        Self { name, role, count: count::<C>, digest: digest::<C> }
    }

    /// Reads all of `input`, as fast as it can.
    ///
    /// # Errors
    ///
    /// The entry's own.
    pub fn count(&self, input: &Input) -> Result<Totals, String> {
        (self.count)(input)
    }

    /// Reads all of `input` and gives what came out; `None` for a floor, which finds no events.
    ///
    /// # Errors
    ///
    /// The entry's own, or that it panicked.
    pub fn digest(&self, input: &Input) -> Result<Option<(Totals, u64)>, String> {
        let run = || match self.role {
            Role::Floor => (self.count)(input).map(|_| None),
            _ => (self.digest)(input).map(Some),
        };
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("panicked".to_owned()))
    }
}

#[inline(never)]
fn count<C: Codec>(input: &Input) -> Result<Totals, String> {
    let mut totals = Totals::default();
    C::run(input, &mut totals)?;
    Ok(totals)
}

fn digest<C: Codec>(input: &Input) -> Result<(Totals, u64), String> {
    let mut digest = Digest::default();
    C::run(input, &mut digest)?;
    Ok(digest.finish())
}

struct OursBytes;

impl Codec for OursBytes {
    #[inline(always)]
    fn run(input: &Input, sink: &mut impl Sink) -> Result<(), String> {
        decode_bytes(input.slices(), sink).map_err(|error| error.to_string())
    }
}

struct OursText;

impl Codec for OursText {
    #[inline(always)]
    fn run(input: &Input, sink: &mut impl Sink) -> Result<(), String> {
        decode_text(input.slices(), sink).map_err(|error| error.to_string())
    }
}

struct OursOwned;

impl Codec for OursOwned {
    #[inline(always)]
    fn run(input: &Input, sink: &mut impl Sink) -> Result<(), String> {
        decode_owned(input.slices(), sink).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES, Input, Role};
    use crate::corpus::{CHUNKS, Corpus, NAMES};

    /// A peer that fails here is one to say so of in the table, not to leave out.
    #[test]
    fn every_entry_finds_the_same_events() {
        for name in NAMES {
            let corpus = Corpus::named(name).unwrap();
            let events = if name == "lines-64k" { 1 } else { 40 };
            // A line of 64 KiB byte by byte takes a quadratic reader minutes without optimisation.
            let chunks = CHUNKS.iter().filter(|chunk| events > 1 || chunk.1 > 1);
            for &(_, chunk_bytes) in chunks {
                let input = Input::new(&corpus, events, chunk_bytes);
                for entry in ENTRIES.iter().filter(|entry| entry.role != Role::Floor) {
                    let found = entry.digest(&input);
                    assert_eq!(found, Ok(Some(corpus.digest(events))), "{} on {name}", entry.name);
                    let (totals, _) = corpus.digest(events);
                    assert_eq!(entry.count(&input), Ok(totals), "{} on {name}", entry.name);
                }
            }
        }
    }
}
