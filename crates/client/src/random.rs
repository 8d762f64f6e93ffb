//! Randomness from the operating system, for names, keys and the seed of each stream's delays.

use checkpoint_store::StreamId;
use retry_policy::IdempotencyKey;

use crate::error::Error;

/// A new stream's name: `s-` and 128 random bits.
pub(crate) fn stream_id() -> Result<StreamId, Error> {
    let bits = u128::from_le_bytes(bytes()?);
    Ok(StreamId::new(format!("s-{bits:032x}")).expect("hexadecimal digits are a stream's name"))
}

pub(crate) fn idempotency_key() -> Result<IdempotencyKey, Error> {
    bytes().map(IdempotencyKey::from_bytes)
}

pub(crate) fn seed() -> Result<u64, Error> {
    bytes().map(u64::from_le_bytes)
}

fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::config("the operating system gives no random numbers"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unlike_each_other() {
        let (one, two) = (stream_id().unwrap(), stream_id().unwrap());
        assert_ne!(one, two);
        assert!(one.as_str().starts_with("s-") && one.as_str().len() == 34);
    }
}
