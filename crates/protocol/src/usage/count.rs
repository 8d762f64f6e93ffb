//! Reading single counts, and what is wrong with one that cannot be read.
//!
//! A stream must not fail because a count in it is odd, and a bill must not be made of one. So a
//! count that cannot be read is left out and remembered, and the caller chooses.

use crate::json::{Kind, Value};
use std::fmt;

/// Why a count cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CountProblem {
    /// It is a string, an object or the like.
    NotANumber,
    /// It is below zero.
    Negative,
    /// It is not whole.
    Fractional,
    /// It, or a sum with it, does not fit in 64 bits.
    TooLarge,
}

impl fmt::Display for CountProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "not a number",
            Self::Negative => "negative",
            Self::Fractional => "not whole",
            Self::TooLarge => "too large",
        })
    }
}

/// Reads the counts of one report.
#[derive(Default)]
pub(crate) struct Counter {
    /// The first count that could not be read, by its path in the report.
    pub(crate) bad: Option<(&'static str, CountProblem)>,
    /// Whether any count was read.
    pub(crate) any: bool,
}

impl Counter {
    /// The value as a count; `null` is one that was not said.
    pub(crate) fn take(&mut self, value: Value, data: &[u8], path: &'static str) -> Option<u64> {
        if value.is_null() {
            return None;
        }
        let count = value.u64(data);
        match count {
            Some(_) => self.any = true,
            None => self.note(path, problem(&value, data)),
        }
        count
    }

    /// The sum, or the largest count where there is none.
    pub(crate) fn sum(&mut self, a: u64, b: u64, path: &'static str) -> u64 {
        a.checked_add(b).unwrap_or_else(|| {
            self.too_large(path);
            u64::MAX
        })
    }

    /// Remembers that a sum with this count does not fit.
    pub(crate) fn too_large(&mut self, path: &'static str) {
        self.note(path, CountProblem::TooLarge);
    }

    fn note(&mut self, path: &'static str, problem: CountProblem) {
        self.bad.get_or_insert((path, problem));
    }
}

fn problem(value: &Value, data: &[u8]) -> CountProblem {
    let digits = value.raw(data);
    if value.kind != Kind::Number {
        CountProblem::NotANumber
    } else if digits.starts_with(b"-") {
        CountProblem::Negative
    } else if is_whole(digits) {
        CountProblem::TooLarge
    } else {
        CountProblem::Fractional
    }
}

fn is_whole(digits: &[u8]) -> bool {
    let number: Option<f64> = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
    number.is_some_and(|number| number.is_infinite() || number.fract() == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Scanner;
    use CountProblem::{Fractional, Negative, NotANumber, TooLarge};

    #[track_caller]
    fn check(json: &str, expected: Result<Option<u64>, CountProblem>) {
        let mut counter = Counter::default();
        let value = Scanner::new(json.as_bytes()).unwrap().value().unwrap();
        let count = counter.take(value, json.as_bytes(), "n");
        let read = counter.bad.map_or(Ok(count), |(_, problem)| Err(problem));
        assert_eq!(read, expected, "{json}");
        assert_eq!(counter.any, matches!(expected, Ok(Some(_))));
    }

    #[test]
    fn a_count_is_a_whole_number_of_64_bits() {
        check("0", Ok(Some(0)));
        check("18446744073709551615", Ok(Some(u64::MAX)));
        check("20.0", Ok(Some(20)));
        check("null", Ok(None));
        check("-1", Err(Negative));
        check("-0.5", Err(Negative));
        check("1.5", Err(Fractional));
        check("1e-3", Err(Fractional));
        check("18446744073709551616", Err(TooLarge));
        check("1e400", Err(TooLarge));
        for odd in [r#""12""#, "true", "[1]", r#"{"a":1}"#] {
            check(odd, Err(NotANumber));
        }
    }

    #[test]
    fn the_first_odd_count_is_remembered_and_sums_do_not_wrap() {
        let mut counter = Counter::default();
        assert_eq!(counter.sum(u64::MAX, 1, "a"), u64::MAX);
        assert_eq!(counter.sum(2, 3, "b"), 5);
        counter.note("c", Negative);
        assert_eq!(counter.bad, Some(("a", TooLarge)));
    }
}
