//! A set of endpoints of one pool.

use crate::EndpointId;

/// A set of endpoints; at most [`ENDPOINTS_MAX`](crate::ENDPOINTS_MAX) exist. By default it is empty.
///
/// ```
/// use endpoint_pool::{EndpointId, EndpointSet};
///
/// let mut busy = EndpointSet::of(EndpointId(0));
/// busy.insert(EndpointId(2));
/// assert_ne!(busy, EndpointSet::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EndpointSet(u64);

impl EndpointSet {
    pub(crate) const EMPTY: Self = Self(0);

    /// The set of this one; empty for an id that no pool gives.
    #[must_use]
    pub const fn of(endpoint: EndpointId) -> Self {
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

    /// Puts an endpoint in.
    pub fn insert(&mut self, endpoint: EndpointId) {
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
        let mut set = EndpointSet::EMPTY;
        assert!(set.is_empty() && set.iter().next().is_none());
        for index in [5, 0, 63, 64] {
            set.insert(EndpointId(index));
        }
        assert_eq!(set.iter().map(|id| id.0).collect::<Vec<_>>(), [0, 5, 63]);
        assert_eq!(set.nth(1), Some(EndpointId(5)));
        assert_eq!(set.without(EndpointSet::of(EndpointId(5))).len(), 2);
        assert_eq!(EndpointSet::first(64).len(), 64);
        assert_eq!(EndpointSet::first(3).or(set).and(EndpointSet::first(6)).len(), 4);
    }
}
