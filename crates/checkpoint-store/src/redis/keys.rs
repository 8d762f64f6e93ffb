//! `Keys`: the names of a store's keys. All begin with the hash-tagged prefix.

use crate::{StreamId, StreamNo};

/// What the keys hold is written and read in this layout.
pub(super) const LAYOUT: u8 = 1;

#[derive(Clone, Debug)]
pub(super) struct Keys {
    base: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { base: format!("{{{prefix}}}") }
    }

    /// What scripts make the other names from.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The layout.
    pub(super) fn format(&self) -> String {
        format!("{}:format", self.base)
    }

    /// A hash: number, epoch, state, first position, slide, lease; for each epoch where it began.
    pub(super) fn meta(&self, id: &StreamId) -> String {
        format!("{}:meta:{id}", self.base)
    }

    /// The Redis stream of a stream: chunks and marks.
    pub(super) fn log(&self, id: &StreamId) -> String {
        format!("{}:log:{id}", self.base)
    }

    /// The epoch, which outlives the stream.
    pub(super) fn epoch(&self, id: &StreamId) -> String {
        format!("{}:epoch:{id}", self.base)
    }

    /// The id of the stream of this number.
    pub(super) fn number(&self, stream: StreamNo) -> String {
        format!("{}:number:{}", self.base, stream.value())
    }

    /// A sorted set of all ids, in their order.
    pub(super) fn names(&self) -> String {
        format!("{}:names", self.base)
    }
}
