//! What the engine answers without changing anything: pages, heads, lists, snapshots.

use std::ops::ControlFlow;

use super::super::database::Table;
use super::super::layout::{self, damaged};
use super::Engine;
use super::named::Named;
use crate::backend::Head;
use crate::chunk::{ChunkError, FORMAT, Frames};
use crate::disk::stored::Stored;
use crate::page::{PageBuilder, Taken};
use crate::stream_info::{Listing, StreamInfo};
use crate::{ErrorKind, Page, Seq, StoreError, StreamId, StreamNo};

impl Engine {
    pub(in crate::disk) fn stat(&self, id: &StreamId) -> Result<StreamInfo, StoreError> {
        let head = self.stored_of(id, self.clock.now())?.head;
        Ok(head.info(id.clone(), self.watch.leases.of(head.stream)))
    }

    /// Whether whoever has seen everything up to `after` has nothing to do but wait for a change of
    /// the stream, or until it expires.
    pub(in crate::disk) fn is_quiet(
        &mut self,
        stream: StreamNo,
        after: Option<Seq>,
    ) -> Result<bool, StoreError> {
        self.check()?;
        let Some(Stored { head, .. }) = self.stored(stream)? else { return Ok(false) };
        if head.expiry.is_past(self.clock.now()) || !head.is_quiet_after(after) {
            return Ok(false);
        }
        if let Some(at) = head.expiry.at {
            self.expiries.note(stream, at);
        }
        Ok(true)
    }

    pub(in crate::disk) fn head_of(&self, id: &StreamId) -> Result<Head, StoreError> {
        Ok(self.stored_of(id, self.clock.now())?.head)
    }

    pub(in crate::disk) fn read(
        &self,
        id: &StreamId,
        after: Option<Seq>,
        bytes_max: usize,
    ) -> Result<Page, StoreError> {
        let stored = self.stored_of(id, self.clock.now())?;
        stored.head.check_cursor(after)?;
        let mut builder = PageBuilder::new(after, bytes_max).with_room_for(&stored.head);
        if builder.next() < stored.tail_first() {
            self.read_chunks(&mut builder, stored.head.stream, stored.tail_first())?;
        }
        // Otherwise the page is full or the chunks are damaged before the tail.
        if builder.next() >= stored.tail_first()
            && let Ok(tail) = stored.tail()
        {
            builder.push(&tail);
        }
        let page = builder.finish(&stored.head);
        // The head counts what was acknowledged, so nothing of it may be missing. A page ends
        // before the damage; the read after it meets it at once.
        if page.more() && page.is_empty() {
            return Err(ErrorKind::Corrupt { good_prefix: after }.into());
        }
        Ok(page)
    }

    pub(in crate::disk) fn list(
        &self,
        after: Option<&StreamId>,
        streams_max: usize,
    ) -> Result<Listing, StoreError> {
        self.check()?;
        let now = self.clock.now();
        let mut listing = Listing { streams: Vec::new(), more: false };
        let names = layout::id_range(after);
        self.database.scan(Table::Names, &names.start..&names.end, &mut |key, value| {
            let name = layout::name(key.get(layout::ID_PREFIX.len()..).unwrap_or_default());
            // What has no name cannot be listed.
            let Ok(id) = name else { return Ok(ControlFlow::Continue(())) };
            let info = match self.named_by(value)? {
                Named::Whole(Stored { head, .. }) if head.expiry.is_past(now) => {
                    return Ok(ControlFlow::Continue(()));
                }
                Named::Whole(Stored { head, .. }) => {
                    head.info(id, self.watch.leases.of(head.stream))
                }
                Named::Damaged(damaged) => StreamInfo::damaged(id, damaged.error.kind()),
            };
            if listing.streams.len() == streams_max {
                listing.more = true;
                return Ok(ControlFlow::Break(()));
            }
            listing.streams.push(info);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(listing)
    }

    pub(in crate::disk) fn snapshot(&self, id: &StreamId) -> Result<Option<Vec<u8>>, StoreError> {
        let stored = self.stored_of(id, self.clock.now())?;
        let Some(note) = stored.snapshot else { return Ok(None) };
        let parts = layout::snapshot_range(stored.head.stream);
        let mut snapshot = Vec::new();
        self.database.scan(Table::Chunks, &parts.start..&parts.end, &mut |_, value| {
            snapshot.extend_from_slice(value);
            Ok(ControlFlow::Continue(()))
        })?;
        if snapshot.len() as u64 != note.bytes || crc32c::crc32c(&snapshot) != note.crc {
            return Err(damaged());
        }
        Ok(Some(snapshot))
    }

    /// Fills the page from the chunk that holds its next record; stops before damage.
    fn read_chunks(
        &self,
        builder: &mut PageBuilder,
        stream: StreamNo,
        end: Seq,
    ) -> Result<(), StoreError> {
        let next = layout::chunk_key(stream, builder.next().next());
        let before = self.database.key_before(Table::Chunks, &next)?;
        let first = before.and_then(|key| layout::first_of(stream, &key));
        let from = layout::chunk_key(stream, first.unwrap_or(builder.next()));
        let end = layout::chunk_key(stream, end);
        let mut parts = Parts { stream, chunk: Vec::new(), builder };
        self.database.scan(Table::Chunks, &from..&end, &mut |key, value| parts.push(key, value))
    }
}

/// Puts chunks together from their parts.
struct Parts<'a> {
    stream: StreamNo,
    /// The parts of a chunk that is not whole yet.
    chunk: Vec<u8>,
    builder: &'a mut PageBuilder,
}

impl Parts<'_> {
    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<ControlFlow<()>, StoreError> {
        // A chunk that starts before the last one was whole, or goes on where none was begun.
        if layout::starts_chunk(key) != self.chunk.is_empty() {
            return Ok(ControlFlow::Break(()));
        }
        let bytes = if self.chunk.is_empty() {
            value
        } else {
            self.chunk.extend_from_slice(value);
            &self.chunk
        };
        let taken = match Frames::decode(bytes) {
            Ok((frames, len)) if len == bytes.len() && frames.stream == self.stream => {
                self.builder.push(&frames)
            }
            // The header is whole and asks for more.
            Err(ChunkError::Cut) => {
                if self.chunk.is_empty() {
                    self.chunk.extend_from_slice(value);
                }
                return Ok(ControlFlow::Continue(()));
            }
            // Behind good records it is what the next page meets.
            Err(ChunkError::Version { found }) if self.builder.is_empty() => {
                return Err(ErrorKind::Version { found, max: FORMAT }.into());
            }
            Ok(_) | Err(_) => Taken::Gap,
        };
        self.chunk.clear();
        Ok(match taken {
            Taken::All => ControlFlow::Continue(()),
            Taken::Full | Taken::Gap => ControlFlow::Break(()),
        })
    }
}
