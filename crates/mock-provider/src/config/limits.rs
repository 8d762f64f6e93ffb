//! Bounds of memory and time, each with its unit and default.
//! What happens at a bound is told at the bound.

use std::time::Duration;

/// Bounds of memory and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request line with its headers; beyond it the answer is 431.
    pub head_bytes_max: usize,
    /// Bytes of a request body; beyond it the answer is 413.
    pub body_bytes_max: usize,
    /// Connections at a time; one more is closed at once.
    pub connections_max: usize,
    /// Records that the ledger keeps, and prompts that the server remembers; the oldest go first.
    pub ledger_requests_max: usize,
    /// Bytes of text in the ledger's records; the oldest records go first.
    pub ledger_text_bytes_max: usize,
    /// Texts beside the canonical one that are remembered for a prompt; the oldest go first.
    pub known_texts_max: usize,
    /// Responses of the Responses wire that can be retrieved; the oldest go first.
    pub responses_max: usize,
    /// Bytes that the tokens of those take in memory; the oldest go first, the newest always stays.
    pub responses_bytes_max: usize,
    /// How long a response can be retrieved after its beginning; then it is 404.
    pub response_kept_for: Duration,
    /// How long its events can be retrieved after its beginning; then they are 400.
    pub response_streamed_for: Duration,
    /// How long a silence, a blocked write or the reading of one request may last.
    pub hold_max: Duration,
}

impl Limits {
    /// Whether every bound leaves room for at least one of what it bounds.
    pub(crate) fn are_usable(&self) -> bool {
        let counts = [
            self.head_bytes_max,
            self.body_bytes_max,
            self.connections_max,
            self.ledger_requests_max,
            self.ledger_text_bytes_max,
            self.known_texts_max,
            self.responses_max,
            self.responses_bytes_max,
        ];
        let times = [self.hold_max, self.response_kept_for, self.response_streamed_for];
        counts.iter().all(|count| *count > 0) && times.iter().all(|time| !time.is_zero())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes_max: 64 * 1024,
            body_bytes_max: 16 * 1024 * 1024,
            connections_max: 1024,
            ledger_requests_max: 100_000,
            ledger_text_bytes_max: 256 * 1024 * 1024,
            known_texts_max: 16,
            responses_max: 256,
            responses_bytes_max: 64 * 1024 * 1024,
            // The guide "Background mode": roughly ten minutes.
            response_kept_for: Duration::from_secs(600),
            // What the server says when it refuses (openai-python issue 2828).
            response_streamed_for: Duration::from_secs(300),
            hold_max: Duration::from_secs(600),
        }
    }
}
