//! Opening the database: the directory, the lock, and what happens when it does not recover.
//! Nothing is ever deleted here; what cannot be used is renamed.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use super::SledOptions;
use super::engine::{self, Engine};
use crate::{ErrorKind, StoreError};

/// How long an open waits for the lock of another one.
const LOCK_WAIT: Duration = Duration::from_millis(500);

/// The first pause between tries; doubled each time.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

pub(super) fn open(path: &Path, options: &SledOptions) -> Result<Engine, StoreError> {
    make_directory(path).map_err(engine::io)?;
    let db = open_or_quarantine(path, options)?;
    let file = File::options().read(true).write(true).open(path.join("db")).map_err(engine::io)?;
    let engine = Engine::new(db, file, path.join("blobs"))?;
    // The names of the files, once: their contents have barriers of their own.
    sync_directory(path).map_err(engine::io)?;
    Ok(engine)
}

fn open_or_quarantine(path: &Path, options: &SledOptions) -> Result<::sled::Db, StoreError> {
    let failure = match open_locked(path, options) {
        Err(failure) if failure.is_damage() => failure,
        result => return result.map_err(Failure::into_error),
    };
    // A snapshot that was cut while it was written stops the recovery; the log is whole without.
    let failure = if set_snapshots_aside(path).map_err(engine::io)? {
        match open_locked(path, options) {
            Err(failure) if failure.is_damage() => failure,
            result => return result.map_err(Failure::into_error),
        }
    } else {
        failure
    };
    let quarantine = PathBuf::from(format!("{}.quarantine-{}", path.display(), timestamp()));
    fs::rename(path, &quarantine).map_err(engine::io)?;
    let cause = format!("{failure}; the directory is now {}", quarantine.display());
    Err(StoreError::with_source(ErrorKind::Corrupt { good_prefix: None }, cause))
}

/// Why sled gave no database.
enum Failure {
    Locked,
    Damage(String),
    Other(::sled::Error),
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
            Self::Other(error) => engine::io(error),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Locked => f.write_str("locked"),
            Self::Damage(cause) => f.write_str(cause),
            Self::Other(error) => error.fmt(f),
        }
    }
}

fn open_locked(path: &Path, options: &SledOptions) -> Result<::sled::Db, Failure> {
    let mut pause = LOCK_PAUSE;
    let mut waited = Duration::ZERO;
    loop {
        match open_once(path, options) {
            Err(Failure::Locked) if waited < LOCK_WAIT => {
                sleep(pause);
                waited += pause;
                pause = (pause * 2).min(LOCK_WAIT - waited.min(LOCK_WAIT)).max(LOCK_PAUSE);
            }
            result => return result,
        }
    }
}

fn open_once(path: &Path, options: &SledOptions) -> Result<::sled::Db, Failure> {
    let config = ::sled::Config::new()
        .path(path)
        .cache_capacity(options.cache_bytes)
        // A backstop between our own barriers; no promise rests on it.
        .flush_every_ms(Some(500));
    match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(error)) => Err(classify(error)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(Failure::Damage(text.unwrap_or("recovery panicked").to_owned()))
        }
    }
}

fn classify(error: ::sled::Error) -> Failure {
    match error {
        // sled wraps the refusal of the lock in a text.
        ::sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
            Failure::Locked
        }
        ::sled::Error::Corruption { .. } | ::sled::Error::ReportableBug(_) => {
            Failure::Damage(error.to_string())
        }
        error => Failure::Other(error),
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_directory(parent),
        _ => sync_directory(Path::new(".")),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Renames half-written snapshots; says whether there were any.
fn set_snapshots_aside(path: &Path) -> io::Result<bool> {
    let mut found = false;
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            let aside = format!("quarantine-{}-{name}", timestamp());
            fs::rename(path.join(&name), path.join(aside))?;
            found = true;
        }
    }
    Ok(found)
}

/// Nanoseconds, so that two quarantines of one directory have two names.
fn timestamp() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos())
}
