//! `Timestamp` and `Date`: when a price holds. UTC and the Gregorian calendar, without leap seconds, as in
//! RFC 3339; the algorithms are those of days since an epoch in 400-year eras.

use core::fmt;
use core::str::FromStr;

const DAY: i64 = 86_400;

/// Years that a date may have.
const YEARS: core::ops::RangeInclusive<i64> = 1970..=9999;

/// Seconds since the Unix epoch.
///
/// ```
/// use cost::{Timestamp, Weekday};
///
/// let at: Timestamp = "2026-08-22T03:30:00+02:00".parse()?;
/// assert_eq!(at.seconds(), 1_787_362_200);
/// assert_eq!(at.weekday(), Weekday::Saturday);
/// assert_eq!(at.date().to_string(), "2026-08-22");
/// # Ok::<(), cost::TimeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A day of the calendar, in UTC; from 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    days: i32,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "catalog", derive(serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Weekday {
    /// The first day of the week in ISO 8601.
    Monday,
    /// The second.
    Tuesday,
    /// The third.
    Wednesday,
    /// The fourth.
    Thursday,
    /// The fifth.
    Friday,
    /// The sixth.
    Saturday,
    /// The seventh.
    Sunday,
}

/// A text is no date or time of RFC 3339, or not of the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeError;

impl Timestamp {
    /// So many seconds after the Unix epoch; what is before it or after the year 9999 is moved
    /// there.
    pub fn from_unix(seconds: u64) -> Self {
        let last = days_of(9999, 12, 31) * DAY + DAY - 1;
        Self(i64::try_from(seconds).unwrap_or(last).min(last))
    }

    /// Seconds since the Unix epoch.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// The day in UTC.
    pub fn date(self) -> Date {
        Date { days: i32::try_from(self.0.div_euclid(DAY)).unwrap_or(i32::MAX) }
    }

    /// The day of the week in UTC.
    pub fn weekday(self) -> Weekday {
        use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
        // 1970-01-01 was a Thursday.
        let days = [Thursday, Friday, Saturday, Sunday, Monday, Tuesday, Wednesday];
        days[self.0.div_euclid(DAY).rem_euclid(7) as usize]
    }

    /// Minutes since midnight in UTC.
    pub const fn minute_of_day(self) -> u32 {
        (self.0.rem_euclid(DAY) / 60) as u32
    }
}

impl Date {
    /// Its first second.
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.days) * DAY)
    }

    /// Days from `earlier` to this; below 0 when that is later.
    pub const fn days_since(self, earlier: Self) -> i32 {
        self.days - earlier.days
    }

    /// Year, month and day of the month.
    pub(crate) fn parts(self) -> (i64, i64, i64) {
        let days = i64::from(self.days) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = (shifted + 2) % 12 + 1;
        (era * 400 + year + i64::from(month <= 2), month, day)
    }
}

impl FromStr for Date {
    type Err = TimeError;

    /// Reads `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(TimeError);
        }
        let (year, month, day) =
            (number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..])?);
        let is_valid = YEARS.contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day);
        match is_valid {
            true => {
                Ok(Self { days: i32::try_from(days_of(year, month, day)).map_err(|_| TimeError)? })
            }
            false => Err(TimeError),
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// Reads a date and time of RFC 3339; fractions of a second are dropped.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let (date, time) = text.split_at_checked(10).ok_or(TimeError)?;
        let date: Date = date.parse()?;
        let time = time.strip_prefix(['T', 't', ' ']).ok_or(TimeError)?;
        let (clock, rest) = time.split_at_checked(8).ok_or(TimeError)?;
        let seconds = date.start().0 + seconds_of(clock.as_bytes())?;
        let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
        let fraction = &rest[..rest.len() - zone.len()];
        let is_fraction = fraction.is_empty()
            || fraction.len() > 1 && fraction.starts_with('.') && !fraction[1..].contains('.');
        if !is_fraction {
            return Err(TimeError);
        }
        let moment = seconds - offset_of(zone.as_bytes())?;
        let latest = days_of(9999, 12, 31) * DAY + DAY;
        if (0..latest).contains(&moment) { Ok(Self(moment)) } else { Err(TimeError) }
    }
}

/// `HH:MM:SS` in seconds; a leap second is the one before it.
fn seconds_of(clock: &[u8]) -> Result<i64, TimeError> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *clock else { return Err(TimeError) };
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
    if hour > 23 || minute > 59 || second > 60 {
        return Err(TimeError);
    }
    Ok(hour * 3600 + minute * 60 + second.min(59))
}

/// `Z`, `+HH:MM` or `-HH:MM` in seconds.
fn offset_of(zone: &[u8]) -> Result<i64, TimeError> {
    let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = *zone else {
        return if matches!(zone, b"Z" | b"z") { Ok(0) } else { Err(TimeError) };
    };
    let (hour, minute) = (number(&[h1, h2])?, number(&[m1, m2])?);
    if hour > 23 || minute > 59 {
        return Err(TimeError);
    }
    let offset = hour * 3600 + minute * 60;
    Ok(if sign == b'-' { -offset } else { offset })
}

fn number(digits: &[u8]) -> Result<i64, TimeError> {
    digits.iter().try_fold(0, |number, byte| match byte {
        b'0'..=b'9' => Ok(number * 10 + i64::from(byte - b'0')),
        _ => Err(TimeError),
    })
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01. The year begins in March here, so that the leap day is its last.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Timestamp {
    /// As in RFC 3339, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.0.rem_euclid(DAY);
        let (hour, minute) = (second / 3600, second / 60 % 60);
        write!(f, "{}T{hour:02}:{minute:02}:{:02}Z", self.date(), second % 60)
    }
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a date or time as in RFC 3339, such as 2026-08-21T06:30:00Z")
    }
}

impl core::error::Error for TimeError {}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn known_days_have_their_numbers_and_weekdays() {
        assert_eq!(at("1970-01-01T00:00:00Z").seconds(), 0);
        assert_eq!(at("2000-02-29T12:00:00Z").seconds(), 951_825_600);
        assert_eq!(at("2026-11-25T09:50:22Z").seconds(), 1_795_600_222);
        assert_eq!(at("2026-11-25T00:00:00Z").weekday(), Weekday::Wednesday);
        assert_eq!(at("1970-01-01T23:59:59Z").weekday(), Weekday::Thursday);
        assert_eq!(at("2026-11-25T09:50:22Z").minute_of_day(), 590);
    }

    #[test]
    fn every_day_of_some_centuries_prints_as_it_is_read() {
        let last: Date = "2410-12-31".parse().unwrap();
        let mut date: Date = "1970-01-01".parse().unwrap();
        let mut before = date.to_string();
        while date < last {
            date = Date { days: date.days + 1 };
            let text = date.to_string();
            assert!(text > before, "{text} after {before}");
            assert_eq!(text.parse(), Ok(date));
            before = text;
        }
    }

    #[test]
    fn offsets_fractions_and_leap_seconds_are_read() {
        let noon = at("2026-08-21T12:00:00Z");
        assert_eq!(at("2026-08-21T14:00:00.250+02:00"), noon);
        assert_eq!(at("2026-08-21t06:30:00-05:30"), noon);
        assert_eq!(at("2016-12-31T23:59:60Z"), at("2016-12-31T23:59:59Z"));
    }

    #[test]
    fn a_moment_prints_as_it_is_read() {
        for text in ["1970-01-01T00:00:00Z", "2026-08-22T03:30:07Z", "9999-12-31T23:59:59Z"] {
            assert_eq!(at(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let texts = [
            "",
            "2026-08-21",
            "2026-8-21T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-01-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-08-21T24:00:00Z",
            "2026-08-21T00:00:00",
            "2026-08-21T00:00Z",
            "2026-08-21T00:00:00.Z",
            "2026-08-21T00:00:00.1.2Z",
            "2026-08-21T00:00:00+2:00",
            "2026-08-21T00:00:00+24:00",
            "1970-01-01T00:00:00+00:01",
            "２026-08-21T00:00:00Z",
            "9999-12-31T23:59:59-00:01",
        ];
        for text in texts {
            assert_eq!(text.parse::<Timestamp>(), Err(TimeError), "{text}");
        }
        assert_eq!(Timestamp::from_unix(u64::MAX).date().to_string(), "9999-12-31");
    }
}
