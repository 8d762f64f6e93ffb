//! Where checkpoints are kept: a directory, or memory. What is in them is `stored`'s matter.

use anyhow::{Context, anyhow};
use clap::Args;
use client::Store;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::advice::Advice;
use crate::status::usage_error;

/// Where checkpoints are kept.
#[derive(Args, Debug, Default)]
pub(crate) struct Checkpoints {
    /// Directory of the checkpoints, or `memory` to keep none
    /// [default: unbroken in $XDG_DATA_HOME, else in ~/.local/share]
    #[arg(long = "checkpoints", value_name = "DIR|memory", global = true, verbatim_doc_comment)]
    given: Option<PathBuf>,
}

impl Checkpoints {
    /// Opens the store, and makes its directory when there is none.
    pub(crate) fn open(&self) -> anyhow::Result<Store> {
        match self.place()? {
            Place::Memory => Ok(Store::memory()),
            Place::Directory(path) => open(&path),
        }
    }

    /// Opens the store of an earlier process; `None` when there is no such directory.
    pub(crate) fn open_existing(&self) -> anyhow::Result<Option<Store>> {
        match self.place()? {
            Place::Memory => Err(usage_error(
                "--checkpoints memory keeps nothing for another process; name a directory",
            )),
            Place::Directory(path) if path.exists() => open(&path).map(Some),
            Place::Directory(_) => Ok(None),
        }
    }

    /// The place, for messages.
    pub(crate) fn describe(&self) -> String {
        match self.place() {
            Ok(Place::Directory(path)) => path.display().to_string(),
            Ok(Place::Memory) | Err(_) => MEMORY.to_owned(),
        }
    }

    /// Adds the flag that a later `resume` needs again.
    pub(crate) fn advise(&self, advice: &mut Advice) {
        match &self.given {
            Some(given) if given.as_os_str() == MEMORY => advice.forget(),
            Some(given) => advice.flag("--checkpoints", &given.to_string_lossy()),
            None => {}
        }
    }

    fn place(&self) -> anyhow::Result<Place> {
        match &self.given {
            Some(given) if given.as_os_str() == MEMORY => Ok(Place::Memory),
            Some(given) if given.as_os_str().is_empty() => {
                Err(usage_error("--checkpoints: the name of the directory is empty"))
            }
            Some(given) => Ok(Place::Directory(given.clone())),
            None => {
                standard(env::var_os("XDG_DATA_HOME").as_deref(), env::var_os("HOME").as_deref())
                    .map(Place::Directory)
                    .ok_or_else(|| {
                        usage_error("neither XDG_DATA_HOME nor HOME is set; give --checkpoints DIR")
                    })
            }
        }
    }
}

const MEMORY: &str = "memory";

#[derive(Debug)]
enum Place {
    Memory,
    Directory(PathBuf),
}

/// The directory of this program below the user's data. A relative `XDG_DATA_HOME` is invalid
/// by its specification and ignored.
fn standard(data: Option<&OsStr>, home: Option<&OsStr>) -> Option<PathBuf> {
    let data = data.map(Path::new).filter(|path| path.is_absolute()).map(Path::to_path_buf);
    let home = home.map(Path::new).filter(|path| path.is_absolute());
    let data = data.or_else(|| home.map(|home| home.join(".local/share")))?;
    Some(data.join("unbroken"))
}

fn open(path: &Path) -> anyhow::Result<Store> {
    Store::sled(path).map_err(|error| match error.is_retryable() {
        true => anyhow!(
            "another process has the checkpoints in {} open: let it end, name another directory \
             with --checkpoints DIR, or use --checkpoints memory, which always works",
            path.display()
        ),
        false => anyhow::Error::new(error),
    })
    .with_context(|| format!("cannot open the checkpoints in {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;

    fn at(path: &str) -> Checkpoints {
        Checkpoints { given: Some(path.into()) }
    }

    #[test]
    fn the_standard_place_follows_the_users_data_directory() {
        let standard =
            |data: &str, home: &str| standard(Some(OsStr::new(data)), Some(OsStr::new(home)));
        assert_eq!(standard("/data", "/home/u"), Some("/data/unbroken".into()));
        assert_eq!(standard("", "/home/u"), Some("/home/u/.local/share/unbroken".into()));
        assert_eq!(standard("relative", "/home/u"), Some("/home/u/.local/share/unbroken".into()));
        assert_eq!(standard("", ""), None);
    }

    #[test]
    fn memory_has_nothing_of_an_earlier_process() {
        assert!(at("memory").open().is_ok());
        let error = at("memory").open_existing().err().unwrap();
        assert_eq!(Status::of(&error), Status::Usage);
    }

    #[test]
    fn a_directory_that_is_not_there_is_made_only_for_writing() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("new");
        let checkpoints = Checkpoints { given: Some(path.clone()) };
        assert!(checkpoints.open_existing().unwrap().is_none());
        assert!(!path.exists());
        drop(checkpoints.open().unwrap());
        assert!(path.exists());
    }

    #[test]
    fn a_store_that_is_in_use_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints { given: Some(directory.path().to_owned()) };
        let _held = checkpoints.open().unwrap();
        let error = checkpoints.open().err().unwrap();
        assert!(format!("{error:#}").contains("--checkpoints memory"), "{error:#}");
        assert_eq!(Status::of(&error), Status::Failed);
    }
}
