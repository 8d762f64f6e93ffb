//! What a request costs: exact money for token counts in buckets that never overlap.
//!
//! [`Usage`] is what a provider says it will bill for one request, sorted into buckets of
//! which each token is in exactly one. [`Rates`] are the prices of the buckets, [`Money`] is exact to
//! 10⁻¹⁸ dollars, and no float is anywhere, not in parsing either. Nothing in this crate reads a
//! provider's payload (`protocol` does).

#![no_std]

mod decimal;
mod money;
mod rate;
mod rates;
mod usage;

pub use decimal::DecimalError;
pub use money::{Money, MoneyOverflow};
pub use rate::{Multiplier, Rate};
pub use rates::{Bill, BillError, Bucket, Rates};
pub use usage::{Overflow, Usage};
