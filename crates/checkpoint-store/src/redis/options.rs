//! `RedisOptions`: how a Redis server is used.

use std::time::Duration;

use crate::{ErrorKind, StoreError};

/// The shortest lease: a third of it must be enough for a renewal.
const LEASE_MIN: Duration = Duration::from_millis(100);

/// The longest lease: whoever waits for a dead writer waits that long.
const LEASE_MAX: Duration = Duration::from_secs(3600);

/// How a Redis server is used.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// What the names of all keys begin with, in braces: stores of different prefixes do not see
    /// each other, and the keys of one have one hash slot. 1 to 64 bytes of `A-Z a-z 0-9 . _ -`.
    /// Default `unbroken`.
    pub prefix: String,
    /// Time after which the lease of a writer that died lapses; it is renewed every third of that.
    /// 100 ms to 1 h. Default 15 s.
    pub lease: Duration,
    /// How late a tail may see what another process committed. Default 20 ms.
    pub tail_interval: Duration,
    /// Time to connect, to log in and to look at the server's settings. Default 2 s.
    pub connect_timeout: Duration,
    /// Time for an answer to at most 1 MiB of records; the connection is given up after that.
    /// Default 5 s.
    pub response_timeout: Duration,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            prefix: "unbroken".to_owned(),
            lease: Duration::from_secs(15),
            tail_interval: Duration::from_millis(20),
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(5),
        }
    }
}

impl RedisOptions {
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.chars().all(is_allowed)
        {
            return Err(invalid("a prefix has 1 to 64 bytes of A-Z a-z 0-9 . _ -"));
        }
        if !(LEASE_MIN..=LEASE_MAX).contains(&self.lease) {
            return Err(invalid("a lease has 100 ms to 1 h"));
        }
        if self.tail_interval.is_zero() {
            return Err(invalid("a tail interval is longer than 0"));
        }
        Ok(())
    }
}

/// What was asked for cannot be.
pub(super) fn invalid(what: &str) -> StoreError {
    StoreError::with_source(ErrorKind::Io, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_cannot_work_are_refused() {
        let valid = RedisOptions::default();
        assert!(valid.check().is_ok());
        for prefix in ["", "a{b}", "a:b", &"x".repeat(65)] {
            let options = RedisOptions { prefix: prefix.to_owned(), ..valid.clone() };
            assert!(options.check().is_err(), "{prefix}");
        }
        for lease in [Duration::from_millis(99), Duration::from_millis(3_600_001)] {
            let options = RedisOptions { lease, ..valid.clone() };
            assert!(options.check().is_err(), "{lease:?}");
        }
        let options = RedisOptions { tail_interval: Duration::ZERO, ..valid };
        assert!(options.check().is_err());
    }
}
