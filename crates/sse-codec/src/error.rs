//! What goes wrong: an event over a limit, a stream that ends inside an event, and values
//! that no stream can carry.
//!
//! All are small and `Copy`; none holds bytes of the stream.

use core::error::Error;
use core::fmt;

/// Why an event of the stream was dropped.
///
/// Decoding goes on behind the next blank line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The event is larger than [`Limits::event_bytes_max`](crate::Limits::event_bytes_max).
    EventBytesMax {
        /// Where the event begins: its first byte's offset in the stream.
        offset: u64,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The event does not fit a [`Carry`](crate::Carry) of fixed size.
    CarryBytesMax {
        /// Where the event begins: its first byte's offset in the stream.
        offset: u64,
        /// The size of the carry that is too small, in bytes.
        limit: usize,
    },
}

impl DecodeError {
    /// Where the dropped event begins: its first byte's offset in the stream.
    pub const fn offset(&self) -> u64 {
        match *self {
            Self::EventBytesMax { offset, .. } | Self::CarryBytesMax { offset, .. } => offset,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventBytesMax { offset, limit } => {
                write!(f, "event at byte {offset} exceeds event_bytes_max ({limit} bytes)")
            }
            Self::CarryBytesMax { offset, limit } => {
                write!(f, "event at byte {offset} does not fit the carry ({limit} bytes)")
            }
        }
    }
}

impl Error for DecodeError {}

/// The unfinished event that the end of a stream discards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Where the unfinished event begins: its first byte's offset in the stream.
    pub offset: u64,
    /// How many of its bytes had come, comments and line ends included.
    pub bytes: u64,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, bytes } = self;
        write!(f, "stream ended inside the event at byte {offset}, after {bytes} bytes of it")
    }
}

/// Why a value cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The event name holds CR or LF.
    LineEndInName,
    /// The id holds CR or LF.
    LineEndInId,
    /// The id holds NUL; a decoder would ignore it.
    NulInId,
    /// The data holds CR; a decoder would read it as LF.
    CrInData,
    /// The sink has no room; nothing was written.
    Full,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LineEndInName => "event name holds a line end",
            Self::LineEndInId => "id holds a line end",
            Self::NulInId => "id holds a NUL",
            Self::CrInData => "data holds a carriage return",
            Self::Full => "no room in the sink",
        })
    }
}

impl Error for EncodeError {}
