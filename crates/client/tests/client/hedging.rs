//! Copies of requests that are slow to begin, over sockets.

use client::{AttemptSummary, Cause, Client, Hedging, Nanos, State, Timeouts};
use mock_provider::{Breakdown, Mock};
use std::time::Duration;

use crate::rig::{PROMPT, ROUTES, Seen, collect, endpoint, hasty, mock, request};

/// Longer than any test takes.
const FOR_EVER: Duration = Duration::from_secs(3600);

fn client(mocks: &[Mock], hedging: Option<Hedging>) -> Client {
    let first_token = Nanos::from_secs(2);
    let timeouts = Timeouts { first_token, ..Timeouts::default() };
    let builder = Client::builder().policy(hasty()).timeouts(timeouts);
    let builder = hedging.into_iter().fold(builder, client::Builder::hedging);
    let endpoints = mocks.iter().map(|mock| endpoint(mock, ROUTES[1].0));
    endpoints.fold(builder, client::Builder::endpoint).build().expect("a valid client")
}

async fn ask(client: &Client) -> Seen {
    collect(&mut client.stream(request(ROUTES[1].1)).await.expect("a valid request")).await
}

/// Two providers of which the client knows how long they take, and of which the first one then answers
/// nothing.
async fn with_a_slow_one(hedging: Hedging) -> ([Mock; 2], Client) {
    let mocks = [mock("").await, mock("").await];
    let client = client(&mocks, Some(hedging));
    for _ in 0..30 {
        ask(&client).await.end.expect("nothing breaks");
    }
    mocks[0].break_down(FOR_EVER, Breakdown::Silent).await;
    (mocks, client)
}

fn soon() -> Hedging {
    Hedging { after: Some(Nanos::from_millis(30)), ..Hedging::default() }
}

/// Asks until a request went to the slow one first.
async fn outrun(client: &Client) -> Seen {
    for _ in 0..64 {
        let seen = ask(client).await;
        if seen.end.as_ref().is_ok_and(|summary| summary.attempts.len() > 1) {
            return seen;
        }
    }
    panic!("the pool never chose the slow one");
}

#[tokio::test]
async fn a_slow_endpoint_costs_no_time_and_its_answer_is_never_seen() {
    let (mocks, client) = with_a_slow_one(soon()).await;
    let seen = outrun(&client).await;
    assert_eq!(seen.text, mocks[1].text_for(PROMPT));
    let summary = seen.end.unwrap();
    let [slow, quick] = summary.attempts.as_slice() else { panic!("{:?}", summary.attempts) };
    assert_eq!((slow.cause.clone(), quick.cause.clone()), (Some(Cause::Outraced), None));
    let at = |attempt: &AttemptSummary, mock: &Mock| {
        attempt.endpoint.as_deref() == Some(format!("{}/v1", mock.url()).as_str())
    };
    assert!(at(slow, &mocks[0]) && at(quick, &mocks[1]));
    assert!(seen.seams.is_empty(), "nothing was shown before");
    let hedged = seen.states.iter().filter(|state| matches!(state, State::Hedging { .. })).count();
    assert_eq!(hedged, 1);
    let statistics = client.pool_statistics();
    assert_eq!(statistics.active, 0, "both places were given back");
}

#[tokio::test]
async fn an_unhedged_client_waits_for_its_clock() {
    let mocks = [mock("").await, mock("").await];
    let client = client(&mocks, None);
    mocks[0].break_down(FOR_EVER, Breakdown::Silent).await;
    let summary = outrun(&client).await.end.unwrap();
    assert_eq!(summary.attempts[0].cause, Some(Cause::FirstTokenTimeout));
}

#[tokio::test]
async fn copies_are_paid_for_by_other_requests() {
    let mocks = [mock("").await, mock("").await];
    let client = client(&mocks, Some(soon()));
    mocks[0].break_down(FOR_EVER, Breakdown::Silent).await;
    let summary = outrun(&client).await.end.unwrap();
    assert_eq!(summary.attempts[0].cause, Some(Cause::FirstTokenTimeout), "nothing was saved up");
}

#[tokio::test]
async fn a_stream_that_is_dropped_in_a_race_leaves_nothing_behind() {
    let (_mocks, client) = with_a_slow_one(soon()).await;
    for _ in 0..64 {
        let mut stream = client.stream(request(ROUTES[1].1)).await.unwrap();
        let racing = async {
            while let Some(event) = stream.next().await {
                if matches!(event, Ok(client::Event::State(State::Hedging { .. }))) {
                    return true;
                }
            }
            false
        };
        if racing.await {
            assert_eq!(client.pool_statistics().active, 2);
            drop(stream);
            assert_eq!(client.pool_statistics().active, 0);
            return;
        }
    }
    panic!("the pool never chose the slow one");
}
