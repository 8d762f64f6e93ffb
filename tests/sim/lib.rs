//! The engine through random sequences of faults, on simulated time.
//!
//! The shipped session, pool and committing half of the store between a scripted provider, a
//! consumer that parses as a strict client would, and processes that die. The tests of
//! `sim/main.rs` take a share of the sequences, `cargo xtask soak` any number of them on all
//! cores. Nothing here opens a socket or reads a clock.

mod caller;
mod committer;
mod consumer;
mod corpus;
mod dice;
mod fault;
mod network;
mod provider;
mod scenario;
mod shrink;
mod soak;
mod store;
mod storm;
mod stream;
mod upstream;
mod verdict;
mod violation;
mod world;

pub use scenario::{Family, Wires};
pub use shrink::Minimal;
pub use soak::{Report, Soak};
pub use storm::Storm;
pub use verdict::Tally;
pub use violation::{Harm, Violation};
