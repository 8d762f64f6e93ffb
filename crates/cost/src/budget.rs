//! `Budget`: how much may be spent, in all or in each period of the calendar. It knows no clock: whoever
//! asks says what time it is.

use crate::civil::{Date, Timestamp};
use crate::money::Money;

/// What may be spent.
///
/// What is charged may be an estimate, and may be corrected by a charge below zero. A charge is never
/// refused, since it reports what was spent already: ask [`remaining`](Self::remaining) first.
///
/// ```
/// use cost::{Budget, Period, Timestamp};
///
/// let mut budget = Budget::per(Period::Day, "5".parse()?);
/// let noon: Timestamp = "2026-11-23T12:00:00Z".parse()?;
/// budget.charge("4.99".parse()?, noon);
/// assert_eq!(budget.remaining(noon).to_string(), "0.01");
/// budget.charge("0.02".parse()?, noon);
/// assert!(budget.is_spent(noon));
/// assert!(!budget.is_spent("2026-11-24T00:00:00Z".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    limit: Money,
    period: Period,
    spent: Money,
    /// Which period `spent` belongs to.
    number: i64,
}

/// How long a limit holds before it holds anew, in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Period {
    /// For as long as the budget lives.
    #[default]
    Ever,
    /// For each hour.
    Hour,
    /// For each day.
    Day,
    /// For each month.
    Month,
}

impl Budget {
    /// A limit to all that is spent.
    pub fn of(limit: Money) -> Self {
        Self::per(Period::Ever, limit)
    }

    /// A limit to what is spent in each period.
    pub fn per(period: Period, limit: Money) -> Self {
        Self { limit, period, spent: Money::ZERO, number: i64::MIN }
    }

    /// The limit.
    pub const fn limit(&self) -> Money {
        self.limit
    }

    /// The period.
    pub const fn period(&self) -> Period {
        self.period
    }

    /// What was spent in the period of this moment.
    pub fn spent(&self, now: Timestamp) -> Money {
        if self.period.number(now) > self.number { Money::ZERO } else { self.spent }
    }

    /// What is left in the period of this moment; never below 0.
    pub fn remaining(&self, now: Timestamp) -> Money {
        let left = self.limit.checked_sub(self.spent(now)).unwrap_or(Money::ZERO);
        left.max(Money::ZERO)
    }

    /// Whether nothing is left.
    pub fn is_spent(&self, now: Timestamp) -> bool {
        self.remaining(now) == Money::ZERO
    }

    /// Notes what was spent; below 0 takes back what was noted too much. A clock that goes back
    /// opens no new period.
    pub fn charge(&mut self, amount: Money, now: Timestamp) {
        let before = self.spent(now);
        self.number = self.number.max(self.period.number(now));
        let full = if amount < Money::ZERO { Money::ZERO } else { Money::from_units(i128::MAX) };
        self.spent = before.checked_add(amount).unwrap_or(full).max(Money::ZERO);
    }
}

impl Period {
    /// Which one a moment is in; they count up.
    fn number(self, at: Timestamp) -> i64 {
        match self {
            Self::Ever => 0,
            Self::Hour => at.seconds().div_euclid(3_600),
            Self::Day => at.seconds().div_euclid(86_400),
            Self::Month => month(at.date()),
        }
    }
}

fn month(date: Date) -> i64 {
    let (year, month, _) = date.parts();
    year * 12 + month
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn usd(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(period: Period, last: &str, next: &str) {
        let mut budget = Budget::per(period, usd("1"));
        budget.charge(usd("1"), at(last));
        assert!(budget.is_spent(at(last)), "{period:?}");
        assert_eq!(budget.remaining(at(next)), usd("1"), "{period:?}");
    }

    #[test]
    fn each_period_has_the_limit_anew() {
        check(Period::Hour, "2026-11-23T12:59:59Z", "2026-11-23T13:00:00Z");
        check(Period::Day, "2026-11-23T23:59:59Z", "2026-11-24T00:00:00Z");
        check(Period::Month, "2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z");
        check(Period::Month, "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z");
    }

    #[test]
    fn a_limit_for_ever_is_never_new() {
        let mut budget = Budget::of(usd("1"));
        budget.charge(usd("0.75"), at("2026-11-23T12:00:00Z"));
        assert_eq!(budget.remaining(at("2036-11-23T12:00:00Z")).to_string(), "0.25");
    }

    #[test]
    fn an_estimate_that_was_too_high_is_taken_back() {
        let now = at("2026-11-23T12:00:00Z");
        let mut budget = Budget::of(usd("1"));
        budget.charge(usd("1.5"), now);
        assert_eq!((budget.remaining(now), budget.spent(now)), (Money::ZERO, usd("1.5")));
        budget.charge(usd("-0.75"), now);
        assert_eq!(budget.remaining(now).to_string(), "0.25");
        budget.charge(usd("-9"), now);
        assert_eq!(budget.spent(now), Money::ZERO);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_back() {
        let mut budget = Budget::per(Period::Day, usd("1"));
        budget.charge(usd("1"), at("2026-11-23T00:00:01Z"));
        budget.charge(usd("1"), at("2026-11-22T23:59:59Z"));
        assert!(budget.is_spent(at("2026-11-22T23:59:59Z")));
        assert_eq!(budget.spent(at("2026-11-23T00:00:02Z")), usd("2"));
    }

    #[test]
    fn more_than_can_be_counted_is_spent() {
        let now = at("2026-11-23T12:00:00Z");
        let mut budget = Budget::of(Money::from_units(i128::MAX));
        budget.charge(Money::from_units(i128::MAX), now);
        budget.charge(Money::from_units(i128::MAX), now);
        assert!(budget.is_spent(now));
    }
}
