//! fjall: a key for each record, one batch for each group, synced to the disk as it is written.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::group::{Appended, Engine, key};
use super::journal::{Reader, Visit, text};
use super::load::CACHE_BYTES;

pub(super) struct Tree {
    database: Database,
    records: Keyspace,
}

impl Reader for Tree {
    fn open(path: &Path) -> Result<Self, String> {
        let builder = Database::builder(path.join("fjall")).cache_size(CACHE_BYTES as u64);
        let database = builder.open().map_err(text)?;
        let records = database.keyspace("records", KeyspaceCreateOptions::default);
        Ok(Self { records: records.map_err(text)?, database })
    }

    fn read(&self, stream: u32, after: u64, visit: &mut Visit<'_>) -> Result<(), String> {
        for entry in self.records.range(key(stream, after + 1)..key(stream + 1, 0)) {
            visit(&entry.value().map_err(text)?);
        }
        Ok(())
    }
}

impl Engine for Tree {
    fn commit(&mut self, batch: &[Appended]) -> Result<(), String> {
        let mut changes = self.database.batch().durability(Some(PersistMode::SyncAll));
        for appended in batch {
            changes.insert(&self.records, appended.key(), appended.record);
        }
        changes.commit().map_err(text)
    }
}
