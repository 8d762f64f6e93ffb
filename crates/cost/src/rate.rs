//! `Rate`, the price of one token or call, and `Multiplier`, what makes it dearer or cheaper. Both are
//! exact integers with limits that keep every product of them exact.

use core::fmt;
use core::str::FromStr;

use crate::decimal::{self, DecimalError};
use crate::money::{Money, MoneyOverflow};

/// The price of one token, or of one call.
///
/// Read from and printed as US dollars per million, with at most 6 digits behind the point, which
/// leaves room for two multipliers.
///
/// ```
/// use cost::{Money, Rate};
///
/// let rate: Rate = "18.75".parse()?;
/// assert_eq!(rate.of(2_000)?, "0.0375".parse::<Money>()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

impl Rate {
    /// It costs nothing.
    pub const FREE: Self = Self(0);

    /// Digits behind the point of dollars per million that a rate is read with.
    const DIGITS: u32 = 6;

    /// Digits behind the point of dollars per million that are kept.
    const DIGITS_KEPT: u32 = 12;

    /// What so many tokens cost.
    ///
    /// # Errors
    ///
    /// [`MoneyOverflow`].
    pub fn of(self, tokens: u64) -> Result<Money, MoneyOverflow> {
        let units = u128::from(self.0) * u128::from(tokens);
        i128::try_from(units).map(Money::from_units).map_err(|_| MoneyOverflow)
    }

    /// The rate times a multiplier.
    ///
    /// # Errors
    ///
    /// [`DecimalError`] when the product is too large, or finer than can be kept: after two
    /// multipliers a rate takes no third one in general.
    pub fn times(self, multiplier: Multiplier) -> Result<Self, DecimalError> {
        let product = u128::from(self.0) * u128::from(multiplier.0);
        let one = u128::from(Multiplier::ONE.0);
        if !product.is_multiple_of(one) {
            return Err(DecimalError::TooFine { digits: Self::DIGITS_KEPT });
        }
        u64::try_from(product / one).map(Self).map_err(|_| DecimalError::TooLarge)
    }
}

impl FromStr for Rate {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let read = unsigned(decimal::parse(text, Self::DIGITS)?)?;
        let kept = read.checked_mul(10_u64.pow(Self::DIGITS_KEPT - Self::DIGITS));
        kept.map(Self).ok_or(DecimalError::TooLarge)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::format(i128::from(self.0), Self::DIGITS_KEPT, f)
    }
}

/// A factor with at most 3 digits behind the point.
///
/// ```
/// use cost::{Multiplier, Rate};
///
/// let uplift: Multiplier = "1.1".parse()?;
/// assert_eq!("3".parse::<Rate>()?.times(uplift)?.to_string(), "3.3");
/// # Ok::<(), cost::DecimalError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Multiplier(u32);

impl Multiplier {
    /// Changes nothing.
    pub const ONE: Self = Self(1000);

    /// Takes one half.
    pub const HALF: Self = Self(500);

    const DIGITS: u32 = 3;
}

impl FromStr for Multiplier {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let read = unsigned(decimal::parse(text, Self::DIGITS)?)?;
        u32::try_from(read).map(Self).map_err(|_| DecimalError::TooLarge)
    }
}

impl fmt::Display for Multiplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::format(i128::from(self.0), Self::DIGITS, f)
    }
}

fn unsigned(number: i128) -> Result<u64, DecimalError> {
    match number {
        ..0 => Err(DecimalError::Negative),
        _ => u64::try_from(number).map_err(|_| DecimalError::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn a_rate_is_dollars_per_million_to_six_digits() {
        assert_eq!(rate("0.003").to_string(), "0.003");
        assert_eq!(rate("0.000001").of(1).unwrap().to_string(), "0.000000000001");
        assert_eq!(rate("75").of(1_500).unwrap().to_string(), "0.1125");
        assert_eq!("0.0000001".parse::<Rate>(), Err(DecimalError::TooFine { digits: 6 }));
        assert_eq!("-1".parse::<Rate>(), Err(DecimalError::Negative));
    }

    #[test]
    fn two_multipliers_stay_exact() {
        let finest: Multiplier = "0.001".parse().unwrap();
        let once = rate("0.000001").times(finest).unwrap();
        let twice = once.times(finest).unwrap();
        assert_eq!(twice.to_string(), "0.000000000001");
        assert_eq!(twice.times(finest), Err(DecimalError::TooFine { digits: 12 }));
    }

    #[test]
    fn the_dearest_rate_of_the_most_tokens_is_an_overflow() {
        let most = rate("18000000");
        assert_eq!(most.of(u64::MAX), Err(MoneyOverflow));
        assert_eq!(most.times("2000".parse().unwrap()), Err(DecimalError::TooLarge));
        assert!(rate("1").of(u64::MAX).is_ok());
    }
}
