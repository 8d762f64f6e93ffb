//! What the programs of this package share: tables and quantiles.

mod quantile;
pub mod table;

pub use quantile::quantile;
