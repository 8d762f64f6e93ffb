//! The real client against the breaking provider, over real sockets and a real clock.
//!
//! The provider's ledger is the ground truth: what was asked, what was sent, what it cost.
//! Every server binds a free port on loopback; nothing waits for longer than a fault lasts.

mod acceptance;
mod background;
mod checkpoints;
mod cuts;
mod failover;
mod fallback;
mod faults;
mod fleet;
mod framings;
mod gemini;
mod honesty;
mod outage;
mod pressure;
mod refusals;
mod rig;
mod seams;
mod single_faults;
