//! The stores of a directory: the first in the directory itself, others in numbered ones below it
//! for processes that find it taken. One that is damaged never takes its neighbours along.

use anyhow::{Context, anyhow};
use client::{Store, StoreErrorKind, StreamId};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Stores in one directory: each process that streams at the same time has one of its own,
/// since a store has one owner.
const STORES_MAX: u32 = 16;

/// Where the stores of a directory may be.
pub(super) fn places(path: &Path) -> impl Iterator<Item = PathBuf> {
    let below = (2..=STORES_MAX).map(|number| path.join(number.to_string()));
    std::iter::once(path.to_owned()).chain(below)
}

/// Whether there is a store, so that opening makes none. One whose move to a quarantine was cut is
/// there: opening it says so.
pub(super) fn is_store(path: &Path) -> io::Result<bool> {
    match database(path).try_exists() {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Ok(false) => Ok(quarantines(path).iter().any(|aside| is_cut(aside))),
        found => found,
    }
}

/// Where damaged stores were moved to, as far as the directory can be read. A file of such a name is a
/// snapshot that a store did not need.
pub(super) fn quarantines(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let aside =
        |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("quarantine-");
    entries.filter(aside).map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// Whether files may be missing in a quarantine.
fn is_cut(aside: &Path) -> bool {
    aside.extension().is_some_and(|extension| extension == "moving")
}

/// Whether another process has the store open at this moment, told without waiting. Those that only
/// ask are not in each other's way.
pub(super) fn is_in_use(path: &Path) -> io::Result<bool> {
    let database = match File::open(database(path)) {
        Ok(database) => database,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match database.try_lock_shared() {
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
/// Whatever the operating system refuses, and damage: the files of the store are in a quarantine
/// beside it then, which the error names, and its place is free for a new one.
pub(super) fn open(path: &Path) -> anyhow::Result<Option<Store>> {
    match Store::sled(path) {
        Ok(store) => Ok(Some(store)),
        Err(error) if error.is_retryable() => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("cannot open the checkpoints in {}", path.display()))
        }
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

#[cfg(test)]
mod tests {
    use super::*;
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
        assert!(error.contains("damaged") && error.contains("were moved to"), "{error}");
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
    fn a_store_whose_move_was_cut_is_told_and_not_taken_for_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let half = path.join("quarantine-7.moving");
        fs::create_dir(&half).unwrap();
        fs::write(half.join("db"), b"damaged").unwrap();
        assert!(is_store(path).unwrap() && !is_in_use(path).unwrap());
        let error = format!("{:#}", open(path).err().unwrap());
        assert!(error.contains(&path.join("quarantine-7").display().to_string()), "{error}");
        assert!(!is_store(path).unwrap());
        assert_eq!(quarantines(path), [path.join("quarantine-7")]);
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
