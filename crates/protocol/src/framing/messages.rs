//! Amazon's event stream encoding: where one message ends and the next begins.
//!
//! Twelve bytes of prelude (two lengths and their checksum, big-endian), headers, a payload, and the
//! checksum of all that. A length is believed when its checksum matches, and reserves no memory.

use super::FrameError;
use super::event::Writer;
use super::message::Message;

/// Bytes of the lengths.
const LENGTHS_BYTES: usize = 8;
/// Bytes of a checksum.
const CHECKSUM_BYTES: usize = 4;
/// Bytes of the lengths and their checksum.
const PRELUDE_BYTES: usize = LENGTHS_BYTES + CHECKSUM_BYTES;

/// The messages of one body.
#[derive(Debug)]
pub(super) struct Messages {
    /// The message that the chunk before left open.
    open: Vec<u8>,
    message_bytes_max: usize,
}

impl Messages {
    pub(super) const fn new(message_bytes_max: usize) -> Self {
        Self { open: Vec::new(), message_bytes_max }
    }

    /// Appends the events of the messages that the chunk completes.
    ///
    /// # Errors
    ///
    /// [`FrameError`] at the first message that is not as it should be; nothing of it was told.
    pub(super) fn take(
        &mut self,
        chunk: &[u8],
        writer: Writer,
        events: &mut Vec<u8>,
    ) -> Result<(), FrameError> {
        let mut rest = chunk;
        while !rest.is_empty() {
            if self.open.is_empty()
                && let Some(lengths) = self.lengths(rest)?
                && let Some((message, behind)) = rest.split_at_checked(lengths.whole)
            {
                lengths.read(message)?.tell(writer, events)?;
                rest = behind;
                continue;
            }
            // First the lengths, then as much as they say.
            let wanted = self.lengths(&self.open)?.map_or(PRELUDE_BYTES, |lengths| lengths.whole);
            let (piece, behind) = rest.split_at(rest.len().min(wanted - self.open.len()));
            self.open.extend_from_slice(piece);
            rest = behind;
            if let Some(lengths) = self.lengths(&self.open)?
                && self.open.len() == lengths.whole
            {
                let message = std::mem::take(&mut self.open);
                lengths.read(&message)?.tell(writer, events)?;
            }
        }
        Ok(())
    }

    pub(super) const fn is_inside(&self) -> bool {
        !self.open.is_empty()
    }

    /// The lengths of the message that begins here, once they are there.
    fn lengths(&self, bytes: &[u8]) -> Result<Option<Lengths>, FrameError> {
        let Some((prelude, _)) = bytes.split_first_chunk::<PRELUDE_BYTES>() else {
            return Ok(None);
        };
        let (lengths, checksum) = prelude.split_at(LENGTHS_BYTES);
        if crc32fast::hash(lengths) != number(checksum) {
            return Err(FrameError::LengthsChecksum);
        }
        let (whole, headers) = lengths.split_at(LENGTHS_BYTES / 2);
        let lengths = Lengths { whole: number(whole) as usize, headers: number(headers) as usize };
        let rest = lengths.whole.checked_sub(PRELUDE_BYTES + CHECKSUM_BYTES);
        if rest.is_none_or(|rest| rest < lengths.headers) {
            return Err(FrameError::Lengths);
        }
        if lengths.whole > self.message_bytes_max {
            return Err(FrameError::TooLong);
        }
        Ok(Some(lengths))
    }
}

/// Bytes of a whole message and of its headers; the headers fit into it.
#[derive(Clone, Copy)]
struct Lengths {
    whole: usize,
    headers: usize,
}

impl Lengths {
    /// The parts of a message of these lengths, when its checksum matches.
    fn read(self, message: &[u8]) -> Result<Message<'_>, FrameError> {
        let (content, checksum) = message.split_at(self.whole - CHECKSUM_BYTES);
        if crc32fast::hash(content) != number(checksum) {
            return Err(FrameError::Checksum);
        }
        let (headers, payload) = content[PRELUDE_BYTES..].split_at(self.headers);
        Message::read(headers, payload)
    }
}

/// A big-endian number of four bytes.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
