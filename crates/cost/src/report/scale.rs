//! `Scale`, amounts as lengths, and `Unit`, amounts as short labels. Whole numbers all the way: a length
//! is a number of parts, and what does not divide is cut off.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::number;
use crate::decimal;
use crate::money::Money;

/// Amounts that are drawn as a length, 0 among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: i128,
    high: i128,
    /// Between two ticks: 1, 2 or 5 times a power of ten.
    step: i128,
}

impl Scale {
    /// From the lowest to the highest of these amounts and 0.
    pub(super) fn over(amounts: impl IntoIterator<Item = Money>) -> Self {
        let (mut low, mut high) = (0, 0);
        for units in amounts.into_iter().map(Money::units) {
            (low, high) = (low.min(units), high.max(units));
        }
        Self { low, high, step: step(low, high) }
    }

    /// The same up to the next tick.
    pub(super) const fn up_to_tick(self) -> Self {
        let beyond = self.high % self.step;
        let missing = if beyond == 0 { 0 } else { self.step - beyond };
        Self { high: self.high.saturating_add(missing), ..self }
    }

    /// How far from the low end, when the whole is so many parts.
    pub(super) fn at(self, amount: Money, parts: i32) -> i32 {
        // Far below what can be drawn, so that the products fit.
        let most = self.low.unsigned_abs().max(self.high.unsigned_abs());
        let drop = (128 - most.leading_zeros()).saturating_sub(90);
        let [low, high, units] = [self.low, self.high, amount.units()].map(|units| units >> drop);
        let part = (units - low) * i128::from(parts) / (high - low).max(1);
        i32::try_from(part.clamp(0, i128::from(parts))).unwrap_or(parts)
    }

    /// Amounts to be marked, ascending: 0 and the multiples of the step that are in the range.
    pub(super) fn ticks(self) -> Vec<Money> {
        let (first, last) = (self.low / self.step, self.high / self.step);
        (first..=last).map(|count| Money::from_units(count * self.step)).collect()
    }

    /// The largest amount without its sign.
    const fn extreme(self) -> u128 {
        let (low, high) = (self.low.unsigned_abs(), self.high.unsigned_abs());
        if low > high { low } else { high }
    }
}

/// At most four of it fit between two amounts.
fn step(low: i128, high: i128) -> i128 {
    // The whole difference may not fit.
    let half = high / 2 - low / 2;
    let wanted = half / 2 + 1;
    let power = 10_i128.pow(wanted.ilog10());
    let steps = [1, 2, 5, 10].map(|factor| power * factor);
    steps.into_iter().find(|step| *step >= wanted).unwrap_or(wanted)
}

/// In what the labels of a chart count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    name: &'static str,
    /// Digits of 10⁻¹⁸ dollars that are one of it.
    digits: u32,
    /// Digits behind the point of a value.
    shown: usize,
}

/// From the largest; each is used from the amount on of which the digits are last.
const UNITS: [(&str, u32, u32); 12] = [
    ("quintillion USD", 36, 38),
    ("quadrillion USD", 33, 35),
    ("trillion USD", 30, 32),
    ("billion USD", 27, 29),
    ("million USD", 24, 26),
    ("thousand USD", 21, 23),
    ("USD", 18, 18),
    ("US cents", 16, 16),
    ("thousandths of a US cent", 13, 13),
    ("millionths of a US cent", 10, 10),
    ("billionths of a US cent", 7, 7),
    ("trillionths of a US cent", 4, 0),
];

impl Unit {
    /// In which no amount of the scale has more than five digits before the point.
    pub(super) fn of(scale: Scale) -> Self {
        let magnitude = scale.extreme().checked_ilog10().unwrap_or(Money::DIGITS);
        let unit = UNITS.into_iter().find(|(_, _, from)| magnitude >= *from);
        let (name, digits, _) = unit.unwrap_or(("USD", Money::DIGITS, 0));
        let shown = if magnitude >= digits + 3 { 0 } else { 2 };
        Self { name, digits, shown }
    }

    /// The label of a value.
    pub(super) fn value(self, amount: Money) -> String {
        let (shown, scaled) = (self.shown, Scaled { units: amount.units(), digits: self.digits });
        number::grouped(&alloc::format!("{scaled:.shown$}"), 5)
    }

    /// The label of a tick, with as many digits as it has.
    pub(super) fn tick(self, amount: Money) -> String {
        let scaled = Scaled { units: amount.units(), digits: self.digits };
        number::grouped(&alloc::format!("{scaled}"), 5)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

struct Scaled {
    units: i128,
    digits: u32,
}

impl fmt::Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::format(self.units, self.digits, f)
    }
}

/// Hundredths of a percent as SVG writes a length, such as `57.31%`.
pub(super) struct Hundredths(pub(super) i32);

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::format(i128::from(self.0), 2, f)?;
        f.write_str("%")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn ticks(amounts: &[&str]) -> Vec<String> {
        let scale = Scale::over(amounts.iter().map(|text| money(text)));
        scale.ticks().iter().map(Money::to_string).collect()
    }

    #[test]
    fn ticks_are_few_and_round() {
        assert_eq!(ticks(&["-25.875", "161.31"]), ["0", "50", "100", "150"]);
        assert_eq!(ticks(&["-0.3", "-0.9"]), ["-0.5", "0"]);
        assert_eq!(ticks(&[]), ["0"]);
        assert_eq!(ticks(&["1e-18"]), ["0", "0.000000000000000001"]);
    }

    #[test]
    fn amounts_lie_where_their_ratio_says() {
        let scale = Scale::over([money("-10"), money("30")]);
        let at = |text| scale.at(money(text), 1000);
        assert_eq!([at("-10"), at("0"), at("10"), at("30")], [0, 250, 500, 1000]);
        assert_eq!(Scale::over([money("130")]).up_to_tick().at(money("130"), 150), 130);
    }

    #[test]
    fn the_extremes_have_a_scale() {
        let all = [Money::from_units(i128::MIN), Money::from_units(i128::MAX)];
        let scale = Scale::over(all).up_to_tick();
        assert_eq!(all.map(|amount| scale.at(amount, 1000)), [0, 1000]);
        assert!((2..=5).contains(&scale.ticks().len()));
        let nothing = Scale::over([Money::ZERO]).up_to_tick();
        assert_eq!(nothing.at(Money::ZERO, 1000), 0);
        assert_eq!(nothing.ticks(), [Money::ZERO]);
    }

    #[test]
    fn labels_are_short_in_every_unit() {
        #[track_caller]
        fn check(amount: &str, label: &str) {
            let unit = Unit::of(Scale::over([money(amount)]));
            assert_eq!([unit.value(money(amount)).as_str(), " ", unit.name].concat(), label);
        }
        check("161.31", "161.31 USD");
        check("-99999.99", "-100,000 USD");
        check("1234567", "1235 thousand USD");
        check("170141183460469231731", "170.14 quintillion USD");
        check("0.1425", "14.25 US cents");
        check("0.00231", "231.00 thousandths of a US cent");
        check("1e-18", "0.00 trillionths of a US cent");
        check("0", "0.00 USD");
    }
}
