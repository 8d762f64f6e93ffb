//! The identity of a logical request: the same for all its attempts and endpoints.
//! Drawing the random bytes is the caller's part.

use core::fmt;

use crate::mix::{GAMMA, mix};

/// A key for the `Idempotency-Key` header: one per logical request, never one per attempt.
///
/// It displays as a structured-field string that holds a UUID, quotes included.
///
/// ```
/// use retry_policy::IdempotencyKey;
/// let key = IdempotencyKey::from_bytes([0x5a; 16]);
/// assert_eq!(key.to_string(), "\"5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a\"");
/// assert_ne!(key.derive(1200), key);
/// assert_eq!(key.derive(1200), key.derive(1200));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey([u8; 16]);

impl IdempotencyKey {
    /// The key with these bytes, as they are: a random UUID, or one that the caller has.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes of the key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The key of the operation that goes on with this request from a byte offset.
    ///
    /// A continuation sends another body, so it is another operation; every attempt at it has this
    /// same key. The result is a UUID of version 8, stable over releases and platforms. The
    /// mixing function spreads well but is not cryptographic: a key is not a secret.
    #[must_use]
    pub const fn derive(&self, offset: u64) -> Self {
        let parts = u128::from_be_bytes(self.0);
        let (high, low) = ((parts >> 64) as u64, parts as u64);
        let salt = mix(offset.wrapping_add(GAMMA));
        let first = mix(high ^ salt);
        let second = mix(low ^ first.rotate_left(32) ^ GAMMA);
        let third = mix(first ^ second.rotate_left(17) ^ salt);
        let mut bytes = ((third as u128) << 64 | second as u128).to_be_bytes();
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// The header value in ASCII, the same text as `Display`.
    #[must_use]
    pub const fn encode(&self) -> [u8; 38] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 38];
        text[0] = b'"';
        text[37] = b'"';
        let (mut at, mut byte) = (1, 0);
        while byte < 16 {
            text[at] = DIGITS[(self.0[byte] >> 4) as usize];
            text[at + 1] = DIGITS[(self.0[byte] & 15) as usize];
            byte += 1;
            at += if matches!(byte, 4 | 6 | 8 | 10) { 3 } else { 2 };
        }
        text
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(core::str::from_utf8(&self.encode()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::collections::BTreeSet;
    use std::string::ToString;

    use super::*;

    const KEY: IdempotencyKey = IdempotencyKey::from_bytes(
        *b"\x00\x11\x22\x33\x44\x55\x46\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff",
    );

    #[test]
    fn text_is_a_quoted_uuid() {
        assert_eq!(KEY.to_string(), "\"00112233-4455-4677-8899-aabbccddeeff\"");
    }

    #[test]
    fn derived_keys_are_distinct_uuids_of_version_8() {
        let keys: BTreeSet<_> = (0..10_000).map(|offset| KEY.derive(offset)).collect();
        assert_eq!(keys.len(), 10_000);
        assert!(!keys.contains(&KEY));
        assert!(keys.iter().all(|key| key.0[6] >> 4 == 8 && key.0[8] >> 6 == 2));
    }

    #[test]
    fn one_bit_of_offset_or_key_changes_about_half_of_the_result() {
        let distance = |a: IdempotencyKey, b: IdempotencyKey| {
            (u128::from_be_bytes(a.0) ^ u128::from_be_bytes(b.0)).count_ones()
        };
        for bit in 0..64 {
            let changed = distance(KEY.derive(5), KEY.derive(5 ^ 1 << bit));
            assert!((35..=87).contains(&changed), "offset bit {bit}: {changed}");
        }
        for bit in 0..128 {
            let other = (u128::from_be_bytes(KEY.0) ^ 1 << bit).to_be_bytes();
            let changed = distance(KEY.derive(5), IdempotencyKey(other).derive(5));
            assert!((35..=87).contains(&changed), "key bit {bit}: {changed}");
        }
    }

    #[test]
    fn a_derived_key_is_stable_over_releases() {
        assert_eq!(KEY.derive(4096).to_string(), "\"712b866b-8c8f-81f0-8db1-c0e8b3678542\"");
    }
}
