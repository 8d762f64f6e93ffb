//! Positions: `Seq` counts records of a stream, `Epoch` counts its writers, `StreamNo` names it
//! inside one store. They are never mixed up because they are different types.

use std::fmt;
use std::num::NonZeroU64;

/// The position of a record in its stream.
///
/// Dense over the life of the stream: the first record is [`Seq::FIRST`] (1), the next one is one
/// more, and a recovery goes on counting. There is no record 0, so "nothing yet" is
/// `Option::<Seq>::None` and costs no space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(NonZeroU64);

impl Seq {
    /// The position of the first record of every stream.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The position with this number; `None` for 0.
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number, at least 1.
    pub const fn value(self) -> u64 {
        self.0.get()
    }

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The position `records` after this one.
    #[must_use]
    pub const fn plus(self, records: u32) -> Self {
        Self(self.0.saturating_add(records as u64))
    }

    /// The position before this one; `None` before the first record.
    pub const fn previous(self) -> Option<Self> {
        Self::new(self.0.get() - 1)
    }

    /// The position that follows `last`, which is the first one when nothing is there yet.
    pub fn after(last: Option<Self>) -> Self {
        last.map_or(Self::FIRST, Self::next)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The generation of a stream's writer: 1 at creation, one more at each recovery; where the id was
/// used before, it starts above the epochs of the stream before.
///
/// A commit carries the epoch of its writer; the store refuses every epoch but the current one,
/// so at most one writer can add to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch of the writer that created the first stream of an id.
    pub const FIRST: Self = Self(1);

    /// The epoch with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The epoch of the next recovery.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number a store gives to a stream at its creation; never given twice in one store.
///
/// A writer of a deleted stream holds a number that no later stream has, so it cannot write into
/// a stream that was created under the same name afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamNo(u64);

impl StreamNo {
    /// The stream with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl fmt::Display for StreamNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_start_at_one_and_are_dense() {
        assert_eq!(Seq::new(0), None);
        assert_eq!(Seq::after(None), Seq::FIRST);
        assert_eq!(Seq::FIRST.previous(), None);
        assert_eq!(Seq::after(Some(Seq::FIRST)).value(), 2);
        assert_eq!(Seq::FIRST.plus(3).previous(), Seq::new(3));
        assert_eq!(size_of::<Option<Seq>>(), 8);
    }

    #[test]
    fn the_creator_has_epoch_one() {
        assert_eq!(Epoch::FIRST.value(), 1);
        assert!(Epoch::FIRST < Epoch::FIRST.next());
    }
}
