//! The fault matrix: one test for each row that sockets on loopback can show. The name of a test
//! begins with its row; `tests/faults.toml` lists all rows, also those that other tests prove.
//!
//! The peer is `mock-provider` where its faults can make the failure, else literal bytes.

mod ask;
mod bytes;
mod connections;
mod continuations;
mod cue;
mod cursors;
mod cuts;
mod ends;
mod frames;
mod heads;
mod hints;
mod http2;
mod keys;
mod lifetimes;
mod peer;
mod proxies;
mod proxy;
mod socket_messages;
mod socket_peer;
mod sockets;
mod statuses;
mod stops;
mod tls;
mod wire;
