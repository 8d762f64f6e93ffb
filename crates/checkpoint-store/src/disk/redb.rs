//! The redb adapter: one file, one durable transaction per commit, one view of the last state to
//! read from.

use std::io;
use std::ops::{ControlFlow, Range};
use std::path::Path;

use ::redb::{
    Builder, Database as Redb, DatabaseError, Durability, ReadOnlyTable, ReadableDatabase,
    StorageError, TableDefinition, WriteTransaction,
};

use super::database::{Batch, Change, Database, Table, Visit};
use super::opening::{Failure, Opener, io_error};
use crate::{Clock, ErrorKind, StoreError};

const FILE: &str = "streams.redb";
const NAMES: Definition = TableDefinition::new("names");
const CHUNKS: Definition = TableDefinition::new("chunks");

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
type View = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// How a redb database is opened.
#[derive(Clone, Debug)]
pub struct RedbOptions {
    /// Bytes of pages that redb keeps in memory. Default 64 MiB.
    pub cache_bytes: usize,
    /// What tells the time at which streams expire. Default the system's clock.
    pub clock: Clock,
}

impl Default for RedbOptions {
    fn default() -> Self {
        Self { cache_bytes: 64 * 1024 * 1024, clock: Clock::system() }
    }
}

impl Opener for RedbOptions {
    fn open_once(&self, path: &Path) -> Result<Box<dyn Database>, Failure> {
        let mut builder = Builder::new();
        builder.set_cache_size(self.cache_bytes);
        // redb believes its pages when it reads them, so they are checked once, here.
        builder.set_check_integrity_on_open(true);
        let db = builder.create(path.join(FILE)).map_err(classify)?;
        let mut database = RedbDatabase { db, views: None };
        // Makes the tables, so that there is something to read.
        database.commit(Batch::default()).map_err(Failure::Other)?;
        Ok(Box::new(database))
    }

    fn owns(&self, name: &str) -> bool {
        name == FILE
    }
}

struct RedbDatabase {
    db: Redb,
    /// The last committed state; gone while a commit runs, so that its pages can be used again.
    views: Option<Views>,
}

struct Views {
    names: View,
    chunks: View,
}

impl RedbDatabase {
    fn view(&self, table: Table) -> Result<&View, StoreError> {
        let views = self.views.as_ref().ok_or(ErrorKind::Poisoned)?;
        Ok(match table {
            Table::Names => &views.names,
            Table::Chunks => &views.chunks,
        })
    }

    fn write(&self, batch: Batch) -> Result<(), ::redb::Error> {
        let mut transaction = self.db.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        let (names, chunks) = batch.into_changes();
        apply(&transaction, NAMES, names)?;
        apply(&transaction, CHUNKS, chunks)?;
        transaction.commit()?;
        Ok(())
    }

    fn look(&self) -> Result<Views, ::redb::Error> {
        let transaction = self.db.begin_read()?;
        let (names, chunks) = (transaction.open_table(NAMES)?, transaction.open_table(CHUNKS)?);
        Ok(Views { names, chunks })
    }
}

impl Database for RedbDatabase {
    fn value(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.view(table)?.get(key).map_err(io_error)?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    fn key_before(&self, table: Table, end: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut before = self.view(table)?.range::<&[u8]>(..end).map_err(io_error)?;
        let entry = before.next_back().transpose().map_err(io_error)?;
        Ok(entry.map(|(key, _)| key.value().to_vec()))
    }

    fn scan(
        &self,
        table: Table,
        keys: Range<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        for entry in self.view(table)?.range::<&[u8]>(keys).map_err(io_error)? {
            let (key, value) = entry.map_err(io_error)?;
            if visit(key.value(), value.value())? == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, batch: Batch) -> Result<(), StoreError> {
        self.views = None;
        self.write(batch).map_err(io_error)?;
        self.views = Some(self.look().map_err(io_error)?);
        Ok(())
    }
}

fn apply(
    transaction: &WriteTransaction,
    definition: Definition,
    mut changes: Vec<Change>,
) -> Result<(), ::redb::Error> {
    let mut table = transaction.open_table(definition)?;
    // Neighbours share pages. The sort is stable: of two changes of one key the later one counts.
    changes.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (key, value) in changes {
        match value {
            Some(value) => drop(table.insert(key.as_slice(), value.as_slice())?),
            None => drop(table.remove(key.as_slice())?),
        }
    }
    Ok(())
}

fn classify(error: DatabaseError) -> Failure {
    match error {
        DatabaseError::DatabaseAlreadyOpen => Failure::Locked,
        DatabaseError::Storage(StorageError::Corrupted(_)) | DatabaseError::RepairAborted => {
            Failure::Damage(error.to_string())
        }
        // The file does not begin as a database does.
        DatabaseError::Storage(StorageError::Io(ref cause))
            if cause.kind() == io::ErrorKind::InvalidData =>
        {
            Failure::Damage(error.to_string())
        }
        error => Failure::Other(io_error(error)),
    }
}
