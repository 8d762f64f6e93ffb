//! The event that is being read: what its lines have set so far, and its size.
//!
//! Bytes are elsewhere: in the chunk while one is scanned ([`Lent`]), else in the carry.

use crate::event::Place;

/// What an open event has set, as far as it outlives a chunk.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Block {
    pub(crate) progress: Progress,
    /// A `data` field has come; the data may be empty.
    pub(crate) has_data: bool,
    /// The event type, when it is in the carry.
    pub(crate) event: Option<Place>,
    /// The id, which is always in the carry.
    pub(crate) id: Option<Place>,
    pub(crate) retry_millis: Option<u64>,
    /// The offset in the stream of the first byte.
    pub(crate) offset: u64,
    /// The size of the joined data, in bytes.
    pub(crate) data_bytes: usize,
    /// The size of the other values that are or may be held, in bytes.
    pub(crate) field_bytes: usize,
}

/// What kinds of lines an open event has had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Progress {
    /// None: the next byte that is no line end opens the event.
    #[default]
    Empty,
    /// Comments only, which the end of the stream does not cut.
    Comments,
    /// At least the first byte of a field.
    Fields,
    /// Too large; everything up to the blank line is ignored.
    Dropped,
}

impl Block {
    /// An event of which nothing has come, beside an id of `id_bytes` that is kept.
    #[inline]
    pub(crate) fn new(id_bytes: usize) -> Self {
        Self { field_bytes: id_bytes, ..Self::default() }
    }

    #[inline]
    pub(crate) fn is_dropped(&self) -> bool {
        self.progress == Progress::Dropped
    }

    /// Notes that a line has begun, as its first byte says.
    #[inline]
    pub(crate) fn begin_line(&mut self, first: u8, offset: u64) {
        if self.progress == Progress::Empty {
            self.offset = offset;
            self.progress = Progress::Comments;
        }
        if self.progress == Progress::Comments && first != b':' {
            self.progress = Progress::Fields;
        }
    }
}

/// Values of an open event that lie in the chunk being scanned.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lent {
    pub(crate) data: Option<Place>,
    pub(crate) event: Option<Place>,
}
