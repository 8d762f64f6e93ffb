//! Whole clients over loopback: ours beside raw hyper, other Rust clients and the official SDKs. The
//! same server, in a process of its own; each client runs in one as well, and says what it took.

mod async_openai;
mod child;
mod eventsource;
mod floor;
mod genai;
mod load;
mod memory;
mod ours;
mod report;
mod sdk;
pub mod server;
mod spec;

pub use self::child::{Server, count_allocations, count_calls, measure};
pub use self::load::{Load, Pace};
pub use self::memory::resident_bytes;
pub use self::report::{Goal, Row, goals, table};
pub use self::spec::{Measured, Spec};

use std::future::Future;
use std::pin::Pin;

/// How one response is received: the bytes of its text, or what went wrong.
pub type Receiving = Pin<Box<dyn Future<Output = Result<u64, String>> + Send>>;

/// A client that is set up once and may receive many responses at a time.
pub trait Receive {
    /// Asks for the response that `model` names and reads it to its end.
    fn receive(&self, model: &str) -> Receiving;
}

/// A row of each table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Name and version.
    pub name: &'static str,
    /// What it is compared as.
    pub role: Role,
    /// How it is run.
    pub run: Run,
}

/// What an entry is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Our client.
    Ours,
    /// A client that is used without us.
    Peer,
    /// What no client can do without: hyper, a split into events, a borrowed parse of their JSON.
    Floor,
}

/// How an entry is run.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// In a process of this program, against the server at this address.
    Rust(fn(&str) -> Box<dyn Receive>),
    /// By an interpreter, where it and the SDK are installed.
    Sdk(sdk::Sdk),
}

/// All of them, the floor first. It is of the wire that every peer speaks: chat completions.
pub const ENTRIES: [Entry; 8] = [
    Entry { name: "hyper 1, borrowed JSON", role: Role::Floor, run: Run::Rust(floor::borrowed) },
    Entry { name: "ours, in memory", role: Role::Ours, run: Run::Rust(ours::in_memory) },
    Entry { name: "ours, all events", role: Role::Ours, run: Run::Rust(ours::all_events) },
    Entry {
        name: "reqwest 0.13 + eventsource-stream 0.2.3",
        role: Role::Peer,
        run: Run::Rust(eventsource::client),
    },
    Entry { name: "async-openai 0.43.0", role: Role::Peer, run: Run::Rust(async_openai::client) },
    Entry { name: "genai 0.7.2", role: Role::Peer, run: Run::Rust(genai::client) },
    Entry { name: "openai (Node)", role: Role::Peer, run: Run::Sdk(sdk::NODE) },
    Entry { name: "openai (Python)", role: Role::Peer, run: Run::Sdk(sdk::PYTHON) },
];
