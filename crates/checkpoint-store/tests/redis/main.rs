//! Streams on a real `redis-server`: every rule of the contract, writers and servers that are
//! killed, networks that are cut, and servers that cannot be trusted. `cargo xtask test` leaves out
//! what is in a module `with_redis_server` where there is none.

#![cfg(all(unix, feature = "conformance", feature = "redis"))]

mod proxy;
mod server;
mod with_redis_server;
