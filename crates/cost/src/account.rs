//! `Account`: what one response cost over all its attempts, and what it would have cost without a break.

use crate::money::{Money, MoneyOverflow};
use crate::usage::Usage;

/// What one response cost.
///
/// ```
/// use cost::{Account, Brought, Rates, Usage};
///
/// let rates = Rates { input: Some("3".parse()?), output: Some("15".parse()?), ..Rates::default() };
/// let bill = |usage: &Usage| rates.bill(usage).map(|bill| bill.total);
/// let mut account = Account::default();
/// let broken = Usage { input: 2_000, output: 700, ..Usage::default() };
/// account.add(&broken, Brought::Answer, true, bill(&broken).ok());
/// let resumed = Usage { input: 2_700, output: 800, ..Usage::default() };
/// account.add(&resumed, Brought::Rest, false, bill(&resumed).ok());
///
/// let cost = account.cost(bill).unwrap();
/// assert_eq!(cost.ideal.to_string(), "0.0285");
/// assert_eq!(cost.total.to_string(), "0.0366");
/// assert_eq!((cost.broken.to_string(), cost.resumed.to_string()), ("0.0165".into(), "0.0201".into()));
/// assert!(cost.is_estimate);
/// # Ok::<(), cost::DecimalError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCost {
    /// All attempts.
    pub total: Money,
    /// One attempt that does not break: the prompt as it was billed first, and the tokens of the
    /// answer once.
    pub ideal: Money,
    /// Of the total, the attempt that broke first; nothing when none did.
    pub broken: Money,
    /// Of the total, all attempts after that one.
    pub resumed: Money,
    /// A provider did not say what it bills for some attempt, or the ideal had to be worked out.
    pub is_estimate: bool,
}

impl StreamCost {
    /// What the breaks cost; below 0 where going on was cheaper, from a cache for example.
    pub fn surcharge(&self) -> Money {
        // Neither is below 0, so the difference fits.
        self.total.checked_sub(self.ideal).unwrap_or(Money::ZERO)
    }
}

/// What an attempt brought to the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought {
    /// Nothing that is in the answer.
    Nothing,
    /// The answer from its beginning; what attempts before it brought is made anew.
    Answer,
    /// What follows the tokens of the attempts before it.
    Rest,
}

/// The attempts of one response.
#[derive(Clone, Copy, Debug, Default)]
pub struct Account {
    /// Attempts that were billed for anything.
    billed: u32,
    first: Money,
    total: Money,
    /// The prompt as it was billed first, and the tokens of the answer.
    ideal: Usage,
    has_estimate: bool,
    is_unknown: bool,
}

impl Account {
    /// Adds an attempt in the order in which they were made. `bill` is what it costs, `None` where
    /// that is not known: then nobody knows what the response costs.
    pub fn add(&mut self, usage: &Usage, brought: Brought, is_estimate: bool, bill: Option<Money>) {
        if *usage == Usage::default() {
            return;
        }
        self.has_estimate |= is_estimate;
        self.note(usage, brought);
        match bill.map(|bill| self.charge(bill)) {
            Some(Ok(())) => {}
            Some(Err(MoneyOverflow)) | None => self.is_unknown = true,
        }
        self.billed = self.billed.saturating_add(1);
    }

    /// What has been spent; `None` where it is not known.
    pub fn spent(&self) -> Option<Money> {
        (!self.is_unknown).then_some(self.total)
    }

    /// What the response costs; `None` where it is not known. `bill` says what a usage costs.
    pub fn cost<E>(&self, bill: impl FnOnce(&Usage) -> Result<Money, E>) -> Option<StreamCost> {
        let total = self.spent()?;
        if self.billed <= 1 {
            let ideal = total;
            let is_estimate = self.has_estimate;
            return Some(StreamCost { total, ideal, is_estimate, ..StreamCost::default() });
        }
        Some(StreamCost {
            total,
            ideal: bill(&self.ideal).ok()?,
            broken: self.first,
            resumed: total.checked_sub(self.first).ok()?,
            is_estimate: true,
        })
    }

    fn note(&mut self, usage: &Usage, brought: Brought) {
        if self.billed == 0 {
            self.ideal = *usage;
            return;
        }
        let before = match brought {
            Brought::Nothing => return,
            Brought::Answer => Usage::default(),
            Brought::Rest => self.ideal,
        };
        let ideal = &mut self.ideal;
        ideal.output = before.output.saturating_add(usage.output);
        ideal.output_reasoning = before.output_reasoning.saturating_add(usage.output_reasoning);
        ideal.output_audio = before.output_audio.saturating_add(usage.output_audio);
        ideal.web_searches = before.web_searches.saturating_add(usage.web_searches);
    }

    fn charge(&mut self, bill: Money) -> Result<(), MoneyOverflow> {
        if self.billed == 0 {
            self.first = bill;
        }
        self.total = self.total.checked_add(bill)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    fn usage(input: u64, output: u64) -> Usage {
        Usage { input, output, ..Usage::default() }
    }

    /// A dollar per token of input and ten per token of output.
    fn bill(usage: &Usage) -> Result<Money, MoneyOverflow> {
        let dollar = Money::from_units(1_000_000_000_000_000_000);
        let input = dollar.checked_mul(usage.input)?;
        input.checked_add(dollar.checked_mul(10)?.checked_mul(usage.output)?)
    }

    fn account(attempts: &[(Usage, Brought)]) -> Account {
        let mut account = Account::default();
        for (usage, brought) in attempts {
            account.add(usage, *brought, false, bill(usage).ok());
        }
        account
    }

    #[track_caller]
    fn check(account: &Account, expected: [&str; 4]) {
        let cost = account.cost(bill).unwrap();
        let dollars = [cost.total, cost.ideal, cost.broken, cost.resumed];
        assert_eq!(dollars.map(|usd| usd.to_string()), expected);
    }

    #[test]
    fn a_response_without_a_break_is_ideal() {
        let account = account(&[(usage(5, 3), Brought::Answer)]);
        check(&account, ["35", "35", "0", "0"]);
        assert!(!account.cost(bill).unwrap().is_estimate);
        check(&Account::default(), ["0", "0", "0", "0"]);
    }

    #[test]
    fn attempts_that_nobody_bills_are_no_breaks() {
        let refused = (Usage::default(), Brought::Nothing);
        let account = account(&[refused, refused, (usage(5, 3), Brought::Answer)]);
        check(&account, ["35", "35", "0", "0"]);
    }

    #[test]
    fn a_continuation_adds_to_the_answer_and_a_restart_makes_it_anew() {
        let broken = (usage(5, 3), Brought::Answer);
        check(&account(&[broken, (usage(8, 2), Brought::Rest)]), ["63", "55", "35", "28"]);
        check(&account(&[broken, (usage(5, 7), Brought::Answer)]), ["110", "75", "35", "75"]);
        let nothing = (usage(8, 0), Brought::Nothing);
        let three = account(&[broken, nothing, (usage(8, 2), Brought::Rest)]);
        check(&three, ["71", "55", "35", "36"]);
    }

    #[test]
    fn one_unknown_attempt_makes_all_unknown() {
        let mut account = account(&[(usage(5, 3), Brought::Answer)]);
        account.add(&usage(1, 1), Brought::Rest, false, None);
        assert_eq!((account.spent(), account.cost(bill)), (None, None));
    }

    #[test]
    fn a_cheaper_resume_gives_something_back() {
        let mut account = Account::default();
        account.add(&usage(0, 3), Brought::Answer, false, Some(Money::from_units(10)));
        account.add(&usage(0, 2), Brought::Rest, true, Some(Money::from_units(4)));
        let cost = account.cost(|_| Ok::<_, ()>(Money::from_units(15))).unwrap();
        assert_eq!((cost.surcharge(), cost.is_estimate), (Money::from_units(-1), true));
    }
}
