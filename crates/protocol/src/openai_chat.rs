//! The OpenAI Chat Completions wire and the servers that imitate it.
//!
//! Unnamed chunks, then `[DONE]`. Token counts come at the end and contain each other.

mod decode;
mod delta;
mod parts;
mod usual;

pub(crate) use decode::decode;
