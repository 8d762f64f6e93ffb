//! A stream, the chunks that it comes in, and a limit, all from one input.
//!
//! The choices are in front and few, so that a change to them leaves the stream as it is.

/// One input of a target that decodes a stream.
#[derive(Debug)]
pub struct Case<'a> {
    /// The limit of one event, in bytes; `None` for the default.
    pub event_bytes_max: Option<usize>,
    /// The sizes of the chunks, over and over.
    sizes: &'a [u8],
    /// What is to be decoded.
    pub stream: &'a [u8],
}

impl<'a> Case<'a> {
    /// The first byte's halves are a limit and how many sizes follow; the rest is the stream.
    pub fn read(input: &'a [u8]) -> Option<Self> {
        let (&first, rest) = input.split_first()?;
        let (sizes, stream) = rest.split_at_checked(usize::from(first & 15))?;
        let limit = usize::from(first >> 4);
        let event_bytes_max = (limit > 0).then(|| (limit - 1) * 3);
        Some(Self { event_bytes_max, sizes, stream })
    }

    /// The stream in chunks, empty ones among them.
    pub fn chunks(&self) -> impl Iterator<Item = &'a [u8]> {
        self.chunks_of(self.stream)
    }

    /// Another stream in chunks of the same sizes.
    pub fn chunks_of<'s>(&self, stream: &'s [u8]) -> impl Iterator<Item = &'s [u8]> + use<'a, 's> {
        let mut rest = stream;
        let moves = self.sizes.iter().any(|&size| size > 0);
        let mut sizes = self.sizes.iter().cycle();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let size = sizes.next().filter(|_| moves).map_or(rest.len(), |&size| size.into());
            let (chunk, behind) = rest.split_at(size.min(rest.len()));
            rest = behind;
            Some(chunk)
        })
    }
}
