//! The codecs of this workspace beside their peers: same input, same work, same run.
//!
//! Three programs use it: `sse` measures time, `sse-allocations` counts allocations, and
//! `sse-instructions` runs our codec alone for a counting machine. `retry` and `retry-allocations`
//! compare retry policies.

pub mod corpus;
pub mod ours;
pub mod sink;

#[cfg(feature = "peers")]
pub mod cell;
#[cfg(feature = "peers")]
pub mod entry;
#[cfg(feature = "peers")]
pub mod floor;
#[cfg(feature = "peers")]
pub mod goals;
#[cfg(feature = "peers")]
pub mod measure;
#[cfg(feature = "peers")]
pub mod peer;
#[cfg(feature = "peers")]
pub mod probe;
#[cfg(feature = "peers")]
pub mod report;

#[cfg(feature = "retry")]
pub mod retry;
