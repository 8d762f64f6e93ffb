//! The provider over real sockets, read by a client that shares nothing with it.
//! One module per question; the client is in `client`.

mod background;
mod calls;
mod client;
mod faults;
mod frames;
mod gemini;
mod limits;
mod objects;
mod requests;
mod responses;
mod resuming;
mod retrieval;
mod seams;
mod sockets;
mod wires;
