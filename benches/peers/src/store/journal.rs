//! `Journal`, what is asked of every entry: append to many streams, say what is durable, read back.

use std::fmt::Display;
use std::path::Path;

use super::record::Record;

/// Streams on disk, numbered from 0, while they are written.
pub(super) trait Journal: Sized {
    /// The same streams after they were let go.
    type Reader: Reader;

    /// New streams in an empty directory.
    ///
    /// # Errors
    ///
    /// Its own, as text; so everywhere here.
    fn create(path: &Path, streams: u32) -> Result<Self, String>;

    /// Takes the next record of a stream without waiting for the disk.
    fn append(&mut self, stream: u32, record: &Record) -> Result<(), String>;

    /// Position of the last record of a stream that survives a power cut, 0 when none does.
    fn durable(&self, stream: u32) -> Result<u64, String>;

    /// Ends all streams and lets them go.
    fn close(self) -> Result<(), String>;
}

/// Streams on disk that are only read.
pub(super) trait Reader: Sized {
    /// Opens what was written in this directory.
    fn open(path: &Path) -> Result<Self, String>;

    /// Shows the records of a stream after a position, in order.
    fn read(&self, stream: u32, after: u64, visit: &mut Visit<'_>) -> Result<(), String>;
}

/// Sees one record.
pub(super) type Visit<'a> = dyn FnMut(&[u8]) + 'a;

/// An error as text.
pub(super) fn text(error: impl Display) -> String {
    error.to_string()
}
