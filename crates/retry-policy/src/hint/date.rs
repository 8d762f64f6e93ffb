//! HTTP-dates (RFC 9110, section 5.6.7) to Unix seconds. All three forms are read; the name of
//! the weekday is skipped, not checked.

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
    if year < 1970 || day == 0 || day > month_days(year, month) {
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
