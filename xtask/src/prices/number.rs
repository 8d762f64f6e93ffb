//! Prices out of JSON numbers, digit by digit: no float is anywhere.

use cost::{DecimalError, Rate};
use serde_json::value::RawValue;

/// The number, or a string of one, times 10 to the power of `shift`, in dollars per million.
///
/// # Errors
///
/// [`DecimalError`] when it is no number or finer than a rate can be.
pub(super) fn rate(value: &RawValue, shift: i64) -> Result<Rate, DecimalError> {
    let text = value.get().trim_matches('"');
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.parse().map_err(|_| DecimalError::Malformed)?;
    format!("{mantissa}e{}", exponent.saturating_add(shift)).parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, shift: i64, expected: Result<&str, DecimalError>) {
        let value: Box<RawValue> = serde_json::from_str(json).unwrap();
        let read = rate(&value, shift).map(|rate| rate.to_string());
        assert_eq!(read, expected.map(str::to_owned), "{json}");
    }

    #[test]
    fn numbers_are_read_to_the_last_digit() {
        check("6.25e-06", 6, Ok("6.25"));
        check("2.5E-7", 6, Ok("0.25"));
        check("0.00000125", 6, Ok("1.25"));
        check("1e-05", 6, Ok("10"));
        check("0.0", 6, Ok("0"));
        check("0.01", 6, Ok("10000"));
        check("35", 3, Ok("35000"));
        check("\"0.8\"", 0, Ok("0.8"));
        check("0.1", 0, Ok("0.1"));
    }

    #[test]
    fn what_no_rate_can_be_is_said() {
        // What is left of 1.1e-6 after a sum of floats.
        check("1.1000000000000001e-06", 6, Err(DecimalError::TooFine { digits: 6 }));
        check("-1", 6, Err(DecimalError::Negative));
        check("true", 6, Err(DecimalError::Malformed));
        check("null", 6, Err(DecimalError::Malformed));
        check("\"1e99999999999999999999\"", 6, Err(DecimalError::Malformed));
        check("1e9223372036854775807", 6, Err(DecimalError::TooLarge));
    }
}
