//! What a request costs: exact money for token counts in buckets that never overlap.
//!
//! [`Usage`] is what a provider says it will bill for one request, sorted into buckets of
//! which each token is in exactly one. [`Rates`] are the prices of the buckets, [`Money`] is exact to
//! 10⁻¹⁸ dollars, and no float is anywhere, not in parsing either. Nothing in this crate reads a
//! provider's payload (`protocol` does).
//!
//! With the feature `catalog` a [`Catalog`] knows the prices of many models, each with its source and
//! the day on which it was read; [`Price`] has the rules: dearer long prompts, service tiers, hours of
//! the day, regions.

#![no_std]

extern crate alloc;
#[cfg(feature = "catalog")]
extern crate std;

mod account;
mod budget;
#[cfg(feature = "catalog")]
mod catalog;
mod civil;
mod decimal;
mod money;
mod price;
mod rate;
mod rates;
mod recovery;
#[cfg(feature = "report")]
mod report;
mod scenario;
mod share;
mod usage;

pub use account::{Account, Brought, StreamCost};
pub use budget::{Budget, Period};
#[cfg(feature = "catalog")]
pub use catalog::{Catalog, Model, SheetError, UnknownModel};
pub use civil::{Date, TimeError, Timestamp, Weekday};
pub use decimal::DecimalError;
pub use money::{Money, MoneyOverflow};
pub use price::{Card, Price, PriceError, Service, ServicePrice, Terms, Window};
pub use rate::{Multiplier, Rate};
pub use rates::{Bill, BillError, Bucket, Rates};
pub use recovery::{
    Interrupted, Prompt, Recovered, RecoveryError, Tariff, Waste, Way, cache_pays_above,
};
#[cfg(feature = "report")]
pub use report::{Format, UnknownFormat};
pub use scenario::{Assumptions, Report, ReportError, Row, Scenario, Workload};
pub use share::{Percent, Share};
pub use usage::{Overflow, Usage};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
