//! The SplitMix64 step: a bijection on 64 bits with good diffusion, used for jitter and for
//! derived keys. It is not cryptographic.

/// The odd increment of SplitMix64.
pub(crate) const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads every input bit over all output bits.
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
}
