//! A seeded generator for jitter and for picks, and the hash behind affinity: the SplitMix64
//! step. It is not cryptographic, and there is no global source.

use retry_policy::Nanos;

/// The odd increment of SplitMix64.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Draws that a seed determines.
#[derive(Clone, Debug)]
pub(crate) struct Rng {
    state: u64,
}

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) const fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// A number below `count`, or 0 if that is 0.
    pub(crate) const fn below(&mut self, count: u64) -> u64 {
        scale(self.draw(), count)
    }

    /// A span between half of `span` and `span`.
    pub(crate) const fn half_to_full(&mut self, span: Nanos) -> Nanos {
        half_to_full(self.draw(), span)
    }
}

/// Scales a uniform draw to the upper half of `span`.
pub(crate) const fn half_to_full(draw: u64, span: Nanos) -> Nanos {
    let half = span.0 / 2;
    Nanos(half + scale(draw, span.0 - half))
}

/// Hashes a pair; equal inputs give equal outputs in every process.
pub(crate) const fn hash(left: u64, right: u64) -> u64 {
    mix(mix(left.wrapping_add(GAMMA)) ^ right.wrapping_mul(GAMMA))
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const fn scale(draw: u64, max: u64) -> u64 {
    ((draw as u128 * max as u128) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_stays_in_its_range_and_reaches_both_halves() {
        let mut rng = Rng::new(7);
        let (mut low, mut high) = (0, 0);
        for _ in 0..1000 {
            let span = rng.half_to_full(Nanos(1000)).0;
            assert!((500..1000).contains(&span));
            if span < 750 { low += 1 } else { high += 1 }
        }
        assert!(low > 400 && high > 400, "{low} {high}");
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.half_to_full(Nanos::ZERO), Nanos::ZERO);
    }

    #[test]
    fn a_hash_depends_on_both_sides() {
        assert_eq!(hash(1, 2), hash(1, 2));
        assert_ne!(hash(1, 2), hash(2, 1));
        assert_ne!(hash(0, 0), hash(0, 1));
    }
}
