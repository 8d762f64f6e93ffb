//! Where a codec under test puts its events: totals while time is taken, a digest otherwise.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::hint::black_box;

/// Takes events.
pub trait Sink {
    /// Takes one event; an empty name means `message`.
    fn event(&mut self, name: &[u8], data: &[u8]);
}

/// How much came out: as little work as a caller can do with an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many events.
    pub events: usize,
    /// The bytes of their data.
    pub data_bytes: usize,
}

impl Sink for Totals {
    #[inline(always)]
    fn event(&mut self, name: &[u8], data: &[u8]) {
        self.events += 1;
        self.data_bytes += data.len();
        // Both values have to exist in memory, as for a caller that reads them.
        black_box((name.as_ptr(), name.len(), data.as_ptr()));
    }
}

/// What came out: equal when all names and data are, in order.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    totals: Totals,
    hash: DefaultHasher,
}

impl Digest {
    /// The totals and the hash.
    pub fn finish(&self) -> (Totals, u64) {
        (self.totals, self.hash.finish())
    }
}

impl Sink for Digest {
    fn event(&mut self, name: &[u8], data: &[u8]) {
        self.totals.events += 1;
        self.totals.data_bytes += data.len();
        let name = if name.is_empty() { b"message" } else { name };
        (name, data).hash(&mut self.hash);
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, Sink};

    #[track_caller]
    fn check(a: &[(&str, &str)], b: &[(&str, &str)], equal: bool) {
        let [a, b] = [a, b].map(|events| {
            let mut digest = Digest::default();
            events.iter().for_each(|(name, data)| digest.event(name.as_bytes(), data.as_bytes()));
            digest.finish()
        });
        assert_eq!(a == b, equal);
    }

    #[test]
    fn a_digest_depends_on_every_byte_and_every_border() {
        check(&[("a", "x")], &[("a", "x")], true);
        check(&[("a", "x")], &[("a", "y")], false);
        check(&[("a", "xy")], &[("ax", "y")], false);
        check(&[("a", "x"), ("a", "y")], &[("a", "y"), ("a", "x")], false);
        check(&[("", "x")], &[("message", "x")], true);
    }
}
