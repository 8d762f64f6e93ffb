//! One cell of the table: a stream, or its first part, cut into chunks.

use bytes::Bytes;

use crate::corpus::Corpus;

/// The most that is cut into chunks of one byte, in bytes of the stream.
///
/// A counted chunk needs 32 bytes, and per byte nothing changes beyond this.
pub const SINGLE_BYTES_MAX: usize = 256 * 1024;

/// The input of one run, made before time is taken.
#[derive(Clone, Debug)]
pub struct Input {
    stream: Bytes,
    chunk_bytes: usize,
    counted: Vec<Bytes>,
    events: usize,
}

impl Input {
    /// The first `events` events of a stream in chunks of `chunk_bytes`.
    pub fn new(corpus: &Corpus, events: usize, chunk_bytes: usize) -> Self {
        let stream = Bytes::copy_from_slice(corpus.prefix(events));
        let bytes = stream.len();
        let chunk_bytes = chunk_bytes.clamp(1, bytes.max(1));
        let counted = (0..bytes)
            .step_by(chunk_bytes)
            .map(|start| stream.slice(start..bytes.min(start + chunk_bytes)))
            .collect();
        Self { stream, chunk_bytes, counted, events }
    }

    /// How many events of a stream a cell has at most.
    pub fn events_max(corpus: &Corpus, chunk_bytes: usize) -> usize {
        let bytes_max = if chunk_bytes == 1 { SINGLE_BYTES_MAX } else { usize::MAX };
        corpus.events_within(bytes_max)
    }

    /// How many events there are.
    pub fn events(&self) -> usize {
        self.events
    }

    /// How many bytes there are.
    pub fn bytes(&self) -> usize {
        self.stream.len()
    }

    /// The chunks as slices.
    #[inline]
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.stream.chunks(self.chunk_bytes)
    }

    /// The chunks as counted slices, for who takes nothing else.
    #[inline]
    pub fn counted(&self) -> impl Iterator<Item = Bytes> {
        self.counted.iter().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::{Corpus, Input, SINGLE_BYTES_MAX};

    #[test]
    fn chunks_are_the_stream() {
        let corpus = Corpus::named("tiny").unwrap();
        for (chunk_bytes, chunks) in [(usize::MAX, 1), (4, 5), (1, 18)] {
            let input = Input::new(&corpus, 2, chunk_bytes);
            assert_eq!(input.slices().count(), chunks);
            assert_eq!(input.slices().collect::<Vec<_>>().concat(), corpus.prefix(2));
            assert_eq!(input.counted().count(), chunks);
            assert_eq!(input.bytes(), 18);
        }
    }

    #[test]
    fn chunks_of_one_byte_have_an_end() {
        let corpus = Corpus::named("tiny").unwrap();
        assert_eq!(Input::events_max(&corpus, 1), SINGLE_BYTES_MAX / 9);
        assert_eq!(Input::events_max(&corpus, 1460), corpus.event_count());
    }
}
