//! Durations as people write them: `500ms`, `1.5s`, `2m`, `1h`. One number, one unit.

use std::fmt;
use std::time::Duration;

/// Reads a number and a unit; a plain `0` needs none.
///
/// # Errors
///
/// [`DurationError`] says which part is missing or wrong.
pub(crate) fn parse(text: &str) -> Result<Duration, DurationError> {
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit_nanos = match unit {
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3600 * SECOND,
        "" => return Err(DurationError::NoUnit),
        _ => return Err(DurationError::UnknownUnit),
    };
    scale(number, unit_nanos).map(Duration::from_nanos)
}

/// Reads a duration that a clock can run for.
///
/// # Errors
///
/// As [`parse`], and [`DurationError::Zero`].
pub(crate) fn parse_clock(text: &str) -> Result<Duration, DurationError> {
    match parse(text)? {
        Duration::ZERO => Err(DurationError::Zero),
        duration => Ok(duration),
    }
}

/// Why a text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DurationError {
    /// No number, two points, or no digit beside the point.
    NotANumber,
    /// A number alone.
    NoUnit,
    /// A unit other than `ms`, `s`, `m`, `h`.
    UnknownUnit,
    /// More than about 584 years.
    TooLong,
    /// A clock that ends at once.
    Zero,
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "not a number with a unit, such as 500ms, 1.5s or 2m",
            Self::NoUnit => "the unit is missing: ms, s, m or h",
            Self::UnknownUnit => "the unit is not ms, s, m or h",
            Self::TooLong => "too long",
            Self::Zero => "must be more than zero",
        })
    }
}

impl std::error::Error for DurationError {}

const SECOND: u64 = 1_000_000_000;

/// Digits beyond a nanosecond are cut off.
fn scale(number: &str, unit_nanos: u64) -> Result<u64, DurationError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(DurationError::NotANumber);
    }
    let whole: u64 = whole.parse().map_err(|_| DurationError::TooLong)?;
    let whole = whole.checked_mul(unit_nanos).ok_or(DurationError::TooLong)?;
    let mut weight = unit_nanos;
    let mut part = 0;
    for digit in fraction.bytes() {
        weight /= 10;
        part += u64::from(digit - b'0') * weight;
    }
    whole.checked_add(part).ok_or(DurationError::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Duration) {
        assert_eq!(parse(text), Ok(expected));
    }

    #[track_caller]
    fn refuse(text: &str, expected: DurationError) {
        assert_eq!(parse(text), Err(expected));
    }

    #[test]
    fn a_number_and_a_unit_are_a_duration() {
        check("3s", Duration::from_secs(3));
        check("500ms", Duration::from_millis(500));
        check("2m", Duration::from_secs(120));
        check("1h", Duration::from_secs(3600));
        check("1.5s", Duration::from_millis(1500));
        check("0.25ms", Duration::from_micros(250));
        check(" 7s ", Duration::from_secs(7));
        check("0", Duration::ZERO);
    }

    #[test]
    fn anything_else_is_told_what_is_wrong() {
        refuse("", DurationError::NoUnit);
        refuse("3", DurationError::NoUnit);
        refuse("3d", DurationError::UnknownUnit);
        refuse("3 s", DurationError::UnknownUnit);
        refuse("-3s", DurationError::UnknownUnit);
        refuse("s", DurationError::NotANumber);
        refuse(".5s", DurationError::NotANumber);
        refuse("1.s", DurationError::NotANumber);
        refuse("1.2.3s", DurationError::NotANumber);
        refuse("99999999999999999999s", DurationError::TooLong);
        refuse("18446744073709551615h", DurationError::TooLong);
    }

    #[test]
    fn a_clock_is_never_zero() {
        assert_eq!(parse_clock("0ms"), Err(DurationError::Zero));
        assert_eq!(parse_clock("1ms"), Ok(Duration::from_millis(1)));
    }
}
