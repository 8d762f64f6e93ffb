//! One streamed response that survives disconnects, stalls, overloads and restarts.
//!
//! A [`Client`] sends requests to one [`Endpoint`] or several of one upstream and hands out a
//! [`ResponseStream`] of typed [`Event`]s for each. Behind it `resume` decides what to do when the
//! connection breaks, `endpoint-pool` where and when an attempt begins, `checkpoint-store` keeps
//! what was delivered, and this crate moves the bytes: HTTP/1.1 and HTTP/2, plain or over TLS,
//! one loop per stream that is polled by its consumer.
//!
//! What it does not do: it follows no redirect but one that keeps the method and the origin,
//! decompresses nothing, decodes nothing but text and spawns no task of its own but one timer while
//! streams wait for an endpoint (hyper runs one per connection).

mod body;
mod builder;
mod carrier;
mod client;
mod connect;
mod driver;
mod endpoint;
mod error;
mod event;
mod hedge_budget;
mod leftovers;
mod observing;
mod patience;
mod prompt;
mod proxy;
mod random;
mod refusals;
mod request;
mod resume_options;
mod secret;
mod service;
mod spending;
mod stream;
mod transport;
mod upstream;

pub use body::EventBody;
pub use builder::Builder;
pub use carrier::{Carrier, SocketLimits};
pub use client::Client;
pub use connect::{Connect, Connecting, Pipe};
pub use endpoint::Endpoint;
pub use error::{Error, ErrorKind};
pub use event::{Event, Events};
pub use prompt::{PROMPT_TOKENS_MAX, Prompt};
pub use proxy::{Proxy, ProxyFailure};
pub use request::Request;
pub use resume_options::{IfHeld, ResumeOptions};
pub use secret::Secret;
pub use service::{STREAM_ID_HEADER, Service};
pub use spending::SharedBudget;
pub use stream::ResponseStream;

pub use bytes::Bytes;
pub use checkpoint_store::{
    ErrorKind as StoreErrorKind, Level, Seq, Store, StoreError, StreamId, StreamInfo, StreamState,
};
pub use cost::{self, Money, StreamCost};
pub use endpoint_pool::{self, Snapshot};
pub use protocol::{
    Cursor, FrameError, Framing, Heartbeat, KeyHeader, Label, Prefill, Profile, Reported,
    RequestForm, StopReason, Terminal, TokenLimit, UsageError, UsageFormat, UsageRequest, Wire,
    read_usage, service_of,
};
#[cfg(feature = "profile-files")]
pub use protocol::{CustomProfile, PROFILE_FILE_BYTES_MAX, ProfileFileError};
pub use resume::{
    AttemptId, AttemptSummary, Break, BrokenCalls, Cause, Checkpoint, CheckpointError, Choice,
    Deliver, Entries, Entry, Frame, GoOn, Hedging, INSTRUCTION_BYTES_MAX, Instruction,
    InstructionError, Limits, Moved, Notice, Observer, Oddities, OnStoreFailure, Pace, Reason,
    Refusal, Rung, Seam, SeamLabel, SeamPolicy, Source, State, Summary, Timeouts, Tools, Ways,
};
pub use retry_policy::{self, IdempotencyKey, Nanos, Policy};
pub use rustls;

/// The examples of the README and of the workspace's, run as tests.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct ReadMe;

#[doc = include_str!("../../../README.md")]
#[cfg(doctest)]
struct WorkspaceReadMe;
