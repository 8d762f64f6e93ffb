//! Unsigned decimal numbers without floats: digits and a fraction, saturating, rounded up.
//! Signs and exponents are not numbers here.

use crate::Nanos;

/// A decimal number of a unit that has not been read yet.
#[derive(Clone, Copy)]
pub(super) struct Decimal<'a> {
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    /// Splits a number off the front. A point needs a digit behind it.
    pub(super) fn split(text: &'a str) -> Option<(Self, &'a str)> {
        let (whole, rest) = digits(text);
        let (fraction, rest) = match rest.strip_prefix('.').map(digits) {
            Some(("", _)) => return None,
            Some(split) => split,
            None => ("", rest),
        };
        let empty = whole.is_empty() && fraction.is_empty();
        (!empty).then_some((Self { whole, fraction }, rest))
    }

    /// The digits before the point.
    pub(super) fn whole(self) -> u64 {
        let digits = self.whole.bytes().map(|digit| u64::from(digit - b'0'));
        digits.fold(0, |whole, digit| whole.saturating_mul(10).saturating_add(digit))
    }

    /// The number times a unit in nanoseconds. Rounded up, because a told time is not undercut.
    pub(super) fn times(self, unit: u64) -> Nanos {
        let mut part = 0_u128;
        // From the last digit on: part = (digit * unit + part) / 10, each time rounded up.
        for digit in self.fraction.bytes().rev() {
            part = (u128::from(digit - b'0') * u128::from(unit) + part).div_ceil(10);
        }
        Nanos(self.whole()).saturating_mul(unit).saturating_add(Nanos(part as u64))
    }
}

/// A text that is one number of the unit and nothing else.
pub(super) fn span(text: &str, unit: u64) -> Option<Nanos> {
    match Decimal::split(text)? {
        (value, "") => Some(value.times(unit)),
        _ => None,
    }
}

/// A text that is one number and nothing else, rounded down.
pub(crate) fn count(text: &str) -> Option<u64> {
    match Decimal::split(text)? {
        (value, "") => Some(value.whole()),
        _ => None,
    }
}

/// Splits ASCII digits off the front.
fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fraction_is_exact_and_never_below() {
        assert_eq!(span("0.1", 10), Some(Nanos(1)));
        assert_eq!(span("0.05", 10), Some(Nanos(1)));
        assert_eq!(span("2.25", 100), Some(Nanos(225)));
        assert_eq!(span("0.999999999999999999999999", 1000), Some(Nanos(1000)));
    }

    #[test]
    fn a_count_is_rounded_down_and_saturates() {
        assert_eq!(count("149984.9"), Some(149_984));
        assert_eq!(count("99999999999999999999999"), Some(u64::MAX));
        assert_eq!(count("-1"), None);
        assert_eq!(count("100;w=60"), None);
    }

    #[test]
    fn a_number_with_something_behind_it_is_none() {
        assert_eq!(span("12 ", 1), None);
        assert_eq!(span("1.2.3", 1), None);
        assert_eq!(span("1.", 1), None);
    }
}
