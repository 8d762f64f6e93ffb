//! The client against `mock-provider` over real sockets.

mod gate;
mod rig;

mod checkpoints;
mod options;
mod pool;
mod resuming;
mod secrets;
mod streaming;
