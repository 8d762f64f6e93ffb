//! `Nanos` for serde: text with a unit where a person reads it, a number of nanoseconds where
//! none does. A number without a unit is refused in text formats.

use core::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Nanos;
use crate::hint::go_duration;

/// Text such as `1.5s` or `20ms`; nanoseconds as a `u64` in a binary format.
impl Serialize for Nanos {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_u64(self.0)
        }
    }
}

/// Text such as `1m30s`, `1.5s` or `20ms`; nanoseconds as a `u64` in a binary format.
impl<'de> Deserialize<'de> for Nanos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Text)
        } else {
            u64::deserialize(deserializer).map(Self)
        }
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Nanos;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a span with a unit, such as 1.5s")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Nanos, E> {
        go_duration(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}
