//! The quarantine: a directory below a store to which the files of a database go that does not recover.
//! Nothing is deleted, and a move that a crash cuts is finished by the next open.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// How the name of what was set aside begins.
const PREFIX: &str = "quarantine-";

/// How the name of a quarantine ends as long as files may be missing in it.
const MOVING: &str = ".moving";

/// A directory of a store and which of its entries are the database.
pub(super) struct Quarantine<'a> {
    pub(super) path: &'a Path,
    /// Whether the entry of this name is a part of the database.
    pub(super) owns: &'a dyn Fn(&str) -> bool,
    /// Makes the names in a directory durable.
    pub(super) sync: &'a dyn Fn(&Path) -> io::Result<()>,
}

impl Quarantine<'_> {
    /// Moves the database to a new directory, and says which.
    pub(super) fn take(&self) -> io::Result<PathBuf> {
        let aside = self.path.join(name());
        DirBuilder::new().mode(0o700).create(moving(&aside))?;
        // Before the first file leaves: without some of them sled takes a database for a whole one.
        (self.sync)(self.path)?;
        self.finish(aside)
    }

    /// Ends a move that a crash cut, and says where the database is then; `None` when there is none.
    pub(super) fn resume(&self) -> io::Result<Option<PathBuf>> {
        for entry in fs::read_dir(self.path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(aside) = name.strip_suffix(MOVING) else { continue };
            if aside.starts_with(PREFIX) && entry.file_type()?.is_dir() {
                return self.finish(self.path.join(aside)).map(Some);
            }
        }
        Ok(None)
    }

    /// Reads all of the database. An error is one of the system: that no database opens says then
    /// nothing about its bytes.
    pub(super) fn read_through(&self) -> io::Result<()> {
        self.entries()?.iter().try_for_each(|entry| read_through(entry))
    }

    /// The name without [`MOVING`] comes last, when all that belongs together is durable there.
    fn finish(&self, aside: PathBuf) -> io::Result<PathBuf> {
        let moving = moving(&aside);
        for entry in self.entries()? {
            let Some(name) = entry.file_name() else { continue };
            move_to(&entry, &moving.join(name))?;
        }
        (self.sync)(&moving)?;
        (self.sync)(self.path)?;
        fs::rename(&moving, &aside)?;
        (self.sync)(self.path)?;
        Ok(aside)
    }

    fn entries(&self) -> io::Result<Vec<PathBuf>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.path)? {
            let entry = entry?;
            if (self.owns)(&entry.file_name().to_string_lossy()) {
                entries.push(entry.path());
            }
        }
        Ok(entries)
    }
}

/// A name for what is set aside. Nanoseconds, so that two of one directory have two names.
pub(super) fn name() -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    format!("{PREFIX}{time}")
}

fn moving(aside: &Path) -> PathBuf {
    let mut moving = aside.as_os_str().to_owned();
    moving.push(MOVING);
    moving.into()
}

/// A rename that replaces nothing: one opener is here at a time.
fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    if fs::exists(to)? {
        let both = format!("both {} and {} are there", from.display(), to.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, both));
    }
    fs::rename(from, to)
}

fn read_through(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return fs::read_dir(path)?.try_for_each(|entry| read_through(&entry?.path()));
    }
    io::copy(&mut File::open(path)?, &mut io::sink())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::os::unix::net::UnixListener;

    use super::*;

    const FILES: [&str; 3] = ["a", "b", "c"];

    /// A database of three files, with other things beside it.
    fn database() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for name in FILES.into_iter().chain(["2", "note"]) {
            fs::write(directory.path().join(name), name).unwrap();
        }
        directory
    }

    fn owns(name: &str) -> bool {
        FILES.contains(&name)
    }

    fn quarantine<'a>(path: &'a Path, sync: &'a dyn Fn(&Path) -> io::Result<()>) -> Quarantine<'a> {
        Quarantine { path, owns: &owns, sync }
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[track_caller]
    fn check_taken(path: &Path, aside: &Path) {
        let name = aside.file_name().unwrap().to_str().unwrap();
        assert_eq!(names(path), ["2", "note", name]);
        assert_eq!(names(aside), FILES);
    }

    #[test]
    fn only_the_database_moves() {
        let directory = database();
        let aside = quarantine(directory.path(), &|_| Ok(())).take().unwrap();
        check_taken(directory.path(), &aside);
        assert!(quarantine(directory.path(), &|_| Ok(())).resume().unwrap().is_none());
    }

    #[test]
    fn a_move_is_durable_before_the_next_one_that_needs_it() {
        let directory = database();
        let path = directory.path();
        let seen = RefCell::new(Vec::new());
        let sync = |synced: &Path| {
            let moving = names(path).pop().unwrap().ends_with(MOVING);
            seen.borrow_mut().push((synced == path, moving, names(path).len()));
            Ok(())
        };
        quarantine(path, &sync).take().unwrap();
        // The place, the files at both ends, the name.
        let expected = [(true, true, 6), (false, true, 3), (true, true, 3), (true, false, 3)];
        assert_eq!(seen.into_inner(), expected);
    }

    #[test]
    fn a_move_that_a_failure_cut_is_finished_by_the_next_one() {
        for failing in 0..4 {
            let directory = database();
            let path = directory.path();
            let left = Cell::new(failing);
            let sync = |_: &Path| match left.replace(left.get() - 1) {
                0 => Err(io::Error::other("cut")),
                _ => Ok(()),
            };
            assert!(quarantine(path, &sync).take().is_err());
            let resumed = quarantine(path, &|_| Ok(())).resume().unwrap();
            // The last one is about the final name, which is there.
            assert_eq!(resumed.is_some(), failing < 3);
            let aside = resumed.unwrap_or_else(|| path.join(names(path).pop().unwrap()));
            check_taken(path, &aside);
        }
    }

    #[test]
    fn any_half_of_the_files_is_joined_by_the_other() {
        for moved in 0..8_usize {
            let directory = database();
            let path = directory.path();
            let half = path.join("quarantine-7.moving");
            fs::create_dir(&half).unwrap();
            for name in (0..3).filter(|bit| moved >> bit & 1 == 1).map(|bit| FILES[bit]) {
                fs::rename(path.join(name), half.join(name)).unwrap();
            }
            let aside = quarantine(path, &|_| Ok(())).resume().unwrap().unwrap();
            assert_eq!(aside, path.join("quarantine-7"));
            check_taken(path, &aside);
        }
    }

    #[test]
    fn nothing_is_replaced() {
        let directory = database();
        let half = directory.path().join("quarantine-7.moving");
        fs::create_dir(&half).unwrap();
        fs::write(half.join("b"), b"older").unwrap();
        let error = quarantine(directory.path(), &|_| Ok(())).resume().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(half.join("b")).unwrap(), b"older");
        assert_eq!(fs::read(directory.path().join("b")).unwrap(), b"b");
    }

    #[test]
    fn what_the_system_does_not_read_is_told() {
        let directory = database();
        let quarantine = quarantine(directory.path(), &|_| Ok(()));
        quarantine.read_through().unwrap();
        fs::remove_file(directory.path().join("c")).unwrap();
        fs::create_dir(directory.path().join("c")).unwrap();
        // A socket cannot be opened as a file, whoever asks.
        let _socket = UnixListener::bind(directory.path().join("c/1")).unwrap();
        assert!(quarantine.read_through().is_err());
    }
}
