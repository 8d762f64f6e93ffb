//! Values of a sheet that are written as strings: decimals, days, and minutes of the day.

use std::fmt;
use std::string::String;

use serde::Deserialize;
use serde::de::{self, Deserializer};

use crate::civil::Date;

/// A value that is written as it prints.
#[derive(Clone, Copy)]
pub(super) struct Parsed<T>(pub(super) T);

/// A day, written `YYYY-MM-DD`.
#[derive(Clone, Copy)]
pub(super) struct Day(pub(super) Date);

/// A minute of the day, written `HH:MM`; `24:00` is its end.
pub(super) struct Minute(pub(super) u32);

impl<'de, T: core::str::FromStr<Err: fmt::Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = text.parse().map(Self);
        read.map_err(|error| de::Error::custom(format_args!("`{text}`: {error}")))
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || de::Error::custom(format_args!("`{text}`: not a date as in 2026-08-21"));
        text.parse().map(Self).map_err(|_| wrong())
    }
}

impl<'de> Deserialize<'de> for Minute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || de::Error::custom(format_args!("`{text}`: not a time as in 06:30"));
        let [h1, h2, b':', m1, m2] = *text.as_bytes() else { return Err(wrong()) };
        if ![h1, h2, m1, m2].iter().all(u8::is_ascii_digit) {
            return Err(wrong());
        }
        let number = |tens, ones| u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
        let (hour, minute) = (number(h1, h2), number(m1, m2));
        let of_day = hour * 60 + minute;
        if minute < 60 && of_day <= 24 * 60 { Ok(Self(of_day)) } else { Err(wrong()) }
    }
}
