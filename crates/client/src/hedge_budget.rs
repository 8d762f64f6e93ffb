//! How many copies of requests the streams of a client may make together.

use std::sync::atomic::{AtomicU64, Ordering};

/// A share of the input of ordinary attempts, to be spent on the input of copies.
///
/// It begins empty: before so many requests nothing is known of how long a first token takes either.
#[derive(Debug, Default)]
pub(crate) struct HedgeBudget {
    /// In `1 / COPY_PRICE` tokens of input.
    credit: AtomicU64,
}

/// Tokens of ordinary input that pay for one token of a copy's: at most 5 % is spent on copies.
const COPY_PRICE: u64 = 20;

/// What may be saved up, in tokens of input of copies. Default 200,000: a storm of slow answers after a
/// long calm costs no more than that at once.
const SAVINGS_MAX: u64 = 200_000;

/// What a request costs beside its input, in tokens: small ones are not free of charge.
const REQUEST_TOKENS: u64 = 1;

impl HedgeBudget {
    /// An ordinary attempt with so many tokens of input is made.
    pub(crate) fn earn(&self, input: u32) {
        let earned = u64::from(input) + REQUEST_TOKENS;
        let add = |credit: u64| Some((credit + earned).min(SAVINGS_MAX * COPY_PRICE));
        let _ = self.credit.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Takes the price of a copy, or nothing.
    pub(crate) fn take(&self, input: u32) -> bool {
        let take = |credit: u64| credit.checked_sub(price(input));
        self.credit.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// The copy was not made.
    pub(crate) fn give_back(&self, input: u32) {
        let add = |credit: u64| Some((credit + price(input)).min(SAVINGS_MAX * COPY_PRICE));
        let _ = self.credit.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

fn price(input: u32) -> u64 {
    (u64::from(input) + REQUEST_TOKENS) * COPY_PRICE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twentieth_of_the_input_goes_into_copies() {
        let budget = HedgeBudget::default();
        assert!(!budget.take(0), "nothing was earned");
        let mut copies = 0;
        for _ in 0..1000 {
            budget.earn(700);
            copies += u32::from(budget.take(700));
        }
        assert_eq!(copies, 50);
    }

    #[test]
    fn a_large_copy_needs_the_savings_of_many_small_requests() {
        let budget = HedgeBudget::default();
        (0..200).for_each(|_| budget.earn(99));
        assert!(!budget.take(1000));
        assert!(budget.take(900));
        budget.give_back(900);
        assert!(budget.take(900), "what was not made costs nothing");
    }

    #[test]
    fn savings_have_an_end() {
        let budget = HedgeBudget::default();
        (0..10_000).for_each(|_| budget.earn(1_000_000));
        assert!(!budget.take(u32::try_from(SAVINGS_MAX).unwrap()));
        assert!(budget.take(u32::try_from(SAVINGS_MAX - REQUEST_TOKENS).unwrap()));
        assert!(!budget.take(0));
    }
}
