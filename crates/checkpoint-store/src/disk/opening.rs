//! Opening a database: the directory, the lock, and what happens when it does not recover.
//! Nothing is ever deleted here; what is damaged is moved, and only when it is certain to be that.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::database::Database;
use super::quarantine::Quarantine;
use crate::{ErrorKind, StoreError};

/// How long an open waits for the lock of another one.
const LOCK_WAIT: Duration = Duration::from_millis(500);

/// The first pause between tries; doubled each time.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// A way to open a database in a directory that exists.
pub(super) trait Opener {
    fn open_once(&self, path: &Path) -> Result<Box<dyn Database>, Failure>;

    /// Whether the entry of this name in the directory is a part of the database.
    fn owns(&self, name: &str) -> bool;

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
    let database = open_waiting(path, opener).map_err(Failure::into_error)?;
    // The names of the files, once: their contents have barriers of their own.
    sync_directory(path).map_err(io_error)?;
    Ok(database)
}

/// What the operating system or a database refused.
pub(super) fn io_error(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::with_source(ErrorKind::Io, error)
}

fn open_waiting(path: &Path, opener: &impl Opener) -> Result<Box<dyn Database>, Failure> {
    let mut pause = LOCK_PAUSE;
    let mut waited = Duration::ZERO;
    loop {
        match open_alone(path, opener) {
            Err(Failure::Locked) if waited < LOCK_WAIT => {
                sleep(pause);
                waited += pause;
                pause = (pause * 2).min(LOCK_WAIT.saturating_sub(waited)).max(LOCK_PAUSE);
            }
            result => return result,
        }
    }
}

/// Opens the database with nobody else about to, so that what is moved is what did not recover.
fn open_alone(path: &Path, opener: &impl Opener) -> Result<Box<dyn Database>, Failure> {
    let _turn = take_turn(path)?;
    let owns = |name: &str| opener.owns(name);
    let quarantine = Quarantine { path, owns: &owns, sync: &sync_directory };
    if let Some(aside) = quarantine.resume()? {
        return Err(moved("an earlier open was cut while it moved them", &aside));
    }
    match open_caught(path, opener) {
        Err(Failure::Damage(_)) if opener.set_aside(path)? => {}
        Err(Failure::Damage(cause)) => return Err(quarantined(&quarantine, &cause)?),
        result => return result,
    }
    match open_caught(path, opener) {
        Err(Failure::Damage(cause)) => Err(quarantined(&quarantine, &cause)?),
        result => result,
    }
}

/// The lock of the directory: held while a database is opened, not while it is open.
fn take_turn(path: &Path) -> Result<File, Failure> {
    let directory = File::open(path)?;
    match directory.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Failure::Locked),
        // Some network file systems lock no directories; then there is the database's own lock.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(directory),
    }
}

/// A recovery that panics met bytes that it cannot believe, or something that the system refused.
fn open_caught(path: &Path, opener: &impl Opener) -> Result<Box<dyn Database>, Failure> {
    catch_unwind(AssertUnwindSafe(|| opener.open_once(path))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("recovery panicked").to_owned();
        if REFUSALS.iter().any(|refusal| text.contains(refusal)) {
            return Err(Failure::Other(StoreError::with_source(ErrorKind::Io, text)));
        }
        Err(Failure::Damage(text))
    })
}

/// What is in the text of a panic that the system caused: an error of it that was not expected, and
/// sled without memory for its log.
const REFUSALS: [&str; 2] = ["Os { code: ", "failed to allocate"];

/// Moves the database aside, unless the system does not let it be read; says what became of it.
fn quarantined(quarantine: &Quarantine<'_>, cause: &str) -> Result<Failure, Failure> {
    quarantine.read_through()?;
    Ok(moved(cause, &quarantine.take()?))
}

fn moved(cause: &str, aside: &Path) -> Failure {
    let text = format!(
        "{cause}; its files were moved to {}, and the next open makes a new store",
        aside.display()
    );
    Failure::Other(StoreError::with_source(ErrorKind::Corrupt { good_prefix: None }, text))
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

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Other(io_error(error))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    use super::*;

    /// A database of the file `db` that fails in this way.
    struct Failing(fn() -> Failure);

    impl Opener for Failing {
        fn open_once(&self, _: &Path) -> Result<Box<dyn Database>, Failure> {
            Err((self.0)())
        }

        fn owns(&self, name: &str) -> bool {
            name == "db"
        }
    }

    /// What an open says that fails like this, and whether the file is still there.
    fn opened(fail: fn() -> Failure) -> (ErrorKind, bool) {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("db"), b"bytes").unwrap();
        let error = open(directory.path(), &Failing(fail)).err().unwrap();
        (error.kind(), directory.path().join("db").exists())
    }

    const CORRUPT: ErrorKind = ErrorKind::Corrupt { good_prefix: None };

    #[test]
    fn damage_is_moved() {
        assert_eq!(opened(|| Failure::Damage("cut".to_owned())), (CORRUPT, false));
        assert_eq!(opened(|| panic!("unexpected pull: {:?}", "Cap")), (CORRUPT, false));
    }

    #[test]
    fn what_the_system_refuses_moves_nothing() {
        fn refusal() -> io::Error {
            io::Error::from_raw_os_error(24)
        }
        assert_eq!(opened(|| refusal().into()), (ErrorKind::Io, true));
        let panic = || File::open("/nowhere/db").map(|_| Failure::Locked).unwrap();
        assert_eq!(opened(panic), (ErrorKind::Io, true));
        let no_memory = || panic!("failed to allocate critical IO buffer");
        assert_eq!(opened(no_memory), (ErrorKind::Io, true));
        assert_eq!(opened(|| Failure::Locked), (ErrorKind::Locked, true));
    }

    #[test]
    fn a_database_that_cannot_be_read_is_not_called_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let db = directory.path().join("db");
        // A socket cannot be opened as a file, whoever asks.
        let _socket = UnixListener::bind(&db).unwrap();
        let failing = Failing(|| Failure::Damage("no page".to_owned()));
        assert_eq!(open(directory.path(), &failing).err().unwrap().kind(), ErrorKind::Io);
        assert!(fs::symlink_metadata(&db).is_ok());
    }

    #[test]
    fn one_opener_is_at_a_directory_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("db"), b"bytes").unwrap();
        let turn = take_turn(directory.path()).ok().unwrap();
        let failing = Failing(|| Failure::Damage("cut".to_owned()));
        let opened = || open(directory.path(), &failing).err().unwrap().kind();
        assert_eq!(opened(), ErrorKind::Locked);
        assert!(directory.path().join("db").exists());
        drop(turn);
        assert_eq!(opened(), CORRUPT);
    }

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
