//! `Scan`: chunks back to back, and the rule that tells a torn tail from damage.
//! It repairs nothing; it says how far the bytes can be believed.

use super::frames::Frames;
use super::header::{ChunkError, FORMAT, MAGIC};
use crate::{ErrorKind, Seq, StoreError};

/// Reads chunks that lie back to back.
///
/// Bytes that are no chunk end the scan in one of two ways. When no valid chunk follows, a write
/// was cut: the scan ends and [`torn_bytes`](Scan::torn_bytes) counts what is left. When a valid
/// chunk follows, stored bytes were damaged: the scan yields one
/// [`Corrupt`](ErrorKind::Corrupt) with the last good position, because cutting there would
/// drop records that were acknowledged.
#[derive(Clone, Debug)]
pub struct Scan<'a> {
    rest: &'a [u8],
    last: Option<Seq>,
    torn_bytes: usize,
}

impl<'a> Scan<'a> {
    /// Scans `bytes` from their start.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, last: None, torn_bytes: 0 }
    }

    /// Bytes behind the last chunk that belong to none; known when the scan has ended.
    pub fn torn_bytes(&self) -> usize {
        self.torn_bytes
    }

    fn judge(&self, rest: &[u8], error: ChunkError) -> Option<StoreError> {
        if let ChunkError::Version { found } = error {
            return Some(ErrorKind::Version { found, max: FORMAT }.into());
        }
        let kind = ErrorKind::Corrupt { good_prefix: self.last };
        let flagged = matches!(error, ChunkError::Flags { .. });
        (flagged || holds_chunk(&rest[1..])).then(|| StoreError::with_source(kind, error))
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Result<Frames<'a>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match Frames::decode(self.rest) {
            Ok((frames, len)) => {
                self.rest = &self.rest[len..];
                self.last = frames.next().previous();
                Some(Ok(frames))
            }
            Err(error) => {
                let rest = std::mem::take(&mut self.rest);
                self.torn_bytes = rest.len();
                self.judge(rest, error).map(Err)
            }
        }
    }
}

fn holds_chunk(bytes: &[u8]) -> bool {
    let starts = bytes.windows(MAGIC.len()).enumerate().filter(|(_, window)| *window == MAGIC);
    starts.into_iter().any(|(at, _)| Frames::decode(&bytes[at..]).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chunk, Ending, Epoch, StreamNo};

    fn three_chunks() -> (Vec<u8>, Vec<usize>) {
        let mut bytes = Vec::new();
        let mut ends = vec![0];
        for index in 0..3_u32 {
            let first = Seq::FIRST.plus(index * 2);
            let records: [&[u8]; 2] = [b"abc", b"defg"];
            let chunk = Chunk::new(StreamNo::new(1), Epoch::FIRST, first, &records, Ending::Open);
            bytes.extend_from_slice(chunk.bytes());
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    /// Whole chunks that the scan gives, and how it ends.
    fn outcome(bytes: &[u8]) -> (usize, Option<ErrorKind>, usize) {
        let mut scan = Scan::new(bytes);
        let mut chunks = 0;
        let mut failure = None;
        for item in &mut scan {
            match item {
                Ok(frames) => {
                    assert_eq!(frames.first, Seq::FIRST.plus(chunks * 2));
                    let records: Vec<&[u8]> = frames.records().map(|record| record.bytes).collect();
                    assert_eq!(records, [&b"abc"[..], b"defg"]);
                    chunks += 1;
                }
                Err(error) => failure = Some(error.kind()),
            }
        }
        (chunks as usize, failure, scan.torn_bytes())
    }

    #[test]
    fn every_truncation_gives_the_whole_chunks_before_it() {
        let (bytes, ends) = three_chunks();
        for len in 0..=bytes.len() {
            let whole = ends.iter().filter(|end| **end <= len).count() - 1;
            assert_eq!(outcome(&bytes[..len]), (whole, None, len - ends[whole]), "{len}");
        }
    }

    #[test]
    fn every_flipped_byte_before_a_valid_chunk_is_corruption_with_its_good_prefix() {
        let (bytes, ends) = three_chunks();
        for at in 0..ends[2] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            let whole = usize::from(at >= ends[1]);
            let (chunks, failure, _) = outcome(&damaged);
            assert_eq!(chunks, whole, "{at}");
            let good_prefix = Seq::new(2 * whole as u64);
            let version = ErrorKind::Version { found: FORMAT ^ 0x55, max: FORMAT };
            let expected = match at == 4 || at == ends[1] + 4 {
                true => version,
                false => ErrorKind::Corrupt { good_prefix },
            };
            assert_eq!(failure, Some(expected), "{at}");
        }
    }

    #[test]
    fn every_flipped_byte_in_the_last_chunk_is_a_torn_tail_or_a_typed_error() {
        let (bytes, ends) = three_chunks();
        for at in ends[2]..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            let (chunks, failure, torn) = outcome(&damaged);
            assert_eq!(chunks, 2, "{at}");
            let newer = (at == ends[2] + 4)
                .then_some(ErrorKind::Version { found: FORMAT ^ 0x55, max: FORMAT });
            assert_eq!((failure, torn), (newer, ends[3] - ends[2]), "{at}");
        }
    }
}
