//! What this workspace has beside its peers: same input, same work, same run.
//!
//! `sse` measures the time of decoders, `sse-allocations` counts their allocations, and
//! `sse-instructions` runs our codec alone for a counting machine. `retry` and `retry-allocations`
//! compare retry policies; `store` compares durable streams on disk; `client` and
//! `client-allocations` compare whole clients over loopback.

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
#[cfg(any(feature = "client", feature = "peers", feature = "store"))]
mod grid;
#[cfg(feature = "peers")]
pub mod measure;
#[cfg(feature = "peers")]
pub mod peer;
#[cfg(feature = "peers")]
pub mod probe;
#[cfg(feature = "peers")]
pub mod report;

#[cfg(feature = "client")]
pub mod client;

#[cfg(feature = "retry")]
pub mod retry;

#[cfg(feature = "store")]
pub mod store;
