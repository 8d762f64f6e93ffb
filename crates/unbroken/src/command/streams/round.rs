//! One action over many streams of many stores: what fails is told, and the rest is served.

use anyhow::Error;
use client::{StoreError, StoreErrorKind, StreamId};
use std::io;

use super::row::{self, Row};
use crate::checkpoints::{Shelf, Shelves};
use crate::diagnostics::report;
use crate::status::Status;

/// What an action has met so far.
#[derive(Debug)]
pub(super) struct Round {
    status: Status,
}

/// Streams of one store, to be served together.
pub(super) struct Part<'a> {
    pub(super) shelf: &'a Shelf,
    pub(super) ids: Vec<StreamId>,
}

/// What an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// Somebody else removed the stream meanwhile.
    Gone,
    /// The other streams of its store are well.
    Stream,
    /// The other stores are.
    Store,
    /// Nothing more can be written.
    Output,
}

impl Round {
    /// A round over streams that are named.
    pub(super) const fn new() -> Self {
        Self { status: Status::Complete }
    }

    /// A round over all streams: stores that cannot be opened are told.
    pub(super) fn over(shelves: &Shelves) -> Self {
        let status = if shelves.tell_missing() { Status::Partly } else { Status::Complete };
        Self { status }
    }

    /// These streams, each once, or all when none is named, by the stores that hold them.
    ///
    /// # Errors
    ///
    /// One that is named is nowhere.
    pub(super) async fn parts<'a>(
        &mut self,
        shelves: &'a Shelves,
        ids: &[StreamId],
    ) -> anyhow::Result<Vec<Part<'a>>> {
        let mut parts = Vec::new();
        for id in unique(ids) {
            parts.push(Part { shelf: shelves.holding(id).await?, ids: vec![id.clone()] });
        }
        if ids.is_empty() {
            for shelf in &shelves.open {
                let rows = self.store(row::list(shelf).await)?.unwrap_or_default();
                parts.push(Part { shelf, ids: rows.into_iter().map(|row| row.id).collect() });
            }
        }
        Ok(parts)
    }

    /// What a store gave. Its failure is told; an error is one that ends the round.
    pub(super) fn store<T>(&mut self, result: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
        match result {
            Err(error) if about(&error) != About::Output => {
                report(&format_args!("{error:#}"));
                self.raise(Status::Partly);
                Ok(None)
            }
            result => result.map(Some),
        }
    }

    /// What one stream gave. Its failure is told, and one that is gone is none; an error is one that
    /// leaves no use in asking its store for the next.
    pub(super) fn stream<T>(&mut self, result: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
        match result.map_err(|error| (about(&error), error)) {
            Ok(value) => Ok(Some(value)),
            Err((About::Gone, _)) => Ok(None),
            Err((About::Stream, error)) => {
                report(&format_args!("{error:#}"));
                self.fail();
                Ok(None)
            }
            Err((About::Store | About::Output, error)) => Err(error),
        }
    }

    /// Says of a stream that it is damaged, if it is: then it could not be served.
    pub(super) fn tell_damage(&mut self, row: &Row, shelf: &Shelf) {
        if let Some(damage) = &row.damage {
            report(&format_args!("stream {} in {}: {damage}", row.id, shelf.place));
            self.raise(Status::Partly);
        }
    }

    /// Something is wrong with a stream.
    pub(super) fn fail(&mut self) {
        self.raise(Status::Failed);
    }

    pub(super) const fn status(&self) -> Status {
        self.status
    }

    fn raise(&mut self, status: Status) {
        if self.status != Status::Failed {
            self.status = status;
        }
    }
}

/// Each of them once, in their order.
pub(super) fn unique(ids: &[StreamId]) -> impl Iterator<Item = &StreamId> {
    ids.iter().enumerate().filter(|(at, id)| !ids[..*at].contains(id)).map(|(_, id)| id)
}

/// Whether nothing more can be written.
pub(super) fn is_of_output(error: &Error) -> bool {
    about(error) == About::Output
}

fn about(error: &Error) -> About {
    if error.downcast_ref::<io::Error>().is_some() {
        return About::Output;
    }
    use StoreErrorKind::{Full, Io, Locked, NotFound, Poisoned, Unavailable};
    match error.downcast_ref::<StoreError>().map(StoreError::kind) {
        Some(NotFound) => About::Gone,
        Some(Full { .. } | Io | Locked | Poisoned | Unavailable) => About::Store,
        _ => About::Stream,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    fn refused(kind: StoreErrorKind) -> anyhow::Result<()> {
        Err(StoreError::from(kind)).context("cannot read it")
    }

    #[test]
    fn a_stream_that_is_gone_is_no_failure() {
        let mut round = Round::new();
        assert!(round.stream(refused(StoreErrorKind::NotFound)).unwrap().is_none());
        assert_eq!(round.status(), Status::Complete);
    }

    #[test]
    fn a_damaged_stream_fails_the_round_and_not_its_store() {
        let mut round = Round::new();
        let damage = StoreErrorKind::Corrupt { good_prefix: None };
        assert!(round.stream(refused(damage)).unwrap().is_none());
        assert_eq!(round.status(), Status::Failed);
        assert!(round.store::<()>(Err(anyhow!("away"))).unwrap().is_none());
        assert_eq!(round.status(), Status::Failed, "the worst is kept");
    }

    #[test]
    fn a_store_that_fails_ends_its_part_and_not_the_round() {
        let mut round = Round::new();
        let away = round.stream(refused(StoreErrorKind::Unavailable));
        assert!(round.store(away).unwrap().is_none());
        assert_eq!(round.status(), Status::Partly);
    }

    #[test]
    fn a_full_disk_behind_stdout_ends_the_round() {
        let mut round = Round::new();
        let full = || Err::<(), _>(io::Error::from(io::ErrorKind::StorageFull).into());
        assert!(round.stream(full()).is_err() && round.store(full()).is_err());
    }

    #[test]
    fn a_stream_that_is_named_twice_is_served_once() {
        let ids = ["a", "b", "a"].map(|id| StreamId::new(id).unwrap());
        assert_eq!(unique(&ids).map(StreamId::as_str).collect::<Vec<_>>(), ["a", "b"]);
    }
}
