//! Days of the calendar, enough to compare the end of a permit with today.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// A day of the Gregorian calendar in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date {
    year: u64,
    month: u64,
    day: u64,
}

impl Date {
    pub(super) fn today() -> Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is wrong")?;
        Ok(Self::after_epoch(since.as_secs() / 86_400))
    }

    /// Reads `YYYY-MM-DD`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let mut number = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            part.parse::<u64>().ok()
        };
        let date = Self { year: number(4)?, month: number(2)?, day: number(2)? };
        let valid = (1..=12).contains(&date.month)
            && (1..=month_days(date.year, date.month)).contains(&date.day);
        valid.then_some(date)
    }

    fn after_epoch(mut days: u64) -> Self {
        let mut year = 1970;
        while days >= year_days(year) {
            days -= year_days(year);
            year += 1;
        }
        let mut month = 1;
        while days >= month_days(year, month) {
            days -= month_days(year, month);
            month += 1;
        }
        Self { year, month, day: days + 1 }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn year_days(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn month_days(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[track_caller]
    fn check(days: u64, expected: &str) {
        assert_eq!(Date::after_epoch(days).to_string(), expected);
        assert_eq!(Date::parse(expected), Some(Date::after_epoch(days)));
    }

    #[test]
    fn days_after_the_epoch_are_dates() {
        check(0, "1970-01-01");
        check(59, "1970-03-01");
        check(11_016, "2000-02-29");
        check(20_454, "2026-01-01");
        check(21_183, "2027-12-31");
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in ["2026-13-01", "2026-02-29", "2026-1-1", "2026-01", "soon", "2026-00-10"] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }

    #[test]
    fn later_days_are_greater() {
        assert!(Date::parse("2027-01-01") > Date::parse("2026-12-31"));
    }
}
