//! What a response cost over its attempts, and what a budget does: it ends the stream where it is spent,
//! and a larger one goes on from there.

use crate::drive::*;
use cost::{Card, Money, Price, Rates, Service, StreamCost, Timestamp};
use protocol::{Profile, RequestBody};
use resume::{
    Admission, Break, Cause, Config, Input, Outcome, Place, PricedModel, Pricing, Timeouts,
};
use std::sync::Arc;

/// A dollar per million tokens of input and ten of output.
pub(crate) fn pricing() -> Pricing {
    let rate = |text: &str| Some(text.parse().expect("a rate"));
    let rates = Rates { input: rate("1"), output: rate("10"), ..Rates::default() };
    Pricing {
        price: Arc::new(Price { standard: Card { rates, over: vec![] }, ..Price::default() }),
        service: Service::Standard,
        region: None,
        began: Timestamp::from_unix(1_800_000_000),
    }
}

/// So many tokens of input.
fn input(tokens: u64) -> Money {
    Money::from_units(1_000_000_000_000).checked_mul(tokens).expect("it fits")
}

/// So many tokens of output.
fn output(tokens: u64) -> Money {
    input(tokens * 10)
}

fn sum(one: Money, other: Money) -> Money {
    one.checked_add(other).expect("it fits")
}

fn priced(budget: Option<Money>) -> (Config, RequestBody) {
    let (config, request) = anthropic("claude-haiku-4-5");
    (Config { pricing: Some(pricing()), budget, ..config }, request)
}

fn cost(drive: &Drive) -> StreamCost {
    let outcome = drive.outcome.as_ref().expect("it is over");
    outcome.summary().cost.expect("the price is known")
}

fn cause(drive: &Drive) -> Cause {
    match drive.outcome.clone() {
        Some(Outcome::Incomplete { cause, .. }) => cause,
        other => panic!("not incomplete: {other:?}"),
    }
}

#[test]
fn a_response_that_does_not_break_costs_what_the_provider_reports() {
    let mut drive = Drive::new(priced(None));
    drive.accept().send(opening("m1") + &text(0, "One two three") + &closing(40));
    let cost = cost(&drive);
    assert_eq!(cost.total, sum(input(9), output(40)));
    assert_eq!((cost.ideal, cost.surcharge()), (cost.total, Money::ZERO));
    assert!(!cost.is_estimate);
    let attempt = &drive.outcome.as_ref().expect("it is over").summary().attempts[0];
    assert_eq!(attempt.cost, Some(cost.total));
}

#[test]
fn a_break_costs_the_broken_attempt_and_the_prompt_again() {
    let mut drive = Drive::new(priced(None));
    // 24 bytes in one event count as 6 tokens.
    drive.accept().send(opening("m1") + &text(0, "Once upon a time there w"));
    assert_eq!(drive.session.spent(), Some(sum(input(9), output(6))));
    drive.broke(Break::Reset).pass();
    drive.accept().send(opening("m2") + &text(0, "as a keeper") + &closing(40));
    assert!(drive.complete());
    let cost = cost(&drive);
    assert_eq!(cost.broken, sum(input(9), output(6)));
    assert_eq!(cost.resumed, sum(input(9), output(40)));
    assert_eq!(cost.ideal, sum(input(9), output(46)));
    assert_eq!(cost.surcharge(), input(9));
    assert!(cost.is_estimate);
}

#[test]
fn input_that_was_not_reported_is_estimated_from_text_and_not_from_pictures() {
    let broken = |content: &str| {
        let body =
            format!(r#"{{"model":"gpt-5","messages":[{{"role":"user","content":"{content}"}}]}}"#);
        let request = RequestBody::parse(Profile::OPENAI.wire, body.into()).expect("a valid body");
        let config = Config { pricing: Some(pricing()), ..Config::new(Profile::OPENAI) };
        let mut drive = Drive::new((config, request));
        drive.accept().send(chunk("c", r#"{"role":"assistant","content":"Hello"}"#, "null"));
        drive.broke(Break::Reset).input(Input::Cancel);
        drive.outcome.expect("it is over").summary().attempts[0].usage.input
    };
    let short = broken("hi");
    assert!((10..20).contains(&short), "{short}");
    assert_eq!(broken(&"a word ".repeat(400)), short + 700);
    assert_eq!(broken(&"QUJD".repeat(1_000)), short, "base64");
    assert_eq!(broken(&"字".repeat(1_000)), short + 750, "a language without spaces");
}

#[test]
fn a_spent_budget_ends_the_stream_and_a_larger_one_goes_on() {
    let budget = sum(input(9), output(12));
    let (config, request) = priced(Some(budget));
    let mut drive = Drive::new((config.clone(), request));
    drive.accept().send(opening("m1") + &text(0, "Once upon a time there w"));
    assert!(drive.outcome.is_none());
    drive.send(text(0, "as a keeper of a light. ") + &text(0, "Not any more."));
    assert_eq!(cause(&drive), Cause::OverBudget);
    assert_eq!(drive.text, "Once upon a time there was a keeper of a light. ");
    assert_eq!(drive.aborted.len(), 1, "the provider is told to stop");
    assert_eq!(cost(&drive).total, budget);

    let same = Drive::resume(config.clone(), &drive.records);
    assert_eq!((cause(&same), same.requests.len()), (Cause::OverBudget, 0));

    let larger = Config { budget: Some(sum(budget, sum(input(9), output(30)))), ..config };
    let mut next = Drive::resume(larger, &drive.records);
    next.accept().send(opening("m2") + &text(0, "The end.") + &closing(3));
    assert!(next.complete());
    assert_eq!(cost(&next).total, sum(budget, sum(input(9), output(3))));
    assert_eq!(cost(&next).broken, budget);
}

#[test]
fn what_a_killed_process_spent_is_found_in_its_journal() {
    let (config, request) = priced(None);
    let mut drive = Drive::new((config.clone(), request));
    drive.accept().send(opening("m1") + &text(0, "Once upon a time there w"));
    let spent = drive.session.spent();
    assert_eq!(Drive::resume(config, &drive.records).session.spent(), spent);
}

#[test]
fn an_attempt_whose_input_does_not_fit_is_not_made() {
    let mut drive = Drive::new(priced(Some(sum(input(17), output(6)))));
    drive.accept().send(opening("m1") + &text(0, "Once upon a time there w"));
    drive.broke(Break::Reset);
    assert_eq!(cause(&drive), Cause::OverBudget);
    assert_eq!(drive.requests.len(), 1);
    let none = Drive::new(priced(Some(Money::ZERO)));
    assert_eq!((cause(&none), none.requests.len()), (Cause::OverBudget, 0));
}

#[test]
fn an_input_that_leaves_nothing_for_output_ends_at_once() {
    let mut drive = Drive::new(priced(Some(output(1))));
    drive.accept().send(opening("m1"));
    assert_eq!(cause(&drive), Cause::OverBudget);
}

#[test]
fn a_response_that_is_whole_is_not_cut() {
    let mut drive = Drive::new(priced(Some(sum(input(9), output(12)))));
    drive.accept().send(opening("m1") + &text(0, "One") + &closing(40));
    assert!(drive.complete(), "{:?}", drive.outcome);
    assert_eq!(cost(&drive).total, sum(input(9), output(40)));
}

#[test]
fn without_a_price_there_is_no_cost_and_no_budget() {
    let mut unpriced = Drive::new(anthropic("claude-haiku-4-5"));
    unpriced.accept().send(opening("m1") + &text(0, "One") + &closing(1));
    assert_eq!(unpriced.outcome.expect("it is over").summary().cost, None);
    let (config, request) = anthropic("claude-haiku-4-5");
    let config = Config { budget: Some(output(1)), ..config };
    let drive = Drive::new((config, request));
    assert_eq!((cause(&drive), drive.requests.len()), (Cause::Unpriced, 0));
}

#[test]
fn a_bucket_without_a_price_makes_the_cost_unknown() {
    let cached = message_start("m1")
        .replace(r#""input_tokens":9"#, r#""input_tokens":9,"cache_read_input_tokens":100"#);
    let wire = cached + &text_start(0) + &text(0, "One") + &closing(1);
    let mut drive = Drive::new(priced(None));
    drive.accept().send(&wire);
    assert!(drive.complete());
    assert_eq!(drive.outcome.expect("it is over").summary().cost, None);
    let mut budgeted = Drive::new(priced(Some(output(1_000))));
    budgeted.accept().send(&wire);
    assert_eq!(cause(&budgeted), Cause::Unpriced);
}

#[test]
fn a_budget_that_streams_share_ends_one_from_outside() {
    let mut drive = Drive::new(priced(None));
    drive.accept().send(opening("m1") + &text(0, "One")).input(Input::OverBudget);
    assert_eq!(cause(&drive), Cause::OverBudget);
    assert_eq!(drive.aborted.len(), 1);
}

#[test]
fn input_that_is_reported_last_counts_as_estimated_from_the_first_content_on() {
    let body = format!(
        r#"{{"model":"gpt-5","messages":[{{"role":"user","content":"{}"}}]}}"#,
        "a word ".repeat(4_000)
    );
    let request = RequestBody::parse(Profile::OPENAI.wire, body.into()).expect("a valid body");
    let budget = Some(sum(input(7_100), output(2)));
    let config = Config { pricing: Some(pricing()), budget, ..Config::new(Profile::OPENAI) };
    let mut drive = Drive::new((config, request));
    drive.accept().send(chunk("c", r#"{"role":"assistant","content":"One"}"#, "null"));
    assert!(drive.outcome.is_none());
    for _ in 0..20 {
        if drive.outcome.is_none() {
            drive.send(chunk("c", r#"{"content":" two"}"#, "null"));
        }
    }
    assert_eq!(cause(&drive), Cause::OverBudget);
    assert!(cost(&drive).total < sum(input(7_100), output(10)));
}

#[test]
fn a_free_output_does_not_make_the_input_free() {
    let (config, request) = anthropic("claude-haiku-4-5");
    let mut pricing = pricing();
    let rates = Rates { output: Some(cost::Rate::FREE), ..pricing.price.standard.rates };
    let standard = Card { rates, over: vec![] };
    pricing.price = Arc::new(Price { standard, ..Price::default() });
    let config = Config { pricing: Some(pricing), budget: Some(input(9)), ..config };
    let mut drive = Drive::new((config, request));
    drive.accept().send(opening("m1") + &text(0, "Once"));
    assert_eq!(cause(&drive), Cause::OverBudget);
}

#[test]
fn a_shared_budget_does_not_cut_a_response_that_is_whole() {
    let mut drive = Drive::new(priced(None));
    drive.accept().send(opening("m1") + &text(0, "One") + &block_stop(0));
    drive.send(message_delta("end_turn", 3)).input(Input::OverBudget);
    assert!(drive.outcome.is_none(), "{:?}", drive.outcome);
    drive.send(message_stop());
    assert!(drive.complete(), "{:?}", drive.outcome);
}

#[test]
fn a_process_that_dies_at_any_record_counts_what_was_shown_before_once() {
    let mut whole = Drive::new(priced(None));
    whole
        .accept()
        .send(opening("m1") + &text(0, "The lighthouse keeper climbed") + &text(0, " up"));
    whole.broke(Break::Reset).pass();
    whole.accept().send(opening("m2") + &text(0, " the stairs") + &closing(30));
    let total = cost(&whole).total;
    for records in 1..=whole.records.len() {
        let resumed = Drive::resume(priced(None).0, &whole.records[..records]);
        let spent = resumed.session.spent().expect("the price is known");
        // The input of a continuation is not in what was shown, so it is estimated.
        let most = sum(total, input(40));
        assert!(spent <= most, "{spent} of {total} after {records} records");
    }
}

#[test]
fn a_budget_needs_no_price_of_a_model_that_nobody_asks() {
    let (config, request) = anthropic("house-model");
    let asked: Arc<str> = "claude-haiku-4-5".into();
    let priced = PricedModel { model: Arc::clone(&asked), pricing: pricing() };
    let config = Config {
        admission: Admission::Asked,
        priced_models: vec![priced],
        budget: Some(sum(input(9), output(100))),
        ..config
    };
    let place = || Place {
        endpoint: "http://a/v1".into(),
        profile: Profile::ANTHROPIC,
        model: Some(Arc::clone(&asked)),
        timeouts: Timeouts::default(),
        hedge_after: None,
        suspect_after: None,
    };
    let mut one = Drive::new((config.clone(), request));
    assert!(one.outcome.is_none(), "{:?}", one.outcome);
    one.input(Input::Admitted(place()));
    one.accept().send(opening("m1") + &text(0, "Once upon a time there w"));
    let mut two = Drive::resume(config.clone(), &one.records);
    two.input(Input::Admitted(place()));
    assert_eq!(two.requests.len(), 1, "{:?}", two.outcome);

    // Nothing is asked for where nothing is left.
    let spent = Config { budget: Some(sum(input(9), output(6))), ..config };
    let three = Drive::resume(spent, &one.records);
    assert_eq!((cause(&three), three.asks.len()), (Cause::OverBudget, 0));
}
