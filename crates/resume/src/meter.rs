//! `Meter`: tokens that nobody reported. Output: one for every event with content, as most servers send
//! them, unless events are so long that they hold several; then one for every four bytes. Input: one
//! for every four bytes of the request's text.

use cost::Usage;
use protocol::{Decoded, RequestBody};

/// Bytes of content per token, as an estimate: English text has a little more.
const BYTES_PER_TOKEN: u64 = 4;

/// Bytes that an event has at most, on average, where each is a token.
const EVENT_BYTES_MAX: u64 = 12;

/// A longer string without a space is no text.
const WORD_BYTES_MAX: usize = 1024;

/// Content that an attempt brought, as a measure of what it is billed for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    events: u64,
    bytes: u64,
}

impl Meter {
    /// Counts an event if it has content.
    pub(crate) fn read(&mut self, decoded: &Decoded<'_>) {
        if let Some(delta) = &decoded.delta {
            self.events += 1;
            self.bytes += delta.text.len() as u64;
        }
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.events == 0
    }

    pub(crate) fn tokens(self) -> u64 {
        if self.bytes <= self.events * EVENT_BYTES_MAX {
            return self.events;
        }
        self.bytes / BYTES_PER_TOKEN
    }

    /// What was reported, with estimates in the place of what was not.
    pub(crate) fn complete(self, reported: Usage, input: impl FnOnce() -> u64) -> Usage {
        let mut usage = reported;
        usage.output = usage.output.max(self.tokens());
        if usage.input_total() == Ok(0) {
            usage.input = input();
        }
        usage
    }
}

/// Tokens of a request, as an estimate; `partial` is the length of the answer that it has as well.
///
/// Long strings without a space are left out: they are pictures and the like, and no text.
pub(crate) fn estimated_input(request: &RequestBody, partial: usize) -> u64 {
    let strings = request.bytes().split(|byte| *byte == b'"');
    let text = strings.filter(|string| string.len() <= WORD_BYTES_MAX || !is_encoded(string));
    let bytes = text.map(<[u8]>::len).sum::<usize>() + partial;
    (bytes as u64).div_ceil(BYTES_PER_TOKEN)
}

fn is_encoded(string: &[u8]) -> bool {
    string.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(events: u64, bytes: u64, tokens: u64) {
        assert_eq!(Meter { events, bytes }.tokens(), tokens);
    }

    #[test]
    fn short_events_are_tokens_and_long_ones_hold_several() {
        check(0, 0, 0);
        check(100, 440, 100);

        check(100, 1_200, 100);
        check(100, 1_600, 400);
        check(1, 24, 6);
        check(5, 0, 5);
    }
}
