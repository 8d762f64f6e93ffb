//! `BytesMut` as what an encoder writes to.
//!
//! It grows like a `Vec`, so it is never full.

use bytes::BytesMut;

use crate::carry::{Full, Sink};

/// Grows as needed.
///
/// ```
/// use bytes::BytesMut;
/// use sse_codec::{Encoder, Frame};
///
/// let mut out = BytesMut::new();
/// Encoder::new(&mut out).event(&Frame::message(b"x"))?;
/// assert_eq!(out.split().freeze(), "data: x\n\n");
/// # Ok::<(), sse_codec::EncodeError>(())
/// ```
impl Sink for BytesMut {
    fn reserve(&mut self, additional: usize) -> Result<(), Full> {
        Self::reserve(self, additional);
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}
