//! `Named`, what the name of a stream leads to. Damage of one stream is an answer here and no error:
//! it is that stream's alone, and whoever looks at many goes on with the others.

use super::super::database::Table;
use super::super::layout;
use super::Engine;
use crate::disk::stored::Stored;
use crate::{Epoch, StoreError, StreamId, StreamNo, Timestamp};

/// A stream that has a name.
#[derive(Debug)]
pub(super) enum Named {
    Whole(Stored),
    Damaged(Damaged),
}

/// A stream of which nothing can be believed.
#[derive(Debug)]
pub(super) struct Damaged {
    /// Its number, if that can be read.
    pub(super) stream: Option<StreamNo>,
    pub(super) error: StoreError,
}

impl Engine {
    /// The stream of this name, expired or not.
    pub(super) fn named(&self, id: &StreamId) -> Result<Option<Named>, StoreError> {
        self.check()?;
        let value = self.database.value(Table::Names, &layout::id_key(id))?;
        value.map(|value| self.named_by(&value)).transpose()
    }

    /// The stream that the value of a name leads to.
    pub(super) fn named_by(&self, value: &[u8]) -> Result<Named, StoreError> {
        let stream = match layout::stream_number(value) {
            Ok(stream) => stream,
            Err(error) => return Ok(Named::Damaged(Damaged { stream: None, error })),
        };
        let error = match self.stored(stream) {
            Ok(Some(stored)) => return Ok(Named::Whole(stored)),
            Ok(None) => layout::damaged(),
            Err(error) if error.is_damage() => error,
            Err(error) => return Err(error),
        };
        Ok(Named::Damaged(Damaged { stream: Some(stream), error }))
    }
}

/// An epoch above all of a stream whose own cannot be read. Epochs count recoveries, which are not
/// as many as the milliseconds since 1970.
pub(super) fn epoch_above_all(now: Timestamp) -> Epoch {
    Epoch::new(now.millis()).max(Epoch::FIRST)
}
