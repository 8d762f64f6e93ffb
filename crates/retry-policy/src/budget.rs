//! How many retries many calls may make together. A budget is asked last, so a retry that is
//! refused for another reason spends nothing. Sharing one between threads is the caller's part.

use crate::{Class, Nanos};

/// A limit on retries that calls share.
pub trait Budget {
    /// Takes the price of one retry, or refuses and takes nothing.
    fn withdraw(&mut self, now: Nanos, class: Class) -> bool;

    /// Notes a call that succeeded; `repaid` is the class of its last retry, if it had one.
    fn deposit(&mut self, now: Nanos, repaid: Option<Class>);
}

impl<B: Budget + ?Sized> Budget for &mut B {
    fn withdraw(&mut self, now: Nanos, class: Class) -> bool {
        (**self).withdraw(now, class)
    }

    fn deposit(&mut self, now: Nanos, repaid: Option<Class>) {
        (**self).deposit(now, repaid);
    }
}

/// No limit beyond those of the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unlimited;

impl Budget for Unlimited {
    fn withdraw(&mut self, _: Nanos, _: Class) -> bool {
        true
    }

    fn deposit(&mut self, _: Nanos, _: Option<Class>) {}
}

/// The token bucket of the AWS SDKs: 500 tokens, a price per retry, repaid on success.
///
/// It fills by successes, not by time: an outage of an endpoint that all calls share empties it,
/// and from then on they fail at once.
///
/// ```
/// use retry_policy::{AwsQuota, Budget, Class, Nanos};
/// let mut quota = AwsQuota::v2_1();
/// let retries = (0..100).filter(|_| quota.withdraw(Nanos::ZERO, Class::Connect)).count();
/// assert_eq!(retries, 35);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsQuota {
    available: u32,
    retry_cost: u32,
}

impl AwsQuota {
    const CAPACITY: u32 = 500;
    const THROTTLE_COST: u32 = 5;

    /// Standard mode 2.0: a retry costs 10, after throttling 5.
    #[must_use]
    pub const fn v2_0() -> Self {
        Self { available: Self::CAPACITY, retry_cost: 10 }
    }

    /// Standard mode 2.1: a retry costs 14, after throttling 5.
    #[must_use]
    pub const fn v2_1() -> Self {
        Self { available: Self::CAPACITY, retry_cost: 14 }
    }

    /// The tokens that are left.
    #[must_use]
    pub const fn available(&self) -> u32 {
        self.available
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
    fn withdraw(&mut self, _: Nanos, class: Class) -> bool {
        let Some(rest) = self.available.checked_sub(self.cost(class)) else { return false };
        self.available = rest;
        true
    }

    #[inline]
    fn deposit(&mut self, _: Nanos, repaid: Option<Class>) {
        let tokens = repaid.map_or(1, |class| self.cost(class));
        self.available = (self.available + tokens).min(Self::CAPACITY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mut quota: AwsQuota, class: Class, retries: u32) {
        let granted = (0..200).filter(|_| quota.withdraw(Nanos::ZERO, class)).count();
        assert_eq!(granted, retries as usize);
    }

    #[test]
    fn the_bucket_holds_the_published_number_of_retries() {
        check(AwsQuota::v2_0(), Class::Timeout, 50);
        check(AwsQuota::v2_0(), Class::Throttle, 100);
        check(AwsQuota::v2_1(), Class::Timeout, 35);
        check(AwsQuota::v2_1(), Class::Overload, 100);
    }

    #[test]
    fn a_refused_withdrawal_takes_nothing() {
        let mut quota = AwsQuota { available: 13, retry_cost: 14 };
        assert!(!quota.withdraw(Nanos::ZERO, Class::Transient));
        assert_eq!(quota.available(), 13);
    }

    #[test]
    fn success_repays_the_retry_or_one_token_and_never_overfills() {
        let mut quota = AwsQuota::v2_1();
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
}
