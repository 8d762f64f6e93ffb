//! Where bytes are kept: the decoder's carry and the encoder's sink.
//!
//! Growable (`Vec`, with the feature `alloc`) or of fixed size ([`Fixed`]). A carry knows
//! nothing of events; the decoder decides what goes in.

use core::fmt;
use core::ops::Range;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// The capacity that a growable carry keeps between events, in bytes.
///
/// What one large event needed beyond this is given back when the event is done. A carry that has to
/// keep more than half of it, such as a long last event ID, has twice what it keeps at the most.
pub const RETAINED_BYTES_MAX: usize = 128 * 1024;

/// A [`Sink`] has no room for the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room in the buffer")
    }
}

impl core::error::Error for Full {}

/// Something that bytes can be appended to.
pub trait Sink {
    /// Makes room for `additional` bytes, so that pushing them succeeds.
    ///
    /// # Errors
    ///
    /// [`Full`] when that many bytes will never fit.
    fn reserve(&mut self, additional: usize) -> Result<(), Full>;

    /// Appends `bytes`, all or none.
    ///
    /// # Errors
    ///
    /// [`Full`] when they do not fit.
    fn push(&mut self, bytes: &[u8]) -> Result<(), Full>;
}

/// The store in which a [`Decoder`](crate::Decoder) keeps what straddles two chunks.
pub trait Carry: Sink {
    /// Everything pushed and kept, in order.
    fn bytes(&self) -> &[u8];

    /// The size that cannot be exceeded, in bytes.
    fn bytes_max(&self) -> usize;

    /// Moves `range` to the start and drops all other bytes.
    ///
    /// The decoder passes ranges that lie inside [`bytes`](Carry::bytes).
    fn keep(&mut self, range: Range<usize>);
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn reserve(&mut self, additional: usize) -> Result<(), Full> {
        (**self).reserve(additional)
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        (**self).push(bytes)
    }
}

#[cfg(feature = "alloc")]
impl Sink for Vec<u8> {
    fn reserve(&mut self, additional: usize) -> Result<(), Full> {
        Vec::reserve(self, additional);
        Ok(())
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(feature = "alloc")]
impl Carry for Vec<u8> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn bytes_max(&self) -> usize {
        usize::MAX
    }

    #[inline]
    fn keep(&mut self, range: Range<usize>) {
        let len = range.len();
        if range.start > 0 {
            self.copy_within(range, 0);
        }
        self.truncate(len);
        // Not when about that much is kept: it would have to grow again with the next event.
        if self.capacity() > RETAINED_BYTES_MAX.max(len.saturating_mul(2)) {
            self.shrink_to_fit();
        }
    }
}

/// A carry or sink over memory of fixed size, such as `[u8; 4096]` or `&mut [u8]`.
///
/// ```
/// use sse_codec::{Carry, Fixed, Sink};
///
/// let mut bytes = Fixed::new([0; 4]);
/// assert!(bytes.push(b"abc").is_ok());
/// assert!(bytes.push(b"de").is_err(), "all or none");
/// assert_eq!(bytes.bytes(), b"abc");
/// ```
#[derive(Clone, Debug)]
pub struct Fixed<S> {
    memory: S,
    len: usize,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Fixed<S> {
    /// Starts empty; what `memory` holds is overwritten.
    pub const fn new(memory: S) -> Self {
        Self { memory, len: 0 }
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Sink for Fixed<S> {
    fn reserve(&mut self, additional: usize) -> Result<(), Full> {
        if additional <= self.bytes_max().saturating_sub(self.len) { Ok(()) } else { Err(Full) }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let end = self.len.checked_add(bytes.len()).ok_or(Full)?;
        let free = self.memory.as_mut().get_mut(self.len..end).ok_or(Full)?;
        free.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Carry for Fixed<S> {
    fn bytes(&self) -> &[u8] {
        self.memory.as_ref().get(..self.len).unwrap_or_default()
    }

    fn bytes_max(&self) -> usize {
        self.memory.as_ref().len()
    }

    fn keep(&mut self, range: Range<usize>) {
        let len = range.len();
        self.memory.as_mut().copy_within(range, 0);
        self.len = len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[track_caller]
    fn keeps_the_middle(mut carry: impl Carry) {
        carry.push(b"abcdef").unwrap();
        carry.keep(2..4);
        assert_eq!(carry.bytes(), b"cd");
        carry.push(b"x").unwrap();
        assert_eq!(carry.bytes(), b"cdx");
        carry.keep(0..0);
        assert_eq!(carry.bytes(), b"");
    }

    #[test]
    fn keep_moves_the_range_to_the_front() {
        keeps_the_middle(Fixed::new([0; 8]));
        keeps_the_middle(Fixed::new(&mut [0; 8][..]));
        #[cfg(feature = "alloc")]
        keeps_the_middle(Vec::new());
    }

    #[test]
    fn fixed_memory_takes_all_or_none() {
        let mut carry = Fixed::new([0; 4]);
        assert_eq!(carry.push(b"abc"), Ok(()));
        assert_eq!(carry.reserve(1), Ok(()));
        assert_eq!(carry.reserve(2), Err(Full));
        assert_eq!(carry.push(b"de"), Err(Full));
        assert_eq!(carry.push(b"d"), Ok(()));
        assert_eq!(carry.bytes(), b"abcd");
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn a_vector_gives_back_what_it_does_not_need() {
        let mut carry = vec![0; RETAINED_BYTES_MAX * 8];
        carry.keep(0..10);
        assert_eq!(carry.len(), 10);
        assert!(carry.capacity() <= RETAINED_BYTES_MAX);

        let mut small: Vec<u8> = Vec::with_capacity(RETAINED_BYTES_MAX);
        small.keep(0..0);
        assert!(small.capacity() >= RETAINED_BYTES_MAX, "a usual capacity is kept");
    }
}
