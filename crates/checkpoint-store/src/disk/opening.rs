//! Opening a database: the directory, the lock, and what happens when it does not recover.
//! Nothing is ever deleted here; what cannot be used is renamed.

use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::database::Database;
use crate::{ErrorKind, StoreError};

/// How long an open waits for the lock of another one.
const LOCK_WAIT: Duration = Duration::from_millis(500);

/// The first pause between tries; doubled each time.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// A way to open a database in a directory that exists.
pub(super) trait Opener {
    fn open_once(&self, path: &Path) -> Result<Box<dyn Database>, Failure>;

    /// Sets aside what may stop a recovery and can be missed; says whether there was any.
    fn set_aside(&self, _path: &Path) -> io::Result<bool> {
        Ok(false)
    }
}

/// Why there is no database.
pub(super) enum Failure {
    /// Someone else has it open.
    Locked,
    /// It does not recover.
    Damage(String),
    Other(StoreError),
}

pub(super) fn open(path: &Path, opener: &impl Opener) -> Result<Box<dyn Database>, StoreError> {
    make_directory(path, &mut |path| sync_directory(path)).map_err(io_error)?;
    let database = open_or_quarantine(path, opener)?;
    // The names of the files, once: their contents have barriers of their own.
    sync_directory(path).map_err(io_error)?;
    Ok(database)
}

/// What the operating system or a database refused.
pub(super) fn io_error(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::with_source(ErrorKind::Io, error)
}

/// Nanoseconds, so that two quarantines of one directory have two names.
pub(super) fn timestamp() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos())
}

fn open_or_quarantine(path: &Path, opener: &impl Opener) -> Result<Box<dyn Database>, StoreError> {
    let mut failure = match open_locked(path, opener) {
        Err(failure) if failure.is_damage() => failure,
        result => return result.map_err(Failure::into_error),
    };
    if opener.set_aside(path).map_err(io_error)? {
        failure = match open_locked(path, opener) {
            Err(failure) if failure.is_damage() => failure,
            result => return result.map_err(Failure::into_error),
        };
    }
    let quarantine = PathBuf::from(format!("{}.quarantine-{}", path.display(), timestamp()));
    fs::rename(path, &quarantine).map_err(io_error)?;
    let cause = format!("{failure}; the directory is now {}", quarantine.display());
    Err(StoreError::with_source(ErrorKind::Corrupt { good_prefix: None }, cause))
}

fn open_locked(path: &Path, opener: &impl Opener) -> Result<Box<dyn Database>, Failure> {
    let mut pause = LOCK_PAUSE;
    let mut waited = Duration::ZERO;
    loop {
        match open_caught(path, opener) {
            Err(Failure::Locked) if waited < LOCK_WAIT => {
                sleep(pause);
                waited += pause;
                pause = (pause * 2).min(LOCK_WAIT.saturating_sub(waited)).max(LOCK_PAUSE);
            }
            result => return result,
        }
    }
}

/// A recovery that panics met bytes that it cannot believe.
fn open_caught(path: &Path, opener: &impl Opener) -> Result<Box<dyn Database>, Failure> {
    catch_unwind(AssertUnwindSafe(|| opener.open_once(path))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Failure::Damage(text.unwrap_or("recovery panicked").to_owned()))
    })
}

/// Makes the directory and those above it that are missing. The name of each is in the one above,
/// which is synced for it.
fn make_directory(path: &Path, sync: &mut dyn FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.is_dir();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    for made in missing.into_iter().rev() {
        match made.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync(parent)?,
            _ => sync(Path::new("."))?,
        }
    }
    Ok(())
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

impl Failure {
    fn is_damage(&self) -> bool {
        matches!(self, Self::Damage(_))
    }

    fn into_error(self) -> StoreError {
        match self {
            Self::Locked => ErrorKind::Locked.into(),
            Self::Damage(cause) => {
                StoreError::with_source(ErrorKind::Corrupt { good_prefix: None }, cause)
            }
            Self::Other(error) => error,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => f.write_str("locked"),
            Self::Damage(cause) => f.write_str(cause),
            Self::Other(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn synced(path: &Path) -> Vec<PathBuf> {
        let mut synced = Vec::new();
        let result = make_directory(path, &mut |path| {
            synced.push(path.to_owned());
            sync_directory(path)
        });
        result.unwrap();
        synced
    }

    #[test]
    fn every_directory_that_is_made_is_synced_where_its_name_is() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let path = root.join("a/b/c");
        assert_eq!(synced(&path), [root.to_owned(), root.join("a"), root.join("a/b")]);
        assert!(path.is_dir());
        assert_eq!(synced(&root.join("a/b/d")), [root.join("a/b")]);
        assert_eq!(synced(&path), [] as [PathBuf; 0]);
    }
}
