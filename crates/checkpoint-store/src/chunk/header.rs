//! The fixed head of a chunk: encoding, checking, and what can be wrong with it.
//! Every field is covered by a checksum before it is believed.

use super::frames::{Ending, Frames};
use crate::{Epoch, Seq, StreamNo};

/// Bytes of the header of a chunk.
pub const HEADER_BYTES: usize = 48;

/// The format that this version writes, and the newest that it reads.
pub const FORMAT: u8 = 1;

pub(super) const MAGIC: [u8; 4] = *b"UBCK";

const FLAG_CLOSE: u8 = 1 << 2;

/// Why bytes are not a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// The bytes end before the chunk does.
    #[error("the chunk is cut")]
    Cut,
    /// The bytes do not start with the magic.
    #[error("no chunk starts here")]
    Magic,
    /// The chunk has a newer format.
    #[error("chunk format {found} is newer than {FORMAT}")]
    Version {
        /// Its format.
        found: u8,
    },
    /// The header does not match its checksum, or contradicts itself.
    #[error("the header is damaged")]
    Header,
    /// The chunk uses a flag that this version cannot read.
    #[error("the chunk has unknown flags {flags:#04x}")]
    Flags {
        /// All its flags.
        flags: u8,
    },
    /// The payload does not match its checksum, or not its header.
    #[error("the payload is damaged")]
    Payload,
}

pub(super) fn encode(frames: &Frames<'_>) -> [u8; HEADER_BYTES] {
    let payload_len = u32::try_from(frames.payload.len()).expect("a chunk is below 4 GiB");
    let flags = match frames.ending {
        Ending::Open => 0,
        Ending::Close => FLAG_CLOSE,
    };
    let mut header = [0; HEADER_BYTES];
    header[0..4].copy_from_slice(&MAGIC);
    header[4] = FORMAT;
    header[5] = flags;
    header[8..16].copy_from_slice(&frames.stream.value().to_le_bytes());
    header[16..24].copy_from_slice(&frames.epoch.value().to_le_bytes());
    header[24..32].copy_from_slice(&frames.first.value().to_le_bytes());
    header[32..36].copy_from_slice(&frames.count.to_le_bytes());
    header[36..40].copy_from_slice(&payload_len.to_le_bytes());
    header[40..44].copy_from_slice(&crc32c::crc32c(frames.payload).to_le_bytes());
    let crc = crc32c::crc32c(&header[..44]);
    header[44..48].copy_from_slice(&crc.to_le_bytes());
    header
}

/// Reads and checks the chunk at the start of `bytes`; the second value is its length.
pub(super) fn decode(bytes: &[u8]) -> Result<(Frames<'_>, usize), ChunkError> {
    let (header, payload_len) = checked_header(bytes)?;
    let end = HEADER_BYTES + payload_len;
    let payload = bytes.get(HEADER_BYTES..end).ok_or(ChunkError::Cut)?;
    if crc32c::crc32c(payload) != u32_at(header, 40) {
        return Err(ChunkError::Payload);
    }
    let ending = match header[5] {
        0 => Ending::Open,
        FLAG_CLOSE => Ending::Close,
        flags => return Err(ChunkError::Flags { flags }),
    };
    let frames = Frames {
        stream: StreamNo::new(u64_at(header, 8)),
        epoch: Epoch::new(u64_at(header, 16)),
        first: Seq::new(u64_at(header, 24)).ok_or(ChunkError::Header)?,
        count: u32_at(header, 32),
        ending,
        payload,
    };
    if frames.is_well_formed() { Ok((frames, end)) } else { Err(ChunkError::Payload) }
}

fn checked_header(bytes: &[u8]) -> Result<(&[u8; HEADER_BYTES], usize), ChunkError> {
    let shown = &bytes[..bytes.len().min(MAGIC.len())];
    if !MAGIC.starts_with(shown) {
        return Err(ChunkError::Magic);
    }
    match bytes.get(4) {
        None => return Err(ChunkError::Cut),
        Some(&FORMAT) => {}
        Some(&found) if found > FORMAT => return Err(ChunkError::Version { found }),
        Some(_) => return Err(ChunkError::Header),
    }
    let header = bytes.first_chunk::<HEADER_BYTES>().ok_or(ChunkError::Cut)?;
    if crc32c::crc32c(&header[..44]) != u32_at(header, 44) {
        return Err(ChunkError::Header);
    }
    let payload_len = usize::try_from(u32_at(header, 36)).map_err(|_| ChunkError::Header)?;
    Ok((header, payload_len))
}

fn u32_at(header: &[u8; HEADER_BYTES], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&header[at..at + 4]);
    u32::from_le_bytes(field)
}

fn u64_at(header: &[u8; HEADER_BYTES], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&header[at..at + 8]);
    u64::from_le_bytes(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Chunk;

    fn sample() -> Chunk {
        let records: [&[u8]; 4] = [b"one", b"", &[0xff, 0, 0x80], "네".as_bytes()];
        Chunk::new(StreamNo::new(7), Epoch::new(3), Seq::FIRST.plus(4), &records, Ending::Close)
    }

    fn records(frames: &Frames<'_>) -> Vec<Vec<u8>> {
        frames.records().map(|record| record.bytes.to_vec()).collect()
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let chunk = sample();
        let (frames, len) = Frames::decode(chunk.bytes()).unwrap();
        assert_eq!(len, chunk.bytes().len());
        assert_eq!(frames, chunk.frames());
        assert_eq!(records(&frames), [&b"one"[..], b"", &[0xff, 0, 0x80], "네".as_bytes()]);
    }

    #[test]
    fn every_truncation_is_a_cut() {
        let chunk = sample();
        for len in 0..chunk.bytes().len() {
            assert_eq!(Frames::decode(&chunk.bytes()[..len]), Err(ChunkError::Cut), "{len}");
        }
    }

    #[test]
    fn every_flipped_bit_is_an_error() {
        let chunk = sample();
        for at in 0..chunk.bytes().len() {
            for bit in 0..8 {
                let mut damaged = chunk.bytes().to_vec();
                damaged[at] ^= 1 << bit;
                assert!(Frames::decode(&damaged).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_newer_format_and_a_reserved_flag_are_named() {
        let mut newer = sample().bytes().to_vec();
        newer[4] = 2;
        assert_eq!(Frames::decode(&newer), Err(ChunkError::Version { found: 2 }));

        let mut flagged = sample().bytes().to_vec();
        flagged[5] |= 1;
        let crc = crc32c::crc32c(&flagged[..44]);
        flagged[44..48].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Frames::decode(&flagged), Err(ChunkError::Flags { flags: 5 }));
    }
}
