//! How much one event may hold.
//!
//! The limit counts bytes of the stream, not of an allocation, so that the same stream meets
//! it at the same event however it is cut into chunks.

/// The limits of a [`Decoder`](crate::Decoder).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The size of one event, in bytes; 16 MiB by default.
    ///
    /// What counts: the joined `data`, every `event` and `id` value of the block whether or not
    /// a later one replaces it, and the committed last event ID, which is held beside them. A
    /// value counts while its line is still open. Comments, unknown fields and `retry` are
    /// never held and do not count.
    pub event_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { event_bytes_max: 16 * 1024 * 1024 }
    }
}
