//! Token counts in buckets that never overlap.
//!
//! [`Usage`] is what a provider says it will bill for one request, sorted into buckets of
//! which each token is in exactly one. Prices and money are not here yet; nothing in this
//! crate reads a provider's payload (`protocol` does).

#![no_std]

mod usage;

pub use usage::{Overflow, Usage};
