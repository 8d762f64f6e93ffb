//! One process in an outage of its only provider: streams that are cut by it and streams that
//! start inside it. All come out whole, and the provider is left in peace meanwhile.
//!
//! `OUTAGE_SECONDS` sets the length of the outage, `OUTAGE_WIRE` the wire: `messages`, `chat`,
//! `responses` or `gemini`.

use std::time::{Duration, Instant};

use client::endpoint_pool::Gate;
use client::{Cause, Client, ErrorKind, Event, Policy, Refusal, Request};
use mock_provider::{Breakdown, Config, Mock, Pace, RetryHint};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::rig::{ROUTES, Route, Told, check_requests};

/// Streams that meet the outage, and as many that start inside it.
const STREAMS: usize = 200;
const SECONDS: u64 = 3;
/// What a stream may ask for while the outage lasts.
const REQUESTS_MAX: usize = 10;
const PEAK_MAX: usize = 2;
/// As long as others wait, nobody is the probe again before all of them were.
const PROBES_MAX: usize = 2;

/// The wire that `OUTAGE_WIRE` names.
fn route() -> Route {
    match std::env::var("OUTAGE_WIRE").as_deref() {
        Err(_) | Ok("messages") => ROUTES[0],
        Ok("chat") => ROUTES[3],
        Ok("responses") => ROUTES[4],
        Ok("gemini") => ROUTES[5],
        Ok(other) => panic!("no wire is called {other}"),
    }
}

fn lasting() -> Duration {
    let given = std::env::var("OUTAGE_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(given.unwrap_or(SECONDS))
}

async fn provider() -> Mock {
    let pace = Pace { delay_per_token: Duration::from_millis(8), ..Pace::default() };
    route().mock(Config { pace, ..Config::default() }).await
}

/// The client as it comes.
fn client(mock: &Mock) -> Client {
    let builder = Client::builder().endpoint(route().endpoint(mock));
    builder.policy(Policy::DEFAULT).build().expect("a valid client")
}

/// A stream that came to its end, and when each of its attempts began.
struct Lived {
    prompt: String,
    told: Told,
    attempts: Vec<Instant>,
}

/// Reads one stream; says when it has shown its first text.
async fn live(client: Client, prompt: String, shown: mpsc::Sender<()>) -> Lived {
    let request: Request = route().request(&prompt).deadline(lasting() + Duration::from_secs(120));
    let began = Instant::now();
    let mut stream = client.stream(request).await.expect("a valid request");
    let mut text = String::new();
    while text.is_empty() {
        match stream.next().await.expect("there is more").expect("no error yet") {
            Event::Text(more) => text.push_str(&more),
            _ => continue,
        }
    }
    // The test listens only for as long as it needs to.
    let _ = shown.send(()).await;
    drop(shown);
    let told = Told::after(text, stream).await;
    let attempts = told.end.iter().flat_map(|summary| &summary.attempts);
    let attempts = attempts.map(|attempt| began + attempt.began.as_duration()).collect();
    Lived { prompt, told, attempts }
}

/// Starts streams that meet the outage and others inside it; gives them back with the outage.
async fn weather(mock: &Mock, client: &Client, how: Breakdown) -> (Vec<Lived>, Instant) {
    let (shown, mut showing) = mpsc::channel(STREAMS);
    let mut tasks = JoinSet::new();
    for at in 0..STREAMS {
        tasks.spawn(live(client.clone(), format!("Early {at}"), shown.clone()));
    }
    drop(shown);
    for _ in 0..STREAMS {
        showing.recv().await.expect("every stream begins");
    }
    assert_eq!(client.pool_statistics().active as usize, STREAMS, "all are live");
    let began = Instant::now();
    mock.break_down(lasting(), how.clone()).await;
    tokio::time::sleep(lasting() / 6).await;
    let (shown, _) = mpsc::channel(1);
    for at in 0..STREAMS {
        tasks.spawn(live(client.clone(), format!("Late {at}"), shown.clone()));
    }
    tokio::time::sleep(lasting() / 3).await;
    assert!(matches!(client.pool_statistics().gate, Gate::Open { .. }), "the gate is open");
    if how == Breakdown::Refused {
        // A provider that still answers, if only for patience, may be back at any time.
        fails_fast(client).await;
    }
    let mut lived = Vec::new();
    while let Some(done) = tasks.join_next().await {
        lived.push(done.expect("a stream ends"));
    }
    (lived, began)
}

/// A request with less time than the outage is old is told so at once.
async fn fails_fast(client: &Client) {
    let began = Instant::now();
    let request = route().request("In a hurry").deadline(lasting() / 4);
    let told = Told::of(client, request).await;
    assert_eq!(told.kind(), ErrorKind::Incomplete);
    assert!(told.error().is_retryable() && told.error().checkpoint().is_some());
    let Cause::NotAdmitted { refusal, last: None } = told.cause() else {
        panic!("{:?}", told.cause())
    };
    // Which one depends on when the next probe is due.
    assert!(matches!(refusal, Refusal::UpstreamDown | Refusal::DeadlineTooNear), "{refusal}");
    assert!(began.elapsed() < lasting() / 8, "it took {:?}", began.elapsed());
}

/// Most attempts in any second.
fn peak(attempts: &[Instant]) -> usize {
    let second = Duration::from_secs(1);
    let within =
        |from: Instant| attempts.iter().filter(move |at| **at >= from && **at < from + second);
    attempts.iter().map(|from| within(*from).count()).max().unwrap_or(0)
}

/// All text is there, and nobody asked too often.
#[track_caller]
fn check(mock: &Mock, lived: &[Lived], began: Instant) {
    assert_eq!(lived.len(), 2 * STREAMS);
    let until = began + lasting();
    let (mut most, mut highest, mut sum, mut last) = (0, 0, 0, until);
    for Lived { prompt, told, attempts } in lived {
        assert!(told.is_complete(), "{prompt}: {:?}", told.end);
        assert_eq!(told.text, mock.text_for(prompt), "{prompt}");
        let inside: Vec<_> =
            attempts.iter().copied().filter(|at| *at >= began && *at < until).collect();
        (most, highest) = (most.max(inside.len()), highest.max(peak(attempts)));
        sum += inside.len();
        last = attempts.iter().copied().fold(last, Instant::max);
    }
    println!(
        "outage of {:?}: {sum} attempts of {} streams inside, {most} at most, {highest} in a \
         second; afterwards {:?} until all were admitted, {:?} until all were whole",
        lasting(),
        lived.len(),
        last - until,
        until.elapsed(),
    );
    assert!(sum > lived.len() || most <= PROBES_MAX, "one stream was {most} of {sum} probes");
    assert!(most <= REQUESTS_MAX, "{most} attempts of one stream");
    assert!(highest <= PEAK_MAX, "{highest} attempts of one stream in a second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_hundred_streams_outlive_a_provider_that_is_gone() {
    let mock = provider().await;
    let client = client(&mock);
    let (lived, began) = weather(&mock, &client, Breakdown::Refused).await;
    check(&mock, &lived, began);
    mock.settled().await;
    check_requests(&mock.ledger());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_hundred_streams_outlive_a_provider_that_asks_for_patience() {
    const TOLD: Duration = Duration::from_secs(1);
    let mock = provider().await;
    let client = client(&mock);
    let hint = RetryHint::Seconds(TOLD.as_secs());
    let how = Breakdown::Status { status: 529, hint };
    let (lived, began) = weather(&mock, &client, how).await;
    check(&mock, &lived, began);
    mock.settled().await;
    let ledger = mock.ledger();
    check_requests(&ledger);
    for Lived { prompt, .. } in &lived {
        let of_prompt: Vec<_> = ledger.for_prompt(prompt).collect();
        for pair in of_prompt.windows(2).filter(|pair| pair[0].status == 529) {
            let waited = pair[1].at - pair[0].at;
            assert!(waited >= TOLD, "{prompt} came back after {waited:?}");
        }
    }
}
