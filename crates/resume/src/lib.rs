//! The engine: one response out of many attempts, without a clock, a socket or randomness of its own.
//!
//! [`Session`] takes one [`Input`] at a time and is then polled for [`Output`]s until it
//! answers [`Output::Wait`]. It decides when to connect, what to send, which bytes of a
//! continuation are new, and when the response is complete. Whoever drives it owns the
//! socket, the clock and the store; `client` is such a driver, a simulation is another.
//!
//! What the engine does not do: it opens no connection, sleeps nowhere, writes no file and
//! never sees an API key.

mod admission;
mod attempt;
mod catch_up;
mod checkpoint;
mod clocks;
mod config;
mod cursor;
mod deliver;
mod ending;
mod entry;
mod fallback;
mod frame;
mod go_on;
mod hedge;
mod held;
mod input;
mod instruction;
mod items;
mod journal;
mod kept;
mod ladder;
mod meter;
mod observer;
mod oddities;
mod opening;
mod outcome;
mod output;
mod partial;
mod receive;
mod recovery;
mod seam;
mod session;
mod source;
mod spending;
mod stitch;
mod suspicion;
mod text;
mod transcript;

pub use admission::{Admission, Ask, Fate, Place, Refusal, Sign};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use config::{
    Config, Deliver, Limits, OnStoreFailure, Pace, SeamPolicy, Timeouts, Tools, Ways,
};
pub use deliver::BrokenCalls;
pub use entry::{Entries, Entry, Start};
pub use fallback::Fallback;
pub use frame::Frame;
pub use go_on::GoOn;
pub use hedge::Hedging;
pub use input::{AttemptId, Break, Input};
pub use instruction::{INSTRUCTION_BYTES_MAX, Instruction, InstructionError};
pub use journal::{Origin, RECORD_BYTES_MAX, Record, Seq};
pub use ladder::{Choice, Reason};
pub use observer::{Notice, Observer};
pub use oddities::Oddities;
pub use outcome::{AttemptSummary, Cause, Outcome, Summary};
pub use output::{Connection, Output, Request, State};
pub use seam::{Rung, Seam, SeamLabel};
pub use session::Session;
pub use source::{Moved, Source};
pub use spending::{PricedModel, Pricing};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
