//! HTTP-dates (RFC 9110, section 5.6.7) and RFC 3339 times to Unix time. All three forms of an
//! HTTP-date are read; the name of the weekday is skipped, not checked.

use crate::Nanos;
use crate::hint::{SECOND, number as decimal};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// An HTTP-date as Unix seconds.
///
/// Reads the preferred form and the two obsolete ones. In the form with a two-digit year, 70 to
/// 99 belong to the last century. A date before 1970 is `None`.
///
/// ```
/// use retry_policy::hint::http_date;
/// assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
/// assert_eq!(http_date("Sunday, 06-Nov-94 08:49:37 GMT"), Some(784_111_777));
/// assert_eq!(http_date("Sun Nov  6 08:49:37 1994"), Some(784_111_777));
/// ```
#[must_use]
pub fn http_date(text: &str) -> Option<u64> {
    let text = text.trim_ascii();
    match text.split_once(", ") {
        Some((_, date)) if date.contains('-') => rfc850(date),
        Some((_, date)) => imf_fixdate(date),
        None => asctime(text),
    }
}

/// A time as RFC 3339 writes it, since 1970, rounded up to a nanosecond.
///
/// A time before 1970 is `None`, one beyond the range of [`Nanos`] (the year 2554) its end.
///
/// ```
/// use retry_policy::{Nanos, hint::rfc3339};
/// assert_eq!(rfc3339("1994-11-06T08:49:37Z"), Some(Nanos::from_secs(784_111_777)));
/// assert_eq!(rfc3339("1994-11-06T10:49:37.5+02:00"), Some(Nanos::from_millis(784_111_777_500)));
/// ```
#[must_use]
pub fn rfc3339(text: &str) -> Option<Nanos> {
    let (date, time) = text.trim_ascii().split_once(['T', 't', ' '])?;
    let [year, month, day] = fields(date, '-')?;
    let (time, behind) = time.split_at_checked(8)?;
    let (fraction, zone) = behind.split_at(behind.find(['Z', 'z', '+', '-'])?);
    let fraction = match fraction {
        "" => Nanos::ZERO,
        // With the point, so that a second behind it is refused.
        _ if fraction.starts_with('.') => decimal::span(fraction, SECOND)?,
        _ => return None,
    };
    let local = unix(number(year, 4)?, number(month, 2)?, number(day, 2)?, seconds(time)?)?;
    let seconds = local.checked_add_signed(-offset(zone)?)?;
    Some(Nanos::from_secs(seconds).saturating_add(fraction))
}

/// `Z` or `+02:00`, in seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    let (sign, time) = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => return Some(0),
        ("+", time) => (1, time),
        ("-", time) => (-1, time),
        _ => return None,
    };
    let [hours, minutes] = fields(time, ':')?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    let inside = hours < 24 && minutes < 60;
    inside.then_some(sign * (hours * 3600 + minutes * 60) as i64)
}

/// `06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(text: &str) -> Option<u64> {
    let [day, month, year, time, "GMT"] = fields(text, ' ')? else { return None };
    unix(number(year, 4)?, month_number(month)?, number(day, 2)?, seconds(time)?)
}

/// `06-Nov-94 08:49:37 GMT`
fn rfc850(text: &str) -> Option<u64> {
    let [date, time, "GMT"] = fields(text, ' ')? else { return None };
    let [day, month, year] = fields(date, '-')?;
    let year = number(year, 2)?;
    let century = if year < 70 { 2000 } else { 1900 };
    unix(century + year, month_number(month)?, number(day, 2)?, seconds(time)?)
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<u64> {
    let (_, text) = text.split_once(' ')?;
    let (month, text) = text.split_once(' ')?;
    let (day, text) = match text.strip_prefix(' ') {
        Some(text) => text.split_at_checked(1)?,
        None => text.split_at_checked(2)?,
    };
    let [time, year] = fields(text.strip_prefix(' ')?, ' ')?;
    unix(number(year, 4)?, month_number(month)?, number(day, day.len())?, seconds(time)?)
}

/// `08:49:37`; a leap second is the second after.
fn seconds(text: &str) -> Option<u64> {
    let [hour, minute, second] = fields(text, ':')?;
    let (hour, minute, second) = (number(hour, 2)?, number(minute, 2)?, number(second, 2)?);
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

fn unix(year: u64, month: u64, day: u64, seconds: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || day == 0 || day > month_days(year, month) {
        return None;
    }
    // Years begin in March, so that the leap day comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    // From 1 March of the year 0 to 1 January 1970.
    Some((days - 719_468) * 86_400 + seconds)
}

const fn month_days(year: u64, month: u64) -> u64 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The number of a month, from 1.
fn month_number(name: &str) -> Option<u64> {
    MONTHS.iter().zip(1..).find_map(|(&month, number)| (month == name).then_some(number))
}

/// Exactly this many digits.
fn number(text: &str, digits: usize) -> Option<u64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Exactly N fields between separators.
fn fields<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    let mut parts = text.split(separator);
    let mut fields = [""; N];
    for field in &mut fields {
        *field = parts.next()?;
    }
    parts.next().is_none().then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, unix: Option<u64>) {
        assert_eq!(http_date(text), unix, "{text:?}");
    }

    #[test]
    fn the_calendar_is_right_at_its_edges() {
        check("Thu, 01 Jan 1970 00:00:00 GMT", Some(0));
        check("Tue, 29 Feb 2000 23:59:59 GMT", Some(951_868_799));
        check("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799));
        check("Tue, 30 Jun 2015 23:59:60 GMT", Some(1_435_708_800));
        check("Mon, 29 Feb 2100 00:00:00 GMT", None);
        check("Wed, 31 Dec 1969 23:59:59 GMT", None);
    }

    #[test]
    fn a_two_digit_year_has_a_century() {
        check("Monday, 23-Nov-26 00:00:00 GMT", Some(1_795_392_000));
        check("Thursday, 01-Jan-70 00:00:00 GMT", Some(0));
    }

    #[test]
    fn asctime_pads_the_day_with_a_blank() {
        check("Mon Nov 23 00:00:00 2026", Some(1_795_392_000));
        check("Sun Nov 6 08:49:37 1994", None);
        check("Sun Nov 06 08:49:37 1994", Some(784_111_777));
    }

    #[test]
    fn rfc3339_takes_fractions_and_offsets() {
        #[track_caller]
        fn check(text: &str, nanos: Option<u64>) {
            assert_eq!(rfc3339(text), nanos.map(Nanos), "{text:?}");
        }
        check("1970-01-01T00:00:00Z", Some(0));
        check("2026-11-23T00:00:00.000Z", Some(1_795_392_000 * SECOND));
        check("2026-11-23t00:00:00z", Some(1_795_392_000 * SECOND));
        check("2026-11-23 01:00:00.25+01:00", Some(1_795_392_000 * SECOND + SECOND / 4));
        check("2026-11-22T18:30:00-05:30", Some(1_795_392_000 * SECOND));
        check("2026-11-23T00:00:00.0000000001Z", Some(1_795_392_000 * SECOND + 1));
        check("9999-12-31T23:59:60Z", Some(u64::MAX));
        for text in [
            "",
            "T",
            "2026-11-23",
            "2026-11-23T00:00:00",
            "2026-11-23T00:00Z",
            "2026-11-23T00:00:00.Z",
            "2026-11-23T00:00:00.1.2Z",
            "2026-11-23T00:00:00,5Z",
            "2026-11-23T00:00:001Z",
            "2026-11-23T00:00:00ZZ",
            "2026-11-23T00:00:00+0100",
            "2026-11-23T00:00:00+24:00",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1970-01-01T00:00:00+00:01",
            "2026-11-23T24:00:00Z",
            "+026-11-23T00:00:00Z",
            "2026-11-23T0\u{e9}:00:00Z",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "Sun, ",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun Nov \u{1f980} 08:49:37 1994",
            "1994-11-06T08:49:37Z",
        ] {
            check(text, None);
        }
    }
}
