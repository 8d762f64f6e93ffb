//! Two providers behind one client, of which one dies: before a stream, in the middle of streams,
//! and between two processes. The response is whole, and the dead one is left alone.

use std::time::Duration;

use checkpoint_store::Store;
use client::{AttemptSummary, Client, Endpoint, Event, Nanos, Request, Secret, StreamId};
use mock_provider::{
    Authorization, Breakdown, Config, Continuation, Ledger, Mock, Pace, RetryHint,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::rig::{ROUTES, Route, Told, check_requests, hasty};

const KEYS: [&str; 2] = ["sk-e2e-first-0a1b2c3d4e5f", "sk-e2e-second-5f4e3d2c1b0a"];
/// Failures in a row after which an endpoint is left alone.
const FAILURES: usize = 5;
/// Longer than any test.
const FOR_GOOD: Duration = Duration::from_secs(3600);

/// Two providers that tell the same story, each with a key of its own.
async fn two(route: Route, pace: Pace) -> [Mock; 2] {
    let config = |key: &str| Config { api_key: Some(key.into()), pace, ..Config::default() };
    [route.mock(config(KEYS[0])).await, route.mock(config(KEYS[1])).await]
}

fn client(route: Route, mocks: &[Mock; 2], store: Store) -> Client {
    let mut builder = Client::builder().policy(hasty()).checkpoints(store);
    for (mock, key) in mocks.iter().zip(KEYS) {
        let endpoint = Endpoint::new(&mock.url(), route.profile).expect("a mock's URL is valid");
        builder = builder.endpoint(endpoint.key(Secret::new(key)));
    }
    builder.build().expect("a valid client")
}

fn slow() -> Pace {
    Pace { delay_per_token: Duration::from_millis(3), ..Pace::default() }
}

/// No key went to the server that it is not for.
#[track_caller]
fn check_keys(ledgers: &[Ledger]) {
    for request in ledgers.iter().flat_map(|ledger| &ledger.requests) {
        assert_eq!(request.authorization, Authorization::Accepted);
    }
}

#[tokio::test]
async fn a_provider_that_is_dead_before_a_stream_costs_a_few_requests_and_no_response() {
    for route in [ROUTES[0], ROUTES[3]] {
        let mocks = two(route, Pace::default()).await;
        let status = Breakdown::Status { status: 503, hint: RetryHint::Absent };
        mocks[0].break_down(FOR_GOOD, status).await;
        let client = client(route, &mocks, Store::memory());
        for at in 0..60 {
            let prompt = format!("Story {at}");
            let told = Told::of(&client, route.request(&prompt)).await;
            assert!(told.is_complete(), "{prompt}: {:?}", told.end);
            assert_eq!(told.text, mocks[1].text_for(&prompt), "{}", route.model);
        }
        mocks[1].settled().await;
        let [dead, live] = mocks.map(|mock| mock.ledger());
        let probes = usize::try_from(client.pool_statistics().counters.probes).expect("few");
        assert!(dead.requests.len() <= FAILURES + probes, "{} requests", dead.requests.len());
        assert!(probes <= 3, "{probes} probes in a moment");
        assert_eq!(live.requests.len(), 60, "{}", route.model);
        check_keys(&[dead, live]);
    }
}

/// Starts streams and waits until each has shown some text.
async fn begun(client: &Client, route: Route, streams: usize) -> JoinSet<(String, Told)> {
    let (shown, mut showing) = mpsc::channel(streams);
    let mut tasks = JoinSet::new();
    for at in 0..streams {
        let (client, shown) = (client.clone(), shown.clone());
        tasks.spawn(async move {
            let prompt = format!("Story {at}");
            let request: Request = route.request(&prompt);
            let mut stream = client.stream(request).await.expect("a valid request");
            let mut text = String::new();
            while text.len() < 100 {
                match stream.next().await.expect("there is more").expect("no error yet") {
                    Event::Text(more) => text.push_str(&more),
                    _ => continue,
                }
            }
            shown.send(()).await.expect("the test listens");
            (prompt, Told::after(text, stream).await)
        });
    }
    drop(shown);
    for _ in 0..streams {
        showing.recv().await.expect("every stream begins");
    }
    tasks
}

fn at<'a>(mock: &'a Mock, told: &'a Told) -> impl Iterator<Item = &'a AttemptSummary> {
    let attempts = told.end.iter().flat_map(|summary| &summary.attempts);
    attempts.filter(|attempt| {
        attempt.endpoint.as_deref().is_some_and(|name| name.starts_with(&mock.url()))
    })
}

#[tokio::test]
async fn streams_whose_provider_dies_in_the_middle_go_on_at_the_other_one() {
    const STREAMS: usize = 24;
    for route in [ROUTES[0], ROUTES[1], ROUTES[3]] {
        let mocks = two(route, slow()).await;
        let client = client(route, &mocks, Store::memory());
        let mut tasks = begun(&client, route, STREAMS).await;
        let before = mocks[0].ledger().requests.len();
        assert!(before > 0, "both serve");
        mocks[0].break_down(FOR_GOOD, Breakdown::Refused).await;
        let (mut moved, mut knocks) = (0, 0);
        while let Some(done) = tasks.join_next().await {
            let (prompt, told) = done.expect("a stream ends");
            assert!(told.is_complete(), "{prompt}: {:?}", told.end);
            assert_eq!(told.text, mocks[1].text_for(&prompt), "{} {prompt}", route.model);
            let tries = at(&mocks[0], &told).count();
            moved += usize::from(tries > 0);
            assert!(tries <= 1, "{prompt} came back to the dead one {tries} times");
            knocks += tries;
        }
        let probes = usize::try_from(client.pool_statistics().counters.probes).expect("few");
        assert!(knocks <= before + probes, "{knocks} attempts for {before} streams");
        mocks[1].settled().await;
        let [dead, live] = mocks.map(|mock| mock.ledger());
        let continued = |it: &&mock_provider::RequestRecord| it.continuation != Continuation::Fresh;
        assert_eq!(live.requests.iter().filter(continued).count(), moved, "{}", route.model);
        assert_eq!(dead.requests.len(), before);
        check_requests(&live);
        check_keys(&[dead, live]);
    }
}

#[tokio::test]
async fn a_checkpoint_goes_on_at_the_other_provider() {
    let route = ROUTES[0];
    let mocks = two(route, slow()).await;
    let store = Store::memory();
    let id = StreamId::new("moved").expect("a valid name");
    let first = client(route, &mocks, store.clone());
    let request = route.request("Story").id(id.clone());
    let mut stream = first.stream(request).await.expect("a valid request");
    let mut text = String::new();
    while text.len() < 100 {
        if let Event::Text(more) = stream.next().await.expect("more").expect("no error") {
            text.push_str(&more);
        }
    }
    stream.pause().await.expect("the store works");
    let began = usize::from(mocks[0].ledger().requests.is_empty());
    mocks[began].break_down(FOR_GOOD, Breakdown::Refused).await;
    let second = client(route, &mocks, store);
    let told = Told::by(second.resume(&id).await.expect("the stream is known")).await;
    assert!(told.is_complete(), "{:?}", told.end);
    assert_eq!(told.text, mocks[0].text_for("Story"));
    let other = mocks[1 - began].ledger();
    assert_eq!(other.requests.len(), 1);
    assert_eq!(other.requests[0].continuation, Continuation::Prefill);
    check_keys(&[other]);
}

#[tokio::test]
async fn a_key_that_one_provider_refuses_is_not_tried_at_the_other() {
    let route = ROUTES[3];
    let config = |key: &str| Config { api_key: Some(key.into()), ..Config::default() };
    let mocks = [route.mock(config("another")).await, route.mock(config(KEYS[1])).await];
    let client = client(route, &mocks, Store::memory());
    let mut refused = 0;
    for at in 0..20 {
        let told = Told::of(&client, route.request(&format!("Story {at}"))).await;
        refused += usize::from(!told.is_complete());
    }
    let [bad, good] = mocks.map(|mock| mock.ledger());
    assert_eq!(bad.requests.len(), refused, "each refusal is told");
    assert!((1..10).contains(&refused), "{refused} of 20 went to the one that refuses");
    check_keys(&[good]);
}

#[tokio::test]
async fn a_retry_after_of_one_provider_does_not_hold_up_the_other() {
    let route = ROUTES[0];
    let mocks = two(route, Pace::default()).await;
    let hint = RetryHint::Seconds(100);
    mocks[0].break_down(FOR_GOOD, Breakdown::Status { status: 529, hint }).await;
    let client = client(route, &mocks, Store::memory());
    let began = std::time::Instant::now();
    for at in 0..10 {
        let told = Told::of(&client, route.request(&format!("Story {at}"))).await;
        assert!(told.is_complete(), "{:?}", told.end);
    }
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(mocks[0].ledger().requests.len() <= 1, "it said not to come back");
    let snapshot = client.pool_statistics();
    let held = snapshot.endpoints[0].held_until;
    assert!(held > Nanos::from_secs(80) || mocks[0].ledger().requests.is_empty(), "{held}");
}
