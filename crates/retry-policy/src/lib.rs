//! Whether and when to try a request again, as a pure function.
//!
//! A decision is computed from a [`Policy`], the state of one [`Call`], a [`Verdict`] about the
//! attempt that failed, a [`Budget`] and the caller's `now`. Nothing here sleeps, reads a clock,
//! allocates, or draws from a global random source; time is integer nanoseconds and no decision
//! uses a float. Telling a passing failure from a permanent one is the caller's part.
//!
//! What a server says in headers is read by [`ServerHint::read`] (when to come back) and
//! [`RateLimits::read`] (what is left of the caller's limits).
//!
//! ```
//! use retry_policy::{Call, Class, Decision, Nanos, Policy, Sent, Unlimited, Verdict};
//!
//! const POLICY: Policy = Policy::DEFAULT;
//! let now = Nanos::from_secs(100);
//! let mut call = Call::new(7, now);
//!
//! call.on_attempt();
//! let verdict = Verdict::new(Class::Transient, Sent::MaybeProcessed);
//! let decision = call.on_failure(&POLICY, &verdict, &Unlimited, now);
//! assert!(matches!(decision, Decision::RetryAt { at, .. } if at >= now));
//!
//! // Bytes were delivered: the request is gone on with, never repeated from the start.
//! call.on_attempt();
//! let verdict = Verdict::new(Class::Connect, Sent::Streaming { delivered: 1200 });
//! let decision = call.on_failure(&POLICY, &verdict, &Unlimited, now);
//! assert!(matches!(decision, Decision::Resume { .. }));
//! ```

#![no_std]

mod backoff;
mod budget;
mod call;
mod decision;
pub mod hint;
mod idempotency;
mod mix;
mod nanos;
mod policy;
mod rate_limit;
mod schedule;
mod simulation;
mod verdict;

pub use backoff::{Backoff, Bounds};
pub use budget::{AwsQuota, Budget, Unlimited};
pub use call::{Call, PROGRESS_BYTES};
pub use decision::{Decision, GiveUp, Reason};
pub use idempotency::IdempotencyKey;
pub use nanos::Nanos;
pub use policy::{ConnectFailures, Endpoints, Limits, Policy, Repeat};
pub use rate_limit::{RateLimit, RateLimits};
pub use schedule::{Envelope, Schedule};
pub use simulation::Simulation;
pub use verdict::{Class, Sent, ServerHint, Verdict};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
