//! The client against `mock-provider` over real sockets.

mod gate;
mod hedging;
mod rig;

mod body;
mod checkpoints;
mod dropped;
mod examples;
mod observing;
mod options;
mod pipes;
mod pool;
#[cfg(feature = "prices")]
mod prices;
mod resuming;
mod secrets;
mod spans;
mod streaming;
mod warm;
