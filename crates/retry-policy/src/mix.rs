//! The mixing functions behind jitter, seeds and derived keys. They spread well and are not
//! cryptographic.

/// The odd increment of SplitMix64 and of the generator here.
pub(crate) const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Without it a small state would give a small draw.
const KEY: u64 = 0xe703_7ed1_a0b4_28db;

/// A generator of uniform draws: a counter whose square is folded to half its width.
///
/// The square with a key costs one multiplication; a decision draws once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Seeds are mixed, because states that lie a few increments apart share most of a sequence.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(mix(seed ^ GAMMA))
    }

    #[inline]
    pub(crate) const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        let square = self.0 as u128 * (self.0 ^ KEY) as u128;
        (square >> 64) as u64 ^ square as u64
    }
}

/// The output function of SplitMix64: a bijection that spreads every input bit over all output
/// bits.
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Scales a uniform draw to 0..`max`, or 0 if that is empty.
pub(crate) const fn scale(draw: u64, max: u64) -> u64 {
    ((draw as u128 * max as u128) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_reaches_both_ends_and_never_passes_them() {
        assert_eq!(scale(u64::MAX, 0), 0);
        for max in [1, 7, u64::MAX] {
            assert_eq!(scale(0, max), 0);
            assert_eq!(scale(u64::MAX, max), max - 1);
        }
    }

    #[test]
    fn splitmix_gives_the_published_sequence() {
        // The first outputs of SplitMix64 from the state 1234567.
        let mut state = 1_234_567_u64;
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        for value in expected {
            state = state.wrapping_add(GAMMA);
            assert_eq!(mix(state), value);
        }
    }

    #[test]
    fn every_bit_of_a_draw_is_set_half_of_the_time() {
        let mut counts = [0_u32; 64];
        for seed in 0..100 {
            let mut dice = Dice::new(seed);
            for _ in 0..100 {
                let draw = dice.draw();
                for (bit, count) in counts.iter_mut().enumerate() {
                    *count += (draw >> bit & 1) as u32;
                }
            }
        }
        // Five standard deviations of 10,000 throws of a coin are 250.
        assert!(counts.iter().all(|count| (4750..=5250).contains(count)), "{counts:?}");
    }
}
