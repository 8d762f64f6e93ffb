//! The events of one chunk, one at a time.
//!
//! A lending iterator: an event must be done with before the next is asked for.

use core::fmt;

use crate::carry::Carry;
use crate::decoder::Decoder;
use crate::error::DecodeError;
use crate::event::Event;

/// The events that a chunk completes; made by [`Decoder::feed`].
///
/// The decoder takes the chunk's bytes as events are asked for, and has all of them when
/// [`next`](Events::next) has returned `None`. When dropped earlier, exactly
/// [`consumed`](Events::consumed) bytes are taken: the stream goes on when the
/// [`rest`](Events::rest) is fed.
///
/// ```
/// use sse_codec::Decoder;
///
/// let chunk = b"data: 1\n\ndata: 2\n\n";
/// let mut decoder = Decoder::new();
///
/// let mut events = decoder.feed(chunk);
/// assert_eq!(events.next().expect("an event")?.data, b"1");
/// let rest = events.rest();
///
/// let mut events = decoder.feed(rest);
/// assert_eq!(events.next().expect("an event")?.data, b"2");
/// # Ok::<(), sse_codec::DecodeError>(())
/// ```
#[must_use = "the decoder takes bytes only as events are asked for"]
pub struct Events<'d, 'c, B> {
    decoder: &'d mut Decoder<B>,
    chunk_bytes: usize,
    rest: &'c [u8],
}

impl<'d, 'c, B: Carry> Events<'d, 'c, B> {
    pub(crate) const fn new(decoder: &'d mut Decoder<B>, chunk: &'c [u8]) -> Self {
        Self { decoder, chunk_bytes: chunk.len(), rest: chunk }
    }

    /// The next event, or `None` when the chunk is used up.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] in place of an event that was too large; the events behind it follow.
    #[expect(clippy::should_implement_trait, reason = "`Iterator` cannot lend")]
    #[inline(always)]
    pub fn next(&mut self) -> Option<Result<Event<'_>, DecodeError>> {
        let scanned = self.rest;
        if scanned.is_empty() || self.decoder.takes_byte(scanned) {
            self.rest = &[];
            return None;
        }
        let mut at = 0;
        let found = self.decoder.read(scanned, &mut at);
        self.rest = &scanned[at..];
        Some(found?.map(|span| self.decoder.resolve(span, scanned)))
    }

    /// How many bytes of the chunk the decoder has taken.
    pub const fn consumed(&self) -> usize {
        self.chunk_bytes - self.rest.len()
    }

    /// The bytes of the chunk that the decoder has not taken.
    pub const fn rest(&self) -> &'c [u8] {
        self.rest
    }
}

impl<B> fmt::Debug for Events<'_, '_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("chunk_bytes", &self.chunk_bytes)
            .field("rest_bytes", &self.rest.len())
            .finish_non_exhaustive()
    }
}
