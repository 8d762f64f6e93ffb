//! What really happened, as the server saw it: the ground truth that tests compare with.
//! Holds no key; what it holds is bounded, the oldest records go first.

mod book;
mod export;
mod response;

use std::collections::HashMap;
use std::time::Duration;

pub(crate) use book::{Book, Progress};
pub use response::{CallKind, ResponseRecord};

use crate::fault::Fault;
use crate::wire::Wire;

/// A snapshot of everything that the server has recorded.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Requests in order of arrival.
    pub requests: Vec<RequestRecord>,
    /// When nothing listened.
    pub outages: Vec<Outage>,
    /// Sums over all requests, also over those whose records are gone.
    pub totals: Totals,
    needed: HashMap<String, u64>,
}

impl Ledger {
    /// Tokens that an unbroken answer to the prompt has; 0 for a prompt that was never asked.
    pub fn needed(&self, prompt: &str) -> u64 {
        self.needed.get(prompt).copied().unwrap_or(0)
    }

    /// Tokens billed for the prompt in all its requests, without echoes that were asked for.
    pub fn billed(&self, prompt: &str) -> u64 {
        self.for_prompt(prompt).map(|record| record.billed_tokens).sum()
    }

    /// Tokens that repeated what the instruction quoted, in all requests of the prompt.
    pub fn echoed(&self, prompt: &str) -> u64 {
        self.for_prompt(prompt).map(|record| record.echo_tokens).sum()
    }

    /// The requests of a prompt in order of arrival.
    pub fn for_prompt(&self, prompt: &str) -> impl Iterator<Item = &RequestRecord> {
        self.requests.iter().filter(move |record| record.prompt == prompt)
    }

    /// The whole ledger as one JSON object.
    pub fn to_json(&self) -> String {
        export::ledger(self)
    }
}

/// Sums over all requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests to one of the wires, also refused ones.
    pub requests: u64,
    /// Tokens generated and written, without echoes that were asked for.
    pub billed_tokens: u64,
    /// Tokens that repeated what the instruction quoted.
    pub echo_tokens: u64,
    /// Tokens that unbroken answers to all prompts have.
    pub needed_tokens: u64,
    /// Connections accepted.
    pub connections: u64,
    /// WebSockets that were opened on them.
    pub websockets: u64,
    /// Connections closed at once because there were too many.
    pub connections_turned_away: u64,
    /// Records that gave way to newer ones.
    pub records_dropped: u64,
}

/// A time in which connections were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// When it began, since the server's start.
    pub from: Duration,
    /// How long it was to last.
    pub lasting: Duration,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// Order of arrival, from 1.
    pub number: u64,
    /// When its last byte had arrived, since the server's start.
    pub at: Duration,
    /// When its response was over.
    pub ended_at: Option<Duration>,
    /// Which protocol it speaks.
    pub wire: Wire,
    /// Its path without a query.
    pub path: String,
    /// The model it names; empty when the body could not be read.
    pub model: String,
    /// Its first user message.
    pub prompt: String,
    /// Its `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// Whether it carried a key, and whether that was the right one.
    pub authorization: Authorization,
    /// The WebSocket that it came on, by its number from 1; none for HTTP.
    pub websocket: Option<u64>,
    /// Bytes of its body.
    pub body_bytes: usize,
    /// The bound of output tokens that it names.
    pub max_tokens: Option<u64>,
    /// What was done to it.
    pub fault: Fault,
    /// The status of its response; 0 when there was none.
    pub status: u16,
    /// Whether it asks for an answer or for the rest of one.
    pub continuation: Continuation,
    /// Bytes of the partial answer that it carries.
    pub partial_bytes: usize,
    /// Bytes at the start of `text` that repeat or announce: echo, preamble, restart excepted.
    pub head_bytes: usize,
    /// Tokens written, without echoes that were asked for; the one inside a cut event counts.
    pub billed_tokens: u64,
    /// Tokens written that repeat what the instruction quotes.
    pub echo_tokens: u64,
    /// The text in complete events.
    pub text: String,
    /// How the response ended.
    pub ending: Ending,
    /// What was odd about the request.
    pub flags: Flags,
    /// Fields of the prompt's first request that this one lacks or changes; `messages` for its messages.
    pub lost_fields: Vec<String>,
    /// What only the Responses wire has.
    pub response: Option<ResponseRecord>,
}

impl RequestRecord {
    /// Whether the caller's own messages, system text, tools and parameters are all there.
    pub fn caller_fields_kept(&self) -> bool {
        self.lost_fields.is_empty()
    }

    /// The text without its head: what continues the partial answer.
    pub fn new_text(&self) -> &str {
        self.text.get(self.head_bytes..).unwrap_or("")
    }
}

/// What was odd about a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Its final assistant message ends in white space.
    pub prefill_trailing_space: bool,
    /// Its model does not go on after a final assistant message.
    pub prefill_refused: bool,
    /// Its final assistant message is not marked as a beginning, so another answer was started.
    pub prefill_ignored: bool,
    /// Its partial answer is not the beginning of anything that was sent for this prompt.
    pub unknown_prefix: bool,
}

/// Whether a request asks for an answer or for the rest of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Continuation {
    /// An answer from its beginning.
    #[default]
    Fresh,
    /// The rest of the final assistant message.
    Prefill,
    /// The rest of the last assistant message, as a user message after it asks.
    Instructed,
}

/// What a request said about its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authorization {
    /// No key.
    #[default]
    Absent,
    /// The right key.
    Accepted,
    /// Another key.
    Rejected,
    /// A key, and the server wants none.
    Unchecked,
}

/// How a response ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// Not yet.
    #[default]
    InProgress,
    /// The answer is whole.
    Complete,
    /// The fault ended it.
    Cut,
    /// An error status or an invalid request: no stream.
    Rejected,
    /// The client went away.
    ClientGone,
}
