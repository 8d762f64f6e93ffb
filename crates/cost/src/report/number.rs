//! Numbers as people read them: grouped, rounded, with a sign of their own.

use alloc::format;
use alloc::string::{String, ToString};

use crate::money::Money;
use crate::rate::Rate;
use crate::share::{Percent, Share};

/// A count, with a comma before every three digits.
pub(super) fn count(count: u64) -> String {
    grouped(&count.to_string(), 4)
}

/// An amount with so many digits behind the point, grouped from 10,000 on.
pub(super) fn usd(amount: Money, digits: usize) -> String {
    grouped(&format!("{amount:.digits$}"), 5)
}

/// Digits behind the point that show a ten-thousandth of an amount, and cents at least.
pub(super) fn digits_for(amount: Money) -> usize {
    let Some(magnitude) = amount.units().unsigned_abs().checked_ilog10() else {
        return 2;
    };
    let wanted = (Money::DIGITS + 4).saturating_sub(magnitude).clamp(2, Money::DIGITS);
    usize::try_from(wanted).unwrap_or(2)
}

/// Dollars per million, with all digits and cents at least.
pub(super) fn rate(rate: Rate) -> String {
    let text = rate.to_string();
    let behind = text.split_once('.').map(|(_, fraction)| fraction.len());
    let missing = match behind {
        None => ".00",
        Some(1) => "0",
        Some(_) => "",
    };
    grouped(&(text + missing), 5)
}

/// A share as a percentage, with all digits that it has.
pub(super) fn share(share: Share) -> String {
    let text = format!("{:.4} %", share.percent());
    let digits = text.trim_end_matches(" %").trim_end_matches('0').trim_end_matches('.');
    format!("{digits} %")
}

/// A percentage with two digits, where there is one.
pub(super) fn percent(percent: Option<Percent>) -> String {
    percent.map_or("n/a".into(), |percent| format!("{percent} %"))
}

/// A number with a minus sign instead of a hyphen.
pub(super) fn minus(number: &str) -> String {
    number.replace('-', "\u{2212}")
}

/// Puts commas into the whole part of a number, if it has that many digits at least.
pub(super) fn grouped(number: &str, digits_min: usize) -> String {
    let (sign, magnitude) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number),
    };
    let end = magnitude.find('.').unwrap_or(magnitude.len());
    let (whole, fraction) = magnitude.split_at(end);
    let mut text = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && whole.len() >= digits_min {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_a_comma_before_every_three_digits() {
        let counts = [0, 999, 1_000, 35_000_000, u64::MAX].map(count);
        assert_eq!(counts[..4], ["0", "999", "1,000", "35,000,000"]);
        assert_eq!(counts[4], "18,446,744,073,709,551,615");
    }

    #[test]
    fn amounts_are_grouped_from_five_digits_on() {
        let usd = |text: &str| usd(text.parse().unwrap(), 2);
        assert_eq!([usd("1425"), usd("-9999.99"), usd("0")], ["1425.00", "-9999.99", "0.00"]);
        assert_eq!([usd("10000"), usd("-1234567.891")], ["10,000.00", "-1,234,567.89"]);
    }

    #[test]
    fn small_amounts_are_shown_finer() {
        let digits = |text: &str| digits_for(text.parse().unwrap());
        assert_eq!([digits("1425"), digits("100"), digits("99.99"), digits("0")], [2, 2, 3, 2]);
        assert_eq!([digits("0.0285"), digits("-0.0285"), digits("1e-18")], [6, 6, 18]);
    }

    #[test]
    fn rates_and_shares_lose_no_digit() {
        let rate = |text: &str| rate(text.parse().unwrap());
        assert_eq!([rate("15"), rate("1.5"), rate("0.0015")], ["15.00", "1.50", "0.0015"]);
        let share = |text: &str| share(text.parse().unwrap());
        assert_eq!([share("0"), share("0.6"), share("1")], ["0 %", "60 %", "100 %"]);
        assert_eq!([share("0.035"), share("0.000001")], ["3.5 %", "0.0001 %"]);
    }
}
