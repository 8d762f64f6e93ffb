//! redb without us: a key for each record, one transaction of immediate durability for each batch.

use std::path::Path;

use redb::{Builder, Database, Durability, ReadableDatabase, TableDefinition};

use super::group::{Appended, Engine, key};
use super::journal::{Reader, Visit, text};
use super::load::CACHE_BYTES;

const RECORDS: TableDefinition<'static, &'static [u8], &'static [u8]> =
    TableDefinition::new("records");

#[derive(Debug)]
pub(super) struct Tree(Database);

impl Reader for Tree {
    fn open(path: &Path) -> Result<Self, String> {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        builder.create(path.join("redb")).map(Self).map_err(text)
    }

    fn read(&self, stream: u32, after: u64, visit: &mut Visit<'_>) -> Result<(), String> {
        let table = self.0.begin_read().map_err(text)?.open_table(RECORDS).map_err(text)?;
        let (begin, end) = (key(stream, after + 1), key(stream + 1, 0));
        for entry in table.range(&begin[..]..&end[..]).map_err(text)? {
            visit(entry.map_err(text)?.1.value());
        }
        Ok(())
    }
}

impl Engine for Tree {
    fn commit(&mut self, batch: &[Appended]) -> Result<(), String> {
        let mut transaction = self.0.begin_write().map_err(text)?;
        transaction.set_durability(Durability::Immediate).map_err(text)?;
        let mut table = transaction.open_table(RECORDS).map_err(text)?;
        for appended in batch {
            table.insert(&appended.key()[..], &appended.record[..]).map_err(text)?;
        }
        drop(table);
        transaction.commit().map_err(text)
    }
}
