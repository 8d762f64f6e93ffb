//! The public behaviour of a pool. Each module asks one question; `world` is the far end: made-up
//! endpoints in virtual time.

mod allocations;
mod balance;
mod defects;
mod health;
mod outage;
mod properties;
mod rig;
mod spare;
mod stalls;
mod waiting;
mod warm;
mod world;
