//! `Database`, what the engine asks of an embedded key-value store: two ordered tables, reads, and
//! batches that are atomic and durable. What keys and values mean is the engine's affair.

use std::ops::{ControlFlow, Range};

use crate::StoreError;

/// An ordered database, used by one thread.
///
/// A failed [`commit`](Self::commit) leaves open whether the batch is stored, all of it or nothing;
/// the engine calls nothing after it.
pub(super) trait Database: Send {
    /// The value of a key.
    fn value(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The last key before `end`.
    fn key_before(&self, table: Table, end: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Shows the entries whose keys lie in `keys`, in order, until `visit` breaks.
    fn scan(
        &self,
        table: Table,
        keys: Range<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;

    /// Makes all changes of a batch in one atomic step that survives a power cut when this returns.
    fn commit(&mut self, batch: Batch) -> Result<(), StoreError>;
}

/// Sees one key and its value.
pub(super) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError> + 'a;

/// Where a key lives. What changes with every commit is in one table, because a batch of one table
/// is the cheap kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// Names, tombstones, and when to look at them.
    Names,
    /// Heads, chunks and snapshots.
    Chunks,
}

/// Changes that belong together; of two changes of one key the later one counts.
#[derive(Debug, Default)]
pub(super) struct Batch {
    names: Vec<Change>,
    chunks: Vec<Change>,
}

/// A key and its new value; `None` removes it.
pub(super) type Change = (Vec<u8>, Option<Vec<u8>>);

impl Batch {
    pub(super) fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.changes_mut(table).push((key.into(), Some(value.into())));
    }

    pub(super) fn remove(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.changes_mut(table).push((key.into(), None));
    }

    pub(super) fn len(&self) -> usize {
        self.names.len() + self.chunks.len()
    }

    /// The changes of the names and of the chunks.
    pub(super) fn into_changes(self) -> (Vec<Change>, Vec<Change>) {
        (self.names, self.chunks)
    }

    fn changes_mut(&mut self, table: Table) -> &mut Vec<Change> {
        match table {
            Table::Names => &mut self.names,
            Table::Chunks => &mut self.chunks,
        }
    }
}
