//! The retry quota of the AWS SDKs: a price per retry, repaid by success. No time enters.

use crate::budget::tokens::Tokens;
use crate::{Budget, Class, Nanos};

/// The token bucket of the AWS SDKs: 500 tokens, a price per retry, repaid on success.
///
/// It fills by successes, not by time: an outage of an endpoint that all calls share empties it,
/// and from then on they fail at once. Threads share it by reference or in an `Arc`; a clone is
/// another bucket with as many tokens.
///
/// ```
/// use retry_policy::{AwsQuota, Budget, Class, Nanos};
/// static QUOTA: AwsQuota = AwsQuota::v2_1();
/// let retries = (0..100).filter(|_| QUOTA.withdraw(Nanos::ZERO, Class::Connect)).count();
/// assert_eq!(retries, 35);
/// ```
#[derive(Clone, Debug)]
pub struct AwsQuota {
    tokens: Tokens,
    retry_cost: u32,
}

impl AwsQuota {
    const CAPACITY: u32 = 500;
    const THROTTLE_COST: u32 = 5;

    /// Standard mode 2.0: a retry costs 10, after throttling 5.
    #[must_use]
    pub const fn v2_0() -> Self {
        Self { tokens: Tokens::new(Self::CAPACITY), retry_cost: 10 }
    }

    /// Standard mode 2.1: a retry costs 14, after throttling 5.
    #[must_use]
    pub const fn v2_1() -> Self {
        Self { tokens: Tokens::new(Self::CAPACITY), retry_cost: 14 }
    }

    /// The tokens that are left.
    #[must_use]
    #[inline]
    pub fn available(&self) -> u32 {
        self.tokens.available()
    }

    const fn cost(&self, class: Class) -> u32 {
        match class {
            Class::Throttle | Class::Overload => Self::THROTTLE_COST,
            _ => self.retry_cost,
        }
    }
}

impl Budget for AwsQuota {
    #[inline]
    fn withdraw(&self, _: Nanos, class: Class) -> bool {
        self.tokens.take(self.cost(class))
    }

    #[inline]
    fn deposit(&self, _: Nanos, repaid: Option<Class>) {
        if self.available() < Self::CAPACITY {
            let tokens = repaid.map_or(1, |class| self.cost(class));
            self.tokens.give(tokens, Self::CAPACITY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(quota: &AwsQuota, class: Class, retries: usize) {
        let granted = (0..200).filter(|_| quota.withdraw(Nanos::ZERO, class)).count();
        assert_eq!(granted, retries);
    }

    #[test]
    fn the_bucket_holds_the_published_number_of_retries() {
        check(&AwsQuota::v2_0(), Class::Timeout, 50);
        check(&AwsQuota::v2_0(), Class::Throttle, 100);
        check(&AwsQuota::v2_1(), Class::Timeout, 35);
        check(&AwsQuota::v2_1(), Class::Overload, 100);
    }

    #[test]
    fn a_refused_withdrawal_takes_nothing() {
        let quota = AwsQuota { tokens: Tokens::new(13), retry_cost: 14 };
        assert!(!quota.withdraw(Nanos::ZERO, Class::Transient));
        assert_eq!(quota.available(), 13);
    }

    #[test]
    fn success_repays_the_retry_or_one_token_and_never_overfills() {
        let quota = AwsQuota::v2_1();
        quota.deposit(Nanos::ZERO, None);
        assert_eq!(quota.available(), 500);
        assert!(quota.withdraw(Nanos::ZERO, Class::Transient));
        quota.deposit(Nanos::ZERO, None);
        assert_eq!(quota.available(), 487);
        quota.deposit(Nanos::ZERO, Some(Class::Throttle));
        assert_eq!(quota.available(), 492);
        quota.deposit(Nanos::ZERO, Some(Class::Transient));
        assert_eq!(quota.available(), 500);
    }

    #[test]
    fn a_clone_is_a_bucket_of_its_own() {
        let quota = AwsQuota::v2_1();
        assert!(quota.withdraw(Nanos::ZERO, Class::Transient));
        let clone = quota.clone();
        assert!(clone.withdraw(Nanos::ZERO, Class::Transient));
        assert_eq!((quota.available(), clone.available()), (486, 472));
    }
}
