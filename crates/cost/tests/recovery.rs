//! What a broken stream costs by each way to go on, against figures worked out by hand.

use cost::{
    BillError, Bucket, Interrupted, Prompt, Rates, RecoveryError, Share, Tariff, Waste, Way,
    cache_pays_above,
};
use proptest::prelude::*;

/// As Claude Sonnet 4.5.
fn sonnet() -> Rates {
    let rate = |text: &str| Some(text.parse().expect("a rate"));
    Rates {
        input: rate("3"),
        output: rate("15"),
        cache_read: rate("0.30"),
        cache_write_5m: rate("3.75"),
        cache_write_1h: rate("6"),
        ..Rates::default()
    }
}

fn tariff(first: Prompt, again: Prompt) -> Tariff {
    Tariff::new(&sonnet(), first, again).expect("all rates are known")
}

/// An instruction of 40 tokens after which 20 are said again.
const WASTE: Waste = Waste { instruction: 40, repeated: 20, thinking: 0, lost: 0 };

/// Checks ideal, restart, prefill and message for a stream that breaks once.
#[track_caller]
fn check(prompt: u64, output: u64, at: u64, tariff: &Tariff, expected: [&str; 4]) {
    let stream = Interrupted { prompt, output, breaks: &[at], waste: WASTE };
    let cost = |way| stream.cost(way, tariff).expect("it has a price");
    assert_eq!(cost(Way::Restart).ideal.to_string(), expected[0], "ideal");
    for (way, expected) in Way::ALL.into_iter().zip(&expected[1..]) {
        assert_eq!(cost(way).total().expect("it fits").to_string(), *expected, "{way}");
    }
}

proptest! {
    #[test]
    fn a_prefill_never_costs_more_than_a_message(
        prices in [0u32..200, 0u32..200, 0u32..200, 0u32..200],
        (prompt, output) in (0u64..100_000, 0u64..20_000),
        at in 0u64..=20_000,
        (instruction, repeated, thinking) in (0u64..400, 0u64..100, 0u64..5_000),
    ) {
        let rate = |price: u32| price.to_string().parse().ok();
        let [input, written, again, said] = prices.map(rate);
        let rates = Rates {
            input,
            cache_write_5m: written,
            cache_read: again,
            output: said,
            ..Rates::default()
        };
        let tariff = Tariff::new(&rates, Prompt::Write5m, Prompt::Read).expect("all are known");
        let waste = Waste { instruction, repeated, thinking, lost: 0 };
        let stream = Interrupted { prompt, output, breaks: &[at.min(output)], waste };
        let total = |way| stream.cost(way, &tariff).and_then(|cost| Ok(cost.total()?));
        prop_assert!(total(Way::Prefill).expect("a price") <= total(Way::Message).expect("a price"));
    }
}

#[test]
fn one_break_costs_what_the_formulas_say() {
    let plain = tariff(Prompt::Uncached, Prompt::Uncached);
    check(2_000, 1_500, 150, &plain, ["0.0285", "0.03675", "0.03495", "0.03537"]);
    check(2_000, 1_500, 750, &plain, ["0.0285", "0.04575", "0.03675", "0.03717"]);
    check(2_000, 1_500, 1_350, &plain, ["0.0285", "0.05475", "0.03855", "0.03897"]);
    check(50_000, 1_500, 750, &plain, ["0.1725", "0.33375", "0.32475", "0.32517"]);
    check(2_000, 8_000, 4_000, &plain, ["0.126", "0.192", "0.144", "0.14442"]);
}

#[test]
fn a_cached_prompt_is_cheap_to_send_again() {
    let read = tariff(Prompt::Read, Prompt::Read);
    check(2_000, 1_500, 750, &read, ["0.0231", "0.03495", "0.02595", "0.02637"]);
    check(2_000, 1_500, 1_350, &read, ["0.0231", "0.04395", "0.02775", "0.02817"]);
    check(50_000, 1_500, 750, &read, ["0.0375", "0.06375", "0.05475", "0.05517"]);
    let written = tariff(Prompt::Write5m, Prompt::Read);
    check(2_000, 1_500, 750, &written, ["0.03", "0.04185", "0.03285", "0.03327"]);
}

#[test]
fn what_was_billed_after_the_cut_is_in_the_broken_attempt() {
    let plain = tariff(Prompt::Uncached, Prompt::Uncached);
    let waste = Waste { lost: 100, ..WASTE };
    let stream = Interrupted { prompt: 2_000, output: 1_500, breaks: &[750], waste };
    let cost = stream.cost(Way::Prefill, &plain).expect("it has a price");
    assert_eq!(cost.broken.to_string(), "0.01875");
    assert_eq!(cost.resumed.to_string(), "0.0195");
    assert_eq!(cost.surcharge().expect("it fits").to_string(), "0.00975");
}

#[test]
fn several_breaks_pay_for_the_prompt_each_time() {
    let plain = tariff(Prompt::Uncached, Prompt::Uncached);
    let stream = Interrupted { prompt: 1_000, output: 900, breaks: &[300, 600], waste: WASTE };
    let cost = |way| stream.cost(way, &plain).expect("it has a price");
    // 3 x 1000 in; 300 + 600 + 900 out.
    assert_eq!(cost(Way::Restart).total().expect("it fits").to_string(), "0.036");
    // 3 x 1000 + 300 + 600 in; 900 out.
    assert_eq!(cost(Way::Prefill).total().expect("it fits").to_string(), "0.0252");
    // 40 in and 20 out more, twice.
    assert_eq!(cost(Way::Message).total().expect("it fits").to_string(), "0.02604");
}

#[test]
fn without_a_break_nothing_is_resumed() {
    let plain = tariff(Prompt::Uncached, Prompt::Uncached);
    let stream = Interrupted { prompt: 2_000, output: 1_500, breaks: &[], waste: WASTE };
    let cost = stream.cost(Way::Restart, &plain).expect("it has a price");
    assert_eq!((cost.broken, cost.resumed.to_string()), (cost.ideal, "0".to_owned()));
}

#[test]
fn a_message_pays_above_35_tokens_and_with_redone_thinking_above_1285() {
    let plain = tariff(Prompt::Uncached, Prompt::Uncached);
    assert_eq!(plain.message_pays_above(&WASTE), Ok(Some(35)));
    let thinking = Waste { thinking: 1_000, ..WASTE };
    assert_eq!(plain.message_pays_above(&thinking), Ok(Some(1_285)));
    let total = |way, at| {
        let stream = Interrupted { prompt: 2_000, output: 1_500, breaks: &[at], waste: WASTE };
        stream.cost(way, &plain).expect("it has a price").total().expect("it fits")
    };
    assert_eq!(total(Way::Message, 35), total(Way::Restart, 35));
    assert!(total(Way::Message, 36) < total(Way::Restart, 36));
    let flat = Tariff { output: plain.input, ..plain };
    assert_eq!(flat.message_pays_above(&WASTE), Ok(None));
}

#[test]
fn a_cache_written_only_for_resumes_pays_above_its_break_rate() {
    let [input, read, write] = ["3", "0.30", "3.75"].map(|text| text.parse().expect("a rate"));
    let above = cache_pays_above(input, read, write).expect("it fits").expect("reading is cheap");
    assert_eq!((above.to_string(), above.is_all()), ("27.78".into(), false));
    let hour = "6".parse().expect("a rate");
    let above = cache_pays_above(input, read, hour).expect("it fits").expect("reading is cheap");
    assert_eq!((above.to_string(), above.is_all()), ("111.11".into(), true));
    assert_eq!(cache_pays_above(input, input, write), Ok(None));
}

#[test]
fn the_expected_surcharge_is_the_break_rate_of_it() {
    let plain = tariff(Prompt::Uncached, Prompt::Uncached);
    let stream = Interrupted { prompt: 2_000, output: 1_500, breaks: &[750], waste: WASTE };
    let breaks: Share = "0.03".parse().expect("a share");
    let of_10_000 = |way| {
        let surcharge = stream.cost(way, &plain).expect("it has a price").surcharge()?;
        breaks.of(surcharge.checked_mul(10_000)?)
    };
    assert_eq!(of_10_000(Way::Restart).expect("it fits").to_string(), "5.175");
    assert_eq!(of_10_000(Way::Prefill).expect("it fits").to_string(), "2.475");
}

#[test]
fn what_cannot_be_is_an_error() {
    let plain = tariff(Prompt::Uncached, Prompt::Uncached);
    let stream = |breaks| Interrupted { prompt: 1, output: 10, breaks, waste: WASTE };
    assert_eq!(stream(&[11]).cost(Way::Restart, &plain), Err(RecoveryError::Breaks));
    assert_eq!(stream(&[5, 4]).cost(Way::Restart, &plain), Err(RecoveryError::Breaks));
    let waste = Waste { lost: u64::MAX, ..WASTE };
    let endless = Interrupted { waste, ..stream(&[10]) };
    assert_eq!(endless.cost(Way::Prefill, &plain), Err(RecoveryError::Overflow));
    let unknown = Rates { cache_read: None, ..sonnet() };
    let unpriced = BillError::Unpriced { bucket: Bucket::CacheRead };
    assert_eq!(Tariff::new(&unknown, Prompt::Uncached, Prompt::Read), Err(unpriced));
}

#[test]
fn a_request_that_goes_on_above_the_limit_of_a_tier_is_dearer() {
    let plain = tariff(Prompt::Uncached, Prompt::Uncached);
    let dear = Tariff { input: "6".parse().expect("a rate"), again: plain.output, ..plain };
    let by_input = |input| Ok::<_, RecoveryError>(if input > 2_000 { dear } else { plain });
    let stream = Interrupted { prompt: 2_000, output: 1_500, breaks: &[750], waste: WASTE };
    let cost = |way| stream.cost_by(way, by_input).expect("it has a price");
    assert_eq!(cost(Way::Restart), stream.cost(Way::Restart, &plain).expect("it has a price"));
    // 2000 at 15, 750 at 6 in, 750 at 15 out.
    assert_eq!(cost(Way::Prefill).resumed.to_string(), "0.04575");
    assert_eq!(cost(Way::Prefill).broken, cost(Way::Restart).broken);
}
