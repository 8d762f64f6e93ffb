//! Moves the files of a damaged store aside, and nothing else of its directory. Nothing is deleted.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A database file, told apart from another one of the same name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Database {
    device: u64,
    inode: u64,
}

impl Database {
    /// The file that is there, if one is.
    pub(super) fn at(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(found) => Ok(Some(Self { device: found.dev(), inode: found.ino() })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// How the name of a directory begins into which a store was moved.
const PREFIX: &str = "quarantine-";

/// The stores that were moved aside here, as far as the directory can be read. A file of this name is
/// a snapshot that a store did not need.
pub(super) fn found(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let aside = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(PREFIX);
    entries.filter(aside).map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// Moves the files of the store that failed, of which `before` was the database, to a new directory
/// beside them. `None` when another process has it open, or moved it and may have made a new one.
pub(super) fn set_aside(path: &Path, before: &Database) -> io::Result<Option<PathBuf>> {
    let database = path.join("db");
    let lock = match File::open(&database) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    if Database::at(&database)?.as_ref() != Some(before) {
        return Ok(None);
    }
    let aside = path.join(format!("{PREFIX}{}", timestamp()));
    // It holds what was asked and answered: nobody else may read it.
    DirBuilder::new().mode(0o700).create(&aside)?;
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        if is_of_the_store(&name.to_string_lossy()) {
            fs::rename(path.join(&name), aside.join(&name))?;
        }
    }
    // The last, because its lock keeps others out until here.
    fs::rename(&database, aside.join("db"))?;
    Ok(Some(aside))
}

/// Whether sled made what has this name; its database is not meant.
fn is_of_the_store(name: &str) -> bool {
    matches!(name, "conf" | "blobs") || name.starts_with("snap.")
}

/// Nanoseconds, so that two quarantines of one store have two names.
fn timestamp() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos())
}
