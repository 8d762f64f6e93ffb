//! A set of endpoints of one pool.

use crate::EndpointId;

/// A set of endpoints; at most [`ENDPOINTS_MAX`](crate::ENDPOINTS_MAX) exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set(u64);

impl Set {
    pub(crate) const EMPTY: Self = Self(0);

    pub(crate) const fn of(endpoint: EndpointId) -> Self {
        if endpoint.0 < 64 { Self(1 << endpoint.0) } else { Self::EMPTY }
    }

    /// The first `count` endpoints.
    pub(crate) const fn first(count: usize) -> Self {
        if count >= 64 { Self(u64::MAX) } else { Self((1 << count) - 1) }
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn insert(&mut self, endpoint: EndpointId) {
        *self = self.or(Self::of(endpoint));
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = EndpointId> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let index = rest.trailing_zeros();
            rest &= rest.checked_sub(1)?;
            u16::try_from(index).ok().map(EndpointId)
        })
    }

    /// The endpoint with this many smaller ones in the set.
    pub(crate) fn nth(self, index: u64) -> Option<EndpointId> {
        self.iter().nth(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_lists_what_was_put_in() {
        let mut set = Set::EMPTY;
        assert!(set.is_empty() && set.iter().next().is_none());
        for index in [5, 0, 63, 64] {
            set.insert(EndpointId(index));
        }
        assert_eq!(set.iter().map(|id| id.0).collect::<Vec<_>>(), [0, 5, 63]);
        assert_eq!(set.nth(1), Some(EndpointId(5)));
        assert_eq!(set.without(Set::of(EndpointId(5))).len(), 2);
        assert_eq!(Set::first(64).len(), 64);
        assert_eq!(Set::first(3).or(set).and(Set::first(6)).len(), 4);
    }
}
