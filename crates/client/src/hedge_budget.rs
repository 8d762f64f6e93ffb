//! How many copies of requests the streams of a client may make together.

use std::sync::atomic::{AtomicI64, Ordering};

/// A share of the input of ordinary attempts, to be spent on the input of copies.
///
/// It begins empty and may go into debt by one copy, of whatever size: the next one waits until that is
/// paid off.
#[derive(Debug, Default)]
pub(crate) struct HedgeBudget {
    /// In `1 / COPY_PRICE` tokens of input; less than nothing is owed.
    credit: AtomicI64,
}

/// Tokens of ordinary input that pay for one token of a copy's: 5 % is spent on copies.
const COPY_PRICE: i64 = 20;

/// What may be saved up, in tokens of input of copies. Default 200,000: a storm of slow answers after a
/// long calm costs no more than that at once.
const SAVINGS_MAX: i64 = 200_000;

/// What a request costs beside its input, in tokens: small ones are not free of charge.
const REQUEST_TOKENS: i64 = 1;

impl HedgeBudget {
    /// An ordinary attempt with so many tokens of input is made.
    pub(crate) fn earn(&self, input: u32) {
        self.add(size(input));
    }

    /// Takes the price of a copy, unless something is owed.
    pub(crate) fn take(&self, input: u32) -> bool {
        let take = |credit: i64| (credit >= 0).then(|| credit - size(input) * COPY_PRICE);
        self.credit.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// The copy was not made.
    pub(crate) fn give_back(&self, input: u32) {
        self.add(size(input) * COPY_PRICE);
    }

    fn add(&self, tokens: i64) {
        let add = |credit: i64| Some((credit + tokens).min(SAVINGS_MAX * COPY_PRICE));
        let _ = self.credit.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

fn size(input: u32) -> i64 {
    i64::from(input) + REQUEST_TOKENS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twentieth_of_the_input_goes_into_copies_and_the_first_is_on_credit() {
        let budget = HedgeBudget::default();
        let mut copies = 0;
        for _ in 0..1000 {
            copies += u32::from(budget.take(700));
            budget.earn(700);
        }
        assert_eq!(copies, 50);
        assert!(HedgeBudget::default().take(u32::MAX), "of whatever size");
    }

    #[test]
    fn a_large_copy_is_paid_off_by_many_small_requests() {
        let budget = HedgeBudget::default();
        assert!(budget.take(999));
        let owed = (1..).find(|_| {
            budget.earn(99);
            budget.take(0)
        });
        assert_eq!(owed, Some(200));
    }

    #[test]
    fn what_was_not_made_costs_nothing() {
        let budget = HedgeBudget::default();
        assert!(budget.take(900) && !budget.take(900));
        budget.give_back(900);
        assert!(budget.take(900));
    }

    #[test]
    fn savings_have_an_end() {
        let budget = HedgeBudget::default();
        (0..10_000).for_each(|_| budget.earn(1_000_000));
        let copies = (0..1000).take_while(|_| budget.take(9_999)).count();
        assert_eq!(copies, 21, "what was saved, and one on credit");
    }
}
