//! Decimal numbers as integers: reading and printing, exact, without a float anywhere.

use core::fmt;

/// Digits that an exponent may move the point by; more is no price.
const EXPONENT_MAX: u32 = 40;

/// Why a text is not the decimal number that was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecimalError {
    /// It is not a decimal number.
    Malformed,
    /// It has more digits behind the point than can be kept.
    TooFine {
        /// Digits that can be kept.
        digits: u32,
    },
    /// It is too large.
    TooLarge,
    /// It is below zero, where that makes no sense.
    Negative,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a decimal number"),
            Self::TooFine { digits } => write!(f, "more than {digits} digits behind the point"),
            Self::TooLarge => f.write_str("the number is too large"),
            Self::Negative => f.write_str("the number is below zero"),
        }
    }
}

impl core::error::Error for DecimalError {}

/// The number times 10 to the power of `digits`.
pub(crate) fn parse(text: &str, digits: u32) -> Result<i128, DecimalError> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (text, 0),
    };
    let (is_negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_point = mantissa.contains('.');
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || has_point && fraction.is_empty()
        || !is_digits(whole)
        || !is_digits(fraction)
    {
        return Err(DecimalError::Malformed);
    }
    let fraction = fraction.trim_end_matches('0');
    let behind = i64::try_from(fraction.len()).unwrap_or(i64::MAX).saturating_sub(exponent);
    let shift = i64::from(digits).saturating_sub(behind);
    let mut number: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        let digit = i128::from(byte - b'0');
        // Negative all the way: there is one more number below zero than above.
        let tens = number.checked_mul(10).ok_or(DecimalError::TooLarge)?;
        number = tens.checked_sub(digit).ok_or(DecimalError::TooLarge)?;
    }
    let number = shifted(number, shift, digits)?;
    match is_negative {
        true => Ok(number),
        false => number.checked_neg().ok_or(DecimalError::TooLarge),
    }
}

fn parse_exponent(text: &str) -> Result<i64, DecimalError> {
    let exponent: i64 = text.parse().map_err(|_| DecimalError::Malformed)?;
    match exponent.unsigned_abs() <= u64::from(EXPONENT_MAX) {
        true => Ok(exponent),
        false => Err(DecimalError::TooLarge),
    }
}

/// The number with its point moved; no digit is lost.
fn shifted(number: i128, shift: i64, digits: u32) -> Result<i128, DecimalError> {
    if number == 0 {
        return Ok(0);
    }
    let power = u32::try_from(shift.unsigned_abs()).map_err(|_| DecimalError::TooLarge)?;
    match shift {
        0.. => {
            let factor = 10_i128.checked_pow(power).ok_or(DecimalError::TooLarge)?;
            number.checked_mul(factor).ok_or(DecimalError::TooLarge)
        }
        _ => {
            let divisor = 10_i128.checked_pow(power).ok_or(DecimalError::TooFine { digits })?;
            match number % divisor {
                0 => Ok(number / divisor),
                _ => Err(DecimalError::TooFine { digits }),
            }
        }
    }
}

/// Prints `number` divided by 10 to the power of `digits`.
pub(crate) fn format(number: i128, digits: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let asked = f.precision().map(|asked| u32::try_from(asked).unwrap_or(u32::MAX).min(digits));
    let mut magnitude = number.unsigned_abs();
    let mut kept = digits;
    if let Some(asked) = asked {
        magnitude = rounded(magnitude, 10_u128.pow(digits - asked));
        kept = asked;
    } else {
        while kept > 0 && magnitude.is_multiple_of(10) {
            magnitude /= 10;
            kept -= 1;
        }
    }
    // A debt that was rounded away is none.
    let sign = if number < 0 && magnitude > 0 { "-" } else { "" };
    digits_of(sign, magnitude, kept, f)
}

/// Prints `number` divided by 10 to the power of `digits`, with all these digits.
pub(crate) fn write(number: i128, digits: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let sign = if number < 0 { "-" } else { "" };
    digits_of(sign, number.unsigned_abs(), digits, f)
}

fn digits_of(sign: &str, number: u128, digits: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let unit = 10_u128.pow(digits);
    write!(f, "{sign}{}", number / unit)?;
    match digits {
        0 => Ok(()),
        _ => write!(f, ".{:0width$}", number % unit, width = digits as usize),
    }
}

/// The quotient; a half goes to the even number.
pub(crate) fn rounded(number: u128, divisor: u128) -> u128 {
    let (quotient, rest) = (number / divisor, number % divisor);
    let is_above_half = rest > divisor - rest || rest == divisor - rest && quotient % 2 == 1;
    if divisor > 1 && is_above_half { quotient + 1 } else { quotient }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;
    use std::{format, string::String};

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<i128, DecimalError>) {
        assert_eq!(parse(text, 6), expected, "{text}");
    }

    #[test]
    fn decimals_are_read_to_the_last_digit() {
        check("0", Ok(0));
        check("3", Ok(3_000_000));
        check("-0.000001", Ok(-1));
        check("18.75", Ok(18_750_000));
        check("0.3000000000000000000000000", Ok(300_000));
        check("6e-06", Ok(6));
    }

    #[test]
    fn an_exponent_moves_the_point() {
        assert_eq!(parse("6.25e-06", 12), Ok(6_250_000));
        assert_eq!(parse("1.5E3", 2), Ok(150_000));
        assert_eq!(parse("1e-3", 2), Err(DecimalError::TooFine { digits: 2 }));
        assert_eq!(parse("100e-2", 0), Ok(1));
        check("1e41", Err(DecimalError::TooLarge));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "", ".", "1.", ".5", "+1", "--1", "1,5", "1 ", "NaN", "inf", "1e", "1e1.5", "0x1", "１",
        ] {
            check(text, Err(DecimalError::Malformed));
        }
        check("0.0000001", Err(DecimalError::TooFine { digits: 6 }));
        check(&"9".repeat(40), Err(DecimalError::TooLarge));
    }

    struct Shown(i128);

    impl fmt::Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            format(self.0, 3, f)
        }
    }

    #[test]
    fn numbers_print_all_their_digits_or_as_many_as_asked() {
        let shown = |number| Shown(number).to_string();
        assert_eq!([shown(0), shown(1500), shown(-25), shown(7000)], ["0", "1.5", "-0.025", "7"]);
        let two = |number| -> String { format!("{:.2}", Shown(number)) };
        assert_eq!([two(0), two(1_425_000), two(-1)], ["0.00", "1425.00", "0.00"]);
        // A half goes to the even digit.
        assert_eq!([two(5), two(15), two(25), two(26)], ["0.00", "0.02", "0.02", "0.03"]);
        assert_eq!(format!("{:.9}", Shown(1500)), "1.500");
    }
}
