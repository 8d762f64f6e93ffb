//! `Money`: exact US dollars, as a whole number of 10⁻¹⁸ dollars. No operation rounds but one:
//! printing with fewer digits than there are.

use core::fmt;
use core::str::FromStr;

use crate::decimal::{self, DecimalError};

/// US dollars, exact to 10⁻¹⁸. Holds up to 1.7 x 10²⁰ dollars, and debts of as much.
///
/// ```
/// use cost::Money;
///
/// let money: Money = "0.0285".parse()?;
/// assert_eq!(money.checked_mul(10_000), Ok("285".parse()?));
/// assert_eq!(money.to_string(), "0.0285");
/// assert_eq!(format!("{money:.2}"), "0.03");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i128);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Decimal digits behind the point.
    pub const DIGITS: u32 = 18;

    /// A whole number of 10⁻¹⁸ dollars.
    pub const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// The number of 10⁻¹⁸ dollars.
    pub const fn units(self) -> i128 {
        self.0
    }

    /// The sum.
    ///
    /// # Errors
    ///
    /// [`MoneyOverflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyOverflow> {
        self.0.checked_add(other.0).map(Self).ok_or(MoneyOverflow)
    }

    /// The difference.
    ///
    /// # Errors
    ///
    /// [`MoneyOverflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyOverflow> {
        self.0.checked_sub(other.0).map(Self).ok_or(MoneyOverflow)
    }

    /// So many times this.
    ///
    /// # Errors
    ///
    /// [`MoneyOverflow`].
    pub fn checked_mul(self, times: u64) -> Result<Self, MoneyOverflow> {
        self.0.checked_mul(i128::from(times)).map(Self).ok_or(MoneyOverflow)
    }

    /// The sum of all.
    ///
    /// # Errors
    ///
    /// [`MoneyOverflow`].
    pub fn sum(all: impl IntoIterator<Item = Self>) -> Result<Self, MoneyOverflow> {
        all.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }
}

impl FromStr for Money {
    type Err = DecimalError;

    /// Reads a decimal number, also one with an exponent; nothing is rounded.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        decimal::parse(text, Self::DIGITS).map(Self)
    }
}

impl fmt::Display for Money {
    /// All digits, or as many behind the point as the format asks for; a half goes to the even
    /// digit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::format(self.0, Self::DIGITS, f)
    }
}

/// A sum of money does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoneyOverflow;

impl fmt::Display for MoneyOverflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the amount of money does not fit")
    }
}

impl core::error::Error for MoneyOverflow {}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    #[test]
    fn no_sum_wraps() {
        let most = Money::from_units(i128::MAX);
        assert_eq!(most.checked_add(Money::from_units(1)), Err(MoneyOverflow));
        assert_eq!(
            Money::from_units(i128::MIN).checked_sub(Money::from_units(1)),
            Err(MoneyOverflow)
        );
        assert_eq!(most.checked_mul(2), Err(MoneyOverflow));
        assert_eq!(Money::sum([most, most]), Err(MoneyOverflow));
    }

    #[test]
    fn the_largest_debt_prints() {
        let text = Money::from_units(i128::MIN).to_string();
        assert_eq!(text, "-170141183460469231731.687303715884105728");
        assert_eq!(text.parse(), Ok(Money::from_units(i128::MIN)));
    }
}
