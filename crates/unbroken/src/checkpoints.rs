//! Where checkpoints are kept: a directory, a Redis server, or memory. What is in them is `stored`'s
//! matter.

mod redis_url;

use anyhow::{Context, anyhow};
use clap::Args;
use client::{Store, StreamId};
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use self::redis_url::RedisUrl;
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

/// Stores in one directory: each process that streams at the same time has one of its own,
/// since a store has one owner.
const STORES_MAX: u32 = 16;

/// A store of an earlier process.
#[derive(Clone)]
pub(crate) struct Shelf {
    pub(crate) store: Store,
    /// Where it is, for messages.
    pub(crate) place: String,
}

/// The stores of earlier processes.
pub(crate) struct Shelves {
    /// Those that no other process has open.
    pub(crate) open: Vec<Shelf>,
    /// How many others have.
    pub(crate) in_use: usize,
    /// Where they are, for messages.
    place: String,
}

impl Shelves {
    /// The store that holds the stream.
    pub(crate) async fn holding(&self, id: &StreamId) -> anyhow::Result<&Shelf> {
        for shelf in &self.open {
            match shelf.store.info(id).await {
                Ok(_) => return Ok(shelf),
                Err(error) if error.is_retryable() => {
                    let asking = || format!("cannot look for stream {id} in {}", shelf.place);
                    return Err(error).with_context(asking);
                }
                Err(_) => {}
            }
        }
        Err(anyhow!("no such stream: {id} in {}", self.place))
    }
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
            Place::Directory(path) => open(&path)?.ok_or_else(|| in_use(&path)),
            Place::Redis(url) => url.open(),
        }
    }

    /// Opens a store to write to: of a directory, which is made, one that no other process has open.
    pub(crate) fn open(&self) -> anyhow::Result<Store> {
        let path = match self.place()? {
            Place::Memory => return Ok(Store::memory()),
            Place::Directory(path) => path,
            Place::Redis(url) => return url.open(),
        };
        for path in stores(&path) {
            if let Some(store) = open(&path)? {
                return Ok(store);
            }
        }
        Err(in_use(&path))
    }

    /// Opens every store of earlier processes that none has open; the others are told on stderr.
    pub(crate) fn open_all(&self) -> anyhow::Result<Shelves> {
        let path = match self.place()? {
            Place::Memory => {
                return Err(usage_error(
                    "--checkpoints memory keeps nothing for another process; name a directory",
                ));
            }
            Place::Directory(path) => path,
            Place::Redis(url) => {
                let (store, place) = (url.open()?, url.to_string());
                let open = vec![Shelf { store, place: place.clone() }];
                return Ok(Shelves { open, in_use: 0, place });
            }
        };
        let mut shelves =
            Shelves { open: Vec::new(), in_use: 0, place: path.display().to_string() };
        for path in stores(&path).filter(|path| path.exists()) {
            match open(&path)? {
                Some(store) => {
                    shelves.open.push(Shelf { store, place: path.display().to_string() });
                }
                None => {
                    shelves.in_use += 1;
                    report(&in_use(&path));
                }
            }
        }
        Ok(shelves)
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

/// Where the stores of a directory are: in itself, and beside it for processes that find it taken.
fn stores(path: &Path) -> impl Iterator<Item = PathBuf> {
    let beside = (2..=STORES_MAX).map(|number| path.join(number.to_string()));
    std::iter::once(path.to_owned()).chain(beside)
}

/// `None` when another process has it open.
fn open(path: &Path) -> anyhow::Result<Option<Store>> {
    match Store::sled(path) {
        Ok(store) => Ok(Some(store)),
        Err(error) if error.is_retryable() => Ok(None),
        Err(error) => Err(anyhow::Error::new(error))
            .with_context(|| format!("cannot open the checkpoints in {}", path.display())),
    }
}

fn in_use(path: &Path) -> anyhow::Error {
    anyhow!(
        "another process has the checkpoints in {} open: let it end, name another directory with \
         --checkpoints DIR, or use --checkpoints memory, which always works",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;

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
        assert_eq!((shelves.open.len(), shelves.in_use), (0, 2));
        drop((first, second));
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
        second.create(&id).await.unwrap().close().await.unwrap();
        drop(second);
        let found = loop {
            // The store gives its lock back in the background.
            if let Ok(shelf) = checkpoints.open_holding(&id).await {
                break shelf.place;
            }
        };
        assert!(found.ends_with('2'), "{found}");
        let error = checkpoints.open_holding(&"s-2".parse().unwrap()).await.err().unwrap();
        assert!(error.to_string().contains("no such stream: s-2"));
    }

    #[test]
    fn a_store_that_is_in_use_says_what_to_do() {
        let error = in_use(Path::new("/data"));
        assert!(format!("{error:#}").contains("--checkpoints memory"), "{error:#}");
        assert_eq!(Status::of(&error), Status::Failed);
    }
}
