//! The Anthropic Messages wire.
//!
//! Named events with typed JSON. Token counts are cumulative and in disjoint buckets already.

mod decode;
mod turn;
mod usual;

pub(crate) use decode::{EVENT_NAMES, decode};
pub use turn::{TurnContent, container_of};
