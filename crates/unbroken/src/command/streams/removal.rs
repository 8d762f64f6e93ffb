//! The removal of streams. The id of each that goes is written when it is gone.

use anyhow::Context;
use client::StreamId;

use super::round::Round;
use super::row::{self, State};
use super::write_out;
use crate::checkpoints::Shelf;
use crate::diagnostics::report;

/// Which streams go, beside those that have expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Complete,
    All,
    None,
}

impl Which {
    /// What the flags ask for; one of them at most.
    pub(super) const fn of(complete: bool, all: bool) -> Self {
        match (complete, all) {
            (_, true) => Self::All,
            (true, false) => Self::Complete,
            (false, false) => Self::None,
        }
    }

    fn takes(self, state: State) -> bool {
        match self {
            Self::Complete => state == State::Complete,
            Self::All => true,
            Self::None => false,
        }
    }
}

/// Removes these streams and those that have expired.
pub(super) async fn prune(shelf: &Shelf, which: Which, round: &mut Round) -> anyhow::Result<()> {
    let expired = sweep(shelf).await?;
    if expired > 0 {
        report(&format_args!("{expired} expired, removed from {}", shelf.place));
    }
    let rows = row::list(shelf).await?;
    for row in &rows {
        if which.takes(row.state) {
            round.stream(remove(shelf, &row.id).await)?;
        } else if which == Which::Complete {
            round.tell_damage(row, shelf);
        }
    }
    Ok(())
}

/// Removes one stream.
pub(super) async fn remove(shelf: &Shelf, id: &StreamId) -> anyhow::Result<()> {
    let failed = || format!("cannot remove stream {id} from {}", shelf.place);
    shelf.store.delete(id).await.with_context(failed)?;
    write_out(format!("{id}\n").as_bytes())
}

/// Removes all that has expired, and says how many there were.
async fn sweep(shelf: &Shelf) -> anyhow::Result<usize> {
    let failed = || format!("cannot sweep {}", shelf.place);
    let mut gone = 0;
    loop {
        match shelf.store.sweep().await.with_context(failed)? {
            0 => return Ok(gone),
            swept => gone += swept,
        }
    }
}
