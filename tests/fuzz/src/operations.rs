//! Operations and their payloads, all from one input.

/// An input as a list of operations: a byte that says which, one with the length of what belongs to it,
/// and that.
#[derive(Debug)]
pub struct Operations<'a>(&'a [u8]);

impl<'a> Operations<'a> {
    /// The operations that the input holds.
    pub fn of(input: &'a [u8]) -> Self {
        Self(input)
    }
}

impl<'a> Iterator for Operations<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [operation, length, rest @ ..] = self.0 else { return None };
        let (payload, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        self.0 = rest;
        Some((*operation, payload))
    }
}
