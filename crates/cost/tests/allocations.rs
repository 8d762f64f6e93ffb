//! Pricing allocates nothing once the catalog is read, nor does finding a model by its name.

#![cfg(feature = "catalog")]

use cost::{Account, Brought, Budget, Catalog, Service, Terms, Usage};

#[test]
fn finding_a_model_and_pricing_allocate_nothing() {
    let catalog = Catalog::builtin();
    let at = "2026-11-23T02:00:00Z".parse().expect("a time");
    let terms = Terms { at, service: Service::Batch, region: Some("us") };
    let usage = Usage { input: 200_000, cache_read: 10, output: 1_500, ..Usage::default() };
    let counted = allocation_counter::measure(|| {
        for name in [
            "claude-haiku-5-5",
            "anthropic/claude-haiku-5-5",
            "anthropic.claude-haiku-5-5-20261001",
        ] {
            let model = catalog.resolve(name).expect("it is known");
            let bill = model.bill(&usage, &terms).expect("it has a price");
            let mut account = Account::default();
            account.add(&usage, Brought::Answer, false, Some(bill.total));
            let mut budget = Budget::of(bill.total);
            budget.charge(account.spent().expect("it is known"), at);
            assert!(budget.is_spent(at));
        }
    });
    assert_eq!(counted.count_total, 0);
}
