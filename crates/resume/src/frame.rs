//! One event for the consumer: the provider's own bytes with the few edits that make one
//! coherent stream out of several.

use bytes::Bytes;
use std::ops::Range;

use crate::journal;

/// One server-sent event of the downstream stream.
///
/// The data is a slice of the chunk that brought it, unless an edit or a chunk boundary made
/// a copy necessary. Keeping a frame keeps its chunk alive.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The `event` field; empty when the provider sent none.
    pub name: Bytes,
    /// The `data` field, lines joined by LF.
    pub data: Bytes,
    /// The text that this event adds, as a range of [`Session::text`](crate::Session::text).
    pub text: Range<usize>,
}

impl Frame {
    /// The journal records of this event, in order, each as pieces to be joined.
    ///
    /// One record unless the event is larger than
    /// [`RECORD_BYTES_MAX`](crate::RECORD_BYTES_MAX).
    pub fn records(&self) -> impl Iterator<Item = [&[u8]; 3]> {
        journal::emitted(&self.name, &self.data)
    }
}
