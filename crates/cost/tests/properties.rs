//! What holds for all usages and prices: bills add up, more never costs less, tiers are cliffs, and what
//! does not fit is an error. Compared with plain sums of rates times counts.

use cost::{Bill, BillError, Card, Multiplier, Price, Rate, Rates, Service, Terms, Usage};
use proptest::prelude::*;

/// Units of the rates below and the counts that they are for, in the order of the buckets.
type Buckets = [(u32, u64); 8];

/// Rates in 10⁻⁶ dollars per million, so that a unit times a token is 10⁻¹² dollars.
fn rates(buckets: &Buckets) -> Rates {
    let rate = |at: usize| -> Option<Rate> {
        let units = buckets[at].0;
        format!("{}.{:06}", units / 1_000_000, units % 1_000_000).parse().ok()
    };
    Rates {
        input: rate(0),
        cache_read: rate(1),
        cache_write_5m: rate(2),
        cache_write_1h: rate(3),
        input_audio: rate(4),
        output: rate(5),
        output_reasoning: None,
        output_audio: rate(6),
        web_search: rate(7),
    }
}

fn usage(buckets: &Buckets) -> Usage {
    let count = |at: usize| buckets[at].1;
    Usage {
        input: count(0),
        cache_read: count(1),
        cache_write_5m: count(2),
        cache_write_1h: count(3),
        input_audio: count(4),
        output: count(5),
        output_reasoning: count(5) / 2,
        output_audio: count(6),
        web_searches: count(7),
    }
}

/// The total in 10⁻¹⁸ dollars.
fn sum(buckets: &Buckets) -> Option<i128> {
    buckets.iter().try_fold(0_i128, |sum, (rate, count)| {
        let units = i128::from(*rate).checked_mul(i128::from(*count))?;
        sum.checked_add(units.checked_mul(1_000_000)?)
    })
}

fn total(bill: Result<Bill, BillError>) -> Option<i128> {
    bill.ok().map(|bill| bill.total.units())
}

fn small() -> impl Strategy<Value = Buckets> {
    prop::array::uniform8((0..=u32::MAX, 0..=2_000_000_000_u64))
}

fn any_size() -> impl Strategy<Value = Buckets> {
    prop::array::uniform8((0..=u32::MAX, any::<u64>()))
}

const TERMS: fn() -> Terms<'static> = || Terms {
    at: cost::Timestamp::from_unix(1_800_000_000),
    service: Service::Standard,
    region: None,
};

proptest! {
    #[test]
    fn a_bill_is_the_sum_of_rates_times_counts(buckets in any_size()) {
        prop_assert_eq!(total(rates(&buckets).bill(&usage(&buckets))), sum(&buckets));
    }

    #[test]
    fn the_parts_of_a_bill_add_up(buckets in small()) {
        let bill = rates(&buckets).bill(&usage(&buckets)).expect("it fits");
        let parts = cost::Money::sum([bill.input, bill.output, bill.web_searches]);
        prop_assert_eq!(parts, Ok(bill.total));
        prop_assert!(bill.cache_read <= bill.input && bill.cache_write <= bill.input);
    }

    #[test]
    fn bills_add_up(buckets in small(), other in small()) {
        let rates = rates(&buckets);
        let (one, two) = (usage(&buckets), usage(&other));
        let both = one.checked_add(&two).expect("it fits");
        let sum = rates.bill(&one).expect("it fits").total
            .checked_add(rates.bill(&two).expect("it fits").total);
        prop_assert_eq!(Ok(rates.bill(&both).expect("it fits").total), sum);
    }

    #[test]
    fn more_in_any_bucket_never_costs_less(buckets in small(), at in 0..8_usize, more in 1..1_000_u64) {
        let before = rates(&buckets).bill(&usage(&buckets)).expect("it fits").total;
        let mut grown = buckets;
        grown[at].1 += more;
        let after = rates(&buckets).bill(&usage(&grown)).expect("it fits").total;
        let extra = i128::from(buckets[at].0) * i128::from(more) * 1_000_000;
        prop_assert_eq!(after.units() - before.units(), extra);
    }

    #[test]
    fn a_tier_is_a_cliff_one_token_above_its_limit(
        limit in 1..1_000_000_u64,
        cached in 0..1_000_000_u64,
        low in 1..1_000_u32,
        factor in 2..10_u32,
    ) {
        let card = |unit: u32| Rates {
            input: unit.to_string().parse().ok(),
            cache_read: unit.to_string().parse().ok(),
            ..Rates::default()
        };
        let (dear, cheap) = (low * factor, low);
        let standard = Card { rates: card(cheap), over: vec![(limit, card(dear))] };
        let price = Price { standard, ..Price::default() };
        let cached = cached.min(limit);
        let at = Usage { input: limit - cached, cache_read: cached, ..Usage::default() };
        let above = Usage { input: at.input + 1, ..at };
        let dollars = |usage: &Usage| price.bill(usage, &TERMS()).expect("it fits").total.units();
        let per_token = |rate: u32| i128::from(rate) * 1_000_000_000_000;
        prop_assert_eq!(dollars(&at), per_token(cheap) * i128::from(limit));
        prop_assert_eq!(dollars(&above), per_token(dear) * i128::from(limit + 1));
    }

    #[test]
    fn a_multiplier_multiplies_the_bill(buckets in small(), thousandths in 1..100_000_u32) {
        let text = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
        let multiplier: Multiplier = text.parse().expect("a multiplier");
        let mut usage = usage(&buckets);
        usage.web_searches = 0;
        let rates = rates(&buckets);
        let before = rates.bill(&usage).expect("it fits").total.units();
        let after = rates.times(multiplier).expect("it is exact").bill(&usage).expect("it fits");
        prop_assert_eq!(after.total.units() * 1_000, before * i128::from(thousandths));
    }

    #[test]
    fn decimals_print_as_they_are_read(units in any::<i128>()) {
        let money = cost::Money::from_units(units);
        prop_assert_eq!(money.to_string().parse(), Ok(money));
    }
}
