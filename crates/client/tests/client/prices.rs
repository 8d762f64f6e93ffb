//! What a response cost, and budgets of one response and of many.

use client::cost::{Budget, Catalog, Service, Terms, Timestamp};
use client::{
    Builder, Cause, Client, ErrorKind, Money, Profile, Request, ResumeOptions, SharedBudget, Store,
    StreamId,
};
use mock_provider::{Config, Mock};
use std::sync::Arc;

use crate::rig::{
    PROMPT, ROUTES, builder, collect, endpoint, hasty, in_order, mock, mock_with, read_some,
    request,
};

/// One price holds from before this moment on.
fn terms() -> Terms<'static> {
    Terms { at: Timestamp::from_unix(1_790_000_000), service: Service::Standard, region: None }
}

fn priced(mock: &Mock, profile: Profile) -> Builder {
    builder(mock, profile).prices(Arc::new(Catalog::builtin().clone()))
}

fn usd(text: &str) -> Money {
    text.parse().expect("an amount")
}

/// A long answer, so that a budget has something to cut.
async fn long() -> Mock {
    mock_with(Config { tokens: 2_000, ..Config::default() }).await
}

#[tokio::test]
async fn an_unbroken_response_costs_what_its_usage_does() {
    for (profile, model) in ROUTES {
        let mock = mock("").await;
        let client = priced(&mock, profile).build().unwrap();
        let seen = collect(&mut client.stream(request(model)).await.unwrap()).await;
        let summary = seen.end.unwrap();
        let priced = Catalog::builtin().resolve(model).unwrap();
        let bill = priced.bill(&summary.usage().0, &terms()).unwrap();
        let cost = summary.cost.unwrap();
        assert_eq!((cost.total, cost.ideal), (bill.total, bill.total), "{model}");
        assert!(!cost.is_estimate && cost.total > Money::ZERO, "{model}");
    }
}

#[tokio::test]
async fn every_attempt_of_a_broken_response_is_paid_for() {
    for (profile, model) in ROUTES {
        let mock = mock("rst@20,rst@20,ok").await;
        let client = priced(&mock, profile).build().unwrap();
        let seen = collect(&mut client.stream(request(model)).await.unwrap()).await;
        assert_eq!(seen.text, mock.text_for(PROMPT));
        let summary = seen.end.unwrap();
        let cost = summary.cost.unwrap();
        let attempts = summary.attempts.iter().map(|attempt| attempt.cost.unwrap());
        assert_eq!(Money::sum(attempts), Ok(cost.total), "{model}");
        assert_eq!(cost.broken.checked_add(cost.resumed), Ok(cost.total), "{model}");
        assert!(cost.total > cost.ideal && cost.is_estimate, "{model}: {cost:?}");
    }
}

#[tokio::test]
async fn an_unknown_model_has_no_cost_and_no_budget() {
    let mock = mock("").await;
    let (profile, _) = ROUTES[0];
    let client = priced(&mock, profile).build().unwrap();
    let seen = collect(&mut client.stream(request("house-model")).await.unwrap()).await;
    assert_eq!(seen.end.unwrap().cost, None);

    let id = StreamId::new("unpriced").unwrap();
    let asked = request("house-model").id(id.clone()).budget(usd("1"));
    let error = client.stream(asked).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    assert_eq!(client.resume(&id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(mock.ledger().requests.len(), 1);
}

#[tokio::test]
async fn each_attempt_is_billed_at_the_price_of_its_model() {
    let (profile, model) = ROUTES[1];
    let (first, second) = (mock("rst@20,refused:3600s").await, mock("").await);
    let fallback = endpoint(&second, profile).model("claude-haiku-4-5");
    let client = priced(&first, profile).fallback(fallback).build().unwrap();
    let seen = collect(&mut client.stream(request(model)).await.unwrap()).await;
    let summary = seen.end.unwrap();
    assert_eq!(seen.text, second.text_for(PROMPT));
    let cost = summary.cost.unwrap();
    let mut billed = Vec::new();
    for attempt in summary.attempts.iter().filter(|attempt| attempt.usage.output > 0) {
        let priced = Catalog::builtin().resolve(attempt.model.as_deref().unwrap()).unwrap();
        let bill = priced.bill(&attempt.usage, &terms()).unwrap().total;
        assert_eq!(attempt.cost, Some(bill), "{:?}", attempt.model);
        billed.push(bill);
    }
    assert_eq!((billed.len(), Money::sum(billed)), (2, Ok(cost.total)));
    assert!(cost.total < cost.ideal, "the other model is cheaper: {cost:?}");
}

#[tokio::test]
async fn a_budget_is_one_of_the_model_that_is_asked() {
    let mock = mock("rst@20,ok").await;
    let (profile, _) = ROUTES[0];
    let endpoint = endpoint(&mock, profile).model("claude-haiku-4-5");
    let client = Client::builder().endpoint(endpoint).policy(hasty());
    let client = client.prices(Arc::new(Catalog::builtin().clone())).build().unwrap();
    let asked = request("house-model").budget(usd("1"));
    let seen = collect(&mut client.stream(asked).await.unwrap()).await;
    assert!(seen.end.unwrap().cost.unwrap().total > Money::ZERO);
}

#[tokio::test]
async fn what_a_model_cost_is_known_that_is_not_declared_any_longer() {
    let (profile, model) = ROUTES[1];
    let (first, second) = (mock("refused:1s,ok").await, mock("stall@20").await);
    let store = Store::memory();
    let fallback = endpoint(&second, profile).model("claude-haiku-4-5");
    let one = priced(&first, profile).checkpoints(store.clone()).fallback(fallback);
    let one = one.build().unwrap();
    let mut stream = one.stream(request(model)).await.unwrap();
    read_some(&mut stream, 20).await;
    assert_eq!(second.ledger().requests.len(), 1);
    let id = stream.pause().await.unwrap();

    let whole = mock("").await;
    let bare = priced(&first, profile).endpoint(endpoint(&whole, profile)).checkpoints(store);
    let options = ResumeOptions { budget: Some(usd("1")), ..ResumeOptions::default() };
    let mut stream = bare.build().unwrap().resume_with(&id, options).await.unwrap();
    let end = collect(&mut stream).await.end.unwrap();
    let cost = end.cost.unwrap();
    assert!(cost.broken > Money::ZERO && cost.resumed > Money::ZERO, "{cost:?}");
}

#[tokio::test]
async fn a_fallback_without_a_price_has_no_budget() {
    let (profile, model) = ROUTES[1];
    let (first, second) = (mock("rst@20,refused:3600s").await, mock("").await);
    let fallback = endpoint(&second, profile).model("house-model");
    let client = priced(&first, profile).fallback(fallback).build().unwrap();
    let error = client.stream(request(model).budget(usd("1"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    assert!(first.ledger().requests.is_empty());
    let seen = collect(&mut client.stream(request(model)).await.unwrap()).await;
    assert_eq!(seen.end.unwrap().cost, None, "an unknown price is not nothing");
}

#[tokio::test]
async fn a_spent_budget_leaves_a_checkpoint_that_a_larger_one_goes_on_from() {
    for (profile, model) in ROUTES {
        let mock = long().await;
        let client = priced(&mock, profile).response_budget(usd("0.002")).build().unwrap();
        let mut stream = client.stream(long_request(model)).await.unwrap();
        let seen = collect(&mut stream).await;
        let error = seen.end.unwrap_err();
        assert_eq!(error.cause(), Some(&Cause::OverBudget), "{model}");
        assert!(!error.is_retryable());
        let spent = error.summary().unwrap().cost.unwrap().total;
        assert!(spent >= usd("0.0018") && spent < usd("0.0022"), "{model}: {spent}");

        let budget = Some(usd("9"));
        let options = ResumeOptions { budget, ..ResumeOptions::default() };
        let id = error.checkpoint().unwrap();
        let mut stream = client.resume_with(id, options).await.unwrap();
        let end = collect(&mut stream).await.end.unwrap();
        assert_eq!(stream.text(), mock.text_for(PROMPT), "{model}");
        assert!(end.cost.unwrap().total > spent, "{model}");
    }
}

#[tokio::test]
async fn streams_that_share_a_budget_end_together_and_none_begins_after() {
    let mock = long().await;
    let (profile, model) = ROUTES[0];
    let budget = SharedBudget::new(Budget::of(usd("0.004")));
    let client = priced(&mock, profile).shared_budget(budget.clone()).build().unwrap();
    let mut streams = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let client = client.clone();
        streams.spawn(async move {
            collect(&mut client.stream(long_request(model)).await.unwrap()).await.end
        });
    }
    let mut spent = Vec::new();
    while let Some(end) = streams.join_next().await {
        let error = end.unwrap().unwrap_err();
        assert_eq!(error.cause(), Some(&Cause::OverBudget));
        spent.push(error.summary().unwrap().cost.unwrap().total);
    }
    assert_eq!(Money::sum(spent), Ok(budget.spent()), "what they spent is what was charged");
    assert_eq!(budget.remaining(), Money::ZERO);

    let before = mock.ledger().requests.len();
    let late = collect(&mut client.stream(request(model)).await.unwrap()).await.end;
    assert_eq!(late.unwrap_err().cause(), Some(&Cause::OverBudget));
    assert_eq!(mock.ledger().requests.len(), before, "nothing was asked");
}

#[tokio::test]
async fn a_stream_that_is_dropped_has_paid() {
    let mock = mock_with(Config { faults: in_order("stall@30"), tokens: 60, ..Config::default() });
    let mock = mock.await;
    let (profile, model) = ROUTES[0];
    let budget = SharedBudget::new(Budget::of(usd("1")));
    let client = priced(&mock, profile).shared_budget(budget.clone()).build().unwrap();
    let mut stream = client.stream(request(model)).await.unwrap();
    read_some(&mut stream, 20).await;
    drop(stream);
    assert!(budget.spent() > Money::ZERO);
}

fn long_request(model: &str) -> Request {
    client::Prompt::new(model, PROMPT).max_tokens(4_000).into()
}
