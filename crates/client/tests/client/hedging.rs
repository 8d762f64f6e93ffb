//! Copies of requests that are slow to begin, over sockets.

use client::{
    AttemptSummary, Cause, Client, Event, Hedging, Nanos, Prompt, Request, State, Timeouts,
};
use mock_provider::{Breakdown, Mock};
use std::time::Duration;

use crate::rig::{ROUTES, Seen, collect, endpoint, hasty, mock};

/// Longer than any test takes.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// Longer than the first token takes of a server that answers.
const FIRST_TOKEN: Nanos = Nanos::from_secs(2);

fn client(mocks: &[Mock], hedging: Option<Hedging>) -> Client {
    let timeouts = Timeouts { first_token: FIRST_TOKEN, ..Timeouts::default() };
    let builder = Client::builder().policy(hasty()).timeouts(timeouts);
    let builder = hedging.into_iter().fold(builder, client::Builder::hedging);
    let endpoints = mocks.iter().map(|mock| endpoint(mock, ROUTES[1].0));
    endpoints.fold(builder, client::Builder::endpoint).build().expect("a valid client")
}

/// A prompt so long that requests go where it is cached.
fn prompt() -> String {
    "Write about the sea. ".repeat(300)
}

fn request() -> Request {
    Prompt::new(ROUTES[1].1, prompt()).max_tokens(1000).into()
}

async fn ask(client: &Client) -> Seen {
    collect(&mut client.stream(request()).await.expect("a valid request")).await
}

/// A client that made so many requests, and its providers, of which the first one, to which it goes
/// for this prompt, then answers nothing any longer.
async fn with_a_slow_one(requests: u32, hedging: Option<Hedging>) -> ([Mock; 2], Client) {
    let mut mocks = [mock("").await, mock("").await];
    let client = client(&mocks, hedging);
    for _ in 0..requests {
        ask(&client).await.end.expect("nothing breaks");
    }
    let asked = |mock: &Mock| mock.ledger().requests.len();
    mocks.sort_by_key(|mock| std::cmp::Reverse(asked(mock)));
    mocks[0].break_down(FOR_EVER, Breakdown::Silent).await;
    (mocks, client)
}

fn soon() -> Hedging {
    Hedging { after: Some(Nanos::from_millis(30)), ..Hedging::default() }
}

#[tokio::test]
async fn a_slow_endpoint_costs_no_time_and_its_answer_is_never_seen() {
    let (mocks, client) = with_a_slow_one(30, Some(soon())).await;
    let seen = ask(&client).await;
    assert_eq!(seen.text, mocks[1].text_for(&prompt()));
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
    let (_mocks, client) = with_a_slow_one(3, None).await;
    let summary = ask(&client).await.end.unwrap();
    assert_eq!(summary.attempts[0].cause, Some(Cause::FirstTokenTimeout));
}

#[tokio::test]
async fn copies_are_paid_for_by_other_requests() {
    let (mocks, client) = with_a_slow_one(3, Some(soon())).await;
    mocks[1].break_down(FOR_EVER, Breakdown::Silent).await;
    let patience = FIRST_TOKEN.as_duration() + Duration::from_millis(600);
    let request = request().deadline(patience);
    let seen = collect(&mut client.stream(request).await.expect("a valid request")).await;
    let attempts = seen.end.unwrap_err().summary().expect("an account").attempts.len();
    assert!(attempts >= 3, "{attempts}: the first, its copy, and the next");
    let hedged = seen.states.iter().filter(|state| matches!(state, State::Hedging { .. })).count();
    assert_eq!(hedged, 1, "it was on credit, which is not paid off");
}

#[tokio::test]
async fn a_stream_that_is_dropped_in_a_race_leaves_nothing_behind() {
    let (_mocks, client) = with_a_slow_one(30, Some(soon())).await;
    let mut stream = client.stream(request()).await.unwrap();
    let is_hedging = |event| matches!(event, Some(Ok(Event::State(State::Hedging { .. }))));
    while !is_hedging(stream.next().await) {}
    assert_eq!(client.pool_statistics().active, 2);
    drop(stream);
    assert_eq!(client.pool_statistics().active, 0);
}
