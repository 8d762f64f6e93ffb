//! `Shelves`: the stores of earlier processes, as many as can be opened. What cannot is never
//! taken for empty.

use anyhow::{Context, anyhow, bail};
use client::{Store, StoreErrorKind, StreamId};
use std::fs;
use std::io;
use std::path::Path;

use super::directory;
use crate::diagnostics::report;

/// A store of an earlier process.
#[derive(Clone)]
pub(crate) struct Shelf {
    pub(crate) store: Store,
    /// Where it is, for messages.
    pub(crate) place: String,
}

/// The stores of earlier processes.
pub(crate) struct Shelves {
    /// Those that could be opened.
    pub(crate) open: Vec<Shelf>,
    /// Where those are that another process has open.
    in_use: Vec<String>,
    /// How many failed; each was told on stderr.
    failed: usize,
    /// Damaged stores that were moved aside, now or earlier.
    aside: Vec<String>,
    /// Where they are, for messages.
    place: String,
}

impl Shelves {
    /// The one store of all processes.
    pub(super) fn one(store: Store, place: String) -> Self {
        let open = vec![Shelf { store, place: place.clone() }];
        Self { open, ..Self::at(place) }
    }

    const fn at(place: String) -> Self {
        Self { open: Vec::new(), in_use: Vec::new(), failed: 0, aside: Vec::new(), place }
    }

    /// Opens every store of a directory, and makes none. One that fails is told on stderr.
    ///
    /// # Errors
    ///
    /// The directory is there and cannot be read.
    pub(super) fn of(path: &Path) -> anyhow::Result<Self> {
        let mut shelves = Self::at(path.display().to_string());
        match fs::read_dir(path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(shelves),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        }
        let stores: Vec<_> =
            directory::places(path).filter(|path| shelves.is_store(path)).collect();
        directory::await_free(&stores);
        for path in stores {
            shelves.add(&path);
        }
        let aside = directory::places(path).flat_map(|path| directory::quarantines(&path));
        shelves.aside = aside.map(|path| path.display().to_string()).collect();
        Ok(shelves)
    }

    fn is_store(&mut self, path: &Path) -> bool {
        directory::is_store(path).unwrap_or_else(|error| {
            report(&format_args!("cannot look for a store in {}: {error}", path.display()));
            self.failed += 1;
            false
        })
    }

    fn add(&mut self, path: &Path) {
        let place = path.display().to_string();
        let opened = match directory::is_in_use(path) {
            Ok(true) => Ok(None),
            Ok(false) => directory::open(path),
            Err(error) => Err(error).with_context(|| format!("cannot open {place}")),
        };
        match opened {
            Ok(Some(store)) => self.open.push(Shelf { store, place }),
            Ok(None) => self.in_use.push(place),
            Err(error) => {
                report(&format_args!("{error:#}"));
                self.failed += 1;
            }
        }
    }

    /// Whether there are stores that could not be opened; those in use are told on stderr.
    pub(crate) fn tell_missing(&self) -> bool {
        for place in &self.in_use {
            report(&format_args!("another process has the checkpoints in {place} open"));
        }
        self.is_missing()
    }

    fn is_missing(&self) -> bool {
        self.failed > 0 || !self.in_use.is_empty()
    }

    /// The store that holds the stream, whole or damaged.
    ///
    /// # Errors
    ///
    /// None does, more than one do, or one cannot say.
    pub(crate) async fn holding(&self, id: &StreamId) -> anyhow::Result<&Shelf> {
        let (mut holding, mut failure) = (Vec::new(), None);
        for shelf in &self.open {
            match shelf.store.info(id).await {
                Ok(_) => holding.push(shelf),
                Err(error) => match error.kind() {
                    StoreErrorKind::NotFound => {}
                    StoreErrorKind::Corrupt { .. } | StoreErrorKind::Version { .. } => {
                        holding.push(shelf);
                    }
                    _ => {
                        let asking = format!("cannot look for stream {id} in {}", shelf.place);
                        failure.get_or_insert(anyhow::Error::new(error).context(asking));
                    }
                },
            }
        }
        match (holding.as_slice(), failure) {
            ([shelf], _) => Ok(shelf),
            ([], Some(failure)) => Err(failure),
            ([], None) => Err(self.without(id)),
            ([first, .., last], _) => bail!(
                "stream {id} is in {} and in {}: say which by --checkpoints, or remove one with \
                 `unbroken streams rm {id} --checkpoints {}`",
                first.place,
                last.place,
                last.place
            ),
        }
    }

    /// Why there is no such stream, or why that cannot be told.
    fn without(&self, id: &StreamId) -> anyhow::Error {
        let place = &self.place;
        if !self.is_missing() && self.aside.is_empty() {
            return anyhow!("no such stream: {id} in {place}");
        }
        if !self.is_missing() {
            let aside = self.aside.join(", ");
            return anyhow!("no such stream: {id} in {place}; what was damaged is in {aside}");
        }
        if self.in_use.is_empty() {
            return anyhow!("stream {id} is in no store of {place} that could be opened");
        }
        anyhow!(
            "stream {id} is in no store of {place} that could be opened, and another process has {} \
             open: a store in a directory has one owner, which --take-over cannot change; let that \
             process end, or stop it: SIGINT keeps its checkpoint",
            self.in_use.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: &str) -> StreamId {
        StreamId::new(id).unwrap()
    }

    fn shelf(place: &str) -> Shelf {
        Shelf { store: Store::memory(), place: place.to_owned() }
    }

    fn shelves(open: Vec<Shelf>) -> Shelves {
        Shelves { open, ..Shelves::at("/data".to_owned()) }
    }

    #[tokio::test]
    async fn a_stream_in_two_stores_is_never_guessed() {
        let shelves = shelves(vec![shelf("/data"), shelf("/data/2")]);
        for (shelf, ids) in shelves.open.iter().zip([["a", "b"], ["a", "c"]]) {
            for name in ids {
                drop(shelf.store.create(&id(name)).await.unwrap());
            }
        }
        assert_eq!(shelves.holding(&id("b")).await.ok().unwrap().place, "/data");
        assert_eq!(shelves.holding(&id("c")).await.ok().unwrap().place, "/data/2");
        let error = shelves.holding(&id("a")).await.err().unwrap().to_string();
        assert!(error.contains("rm a --checkpoints /data/2"), "{error}");
    }

    #[tokio::test]
    async fn a_stream_is_missing_only_when_every_store_could_be_asked() {
        let mut shelves = shelves(vec![shelf("/data/2")]);
        let told = |shelves: &Shelves| shelves.without(&id("a")).to_string();
        assert_eq!(told(&shelves), "no such stream: a in /data");
        shelves.aside.push("/data/quarantine-7".to_owned());
        assert!(told(&shelves).ends_with("what was damaged is in /data/quarantine-7"));
        shelves.failed = 1;
        assert!(told(&shelves).contains("no store of /data that could be opened"));
        shelves.in_use.push("/data".to_owned());
        let told = told(&shelves);
        assert!(told.contains("another process has /data open"), "{told}");
        assert!(told.contains("--take-over cannot"), "{told}");
    }
}
