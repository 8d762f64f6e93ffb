//! What the streams of one client share: slots, the line, several endpoints.

use client::endpoint_pool::{Config as PoolConfig, Queueing, Slots};
use client::{
    Cause, Client, Error, ErrorKind, Nanos, Policy, Profile, Refusal, ResponseStream, State, Store,
    StreamId, Ways,
};
use mock_provider::{Breakdown, Config, Mock, Pace};
use std::time::Duration;

use crate::rig::{
    PROMPT, ROUTES, builder, collect, endpoint, hasty, in_order, mock, mock_with, read_some,
    request,
};

/// A client with one slot.
fn narrow(mock: &Mock, queue: Queueing) -> Client {
    let slots = Slots { initial: 1, min: 1, max: 1 };
    let pool = PoolConfig { slots, queue, ..PoolConfig::default() };
    builder(mock, ROUTES[0].0).pool(pool).build().expect("a valid client")
}

async fn open(client: &Client) -> ResponseStream {
    client.stream(request(ROUTES[0].1)).await.expect("a valid request")
}

async fn slow() -> Mock {
    let pace = Pace { delay_per_token: Duration::from_millis(2), ..Pace::default() };
    mock_with(Config { pace, ..Config::default() }).await
}

#[tokio::test]
async fn one_slot_is_one_stream_at_a_time_and_the_next_one_says_that_it_waits() {
    let mock = mock("").await;
    let client = narrow(&mock, Queueing::default());
    let mut first = open(&client).await;
    read_some(&mut first, 10).await;
    let mut second = open(&client).await;
    let waiting = second.next().await.unwrap().unwrap();
    assert!(matches!(waiting, client::Event::State(State::Waiting)), "{waiting:?}");
    let statistics = client.pool_statistics();
    assert_eq!((statistics.active, statistics.waiting), (1, 1));
    let (one, two) = tokio::join!(collect(&mut first), collect(&mut second));
    one.end.unwrap();
    two.end.unwrap();
    assert_eq!(client.pool_statistics().counters.succeeded, 2);
}

#[tokio::test]
async fn a_stream_that_is_dropped_gives_back_its_slot_or_its_place_in_the_line() {
    let mock = slow().await;
    let client = narrow(&mock, Queueing::default());
    let mut live = open(&client).await;
    read_some(&mut live, 10).await;
    let mut waiting = open(&client).await;
    waiting.next().await.unwrap().unwrap();
    drop(waiting);
    assert_eq!(client.pool_statistics().waiting, 0);
    drop(live);
    assert_eq!(client.pool_statistics().active, 0);
    let mut paused = open(&client).await;
    read_some(&mut paused, 10).await;
    paused.pause().await.unwrap();
    assert_eq!(client.pool_statistics().active, 0);
}

#[track_caller]
fn refused(error: &Error, refusal: Refusal) {
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    assert_eq!(error.cause(), Some(&Cause::NotAdmitted { refusal, last: None }));
    assert!(error.checkpoint().is_some() && error.is_retryable());
}

#[tokio::test]
async fn a_full_line_and_a_long_wait_are_told_with_a_checkpoint() {
    let mock = slow().await;
    let wait_max = Nanos::from_millis(30);
    let client = narrow(&mock, Queueing { waiting_max: 1, wait_max, ..Queueing::default() });
    let mut live = open(&client).await;
    read_some(&mut live, 10).await;
    let mut waiting = open(&client).await;
    waiting.next().await.unwrap().unwrap();
    let error = collect(&mut open(&client).await).await.end.unwrap_err();
    refused(&error, Refusal::QueueFull);
    assert_eq!(error.to_string(), "response incomplete: too many requests are waiting already");
    refused(&collect(&mut waiting).await.end.unwrap_err(), Refusal::TimedOut);
}

#[tokio::test]
async fn a_checkpoint_goes_on_wherever_it_was_served() {
    let mocks = [mock("rst@20").await, mock("rst@10").await];
    let store = Store::memory();
    let build = |mocks: &[&Mock]| {
        let mut builder = Client::builder().policy(hasty()).checkpoints(store.clone());
        for mock in mocks {
            builder = builder.endpoint(endpoint(mock, ROUTES[0].0));
        }
        builder.build().unwrap()
    };
    // Begins at the first, which breaks, and goes on at the second.
    let client = build(&[&mocks[0], &mocks[1]]);
    let urls = mocks.each_ref().map(|mock| format!("{}/v1", mock.url()));
    assert_eq!(client.endpoints().collect::<Vec<_>>(), urls);
    let id = StreamId::new("moved").unwrap();
    let mut stream = client.stream(request(ROUTES[0].1).id(id.clone())).await.unwrap();
    while mocks.iter().any(|mock| mock.ledger().requests.is_empty()) {
        stream.next().await.unwrap().unwrap();
    }
    drop(stream);
    mocks[0].break_down(Duration::from_secs(3600), Breakdown::Refused).await;
    let mut resumed = build(&[&mocks[1]]).resume(&id).await.unwrap();
    collect(&mut resumed).await.end.unwrap();
    assert_eq!(resumed.text(), mocks[1].text_for(PROMPT));
    let stranger = mock_with(Config { faults: in_order(""), ..Config::default() }).await;
    let error = build(&[&stranger]).resume(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EndpointMismatch);
}

#[tokio::test]
async fn a_deadline_that_no_attempt_fits_into_fails_at_once() {
    let mock = mock("").await;
    let client = builder(&mock, ROUTES[0].0).policy(Policy::DEFAULT).build().unwrap();
    let request = request(ROUTES[0].1).deadline(Duration::from_millis(20));
    let seen = collect(&mut client.stream(request).await.unwrap()).await;
    refused(&seen.end.unwrap_err(), Refusal::DeadlineTooNear);
    assert_eq!(mock.ledger().requests.len(), 0);
}

/// A model that cannot take up what another wrote leaves it to the other, also where both are at one
/// URL.
#[tokio::test]
async fn endpoints_of_two_models_leave_each_other_what_only_the_writer_may_go_on_with() {
    let models = ["claude-haiku-4-5", "claude-sonnet-4-5"];
    let streams = 8;
    let script = vec!["rst@20,ok"; streams].join(",");
    let mock = mock(&script).await;
    let of = |model: &str| endpoint(&mock, Profile::ANTHROPIC).model(model);
    let client = Client::builder().endpoint(of(models[0])).endpoint(of(models[1]));
    let client = client.ways(Ways::ExactOnly).policy(hasty()).build().unwrap();
    for _ in 0..streams {
        let seen = collect(&mut client.stream(request("claude-opus-4-6")).await.unwrap()).await;
        let summary = seen.end.expect("it is whole");
        assert_eq!(seen.text, mock.text_for(PROMPT));
        let asked: Vec<_> = summary.attempts.iter().map(|it| it.model.as_deref()).collect();
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[0], asked[1]);
    }
}
