//! Which endpoint, and when: the admission of requests to the endpoints of one logical upstream.
//!
//! A [`Pool`] holds slots, a bounded queue, rate-limit buckets, the health and latency of each
//! endpoint, and the gate that lets requests wait while no endpoint answers. It is a state machine:
//! it does no input or output, reads no clock, and draws only from the seed that it was given.
//! Whether a failed request is tried again is the caller's decision (`retry-policy`).

mod action;
mod affinity;
mod buckets;
mod choice;
mod config;
mod ejection;
mod endpoint;
mod gate;
mod health;
mod latency;
mod pool;
mod queue;
mod rate_limits;
mod rates;
mod rng;
mod set;
mod sketch;
mod snapshot;
mod stalls;
mod ticket;
mod tickets;
mod timers;
mod window;

pub use action::{Action, Grant, Purpose, Refusal};
pub use affinity::Affinity;
pub use config::{Config, ConfigError, ENDPOINTS_MAX, Queueing};
pub use ejection::Ejection;
pub use endpoint::{Endpoint, EndpointId};
pub use gate::{Gate, Probing};
pub use latency::Balance;
pub use pool::Pool;
pub use rate_limits::{Quota, RateLimits};
pub use rates::Tally;
pub use set::EndpointSet;
pub use snapshot::{Counters, EndpointSnapshot, Snapshot, Standing};
pub use stalls::{Heartbeats, Learned, Sign, Stalls};
pub use ticket::{Kind, Request, Route, Ticket, Tokens};
pub use window::Slots;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
