//! `Tombstone`: what is left of a stream, so that the next one of its name starts above its epochs.

use super::layout::{self, damaged};
use crate::{Epoch, ErrorKind, StoreError, StreamNo, Timestamp};

const TOMBSTONE_BYTES: usize = 29;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tombstone {
    pub(super) stream: StreamNo,
    /// The last epoch of the stream.
    pub(super) epoch: Epoch,
    /// When it may be forgotten.
    pub(super) until: Timestamp,
}

impl Tombstone {
    /// Layout, stream, epoch, until, CRC32C of all before; little-endian.
    pub(super) fn encode(&self) -> [u8; TOMBSTONE_BYTES] {
        let mut value = [0; TOMBSTONE_BYTES];
        value[0] = layout::LAYOUT;
        value[1..9].copy_from_slice(&self.stream.value().to_le_bytes());
        value[9..17].copy_from_slice(&self.epoch.value().to_le_bytes());
        value[17..25].copy_from_slice(&self.until.millis().to_le_bytes());
        let crc = crc32c::crc32c(&value[..25]);
        value[25..].copy_from_slice(&crc.to_le_bytes());
        value
    }

    pub(super) fn decode(value: &[u8]) -> Result<Self, StoreError> {
        let value = <&[u8; TOMBSTONE_BYTES]>::try_from(value).map_err(|_| damaged())?;
        if value[25..] != crc32c::crc32c(&value[..25]).to_le_bytes() {
            return Err(damaged());
        }
        if value[0] != layout::LAYOUT {
            return Err(ErrorKind::Version { found: value[0], max: layout::LAYOUT }.into());
        }
        let field = |at| {
            let mut field = [0; 8];
            field.copy_from_slice(&value[at..at + 8]);
            u64::from_le_bytes(field)
        };
        let (stream, epoch) = (StreamNo::new(field(1)), Epoch::new(field(9)));
        Ok(Self { stream, epoch, until: Timestamp::from_millis(field(17)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::golden;

    const GOLDEN: &str = include_str!("../../tests/golden/tombstone-v2.hex");

    fn tombstone() -> Tombstone {
        let (stream, epoch) = (StreamNo::new(0x1122_3344_5566_7788), Epoch::new(9));
        Tombstone { stream, epoch, until: Timestamp::from_millis(0x0102_0304_0506) }
    }

    #[test]
    fn version_2_is_written_and_read_as_it_always_was() {
        golden::check(&tombstone().encode(), GOLDEN);
        assert_eq!(Tombstone::decode(&golden::bytes(GOLDEN)).unwrap(), tombstone());
    }

    #[test]
    fn every_flip_and_every_cut_is_damage() {
        let value = tombstone().encode();
        for at in 0..value.len() {
            let mut flipped = value;
            flipped[at] ^= 0x10;
            assert!(Tombstone::decode(&flipped).is_err(), "{at}");
            assert!(Tombstone::decode(&value[..at]).is_err(), "{at}");
        }
    }
}
