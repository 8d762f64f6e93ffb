//! The wire of Gemini's `streamGenerateContent?alt=sse`.
//!
//! Unnamed chunks, each with the counts so far, and no last event: an answer ends with the
//! `finishReason` of every candidate, or with the reason for which the prompt was blocked.

mod decode;
mod parts;

pub(crate) use decode::decode;
