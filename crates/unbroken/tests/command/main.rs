//! The built command against a provider that breaks on purpose, each process in a world of its
//! own: a loopback server, an empty home, no key.

mod batch;
mod cost;
mod demo;
mod fallbacks;
mod hedging;
mod interruption;
mod keys;
mod mock;
mod outcome;
mod profiles;
#[cfg(unix)]
mod redis_server;
mod resume;
mod stores;
mod stream;
mod streams;
mod usage;
#[cfg(unix)]
mod with_redis_server;
mod world;
