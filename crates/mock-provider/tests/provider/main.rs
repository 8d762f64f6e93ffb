//! The provider over real sockets, read by a client that shares nothing with it.
//! One module per question; the client is in `client`.

mod client;
mod faults;
mod limits;
mod requests;
mod resuming;
mod seams;
mod wires;
