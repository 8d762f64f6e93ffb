//! `Share`, a part of a whole such as a hit rate, and `Percent`, how two amounts compare. Exact; only
//! printing rounds.

use core::fmt;
use core::str::FromStr;

use crate::decimal::{self, DecimalError};
use crate::money::{Money, MoneyOverflow};

/// A part of a whole: from 0 to 1, with at most 6 digits behind the point.
///
/// ```
/// use cost::Share;
///
/// let hits: Share = "0.6".parse()?;
/// assert_eq!(hits.rest().to_string(), "0.4");
/// assert_eq!(hits.percent().to_string(), "60.00");
/// assert!("1.21".parse::<Share>().is_err());
/// # Ok::<(), cost::DecimalError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

impl Share {
    /// Nothing of it.
    pub const NONE: Self = Self(0);

    /// The whole.
    pub const ALL: Self = Self(1_000_000);

    /// One half.
    pub const HALF: Self = Self(500_000);

    /// Nine tenths: what a cache hit saves at most providers.
    pub(crate) const NINE_TENTHS: Self = Self(900_000);

    const DIGITS: u32 = 6;

    /// What is left of the whole.
    #[must_use]
    pub const fn rest(self) -> Self {
        Self(Self::ALL.0 - self.0)
    }

    /// This part of an amount. What is finer than 10⁻¹⁸ dollars is rounded, a half to the even
    /// digit: a part of an average is no bill.
    ///
    /// # Errors
    ///
    /// [`MoneyOverflow`].
    pub fn of(self, amount: Money) -> Result<Money, MoneyOverflow> {
        let product = amount.checked_mul(u64::from(self.0))?.units();
        let rounded = decimal::rounded(product.unsigned_abs(), u128::from(Self::ALL.0));
        // It is not above the amount, so it fits.
        let magnitude = i128::try_from(rounded).map_err(|_| MoneyOverflow)?;
        Ok(Money::from_units(if product < 0 { -magnitude } else { magnitude }))
    }

    /// This part of a count; a half goes to the even number.
    pub fn of_count(self, count: u64) -> u64 {
        let product = u128::from(count) * u128::from(self.0);
        let rounded = decimal::rounded(product, u128::from(Self::ALL.0));
        u64::try_from(rounded).unwrap_or(count)
    }

    /// The same as a percentage.
    pub fn percent(self) -> Percent {
        Percent { part: i128::from(self.0), whole: i128::from(Self::ALL.0) }
    }
}

impl FromStr for Share {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        match decimal::parse(text, Self::DIGITS)? {
            ..0 => Err(DecimalError::Negative),
            units => u32::try_from(units)
                .ok()
                .filter(|units| *units <= Self::ALL.0)
                .map(Self)
                .ok_or(DecimalError::TooLarge),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::format(i128::from(self.0), Self::DIGITS, f)
    }
}

/// How much one amount is of another, in hundredths.
///
/// Prints two digits behind the point, or as many as the format asks for up to 12; a half goes to the
/// even digit. Nothing of nothing is 0.
///
/// ```
/// use cost::{Money, Percent};
///
/// let saved: Money = "161.31".parse()?;
/// let base: Money = "1425".parse()?;
/// assert_eq!(Percent::of(saved, base).to_string(), "11.32");
/// # Ok::<(), cost::DecimalError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent {
    part: i128,
    whole: i128,
}

impl Percent {
    /// Digits behind the point that are printed at most.
    const DIGITS_MAX: usize = 12;

    /// How much `part` is of `whole`.
    pub const fn of(part: Money, whole: Money) -> Self {
        Self { part: part.units(), whole: whole.units() }
    }

    /// Whether the part is the whole or more.
    pub const fn is_all(self) -> bool {
        self.part >= self.whole
    }

    /// The percentage times 10 to the power of `digits`, to the nearest.
    fn scaled(self, digits: u32) -> Option<i128> {
        let (mut part, mut whole) = (self.part.unsigned_abs(), self.whole.unsigned_abs());
        if whole == 0 {
            return Some(0);
        }
        // Far below what can be printed, so that the product fits.
        let excess = 128 - part.max(whole).leading_zeros();
        let drop = excess.saturating_sub(80);
        (part, whole) = (part >> drop, (whole >> drop).max(1));
        let product = part.checked_mul(10_u128.pow(digits + 2))?;
        let magnitude = i128::try_from(decimal::rounded(product, whole)).ok()?;
        let is_negative = (self.part < 0) != (self.whole < 0);
        Some(if is_negative { -magnitude } else { magnitude })
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2).min(Self::DIGITS_MAX);
        let digits = u32::try_from(digits).unwrap_or(2);
        match self.scaled(digits) {
            Some(number) => decimal::write(number, digits, f),
            None => f.write_str("more than can be said"),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn share(text: &str) -> Share {
        text.parse().unwrap()
    }

    #[test]
    fn a_share_lies_between_nothing_and_all() {
        assert_eq!(share("1"), Share::ALL);
        assert_eq!(share("0.000001").rest().to_string(), "0.999999");
        assert_eq!("1.000001".parse::<Share>(), Err(DecimalError::TooLarge));
        assert_eq!("-0.1".parse::<Share>(), Err(DecimalError::Negative));
        assert_eq!("0.0000001".parse::<Share>(), Err(DecimalError::TooFine { digits: 6 }));
        assert_eq!("4294.967297".parse::<Share>(), Err(DecimalError::TooLarge));
    }

    #[test]
    fn a_part_of_an_amount_is_exact_until_the_last_digit() {
        assert_eq!(share("0.03").of(money("172.5")), Ok(money("5.175")));
        assert_eq!(share("0.5").of(Money::from_units(3)), Ok(Money::from_units(2)));
        assert_eq!(share("0.5").of(Money::from_units(-5)), Ok(Money::from_units(-2)));
        assert_eq!(Share::ALL.of(Money::from_units(i128::MAX)), Err(MoneyOverflow));
        assert_eq!(share("0.5").of_count(u64::MAX), 1 << 63);
        assert_eq!(Share::ALL.of_count(u64::MAX), u64::MAX);
    }

    #[test]
    fn percentages_print_as_asked() {
        let third = Percent::of(money("1"), money("3"));
        assert_eq!((third.to_string(), std::format!("{third:.0}")), ("33.33".into(), "33".into()));
        assert_eq!(std::format!("{third:.40}"), "33.333333333333");
        assert_eq!(Percent::of(money("-0.045"), money("14.25")).to_string(), "-0.32");
        assert_eq!(Percent::of(money("270"), money("1425")).to_string(), "18.95");
        assert_eq!(Percent::of(Money::ZERO, Money::ZERO).to_string(), "0.00");
        let most = Money::from_units(i128::MAX);
        assert_eq!(Percent::of(most, most).to_string(), "100.00");
        assert_eq!(Percent::of(Money::from_units(1), most).to_string(), "0.00");
    }
}
