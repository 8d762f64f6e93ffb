//! Where checkpoints are kept: a directory, a Redis server, or memory. What is in them is `stored`'s
//! matter.

mod directory;
mod redis_url;
mod shelves;

use clap::{Arg, Args};
use client::{Store, StreamId};
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use self::redis_url::RedisUrl;
pub(crate) use self::shelves::{Shelf, Shelves};
use crate::advice::Advice;
use crate::diagnostics::report;
use crate::status::usage_error;

/// Where checkpoints are kept.
#[derive(Args, Default)]
pub(crate) struct Checkpoints {
    /// Directory of the checkpoints, `redis://USER:PASSWORD@HOST:PORT/DB` for a Redis server,
    /// `rediss://` for one over TLS, or `memory` to keep none
    /// [default: unbroken in $XDG_DATA_HOME, else in ~/.local/share]
    #[arg(
        long = "checkpoints",
        value_name = "DIR|URL|memory",
        global = true,
        verbatim_doc_comment
    )]
    given: Option<PathBuf>,
}

/// The argument of a command that needs what another process kept. In memory there is nothing.
pub(crate) fn of_another_process(argument: Arg) -> Arg {
    argument.value_name("DIR|URL").help(
        "Directory of the checkpoints, `redis://USER:PASSWORD@HOST:PORT/DB` for a Redis server,\n\
         or `rediss://` for one over TLS\n\
         [default: unbroken in $XDG_DATA_HOME, else in ~/.local/share]",
    )
}

impl Checkpoints {
    /// The checkpoints in this directory, or in memory.
    pub(crate) const fn at(place: PathBuf) -> Self {
        Self { given: Some(place) }
    }

    /// Opens the one store of a directory, or makes it. Another process that has it open is
    /// an error: a store beside it would not hold what this one does.
    pub(crate) fn open_only(&self) -> anyhow::Result<Store> {
        match self.place()? {
            Place::Memory => Ok(Store::memory()),
            Place::Directory(path) => {
                directory::open(&path)?.ok_or_else(|| directory::in_use(&path))
            }
            Place::Redis(url) => url.open(),
        }
    }

    /// Opens a store to write to: of a directory, which is made, one that no other process has open.
    pub(crate) fn open(&self) -> anyhow::Result<Shelf> {
        let path = match self.place()? {
            Place::Memory => {
                return Ok(Shelf { store: Store::memory(), place: MEMORY.to_owned() });
            }
            Place::Directory(path) => path,
            Place::Redis(url) => return Ok(Shelf { store: url.open()?, place: url.to_string() }),
        };
        for path in directory::places(&path) {
            // The next one is as good as one that has to be waited for.
            if directory::is_taken(&path)? {
                continue;
            }
            if let Some(store) = directory::open(&path)? {
                return Ok(Shelf { store, place: path.display().to_string() });
            }
        }
        Err(directory::in_use(&path))
    }

    /// Whether a store beside the one that is written to holds the stream. One that another process
    /// has open cannot be asked; one that fails is told on stderr.
    pub(crate) async fn is_beside(&self, shelf: &Shelf, id: &StreamId) -> anyhow::Result<bool> {
        let Place::Directory(path) = self.place()? else { return Ok(false) };
        for path in directory::places(&path) {
            if path.display().to_string() == shelf.place {
                continue;
            }
            match directory::holds(&path, id).await {
                Ok(false) => {}
                Ok(true) => return Ok(true),
                Err(error) => report(&format_args!("{error:#}")),
            }
        }
        Ok(false)
    }

    /// Opens every store of earlier processes that none has open.
    pub(crate) fn open_all(&self) -> anyhow::Result<Shelves> {
        match self.place()? {
            Place::Memory => Err(usage_error(
                "--checkpoints memory keeps nothing for another process; name a directory \
                 or a Redis server",
            )),
            Place::Directory(path) => Shelves::of(&path),
            Place::Redis(url) => Ok(Shelves::one(url.open()?, url.to_string())),
        }
    }

    /// Opens the store that holds the stream.
    pub(crate) async fn open_holding(&self, id: &StreamId) -> anyhow::Result<Shelf> {
        Ok(self.open_all()?.holding(id).await?.clone())
    }

    /// Adds the flag that a later `resume` needs again.
    pub(crate) fn advise(&self, advice: &mut Advice) {
        match &self.given {
            Some(given) if given.as_os_str() == MEMORY => advice.forget(),
            Some(given) => match RedisUrl::parse(&given.to_string_lossy()) {
                Some(url) => {
                    advice.flag("--checkpoints", &url.to_string());
                    if url.is_hidden_in_part() {
                        advice.note("and the whole URL of the checkpoints");
                    }
                }
                None => advice.flag("--checkpoints", &given.to_string_lossy()),
            },
            None => {}
        }
    }

    /// What the flag names.
    pub(crate) fn place(&self) -> anyhow::Result<Place> {
        match &self.given {
            Some(given) => Place::parse(given.as_os_str()),
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

/// A place for checkpoints.
pub(crate) enum Place {
    Memory,
    Directory(PathBuf),
    /// One store for all processes.
    Redis(RedisUrl),
}

impl Place {
    /// Reads the value of the flag. No error quotes it: a URL may hold a password.
    fn parse(given: &OsStr) -> anyhow::Result<Self> {
        match given.to_string_lossy().as_ref() {
            "" => Err(usage_error("--checkpoints: the name of the directory is empty")),
            MEMORY => Ok(Self::Memory),
            text if text.contains("://") || text.starts_with("redis:") => {
                RedisUrl::parse(text).map(Self::Redis).ok_or_else(|| {
                    usage_error("--checkpoints: a URL is redis://, rediss:// or redis+unix://")
                })
            }
            _ => Ok(Self::Directory(PathBuf::from(given))),
        }
    }

    /// Whether no other process can go on with what is kept there.
    pub(crate) const fn ends_with_the_process(&self) -> bool {
        matches!(self, Self::Memory)
    }
}

/// The directory of this program below the user's data. A relative `XDG_DATA_HOME` is invalid
/// by its specification and ignored.
fn standard(data: Option<&OsStr>, home: Option<&OsStr>) -> Option<PathBuf> {
    let data = data.map(Path::new).filter(|path| path.is_absolute()).map(Path::to_path_buf);
    let home = home.map(Path::new).filter(|path| path.is_absolute());
    let data = data.or_else(|| home.map(|home| home.join(".local/share")))?;
    Some(data.join("unbroken"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;
    use std::time::{Duration, Instant};

    fn at(path: &str) -> Checkpoints {
        Checkpoints::at(path.into())
    }

    #[test]
    fn the_standard_place_follows_the_users_data_directory() {
        let standard =
            |data: &str, home: &str| standard(Some(OsStr::new(data)), Some(OsStr::new(home)));
        assert_eq!(standard("/data", "/u"), Some("/data/unbroken".into()));
        assert_eq!(standard("", "/u"), Some("/u/.local/share/unbroken".into()));
        assert_eq!(standard("relative", "/u"), Some("/u/.local/share/unbroken".into()));
        assert_eq!(standard("", ""), None);
    }

    #[test]
    fn a_flag_names_memory_a_directory_or_a_redis_server() {
        assert!(matches!(at("memory").place(), Ok(Place::Memory)));
        assert!(matches!(at("./memory").place(), Ok(Place::Directory(_))));
        assert!(matches!(at("redis://host/3").place(), Ok(Place::Redis(_))));
        for url in ["", "http://user:s3cret@host", "redis:s3cret@host", "dir/redis://s3cret@host"] {
            let error = at(url).place().err().unwrap();
            assert_eq!(Status::of(&error), Status::Usage);
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn advice_has_no_password() {
        let sentence = |url: &str| {
            let mut advice = Advice::default();
            at(url).advise(&mut advice);
            advice.sentence(&"s-1".parse().unwrap())
        };
        let told = sentence("redis://user:s3cret@host/3");
        assert!(told.contains("--checkpoints 'redis://user:***@host/3'"), "{told}");
        assert!(told.contains("(and the whole URL of the checkpoints)"), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
        let told = sentence("redis://host/3");
        assert!(
            told.ends_with("go on with: unbroken resume s-1 --checkpoints redis://host/3"),
            "{told}"
        );
    }

    #[test]
    fn memory_has_nothing_of_an_earlier_process() {
        assert!(at("memory").open().is_ok());
        let error = at("memory").open_all().err().unwrap();
        assert_eq!(Status::of(&error), Status::Usage);
    }

    #[test]
    fn a_directory_that_is_not_there_is_made_only_for_writing() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("new");
        let checkpoints = Checkpoints { given: Some(path.clone()) };
        assert!(checkpoints.open_all().unwrap().open.is_empty());
        assert!(!path.exists());
        drop(checkpoints.open().unwrap());
        assert!(path.exists());
    }

    #[test]
    fn processes_at_the_same_time_have_stores_of_their_own() {
        let directory = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints { given: Some(directory.path().to_owned()) };
        let first = checkpoints.open().unwrap();
        let second = checkpoints.open().unwrap();
        let shelves = checkpoints.open_all().unwrap();
        assert_eq!((shelves.open.len(), shelves.tell_missing()), (0, true));
        assert!(second.place.ends_with("/2"), "{}", second.place);
        drop((first, second));
    }

    #[test]
    fn a_store_in_use_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints { given: Some(directory.path().to_owned()) };
        let began = Instant::now();
        let shelves: Vec<_> = (0..5).map(|_| checkpoints.open().unwrap()).collect();
        assert!(began.elapsed() < Duration::from_secs(4), "half a second for each would be five");
        assert!(shelves[4].place.ends_with("/5"), "{}", shelves[4].place);
        let began = Instant::now();
        assert!(checkpoints.open_all().unwrap().open.is_empty());
        assert!(began.elapsed() < Duration::from_secs(2), "one wait for all");
    }

    #[test]
    fn the_only_store_is_not_replaced_by_one_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::at(directory.path().join("new"));
        let _first = checkpoints.open_only().unwrap();
        let error = checkpoints.open_only().err().unwrap();
        assert!(error.to_string().contains("another process has"), "{error}");
        assert!(at("memory").open_only().is_ok());
    }

    #[tokio::test]
    async fn a_stream_is_found_in_whichever_store_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints { given: Some(directory.path().to_owned()) };
        let _first = checkpoints.open().unwrap();
        let id: StreamId = "s-1".parse().unwrap();
        let second = checkpoints.open().unwrap();
        second.store.create(&id).await.unwrap().close().await.unwrap();
        drop(second);
        let found = loop {
            // The store gives its lock back in the background.
            if let Ok(shelf) = checkpoints.open_holding(&id).await {
                break shelf.place;
            }
        };
        assert!(found.ends_with('2'), "{found}");
        let error = checkpoints.open_holding(&"s-2".parse().unwrap()).await.err().unwrap();
        assert!(error.to_string().contains("s-2 is in no store"), "{error}");
    }
}
