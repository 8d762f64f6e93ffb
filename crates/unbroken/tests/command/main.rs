//! The built command against a provider that breaks on purpose, each process in a world of its
//! own: a loopback server, an empty home, no key.

mod batch;
mod demo;
mod interruption;
mod keys;
mod mock;
mod outcome;
mod resume;
mod stream;
mod streams;
mod usage;
mod world;
