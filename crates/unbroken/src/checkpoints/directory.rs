//! The stores of a directory: the first in the directory itself, others in numbered ones below it
//! for processes that find it taken. One that is damaged never takes its neighbours along.

use anyhow::{Context, anyhow};
use client::{Store, StoreError, StoreErrorKind, StreamId};
use std::error::Error;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::quarantine::{self, Database};

/// Stores in one directory: each process that streams at the same time has one of its own,
/// since a store has one owner.
const STORES_MAX: u32 = 16;

/// Where the stores of a directory may be.
pub(super) fn places(path: &Path) -> impl Iterator<Item = PathBuf> {
    let below = (2..=STORES_MAX).map(|number| path.join(number.to_string()));
    std::iter::once(path.to_owned()).chain(below)
}

/// Whether there is a store, so that opening makes none.
pub(super) fn is_store(path: &Path) -> io::Result<bool> {
    match database(path).try_exists() {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        found => found,
    }
}

/// Whether another process has the store open at this moment, told without waiting. Those that only
/// ask are not in each other's way.
pub(super) fn is_in_use(path: &Path) -> io::Result<bool> {
    match File::open(database(path))?.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether there is a store and another process has it open at this moment.
pub(super) fn is_taken(path: &Path) -> anyhow::Result<bool> {
    let taken = is_store(path).and_then(|is_store| Ok(is_store && is_in_use(path)?));
    taken.with_context(|| format!("cannot look for a store in {}", path.display()))
}

/// Waits a little for stores that are in use: a process that ends gives its own back, and one that
/// looks into them is done soon. It is one wait, however many they are.
pub(super) fn await_free(paths: &[PathBuf]) {
    let began = Instant::now();
    let in_use = |path: &PathBuf| is_in_use(path).unwrap_or(false);
    while began.elapsed() < FREE_WAIT && paths.iter().any(in_use) {
        sleep(FREE_PAUSE);
    }
}

/// How long stores are waited for.
const FREE_WAIT: Duration = Duration::from_millis(500);

/// The time between two looks.
const FREE_PAUSE: Duration = Duration::from_millis(10);

/// Opens a store, or makes it; `None` when another process has it open.
///
/// # Errors
///
/// Whatever the operating system refuses, and damage: the files of the store are in a directory
/// beside it then, and its place is free for a new one.
pub(super) fn open(path: &Path) -> anyhow::Result<Option<Store>> {
    let failed = || format!("cannot open the checkpoints in {}", path.display());
    let before = Database::at(&database(path)).with_context(failed)?;
    match Store::sled(fixed(path)) {
        Ok(store) => Ok(Some(store)),
        Err(error) if error.is_retryable() => Ok(None),
        Err(error) => match before {
            Some(before) if is_damage(&error) => Err(set_aside(path, &before)).with_context(failed),
            _ => Err(anyhow::Error::new(error)).with_context(failed),
        },
    }
}

/// Whether the store holds the stream; one that is in use or not there does not say.
pub(super) async fn holds(path: &Path, id: &StreamId) -> anyhow::Result<bool> {
    let failed = || format!("cannot look for stream {id} in {}", path.display());
    if !is_store(path).with_context(failed)? || is_taken(path)? {
        return Ok(false);
    }
    let Some(store) = open(path)? else { return Ok(false) };
    match store.info(id).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(failed),
    }
}

pub(super) fn in_use(path: &Path) -> anyhow::Error {
    anyhow!(
        "another process has the checkpoints in {} open: let it end, name another directory with \
         --checkpoints DIR, or use --checkpoints memory, which always works",
        path.display()
    )
}

/// The file that makes a directory a store, and that its owner has locked.
fn database(path: &Path) -> PathBuf {
    path.join("db")
}

/// A name of the directory that nobody can rename: a store that does not recover is renamed with all
/// that is below it, also with what other processes have open there. sled finds its files by the
/// beginning of their names, so that `.` at the end would hide them from it; `..` does not.
fn fixed(path: &Path) -> PathBuf {
    let blobs = path.join("blobs");
    match blobs.symlink_metadata() {
        Ok(found) if found.is_dir() => blobs.join(".."),
        _ => path.to_owned(),
    }
}

/// Whether a store did not recover: then it wanted to rename its directory, and could not.
fn is_damage(error: &StoreError) -> bool {
    let refused: Option<&io::Error> = error.source().and_then(|source| source.downcast_ref());
    refused.is_some_and(|refused| refused.kind() == RENAME_REFUSED)
}

/// How the system refuses to rename `..`.
const RENAME_REFUSED: io::ErrorKind = if cfg!(target_os = "linux") {
    io::ErrorKind::ResourceBusy
} else {
    io::ErrorKind::InvalidInput
};

/// Moves a damaged store aside, and says what became of it.
fn set_aside(path: &Path, before: &Database) -> anyhow::Error {
    match quarantine::set_aside(path, before) {
        Ok(Some(aside)) => anyhow!(
            "they are damaged and were moved to {}; the next stream makes a new store",
            aside.display()
        ),
        Ok(None) => anyhow!("they are damaged, and another process is at them"),
        Err(error) => anyhow!("they are damaged and cannot be moved aside: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::thread::yield_now;

    /// Makes a store that does not recover.
    pub(crate) fn damage(path: &Path) {
        drop(open(path).unwrap());
        // The store gives its lock back in the background.
        while is_in_use(path).unwrap() {
            yield_now();
        }
        fs::write(path.join("snap.7FFFFFFFFFFFFFFF"), b"damaged").unwrap();
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_damaged_store_moves_aside_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        damage(&path);
        let neighbour = open(&path.join("2")).unwrap().unwrap();
        fs::write(path.join("note"), b"not sled's").unwrap();
        let error = format!("{:#}", open(&path).err().unwrap());
        assert!(error.contains("are damaged and were moved to"), "{error}");
        assert_eq!(names(parent.path()), ["data"], "the directory stays");
        assert_eq!(names(&path)[..2], ["2", "note"]);
        let aside = path.join(&names(&path)[2]);
        assert!(error.contains(&aside.display().to_string()), "{error}");
        assert_eq!(names(&aside), ["blobs", "conf", "db", "snap.7FFFFFFFFFFFFFFF"]);
        assert!(is_in_use(&path.join("2")).unwrap());
        drop(neighbour);
        assert!(open(&path).unwrap().is_some(), "its place is free");
    }

    #[test]
    fn a_store_that_was_made_since_is_not_the_damaged_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        damage(path);
        let before = Database::at(&database(path)).unwrap().unwrap();
        quarantine::set_aside(path, &before).unwrap().unwrap();
        drop(open(path).unwrap());
        while is_in_use(path).unwrap() {
            yield_now();
        }
        assert!(quarantine::set_aside(path, &before).unwrap().is_none());
        assert!(is_store(path).unwrap());
    }

    #[test]
    fn a_directory_without_a_database_is_no_store() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!is_store(directory.path()).unwrap());
        fs::write(directory.path().join("2"), b"a file").unwrap();
        assert!(!is_store(&directory.path().join("2")).unwrap());
        let _store = open(directory.path()).unwrap();
        assert!(is_store(directory.path()).unwrap());
    }

    #[test]
    fn a_store_that_is_in_use_says_what_to_do() {
        let error = in_use(Path::new("/data"));
        assert!(format!("{error:#}").contains("--checkpoints memory"), "{error:#}");
    }
}
