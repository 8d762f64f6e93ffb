//! How many retries many calls may make together. A budget is asked last, so a retry that is
//! refused for another reason spends nothing. Its state is atomic: calls of all threads share it.

mod aws;
mod tokens;

use crate::{Class, Nanos};

pub use aws::AwsQuota;

/// A limit on retries that calls share.
pub trait Budget {
    /// Takes the price of one retry, or refuses and takes nothing.
    fn withdraw(&self, now: Nanos, class: Class) -> bool;

    /// Notes a call that succeeded; `repaid` is the class of its last retry, if it had one.
    fn deposit(&self, now: Nanos, repaid: Option<Class>);
}

impl<B: Budget + ?Sized> Budget for &B {
    fn withdraw(&self, now: Nanos, class: Class) -> bool {
        (**self).withdraw(now, class)
    }

    fn deposit(&self, now: Nanos, repaid: Option<Class>) {
        (**self).deposit(now, repaid);
    }
}

/// No limit beyond those of the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unlimited;

impl Budget for Unlimited {
    fn withdraw(&self, _: Nanos, _: Class) -> bool {
        true
    }

    fn deposit(&self, _: Nanos, _: Option<Class>) {}
}
