//! The sled adapter. sled's `flush` does not survive a power cut; our own `sync_data` on the
//! database file after it does, as long as every value stays in that file.

use std::fs::{self, File};
use std::io;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use ::sled::transaction::{ConflictableTransactionError, TransactionError};
use ::sled::{Config, Db, Transactional, Tree};

use super::database::{Batch, Change, Database, Table, Visit};
use super::opening::{Failure, Opener, io_error};
use super::quarantine;
use crate::{Clock, StoreError};

/// Milliseconds between two rounds of sled's own thread, which also flushes: a backstop between our
/// barriers, on which no promise rests.
///
/// A round empties one segment of 512 KiB at most, and nothing makes the file shorter again, so the
/// file grows as long as heads are rewritten faster than that. An idle store pays with as many syncs
/// of a file that has not changed.
const CLEANING_EVERY_MS: u64 = 10;

/// How a sled database is opened.
#[derive(Clone, Debug)]
pub struct SledOptions {
    /// Bytes of pages that sled keeps in memory. Default 64 MiB.
    pub cache_bytes: u64,
    /// What tells the time at which streams expire. Default the system's clock.
    pub clock: Clock,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self { cache_bytes: 64 * 1024 * 1024, clock: Clock::system() }
    }
}

impl Opener for SledOptions {
    fn open_once(&self, path: &Path) -> Result<Box<dyn Database>, Failure> {
        let config = Config::new()
            .path(path)
            .cache_capacity(self.cache_bytes)
            .flush_every_ms(Some(CLEANING_EVERY_MS));
        let db = config.open().map_err(classify)?;
        let names = db.open_tree("meta").map_err(classify)?;
        let chunks = db.open_tree("chunks").map_err(classify)?;
        let file = File::options().read(true).write(true).open(path.join("db"))?;
        Ok(Box::new(SledDatabase { db, names, chunks, file, blobs: path.join("blobs") }))
    }

    fn owns(&self, name: &str) -> bool {
        matches!(name, "conf" | "db" | "blobs") || name.starts_with("snap.")
    }

    /// A snapshot that was cut while it was written stops the recovery; the log is whole without.
    fn set_aside(&self, path: &Path) -> io::Result<bool> {
        let mut found = false;
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                let aside = format!("{}-{name}", quarantine::name());
                fs::rename(path.join(&name), path.join(aside))?;
                found = true;
            }
        }
        Ok(found)
    }
}

struct SledDatabase {
    db: Db,
    names: Tree,
    chunks: Tree,
    /// Our own descriptor of the database file, for the barrier.
    file: File,
    /// Where sled puts values that are too long for its log; empty as long as ours are short.
    blobs: PathBuf,
}

impl SledDatabase {
    fn tree(&self, table: Table) -> &Tree {
        match table {
            Table::Names => &self.names,
            Table::Chunks => &self.chunks,
        }
    }

    /// A batch of one tree is atomic by itself. One of both needs a transaction, which reads every
    /// key first; the commits of records never do.
    fn apply(&self, batch: Batch) -> ::sled::Result<()> {
        let (names, chunks) = batch.into_changes();
        if names.is_empty() {
            return self.chunks.apply_batch(sled_batch(chunks));
        }
        if chunks.is_empty() {
            return self.names.apply_batch(sled_batch(names));
        }
        let (names, chunks) = (sled_batch(names), sled_batch(chunks));
        let trees = (&self.names, &self.chunks);
        let done = trees.transaction(|(in_names, in_chunks)| {
            in_names.apply_batch(&names)?;
            in_chunks.apply_batch(&chunks)?;
            Ok::<(), ConflictableTransactionError<::sled::Error>>(())
        });
        done.map_err(|error| match error {
            TransactionError::Abort(error) | TransactionError::Storage(error) => error,
        })
    }

    /// After this everything before it survives a power cut.
    ///
    /// `flush` hands the log to the kernel but only asks for it to be written; the sync of the
    /// same file waits until it is.
    fn barrier(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(io_error)?;
        sync_blobs(&self.blobs).and_then(|_| self.file.sync_data()).map_err(io_error)
    }
}

impl Database for SledDatabase {
    fn value(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.tree(table).get(key).map_err(io_error)?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn key_before(&self, table: Table, end: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let entry = self.tree(table).get_lt(end).map_err(io_error)?;
        Ok(entry.map(|(key, _)| key.to_vec()))
    }

    fn scan(
        &self,
        table: Table,
        keys: Range<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        for entry in self.tree(table).range(keys) {
            let (key, value) = entry.map_err(io_error)?;
            if visit(&key, &value)? == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, batch: Batch) -> Result<(), StoreError> {
        self.apply(batch).map_err(io_error)?;
        self.barrier()
    }
}

fn sled_batch(changes: Vec<Change>) -> ::sled::Batch {
    let mut batch = ::sled::Batch::default();
    for (key, value) in changes {
        match value {
            Some(value) => batch.insert(key, value),
            None => batch.remove(key),
        }
    }
    batch
}

/// Syncs the files in `blobs`, if there are any, and says how many there were.
fn sync_blobs(blobs: &Path) -> io::Result<usize> {
    let mut synced = 0;
    for entry in fs::read_dir(blobs)? {
        match File::open(entry?.path()) {
            Ok(file) => file.sync_all()?,
            // Collected since the directory was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        }
        synced += 1;
    }
    if synced > 0 {
        File::open(blobs)?.sync_all()?;
    }
    Ok(synced)
}

fn classify(error: ::sled::Error) -> Failure {
    match error {
        // sled wraps the refusal of the lock in a text.
        ::sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
            Failure::Locked
        }
        // The threads of all databases of this process, which another one may have ended.
        ::sled::Error::ReportableBug(ref text) if text.starts_with("IO thread") => {
            Failure::Other(io_error(error))
        }
        ::sled::Error::Corruption { .. } | ::sled::Error::ReportableBug(_) => {
            Failure::Damage(error.to_string())
        }
        error => Failure::Other(io_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn batch(table: Table, key: &[u8]) -> Batch {
        let mut batch = Batch::default();
        batch.put(table, key, b"value");
        batch
    }

    #[test]
    fn threads_that_another_database_ended_are_no_damage() {
        let told = "IO thread unexpectedly panicked. please report".to_owned();
        assert!(matches!(classify(::sled::Error::ReportableBug(told)), Failure::Other(_)));
        let told = "non-link/replace found in pull of pid 3".to_owned();
        assert!(matches!(classify(::sled::Error::ReportableBug(told)), Failure::Damage(_)));
    }

    #[test]
    fn a_sync_that_fails_fails_the_commit() {
        let directory = tempfile::tempdir().unwrap();
        let db = ::sled::open(directory.path()).unwrap();
        let (names, chunks) = (db.open_tree("meta").unwrap(), db.open_tree("chunks").unwrap());
        // A device that cannot be synced stands in for a disk that fails.
        let file = File::open("/dev/null").unwrap();
        let blobs = directory.path().join("blobs");
        let mut database = SledDatabase { db, names, chunks, file, blobs };
        for table in [Table::Names, Table::Chunks] {
            let failed = database.commit(batch(table, b"key")).unwrap_err();
            assert_eq!(failed.kind(), ErrorKind::Io);
        }
    }

    #[test]
    fn values_outside_the_log_are_synced_too() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = directory.path().to_owned();
        assert_eq!(sync_blobs(&blobs).unwrap(), 0);
        fs::write(blobs.join("1"), b"long").unwrap();
        assert_eq!(sync_blobs(&blobs).unwrap(), 1);
        assert!(sync_blobs(&blobs.join("missing")).is_err());
    }
}
