//! Where requests that share a prompt cache go: an order of endpoints that is the same in every
//! process, and a memory of the keys whose cache has moved.

use retry_policy::Nanos;

use crate::EndpointId;
use crate::rng::hash;

/// How far prompt caches decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affinity {
    /// The load above an even share that an endpoint takes before a key goes elsewhere. Unit:
    /// percent. Default 25.
    pub excess: u32,
    /// How many times slower than the fastest an endpoint may be and still keep its keys.
    /// Default 4.
    pub slower_max: u32,
    /// How long a key stays where a failure moved it: the life of a prompt cache. Default 5 min.
    pub home: Nanos,
    /// The keys that are remembered as moved; more push out older ones. Unit: keys, at least 4.
    /// Default 4096.
    pub homes_max: usize,
}

impl Default for Affinity {
    fn default() -> Self {
        Self { excess: 25, slower_max: 4, home: Nanos::from_secs(300), homes_max: 4096 }
    }
}

/// The rendezvous weight of an endpoint for a key: the greatest is the key's own.
pub(crate) const fn rendezvous(key: u64, identity: u64) -> u64 {
    hash(key, identity)
}

/// Whether an endpoint with this load has room for `units` more, if no one is to have more than
/// its weighted share of the whole and the excess.
pub(crate) fn has_room(load: u64, units: u64, total: u64, share: Share, excess: u32) -> bool {
    let percent = 100 + u128::from(excess);
    let all = u128::from(total + units);
    let room =
        (all * percent * u128::from(share.weight)).div_ceil(100 * u128::from(share.all.max(1)));
    u128::from(load + units) <= room
}

/// The weight of an endpoint among all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) weight: u64,
    pub(crate) all: u64,
}

/// Ways of one set.
const WAYS: usize = 4;

/// Keys that were moved, in a table of fixed size.
#[derive(Clone, Debug)]
pub(crate) struct Homes {
    sets: Box<[[Option<Home>; WAYS]]>,
}

#[derive(Clone, Copy, Debug)]
struct Home {
    key: u64,
    endpoint: EndpointId,
    until: Nanos,
}

impl Homes {
    pub(crate) fn new(homes_max: usize) -> Self {
        Self { sets: vec![[None; WAYS]; (homes_max / WAYS).max(1)].into_boxed_slice() }
    }

    /// Where a key lives now, if it was moved.
    pub(crate) fn find(&self, key: u64, now: Nanos) -> Option<EndpointId> {
        let set = &self.sets[self.set(key)];
        let home = set.iter().flatten().find(|home| home.key == key && home.until > now)?;
        Some(home.endpoint)
    }

    /// Remembers that a key was moved. A home that is remembered already keeps its end.
    pub(crate) fn insert(&mut self, key: u64, endpoint: EndpointId, now: Nanos, until: Nanos) {
        let set = self.set(key);
        let set = &mut self.sets[set];
        let known = set.iter_mut().flatten().find(|home| home.key == key && home.until > now);
        if let Some(home) = known {
            home.endpoint = endpoint;
            return;
        }
        let oldest = set.iter_mut().min_by_key(|home| home.map_or(Nanos::ZERO, |home| home.until));
        *oldest.expect("a set has ways") = Some(Home { key, endpoint, until });
    }

    fn set(&self, key: u64) -> usize {
        let sets = self.sets.len() as u64;
        usize::try_from(hash(key, 0) % sets).expect("there are fewer sets than addresses")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Nanos = Nanos::from_secs(100);

    #[test]
    fn keys_spread_evenly_and_only_those_of_a_lost_endpoint_move() {
        let own = |key, identities: &[u64]| {
            *identities.iter().max_by_key(|&&identity| rendezvous(key, identity)).unwrap()
        };
        let mut counts = [0_u32; 3];
        for key in 0..3000 {
            let before = own(key, &[0, 1, 2]);
            counts[usize::try_from(before).unwrap()] += 1;
            if before != 2 {
                assert_eq!(own(key, &[0, 1]), before);
            }
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
    }

    #[test]
    fn no_endpoint_takes_more_than_a_quarter_above_its_share() {
        let share = Share { weight: 1, all: 3 };
        assert!(has_room(0, 1, 0, share, 25));
        assert!(!has_room(1, 1, 1, share, 25));
        assert!(has_room(41, 1, 99, share, 25));
        assert!(!has_room(42, 1, 99, share, 25));
        assert!(has_room(83, 1, 99, Share { weight: 2, all: 3 }, 25));
    }

    #[test]
    fn a_moved_key_stays_for_the_life_of_its_cache() {
        let mut homes = Homes::new(64);
        let until = Nanos::from_secs(400);
        homes.insert(7, EndpointId(1), NOW, until);
        assert_eq!(homes.find(7, NOW), Some(EndpointId(1)));
        homes.insert(7, EndpointId(2), NOW, Nanos::MAX);
        assert_eq!(homes.find(7, NOW), Some(EndpointId(2)));
        assert_eq!(homes.find(7, until), None);
        assert_eq!(homes.find(8, NOW), None);
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_the_newest() {
        let mut homes = Homes::new(64);
        for key in 0..10_000 {
            homes.insert(key, EndpointId(1), NOW, Nanos::from_secs(1000 + key));
        }
        let kept = (0..10_000).filter(|&key| homes.find(key, NOW).is_some()).count();
        assert!(kept <= 64);
        assert!(homes.find(9999, NOW).is_some());
    }
}
